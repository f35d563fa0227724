"""lighteval 0.13.0 on recorded responses: its own pipeline and metrics, with a model that returns what was recorded.

Every response is its own document (pass@1 of one sample), so that each gets a verdict. lighteval reads model text with sympy, as
math-verify does, and its time limits are signals, which cannot end a computation in C. So it runs in a child process that reports each
document when it reaches it. Where one takes too long, the child is killed and lighteval starts again without that text, which counts as
wrong.

Imports lighteval, and with it torch, only in the child.
"""

import json
import multiprocessing
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from multiprocessing.connection import Connection
from typing import Any, Self

from distill.base.errors import InputError
from distill.base.files import Row
from distill.base.processes import end_with_parent
from distill.base.thoughts import THOUGHT
from distill.grading.extract import open_thought
from distill.grading.worker import forbid_side_effects

TASK = "recorded"
KINDS = ("math", "choice")  # kinds of items that lighteval has a metric for here
_START_S = 600  # lighteval takes 5 to 12 seconds to import on an idle machine
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


@dataclass(frozen=True)
class LightevalRecord:
    """A recorded response, and what lighteval's metric compares it with; `prompt` is the question as the model got it."""

    id: str
    sample: int
    kind: str
    prompt: str
    gold: str
    n_choices: int
    text: str


@dataclass(frozen=True)
class Replayed:
    """lighteval's verdicts in the order of the responses, and its results file without times, paths and addresses.

    `timed_out`: the places of responses that took too long and count as wrong.
    """

    correct: list[bool]
    results: Row
    timed_out: list[int]


class Lighteval:
    """A child process that imports lighteval once and grades one file of responses after another. Use it in a with statement.

    timeout_s: wall-clock seconds that one response may take.
    """

    def __init__(self, timeout_s: float = 60.0):
        self.timeout_s = timeout_s
        self._child: _Child | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end_child()

    @property
    def imported(self) -> bool:
        """Whether it has graded anything, so that more costs no import."""
        return self._child is not None

    def grade(self, recorded: Sequence[LightevalRecord]) -> Replayed:
        """lighteval's verdicts on the responses. Raises InputError for a kind of item that it has no metric for here."""
        for kind in {response.kind for response in recorded} - {*KINDS}:
            raise InputError(f"items of kind {kind!r}: lighteval has no metric for them here: leave the grader lighteval out")
        timed_out: list[int] = []
        while True:
            self._child = self._child or _Child()
            answer = self._child.grade(recorded, timed_out, self.timeout_s)
            if not isinstance(answer, int):
                return Replayed(*answer, timed_out)
            timed_out.append(answer)
            self._end_child()

    def _end_child(self) -> None:
        if self._child:
            self._child.end()
        self._child = None


class _Child:
    def __init__(self) -> None:
        fork = multiprocessing.get_context("fork")
        self.pipe, theirs = fork.Pipe()
        self.process = fork.Process(target=_serve, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()

    def grade(self, recorded: Sequence[LightevalRecord], timed_out: Sequence[int], timeout_s: float) -> int | tuple[list[bool], Row]:
        """Verdicts and results, or the place of a response that took too long or killed the child. `timed_out`: those of earlier tries."""
        at, wait_s = -1, float(_START_S)
        with suppress(EOFError, ConnectionError):  # the child has died
            self.pipe.send((recorded, timed_out))
            while self.pipe.poll(wait_s):
                message, wait_s = self.pipe.recv(), timeout_s
                if not isinstance(message, int):
                    return message
                at = message
        if at < 0:
            raise RuntimeError("lighteval failed: see its own message above")
        return at

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


def _serve(pipe: Connection) -> None:
    """Grade what comes: of each file the places of its responses as lighteval reaches them, then all verdicts and the results."""
    end_with_parent()
    # A fork has all that its parent has open: the lock of a work folder, which would outlive the parent, and the other end of the pipe.
    os.closerange(3, pipe.fileno())
    os.closerange(pipe.fileno() + 1, os.sysconf("SC_OPEN_MAX"))
    os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "GIT_PYTHON_REFRESH": "quiet"}
    tags = list(THOUGHT.values())
    for number in count():
        recorded, timed_out = pipe.recv()
        texts = [open_thought(response.text, tags) for response in recorded]
        for place in timed_out:
            texts[place] = ""
        pipeline = _pipeline(recorded, texts, pipe)
        if number == 0:
            forbid_side_effects()
        pipeline.evaluate()
        correct = [False] * len(recorded)
        for details in pipeline.get_details().values():
            for detail in details:
                correct[int(detail.doc.id)] = bool(next(iter(detail.metric.values())))
        pipe.send((correct, _tidy(pipeline.get_results())))


def _pipeline(recorded: Sequence[LightevalRecord], texts: Sequence[str], pipe: Connection) -> Any:
    from lighteval.logging.evaluation_tracker import EvaluationTracker
    from lighteval.metrics.metrics import Metrics
    from lighteval.models.abstract_model import LightevalModel, ModelConfig
    from lighteval.models.model_output import ModelResponse
    from lighteval.pipeline import ParallelismManager, Pipeline, PipelineParameters
    from lighteval.tasks.lighteval_task import LightevalTask, LightevalTaskConfig
    from lighteval.tasks.registry import Registry
    from lighteval.tasks.requests import Doc

    class Watched(Doc):
        """Reports when a metric reaches it."""

        def get_golds(self) -> list[str]:
            pipe.send(int(self.id))
            return super().get_golds()

    class Cache:
        def _init_registry(self, registry: Registry) -> None: ...

    class Recording(LightevalModel):
        config = ModelConfig(model_name="recorded")
        tokenizer = add_special_tokens = max_length = None
        _cache = Cache()  # lighteval's own caches answers by the name of the model, whatever they are

        def greedy_until(self, docs: list[Doc]) -> list[ModelResponse]:
            return [ModelResponse(text=[texts[int(doc.id)]]) for doc in docs]

        def loglikelihood(self, docs: list[Doc]) -> list[ModelResponse]:
            raise NotImplementedError("recorded text has no likelihoods")

        loglikelihood_rolling = loglikelihood

    def document(line: dict[str, Any], task_name: str) -> Doc:
        response = recorded[line["place"]]
        if response.kind == "choice":  # as in lighteval/tasks/tasks/gpqa.py, gpqa_instruct_prompt
            letters = [chr(ord("A") + index) for index in range(response.n_choices)]
            return Watched(response.prompt, letters, letters.index(response.gold), instruction=response.prompt)
        # As in lighteval/tasks/tasks/math_500.py, whose gold is a whole solution: that, or the box that it ends in.
        gold = response.gold if "\\boxed" in response.gold else rf"$\boxed{{{response.gold}}}$"
        return Watched(response.prompt, [f"ANSWER: {gold}"], 0)

    metric = Metrics.gpqa_instruct_pass_at_k if recorded[0].kind == "choice" else Metrics.pass_at_k_math
    task = LightevalTaskConfig(
        name=TASK,
        prompt_function=document,
        hf_repo="recorded",
        hf_subset="default",
        hf_avail_splits=["test"],
        evaluation_splits=["test"],
        metrics=[metric(sample_params={"k": 1, "n": 1})],
    )
    # One of lighteval's task files downloads data when it is imported; here the data are given.
    Registry.load_all_task_configs = staticmethod(lambda **_: {TASK: task})
    LightevalTask.download_dataset_worker = staticmethod(lambda _: {"test": [{"place": place} for place in range(len(recorded))]})
    return Pipeline(
        tasks=f"{TASK}|0",
        pipeline_parameters=PipelineParameters(launcher_type=ParallelismManager.NONE, reasoning_tags=list(THOUGHT.values())),
        evaluation_tracker=EvaluationTracker(output_dir=os.devnull, save_details=False),
        model=Recording(),
    )


def _tidy(results: dict[str, Any]) -> Row:
    from importlib.metadata import version

    kept = {key: results[key] for key in ("results", "summary_tasks", "summary_general")}
    return {"lighteval": version("lighteval"), **json.loads(_ADDRESS.sub("", json.dumps(kept, default=str, sort_keys=True)))}
