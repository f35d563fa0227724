"""Write the questions of a training set as prompts: each that has a gold, once, in the order of the traces.

From a traces.jsonl to the form of a benchmark's prompts.jsonl (id, messages, gold, kind, choices), so that scripts/respond.py has a model
answer them and scripts/grade.py grades the answers: the pass rates that scripts/filter.py selects questions by. The id of a question is the
first 16 hex digits of its sha256.

    python scripts/training_questions.py --traces results/data/mini_r1/traces.jsonl --output results/data/mini_r1/questions.jsonl
"""

from distill.base.cli import parser, run, spec
from distill.base.errors import InputError
from distill.base.files import write_jsonl
from distill.data.pass_rate import QUESTIONS, questions


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--traces", required=True, metavar="JSONL", help="from scripts/normalise.py")
    options.add_argument("--spec", default="{}", metavar="JSON", help="answer_kind; user: the user turn, with {question}; system: its text")
    options.add_argument("--output", required=True, metavar="JSONL", help="id, messages, gold, kind, choices")
    args = options.parse_args()
    count = write_jsonl(args.output, questions(args.traces, QUESTIONS.read(spec(args.spec))))
    if not count:
        raise InputError(f"{args.traces}: no question has a gold, so no answer to it is right; remove filter.pass_rate, or give golds")
    print(f"{count} questions")


if __name__ == "__main__":
    run(main)
