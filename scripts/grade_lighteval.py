"""Grade recorded responses with lighteval 0.13.0, as released: the second grader beside our own.

From the prompts that were asked and the responses to them to lighteval's verdict on each (id, sample, correct) and its results file.
Nothing is generated and nothing is downloaded: lighteval's pipeline runs with a model that gives back what was recorded. Its math metric is
that of its math_500, its choice metric that of its gpqa:diamond. Importing lighteval takes most of the time, so that several files of
responses are best given at once.

Example:
    python scripts/grade_lighteval.py --prompts results/benchmarks/mini_math/prompts.jsonl \
        --responses results/responses/ours/mini_math.jsonl --output results/lighteval/ours/mini_math.jsonl \
        --results results/lighteval/ours/mini_math.json
"""

from collections.abc import Iterable

from distill.cli import parser, run
from distill.engines.replay import Recorded, replay
from distill.errors import InputError
from distill.files import Row, write_json, write_jsonl
from distill.scoring import read_items, read_responses


def main() -> None:
    parse = parser(__doc__)
    parse.add_argument("--prompts", required=True, nargs="+", help="prompts.jsonl: id, messages, gold, kind, choices")
    parse.add_argument("--responses", required=True, nargs="+", help="id, sample, text")
    parse.add_argument("--output", required=True, nargs="+", help="lighteval's verdicts, one row a response")
    parse.add_argument("--results", required=True, nargs="+", help="lighteval's results file, without times")
    parse.add_argument("--timeout", type=float, default=60.0, help="seconds that one response may take")
    given = parse.parse_args()
    if len({len(given.prompts), len(given.responses), len(given.output), len(given.results)}) > 1:
        raise InputError("--prompts, --responses, --output and --results: give as many files to each, in one order")

    runs = [read(prompts, responses) for prompts, responses in zip(given.prompts, given.responses, strict=True)]
    for run_of, replayed, output, results in zip(runs, replay(runs, given.timeout), given.output, given.results, strict=True):
        write_jsonl(output, rows(run_of, replayed.correct))
        write_json(results, replayed.results)
        for place in replayed.timed_out:
            lost = run_of[place]
            print(f"{output}: item {lost.id!r} sample {lost.sample} took lighteval over {given.timeout:g} s and counts as wrong")


def read(prompts: str, responses: str) -> list[Recorded]:
    items = read_items(prompts)
    return [
        Recorded(item.id, row["sample"], item.kind, item.question, item.gold, max(len(item.choices), 4), row["text"])
        for row in read_responses(responses, items, prompts)
        for item in [items[row["id"]]]
    ]


def rows(recorded: Iterable[Recorded], correct: Iterable[bool]) -> Iterable[Row]:
    return ({"id": one.id, "sample": one.sample, "correct": right} for one, right in zip(recorded, correct, strict=True))


if __name__ == "__main__":
    run(main)
