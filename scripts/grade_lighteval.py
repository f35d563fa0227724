"""Grade recorded responses with lighteval 0.13.0, as released: the second grader next to our own.

From prompts and the responses to them to lighteval's verdict on each (id, sample, correct) and its results file. Nothing is generated and
nothing is downloaded: lighteval's pipeline runs with a model that returns what was recorded. Its math metric is that of its math_500, its
choice metric that of its gpqa:diamond. Importing lighteval takes most of the time: with --siblings, other responses that have no verdicts
yet are graded in the same start and stored in the work folder by content, so that their own step imports nothing. Where lighteval is not
installed and our own grader decides, both files come out empty and the scores have our verdicts alone.

Example:
    python scripts/grade_lighteval.py --prompts results/benchmarks/mini_math/prompts.jsonl \\
        --responses results/responses/ours/mini_math.jsonl --output results/lighteval/ours/mini_math.jsonl \\
        --results results/lighteval/ours/mini_math.json
"""

import importlib.util
import json
from dataclasses import astuple
from pathlib import Path

from distill.base.cli import parser, run, spec
from distill.base.code_digest import code_digest
from distill.base.errors import InputError
from distill.base.files import read_json, sha256_text, write_json, write_jsonl
from distill.base.work import locked
from distill.evaluation import self_test
from distill.evaluation.lighteval_grader import KINDS, LightevalRecord, Replayed, replay
from distill.evaluation.scoring import Grading, PromptItem, read_items, read_responses


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
    parse.add_argument("--siblings", default="[]", help="JSON list of prompts, output (the responses) of this model's other benchmarks")
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
    found = verdicts(recorded, given.work / given.responses.parent.name, given.timeout, json.loads(given.siblings), how.items)
    tested = {} if how.ours else {"self_test": run_self_test(items, how, given.work / "self_test", given.timeout)}
    rows = ({"id": one.id, "sample": one.sample, "correct": right} for one, right in zip(recorded, found.correct, strict=True))
    write_jsonl(given.output, rows)
    write_json(given.results, {**found.results, **tested})


def run_self_test(items: dict[str, PromptItem], how: Grading, folder: Path, timeout_s: float) -> dict[str, float]:
    """The share of made-up answers that lighteval counts as right, by kind."""
    probed = self_test.probes(items, how)
    return self_test.rates(probed, verdicts([to_record(probe.item, 0, probe.text) for probe in probed], folder, timeout_s).correct)


def verdicts(
    recorded: list[LightevalRecord], folder: Path, timeout_s: float, siblings: list[dict[str, str]] | None = None, answered: str = "all"
) -> Replayed:
    """lighteval's verdicts, from `folder` where they are stored already."""
    folder.mkdir(parents=True, exist_ok=True)
    stored = folder / f"{key_of(recorded)}.json"
    with locked(folder, wait=True):
        if not stored.exists():
            grade_files([recorded, *without_verdicts(siblings or [], folder, answered, but=stored)], folder, timeout_s)
        found = Replayed(**read_json(stored))
    for lost in (recorded[place] for place in found.timed_out):
        print(f"item {lost.id!r} sample {lost.sample}: took lighteval over {timeout_s:g} s and counts as wrong")
    return found


def read(prompts: Path, responses: Path, answered: str) -> list[LightevalRecord]:
    items = read_items(prompts)
    return [
        to_record(items[row["id"]], row["sample"], row["text"], row.get("shown", ""))
        for row in read_responses(responses, items, prompts, answered)
    ]


def to_record(item: PromptItem, sample: int, text: str, shown: str = "") -> LightevalRecord:
    return LightevalRecord(item.id, sample, item.kind, item.prompt, item.gold_shown(shown), max(len(item.choices), 4), text)


def without_verdicts(siblings: list[dict[str, str]], folder: Path, answered: str, but: Path) -> list[list[LightevalRecord]]:
    """Responses of siblings that exist, are valid and have no verdicts yet; errors in them are reported by their own step."""
    found = {}
    for sibling in siblings:
        try:
            recorded = read(Path(sibling["prompts"]), Path(sibling["output"]), answered)
        except InputError:
            continue
        if recorded and recorded[0].kind in KINDS:
            found[folder / f"{key_of(recorded)}.json"] = recorded
    return [recorded for path, recorded in found.items() if path != but and not path.exists()]


def grade_files(files: list[list[LightevalRecord]], folder: Path, timeout_s: float) -> None:
    for recorded, replayed in zip(files, replay(files, timeout_s), strict=True):
        write_json(folder / f"{key_of(recorded)}.json", vars(replayed))


def key_of(recorded: list[LightevalRecord]) -> str:
    """The digest of all that decides lighteval's verdicts."""
    return sha256_text(json.dumps([code_digest("grade_lighteval.py"), *map(astuple, recorded)]))[:32]


if __name__ == "__main__":
    run(main)
