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

HELP_S = 120.0  # for so long after its own responses a step begins to grade others': an import of lighteval takes about 10 s


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
    with Lighteval(given.timeout) as lighteval:
        found = verdicts(recorded, given.work, lighteval)
        for lost in (recorded[place] for place in found.timed_out):
            print(f"item {lost.id!r} sample {lost.sample}: took lighteval over {given.timeout:g} s and counts as wrong")
        tested = {} if how.ours else {"self_test": run_self_test(items, how, given.work, lighteval)}
        rows = ({"id": one.id, "sample": one.sample, "correct": right} for one, right in zip(recorded, found.correct, strict=True))
        write_jsonl(given.output, rows)
        write_json(given.results, {**found.results, **tested})
        if lighteval.imported and given.others:
            grade_others(read_json(given.others), given.work, lighteval)


def run_self_test(items: dict[str, PromptItem], how: Grading, work: Path, lighteval: Lighteval) -> dict[str, float]:
    """The share of made-up answers that lighteval counts as right, by kind."""
    probed = self_test.probes(items, how)
    return self_test.rates(probed, verdicts([to_record(probe.item, 0, probe.text) for probe in probed], work, lighteval).correct)


def verdicts(recorded: list[LightevalRecord], work: Path, lighteval: Lighteval, wait: bool = True) -> Replayed:
    """lighteval's verdicts, stored in `work` by the digest of all that decides them.

    Raises InputError where another process is grading the same and `wait` is false.
    """
    folder = folder_of(recorded, work)
    stored = folder / "verdicts.json"
    with locked(folder, wait):
        if not stored.exists():
            write_json(stored, vars(lighteval.grade(recorded)))
        return Replayed(**read_json(stored))


def folder_of(recorded: list[LightevalRecord], work: Path) -> Path:
    folder = work / sha256_text(json.dumps([code_digest("grade_lighteval.py"), *map(astuple, recorded)]))[:32]
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def grade_others(others: list[dict[str, str]], work: Path, lighteval: Lighteval) -> None:
    """Grade responses that exist and have no verdicts yet, while lighteval is imported; none is begun after HELP_S.

    What another process is grading is left to it, and what cannot be graded to its own step, which says why.
    """
    end = time.monotonic() + HELP_S
    for other in others:
        if time.monotonic() > end:
            return
        try:
            recorded = read(Path(other["prompts"]), Path(other["responses"]), other.get("items", "all"))
            if recorded and recorded[0].kind in KINDS:
                verdicts(recorded, work, lighteval, wait=False)
        except InputError:
            continue
        except Exception as error:
            print(f"{other['responses']}: left to its own step ({error})")
            return


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
