"""Traces from a teacher model: the questions, the answers that exist already, and how answers become rows of a trace set."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from distill.base.code_digest import code_digest
from distill.base.errors import InputError
from distill.base.files import Row, read_json, sha256_text, write_json
from distill.base.progress import Progress, Tokens
from distill.base.rows import as_text
from distill.base.settings import Settings
from distill.base.tables import read_rows
from distill.base.work import open_work_folder
from distill.benchmarks.items import BenchmarkItem
from distill.benchmarks.prompts import make_prompt
from distill.generation.budget import Ledger
from distill.generation.engines import ENGINES, Unanswered
from distill.generation.responses import Pair, ResponseSet, prompt_key

NOT_REQUESTED = "not requested yet"
# The --spec of scripts/generate_traces.py.
SPEC = Settings(
    "$defs/teacher/*",
    "$defs/questions/columns",
    without=("engine", "questions", "system"),
    engine={"enum": list(ENGINES)},
    required=("engine",),
)


def questions(path: str | Path, columns: dict[str, str]) -> Iterator[BenchmarkItem]:
    """The different questions of a file or folder, each once, with its gold where it has one.

    `columns` names the columns `question` and, where they exist, `id` and `gold`; without `id` a question is known by the first 16
    hex digits of its sha256. Raises InputError for a column that is missing, ids that collide and for no questions.
    """
    texts, ids = set(), set()
    for number, row in enumerate(read_rows(path), 1):
        for column in columns.values():
            if column not in row:
                found = ", ".join(map(str, row)) or "none"
                raise InputError(f"{path}: row {number}: no column {column!r} (found: {found}): set questions.columns")
        cells = {name: as_text(row[column], f"{path}: row {number}: column {column!r}") for name, column in columns.items()}
        text = cells["question"]
        if text is None or not text.strip() or text in texts:
            continue
        texts.add(text)
        name = cells["id"] if "id" in columns else sha256_text(text)[:16]
        if not name or name in ids:
            raise InputError(f"{path}: row {number}: its id {name!r} is empty or not unique: fix it or name another id column")
        ids.add(name)
        gold = cells.get("gold")
        yield BenchmarkItem(name, text, gold if gold and gold.strip() else None)
    if not texts:
        raise InputError(f"{path}: no questions: check the file and questions.columns")


def pairs(items: Iterator[BenchmarkItem], system: str | None, spec: dict[str, Any]) -> list[Pair]:
    """(Question with its messages, sample), all samples of a question together."""
    posed = [make_prompt(item, {"kind": "math", "system": system, "user": spec["user"]}) for item in items]
    return [(question, sample) for question in posed for sample in range(spec["samples"])]


def run_folder(work: Path, spec: dict[str, Any], who: str, dataset: str) -> Path:
    """The work folder of all that decides what the teacher writes for a dataset.

    `who` is the digest of a local model, whose engine's code counts too, or the name of an endpoint, which alone decides what it answers.
    """
    decides = {name: spec[name] for name in ("engine", "max_new_tokens", "seed", "extra", "temperature", "top_p")}
    by = {"endpoint": who, "model": spec["model"]} if spec["engine"] == "openai" else {"model": who, "code": _engine_code(spec["engine"])}
    return open_work_folder(work, {"dataset": dataset, **by, **decides})


def _engine_code(engine: str) -> str:
    return code_digest(f"distill/generation/engines/{engine}.py")


def answer_missing(engine: Any, answers: ResponseSet, ledger: Ledger | None) -> Unanswered | None:
    """Put all missing answers into the store as they come; what failed the last time comes last. Returns why some are still missing."""
    answers.read_again()
    failed_before = _failed(answers)
    missing = sorted(answers.missing(), key=lambda pair: _name(pair) in failed_before)
    requests, sampling = answers.requests(missing), answers.sampling()
    by_endpoint = () if ledger is None else (ledger, bool(answers.store.answers))
    received = engine.answers(requests, sampling, *by_endpoint)
    tokens, end = Tokens(), None
    progress = Progress("teacher", len(answers.pairs), "answers", initial=len(answers.pairs) - len(missing))
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


def trace_rows(answers: ResponseSet) -> Iterator[Row]:
    """The answers as rows of the Bespoke-Stratos schema, with gold and finish reason, in the order of the questions."""
    for question, sample in answers.pairs:
        kept = answers.store.answers.get((prompt_key(question), sample))
        if kept is None:
            continue
        turns = {message["role"]: message["content"] for message in question["messages"]}
        yield {
            "id": question["id"],
            "sample": sample,
            "system": turns.get("system"),
            "conversations": [{"from": "user", "value": turns["user"]}, {"from": "assistant", "value": kept["text"]}],
            "gold": question["gold"],
            "source": answers.spec["model"],
            **{name: kept[name] for name in ("finish_reason", "prompt_tokens", "completion_tokens")},
        }
