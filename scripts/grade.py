"""Grade recorded responses: a verdict for each answer, and the score of all with its uncertainty.

From prompts.jsonl and the responses to it come one row a response (id, sample, correct, answer, reason, verdicts) and a summary. The
thought is cut off; the answer is the last box of the solution (a letter for choices). Our own rules compare it with the gold; the few pairs
that they cannot compare go to math-verify, in processes that can be killed. Further graders' verdicts are recorded next to ours, and the
summary lists where they disagree. Needs no GPU and no torch.

Example:
    python scripts/grade.py --prompts results/benchmarks/mini_math/prompts.jsonl --responses results/responses/ours/mini_math.jsonl \\
        --output results/scores/ours/mini_math.jsonl --summary results/scores/ours/mini_math.json
"""

from distill.base.cli import parser, run, spec
from distill.base.errors import InputError
from distill.base.files import write_json, write_jsonl
from distill.evaluation import self_test
from distill.evaluation.scoring import Grading, read_items, read_responses, read_self_test, read_verdicts, score_rows
from distill.evaluation.summary import Summary, facts


def main() -> None:
    parse = parser(__doc__)
    parse.add_argument("--prompts", required=True, help="prompts.jsonl: id, messages, gold, kind, choices")
    parse.add_argument("--responses", required=True, help="id, sample, text, finish_reason, completion_tokens")
    parse.add_argument(
        "--verdicts", action="append", default=[], metavar="NAME=FILE", help="another grader's verdicts: id, sample, correct"
    )
    parse.add_argument(
        "--self-test", action="append", default=[], metavar="NAME=FILE", help="its results, with its self-test where it decides"
    )
    parse.add_argument(
        "--spec",
        default="{}",
        help="JSON: grader (boxed, or lighteval with its --verdicts), prefilled_thought, answer_form, answer, max_new_tokens, "
        "items (all or answered)",
    )
    parse.add_argument("--output", required=True, help="scores, one row a response")
    parse.add_argument("--summary", required=True, help="the score of all of them")
    parse.add_argument("--workers", type=int, default=1, help="grading processes; changes no verdict")
    parse.add_argument("--timeout", type=float, default=10.0, help="seconds that one answer may take")
    given = parse.parse_args()

    how = Grading.of(spec(given.spec), workers=given.workers, timeout_s=given.timeout)
    summary = Summary(how.max_new_tokens)
    others, tests = (dict(named(option, text) for text in getattr(given, option)) for option in ("verdicts", "self_test"))
    items = read_items(given.prompts)
    if not items:
        write_jsonl(given.output, [])
        write_json(given.summary, {"n_items": 0})
        print(f"no score, as {given.prompts} holds no items")
        return
    responses = read_responses(given.responses, items, given.prompts, how.items)
    verdicts = {name: found for name, path in others.items() if (found := read_verdicts(path)) or name == how.grader}

    def rows():
        for row, response, verdict in score_rows(responses, items, how, verdicts, given.responses):
            summary.add(row, response, unclosed=verdict.unclosed)
            yield row

    write_jsonl(given.output, rows())
    tested = self_test.of_ours(items, how) if how.ours else read_self_test(tests[how.grader]) if how.grader in tests else {}
    made = summary.result(tested, self_test.flags_of(items, tested))
    if made["n_items"] < len(items):
        made["n_items_in_benchmark"] = len(items)
    write_json(given.summary, made)
    print(facts(made))


def named(option: str, text: str) -> tuple[str, str]:
    name, equals, path = text.partition("=")
    if not (name and equals and path):
        raise InputError(f"--{option.replace('_', '-')} {text}: write NAME=FILE")
    return name, path


if __name__ == "__main__":
    run(main)
