"""Grade recorded responses with lighteval 0.13.0, as released: the second grader next to our own.

From prompts and the responses to them to lighteval's verdict on each (id, sample, correct) and its results file. Nothing is generated and
nothing is downloaded: lighteval's pipeline runs with a model that returns what was recorded. Its math metric is that of its math_500, its
choice metric that of its gpqa:diamond. Importing lighteval takes most of the time: with --others, responses that have no verdicts yet, and
that no other process grades, are graded in the same start and stored in the work folder by content, so that their own step imports nothing.
Where lighteval is not installed and our own grader decides, both files come out empty and the scores have our verdicts alone.

Example:
    python scripts/grade_lighteval.py --prompts results/benchmarks/mini_math/prompts.jsonl \\
        --responses results/responses/ours/mini_math.jsonl --output results/lighteval/ours/mini_math.jsonl \\
        --results results/lighteval/ours/mini_math.json
"""

import importlib.util
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import astuple
from pathlib import Path

from distill.base.cli import parser, run, spec
from distill.base.code_digest import code_digest
from distill.base.errors import InputError
from distill.base.files import read_json, sha256_text, write_json, write_jsonl
from distill.base.work import locked
from distill.evaluation import self_test
from distill.evaluation.lighteval_grader import KINDS, Lighteval, LightevalRecord, Replayed
from distill.evaluation.scoring import Grading, PromptItem, read_items, read_responses

HELP_S = 120.0  # after its own responses a step begins others' for so long: an import of lighteval takes about 10 s


def main() -> None:
    parse = parser(__doc__)
    parse.add_argument("--prompts", required=True, type=Path, help="prompts.jsonl: id, messages, gold, kind, choices")
    parse.add_argument("--responses", required=True, type=Path, help="id, sample, text")
    parse.add_argument(
        "--spec",
        default="{}",
        help="JSON: grader (lighteval, where its verdicts decide and it is tested), answer_form, prefilled_thought, "
        "items (all or answered)",
    )
    parse.add_argument("--others", type=Path, help="JSON list of prompts, responses, items of all evaluations")
    parse.add_argument("--work", default="work/lighteval", type=Path, help="where verdicts are stored")
    parse.add_argument("--output", required=True, type=Path, help="lighteval's verdicts, one row a response")
    parse.add_argument("--results", required=True, type=Path, help="lighteval's results file, without times")
    parse.add_argument("--timeout", type=float, default=60.0, help="seconds that one response may take")
    given = parse.parse_args()

    how = Grading.of(spec(given.spec))
    items = read_items(given.prompts)
    if not items:
        write_jsonl(given.output, [])
        write_json(given.results, {})
        print(f"no verdicts, as {given.prompts} holds no items")
        return
    if importlib.util.find_spec("lighteval") is None:
        if not how.ours:
            raise InputError("lighteval decides here and is not installed: install it (envs/requirements.txt) or set grader: boxed")
        write_jsonl(given.output, [])
        write_json(given.results, {})
        print("no verdicts, as lighteval is not installed; our own grader decides, so that none are needed")
        return
    recorded = read(given.prompts, given.responses, how.items)
    found = verdicts(recorded, given.work, given.timeout, read_json(given.others) if given.others else ())
    tested = {} if how.ours else {"self_test": run_self_test(items, how, given.work, given.timeout)}
    rows = ({"id": one.id, "sample": one.sample, "correct": right} for one, right in zip(recorded, found.correct, strict=True))
    write_jsonl(given.output, rows)
    write_json(given.results, {**found.results, **tested})


def run_self_test(items: dict[str, PromptItem], how: Grading, work: Path, timeout_s: float) -> dict[str, float]:
    """The share of made-up answers that lighteval counts as right, by kind."""
    probed = self_test.probes(items, how)
    return self_test.rates(probed, verdicts([to_record(probe.item, 0, probe.text) for probe in probed], work, timeout_s).correct)


def verdicts(recorded: list[LightevalRecord], work: Path, timeout_s: float, others: Sequence[dict[str, str]] = ()) -> Replayed:
    """lighteval's verdicts, stored in `work` by the digest of all that decides them. Once it is imported, it grades others too."""
    stored = verdicts_file(work, recorded)
    with locked(stored.parent, wait=True):
        if not stored.exists():
            with Lighteval(timeout_s) as lighteval:
                write_json(stored, vars(lighteval.grade(recorded)))
                for path, other in without_verdicts(others, work):
                    write_json(path, vars(lighteval.grade(other)))
        found = Replayed(**read_json(stored))
    for lost in (recorded[place] for place in found.timed_out):
        print(f"item {lost.id!r} sample {lost.sample}: took lighteval over {timeout_s:g} s and counts as wrong")
    return found


def without_verdicts(others: Sequence[dict[str, str]], work: Path) -> Iterator[tuple[Path, list[LightevalRecord]]]:
    """Responses that exist and have no verdicts yet, with the file for them, locked until the next are asked for, for HELP_S at most.

    Those that another process grades are left to it; errors in them are reported by their own step.
    """
    end = time.monotonic() + HELP_S
    for other in others:
        with suppress(InputError):
            recorded = read(Path(other["prompts"]), Path(other["responses"]), other.get("items", "all"))
            stored = verdicts_file(work, recorded)
            if recorded and recorded[0].kind in KINDS and not stored.exists() and time.monotonic() < end:
                with locked(stored.parent):
                    if not stored.exists():
                        yield stored, recorded


def verdicts_file(work: Path, recorded: list[LightevalRecord]) -> Path:
    folder = work / sha256_text(json.dumps([code_digest("grade_lighteval.py"), *map(astuple, recorded)]))[:32]
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "verdicts.json"


def read(prompts: Path, responses: Path, answered: str) -> list[LightevalRecord]:
    items = read_items(prompts)
    return [
        to_record(items[row["id"]], row["sample"], row["text"], row.get("shown", ""))
        for row in read_responses(responses, items, prompts, answered)
    ]


def to_record(item: PromptItem, sample: int, text: str, shown: str = "") -> LightevalRecord:
    return LightevalRecord(item.id, sample, item.kind, item.prompt, item.gold_shown(shown), max(len(item.choices), 4), text)


if __name__ == "__main__":
    run(main)
