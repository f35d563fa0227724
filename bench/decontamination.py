"""How many questions are taken for benchmark questions that are none, and how many that are some are missed.

    python bench/decontamination.py --questions math_train=traces.jsonl:question --benchmark math500=math500.jsonl:problem

Each is NAME=FILE:COLUMN; --questions are of a source that shares none with the benchmark, such as the training set of the same data.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from distill.base.tables import read_rows
from distill.data.contamination import BenchmarkIndex, contaminates, find_hits

AROUND = "Here is something that I was asked yesterday. {} Could you help?"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", action="append", default=[], metavar="NAME=FILE:COLUMN")
    parser.add_argument("--benchmark", action="append", required=True, metavar="NAME=FILE:COLUMN")
    parser.add_argument("--ngram", type=int, default=8)
    args = parser.parse_args()
    sets, benchmarks = dict(map(read, args.questions)), dict(map(read, args.benchmark))
    print("| questions | benchmark | rows | taken for a benchmark question | different spans |\n|---|---|---|---|---|")
    for name, items in benchmarks.items():
        index = BenchmarkIndex(name, items, args.ngram)
        for other, questions in sets.items():
            hits = [found for question in questions if contaminates(found := find_hits([index], question))]
            spans = {found[0].span for found in hits}
            print(f"| {other} | {name} | {len(questions):,} | {len(hits):,} ({len(hits) / len(questions):.1%}) | {len(spans):,} |")
        missed = sum(not contaminates(find_hits([index], AROUND.format(item))) for item in items)
        print(f"| {name}, each within another text | {name} | {len(items):,} | all but {missed} | |")


def read(given: str) -> tuple[str, list[str]]:
    name, _, rest = given.partition("=")
    file, _, column = rest.rpartition(":")
    return name, [row[column] for row in read_rows(file)]


if __name__ == "__main__":
    main()
