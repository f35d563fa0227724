"""All answers of a set, by a model on this machine or behind an endpoint, kept as they come: what a teacher and a judge have in common.

Answers are kept in a work folder: a killed run, a budget that ran out or a request that failed costs only what is missing.
"""

import sys
from pathlib import Path
from typing import Any

from distill.base import manifest
from distill.base.cli import stop
from distill.base.code_digest import code_digest
from distill.base.errors import InputError
from distill.base.files import Row, read_json, write_json
from distill.base.progress import Progress, TokenCounter
from distill.base.settings import Settings
from distill.base.work import open_work_folder
from distill.generation import engines
from distill.generation.budget import Budget, Ledger
from distill.generation.engines import Unanswered
from distill.generation.responses import Pair, ResponseSet, prompt_key

OUT_OF_BUDGET, TOO_MANY_FAILED = 3, 4  # exit codes
NOT_REQUESTED = "not requested yet"
# The --spec of scripts/judge.py.
JUDGE = Settings(
    "$defs/judge/*",
    without=("engine", "prompt", "keep_at", "unjudged"),
    engine={"enum": list(engines.ENGINES)},
    required=("engine",),
)


def identity(spec: dict[str, Any], runtime: dict[str, Any], model: Path | None) -> str:
    """What the model is known by: the digest of a local one, or the endpoint."""
    if spec["engine"] != "openai":
        if model is None:
            raise InputError(f"--model: missing: give the folder of {spec['model']}")
        return manifest.read(model)["digest"]
    return spec.get("endpoint") or runtime["base_url"]


def run_folder(work: Path, spec: dict[str, Any], who: str, dataset: str) -> Path:
    """The work folder of all that decides what the model writes for a dataset.

    `who` is the digest of a local model, whose engine's code counts too, or the name of an endpoint, which alone decides what it answers.
    """
    decides = {name: spec[name] for name in ("engine", "max_new_tokens", "seed", "extra", "temperature", "top_p")}
    by = {"endpoint": who, "model": spec["model"]} if spec["engine"] == "openai" else {"model": who, "code": _engine_code(spec["engine"])}
    return open_work_folder(work, {"dataset": dataset, **by, **decides})


def _engine_code(engine: str) -> str:
    return code_digest(f"distill/generation/engines/{engine}.py")


def collect(answers: ResponseSet, runtime: dict[str, Any], model: Path | None, what: str) -> list[Row]:
    """Generate what is missing; what failed for good is returned (id, sample, why), where it is at most `max_failed` of all.

    Ends the program at the budget, and where more failed.
    """
    missing = answers.missing()
    print(f"{len(answers.pairs)} samples, {len(answers.pairs) - len(missing)} answered already", flush=True)
    if missing:
        _generate(answers, runtime, model, what)
    failed = unanswered(answers)
    if failed:
        line = f"{len(failed)} of {len(answers.pairs)} samples have no answer; the first: {failed[0]['id']}, sample {failed[0]['sample']}"
        line = f"{line}: {failed[0]['why']}"
        if len(failed) > answers.spec["max_failed"] * len(answers.pairs) or len(failed) == len(answers.pairs):
            stop(f"{line}; run again to ask for them once more, or raise max_failed", TOO_MANY_FAILED)
        print(f"warning: {line}", file=sys.stderr)
    return failed


def _generate(answers: ResponseSet, runtime: dict[str, Any], model: Path | None, what: str) -> None:
    by_endpoint = answers.spec["engine"] == "openai"
    ledger = Ledger(answers.folder / "ledger.jsonl", Budget.of(runtime)) if by_endpoint else None
    extra = {"extra": answers.spec["extra"]} if by_endpoint else {}
    engine = engines.load(answers.spec["engine"], answers.spec["model"] if by_endpoint else model, {**runtime, **extra})
    end = answer_missing(engine, answers, ledger, what)
    if ledger is not None:
        print(f"spent so far: {ledger}")
    if end is not None and end.ended == "refusal" and not all_requested(answers):
        raise InputError(str(end))
    if end is not None and end.ended == "budget":
        answered = f"{len(answers.pairs) - len(answers.missing())} of {len(answers.pairs)} samples are kept in {answers.folder}"
        stop(f"{end}: {answered}; raise the budget and run again to go on", OUT_OF_BUDGET)


def answer_missing(engine: Any, answers: ResponseSet, ledger: Ledger | None, what: str = "teacher") -> Unanswered | None:
    """Put all missing answers into the store as they come; what failed the last time comes last. Returns why some are still missing."""
    answers.read_again()
    failed_before = _failed(answers)
    missing = sorted(answers.missing(), key=lambda pair: _name(pair) in failed_before)
    requests, sampling = answers.requests(missing), answers.sampling()
    by_endpoint = () if ledger is None else (ledger, bool(answers.store.answers))
    received = engine.answers(requests, sampling, *by_endpoint)
    tokens, end = TokenCounter(), None
    progress = Progress(what, len(answers.pairs), "answers", initial=len(answers.pairs) - len(missing))
    try:
        with progress:
            for place, answer in received:
                answers.keep(missing[place], answer)
                progress.add(note=tokens.add(answer.completion_tokens or 0))
    except Unanswered as error:
        end = error
        for place, response in error.unread.items():
            answers.keep_unread(missing[place], response)
    failed = {_name(missing[place]): why for place, why in sorted(end.failed.items())} if end else {}
    left = {_name(pair) for pair in answers.missing()}
    write_json(answers.folder / "failed.json", {name: why for name, why in (failed_before | failed).items() if name in left})
    return end


def all_requested(answers: ResponseSet) -> bool:
    """Whether there are answers, and each sample without one was requested, in this run or an earlier one."""
    left = unanswered(answers)
    return len(left) < len(answers.pairs) and all(row["why"] != NOT_REQUESTED for row in left)


def unanswered(answers: ResponseSet) -> list[Row]:
    """The samples without an answer: id, sample and why its last request failed."""
    failed = _failed(answers)
    return [{"id": pair[0]["id"], "sample": pair[1], "why": failed.get(_name(pair), NOT_REQUESTED)} for pair in answers.missing()]


def _failed(answers: ResponseSet) -> dict[str, str]:
    path = answers.folder / "failed.json"
    return read_json(path) if path.exists() else {}


def _name(pair: Pair) -> str:
    return f"{prompt_key(pair[0])}/{pair[1]}"
