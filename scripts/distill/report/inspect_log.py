"""A model's graded answers as a log of Inspect (inspect_ai, which lighteval needs), for `inspect view` and all that reads such logs.

The same results are the same bytes: ids come from the results, times are the epoch, and Inspect's zip file is packed again without dates.
Of a gated benchmark there are verdicts and lengths, and no text.
"""

import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from distill.base.errors import InputError
from distill.base.files import Row, sha256_text
from distill.base.thoughts import TAGS
from distill.grading.extract import cut_thought
from distill.report.names import ShownBenchmark, ShownModel
from distill.report.results import Results

_WHEN = "1970-01-01T00:00:00+00:00"
_ZIP_WHEN = (1980, 1, 1, 0, 0, 0)  # the oldest time that a zip file can hold
_GATED = "(not shown: this benchmark is gated)"
_STOPS = {"stop": "stop", "length": "max_tokens"}


def write(path: Path, model: ShownModel, benchmark: ShownBenchmark, results: Results) -> int:
    """Write the log of one model on one benchmark; how many samples it holds. Raises InputError where there are no verdicts."""
    from inspect_ai.log import write_eval_log

    log = _log(model, benchmark, results)
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=path.parent) as folder:
        write_eval_log(log, str(Path(folder) / "log.eval"))
        with zipfile.ZipFile(Path(folder) / "log.eval") as made, zipfile.ZipFile(Path(folder) / "packed.eval", "w") as packed:
            for name in sorted(made.namelist()):
                packed.writestr(zipfile.ZipInfo(name, _ZIP_WHEN), made.read(name), zipfile.ZIP_DEFLATED, 6)
        (Path(folder) / "packed.eval").replace(path)
    return len(log.samples)


def _log(model: ShownModel, benchmark: ShownBenchmark, results: Results) -> Any:
    from inspect_ai.log import EvalConfig, EvalDataset, EvalLog, EvalMetric, EvalResults, EvalScore, EvalSpec, EvalStats
    from inspect_ai.model import ModelUsage

    verdicts = {(row["id"], row["sample"]): row for row in results.verdicts(model.name, benchmark.name)}
    if not verdicts:
        raise InputError(f"{results.root}: no verdicts of {model.name} on {benchmark.name}: make results/scores first")
    samples = list(_samples(model, benchmark, verdicts, results))
    ids = list(dict.fromkeys(sample.id for sample in samples))
    usage = [sample.model_usage[model.label] for sample in samples if sample.model_usage]
    graders = list(next(iter(verdicts.values()))["verdicts"])
    name = f"{model.name}/{benchmark.name}"
    scores = [
        EvalScore(name=grader, scorer=grader, metrics={"accuracy": EvalMetric(name="accuracy", value=_share(verdicts, grader))})
        for grader in graders
    ]
    return EvalLog(
        status="success",
        eval=EvalSpec(
            eval_id=_identity(name, "eval"),
            run_id=_identity(name, "run"),
            task_id=_identity(name, "task"),
            created=_WHEN,
            task=benchmark.label,
            dataset=EvalDataset(name=benchmark.name, samples=len(ids), sample_ids=ids, shuffled=False),
            model=model.label,
            config=EvalConfig(epochs=len(samples) // len(ids)),
        ),
        results=EvalResults(total_samples=len(samples), completed_samples=len(samples), scores=scores),
        stats=EvalStats(started_at=_WHEN, completed_at=_WHEN, model_usage={model.label: sum(usage, ModelUsage())} if usage else {}),
        samples=samples,
    )


def _share(verdicts: Mapping[Any, Row], grader: str) -> float:
    return sum(row["verdicts"][grader] for row in verdicts.values()) / len(verdicts)


def _samples(model: ShownModel, benchmark: ShownBenchmark, verdicts: Mapping[tuple[str, int], Row], results: Results) -> Iterator[Any]:
    prompts = {row["id"]: row for row in results.prompts(benchmark.name)}
    for response in results.responses(model.name, benchmark.name):
        verdict = verdicts.get((response["id"], response["sample"]))
        if verdict is not None and response["id"] in prompts:
            yield _sample(model, benchmark, prompts[response["id"]], response, verdict)


def _sample(model: ShownModel, benchmark: ShownBenchmark, prompt: Row, response: Row, verdict: Row) -> Any:
    from inspect_ai.log import EvalSample
    from inspect_ai.model import ChatCompletionChoice, ChatMessageAssistant, ModelOutput, ModelUsage
    from inspect_ai.scorer import CORRECT, INCORRECT, Score

    gated, key = benchmark.gated, f"{model.name}/{benchmark.name}/{prompt['id']}/{response['sample']}"
    questions = [
        _message(message["role"], _GATED if gated else message["content"], f"{key}/{n}") for n, message in enumerate(prompt["messages"])
    ]
    reply = ChatMessageAssistant(id=_identity(key, "answer"), content=_GATED if gated else _parts(response["text"]), model=model.label)
    tokens = {name: response.get(name) for name in ("prompt_tokens", "completion_tokens")}
    usage = None
    if None not in tokens.values():
        usage = ModelUsage(
            input_tokens=tokens["prompt_tokens"], output_tokens=tokens["completion_tokens"], total_tokens=sum(tokens.values())
        )
    stop = _STOPS.get(response.get("finish_reason"), "unknown")
    output = ModelOutput(model=model.label, choices=[ChatCompletionChoice(message=reply, stop_reason=stop)], usage=usage)
    answer = None if gated or verdict.get("answer") is None else _encodable(verdict["answer"])
    return EvalSample(
        uuid=_identity(key, "sample"),
        id=prompt["id"],
        epoch=response["sample"] + 1,
        input=_GATED if gated else _encodable(prompt["messages"][-1]["content"]),
        target=_GATED if gated else _encodable(str(prompt["gold"])),
        choices=None if gated else prompt.get("choices"),
        messages=[*questions, reply],
        output=output,
        scores={
            grader: Score(value=CORRECT if right else INCORRECT, answer=answer, explanation=verdict["reason"])
            for grader, right in verdict["verdicts"].items()
        },
        model_usage={model.label: usage} if usage else {},
    )


def _message(role: str, content: str, key: str) -> Any:
    from inspect_ai.model import ChatMessageAssistant, ChatMessageSystem, ChatMessageUser

    kinds = {"system": ChatMessageSystem, "user": ChatMessageUser, "assistant": ChatMessageAssistant}
    return kinds[role](id=_identity(key, "message"), content=_encodable(content))


def _parts(text: str) -> Any:
    """The text, or its thought as a part of reasoning and its solution as a part of text, as Inspect has them, both without their tags."""
    from inspect_ai.model import ContentReasoning, ContentText

    text = _encodable(text)
    solution, state = cut_thought(text)
    if state != "closed":
        return text
    thought = text[: text.rfind(solution)]
    end, opening = max((match.start(), opening) for opening, closing in TAGS for match in re.finditer(closing, thought))
    thought = re.sub(rf"\A\s*(?:{opening})", "", thought[:end])
    return [ContentReasoning(reasoning=thought.strip()), ContentText(text=solution.strip())]


def _encodable(text: str) -> str:
    """Without lone surrogates, which JSON may hold and UTF-8 may not."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _identity(key: str, kind: str) -> str:
    """An id of Inspect's length, the same for the same results."""
    return sha256_text(f"{kind}\n{key}")[:22]
