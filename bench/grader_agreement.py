"""How far our grader agrees with verdicts that others published, on material that is not part of this repository.

Prints a Markdown table, and below it each disagreement; with --peers, on how many rows of the suites other graders agree with the same
verdicts when they are given the answer that ours found. The material is what DISTILL_REAL_DATA names: suites of pairs from the tests of
Math-Verify, NeMo-Skills, SkyThought, Hendrycks MATH and reasoning-from-scratch, and recorded outputs of models with verdicts.

Example:
    DISTILL_REAL_DATA=../shared/data python bench/grader_agreement.py --workers 2
    DISTILL_REAL_DATA=../shared/data python bench/grader_agreement.py --peers --python .venv/bin/python /tmp/mv09/bin/python
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))
sys.path.insert(1, str(Path(__file__).resolve().parent))

from distill.base.cli import parser, run
from distill.base.errors import InputError
from distill.base.files import read_json, read_jsonl
from distill.grading import worker
from distill.grading.grader import CORRECT, WRONG, Task, Verdict, grade_all


@dataclass(frozen=True)
class Case:
    """A pair, and whether its source calls the answer right (None: the source says only how many are)."""

    gold: str
    text: str
    expected: bool | None
    kind: str = "math"
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Set:
    """`others` is what somebody else counted as right, in words; `bare` that math-verify is to find the answers itself, without a box."""

    name: str
    cases: list[Case]
    others: str = ""
    bare: bool = False


def boxed(answer: object) -> str:
    return f"\\boxed{{{answer}}}"


def as_response(answer: object) -> str:
    """A suite's answer in a box, unless it has one."""
    return str(answer) if "\\boxed" in str(answer) else boxed(answer)


def suites(folder: Path) -> Iterator[Set]:
    """Pairs (gold, answer); their own names for the two differ."""
    names = (("gold", "pred", "expected"), ("gold", "pred", "result"), ("reference", "prediction", "expected"), ("a", "b", "expected"))
    for path in sorted(folder.glob("*_pairs.json")):
        rows = [(row, keys) for row in read_json(path) for keys in names if set(keys) <= set(row)]
        pairs = [(str(row[gold]), str(row[answer]), bool(row[expected])) for row, (gold, answer, expected) in rows]
        name = path.stem.removesuffix("_pairs")
        yield Set(name, [Case(gold, as_response(answer), expected) for gold, answer, expected in pairs])
        yield Set(f"{name}: bare math-verify", [Case(*pair) for pair in pairs], bare=True)
    equalities = [row for row in read_json(folder / "rasbt_ch03_cases.json")["test_grade_answer"] if len(row) >= 3]
    yield Set("rasbt_grade_answer", [Case(str(row[-2]), as_response(row[-3]), bool(row[-1])) for row in equalities])


def extractions(folder: Path) -> Iterator[Set]:
    """Whole responses, and the answer that a suite finds in them (none: no answer is right)."""
    rows = read_json(folder / "skythought_math_parsing_pairs.json")
    kinds = {"test_extract_answer": "math", "test_get_multiple_choice_answer": "choice", "test_choice_answer_clean": "choice"}
    for test, kind in kinds.items():
        texts = [(str(row["expected"]), row.get("input_str", row.get("raw_string", ""))) for row in rows if row["test"] == test]
        yield Set(
            f"skythought {test.removeprefix('test_')}",
            [Case(gold, text, len(gold) == 1 or (kind == "math" and bool(gold)), kind) for gold, text in texts],
        )
    stripped = [row for row in rows if row["test"] == "test_strip_answer_string"]
    yield Set("skythought strip_answer_string", [Case(row["expected"], boxed(row["raw_string"]), True) for row in stripped])
    cases = read_json(folder / "rasbt_ch03_cases.json")
    for test in ("test_get_last_boxed", "test_extract_final_candidate"):
        yield Set(f"rasbt {test.removeprefix('test_')}", [Case(str(found), text, found is not None) for text, found in cases[test]])
    yield Set("rasbt equality_check", [Case(gold, boxed(answer), right) for answer, gold, right in cases["test_equality_check"]])


def cases(folder: Path) -> Iterator[Set]:
    """Shapes of answers on which graders slip, written for this project."""
    rows = list(read_jsonl(folder / "answer_cases.jsonl"))
    for kind in ("math", "choice"):
        yield Set(
            f"answer_cases: {kind}",
            [Case(row["gold"], row["text"], row["correct"], kind, tuple(row.get("choices") or ())) for row in rows if row["kind"] == kind],
        )


def lighteval_cases(folder: Path) -> Iterator[Set]:
    """lighteval's metric cases with one response, which its metric calls right or wrong."""
    kinds = {"gpqa_instruct_metric": "choice", "gpqa_instruct_pass_at_k": "choice", "avg_at_k_math": "math", "g_pass_at_k_latex": "math"}
    for name, kind in {**kinds, "exact_match": "exact"}.items():
        cases = [case for case in read_json(folder / f"{name}.json")["test_cases"] if len(case["model_response"]["text"]) == 1]
        found = [
            (
                case["doc"]["choices"][case["doc"]["gold_index"]],
                case["model_response"]["text"][0],
                next(iter(case["expected_output"].values())),
            )
            for case in cases
        ]
        yield Set(
            f"lighteval {name}",
            [Case(gold, as_response(text) if kind == "math" else text, right == 1, kind) for gold, text, right in found],
        )


def outputs(folder: Path) -> Iterator[Set]:
    """Recorded outputs of models."""
    for name, others in (("math500_gpt_boxed", "math-verify 470"), ("math500_qwen3_boxed", "math-verify 298")):
        yield Set(name, [Case(row["answer"], row["prediction"], None) for row in read_json(folder / f"{name}.json")], others)
    rows = list(read_jsonl(folder / "gsm8k_gpt3_4models.jsonl"))
    for model in ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification"):
        yield Set(f"gsm8k_{model}", [gsm8k(row["ground_truth"], row[model]) for row in rows])
    rows = list(read_jsonl(folder / "gsm8k_tora70b.jsonl"))
    yield Set("gsm8k_tora70b", [Case(str(row["gt"]), boxed(row["pred"][0]), None) for row in rows], "math-verify 1112, the paper 84.3 %")
    rows = list(read_jsonl(folder / "math100x8_qwenmath_cot.jsonl"))
    pairs = [(row, response, right) for row in rows for response, right in zip(row["code"], row["score"], strict=True)]
    yield Set("math100x8_qwenmath_cot", [Case(row["answer"], response, right) for row, response, right in pairs], "math-verify 729")


def gsm8k(ground_truth: str, output: dict) -> Case:
    """The answer is what follows the last A: of a solution."""
    gold, answer = ground_truth.rpartition("A:")[2].strip(), output["solution"].rpartition("A:")
    return Case(gold, boxed(answer[2].strip()) if answer[1] else "", output["is_correct"])


def benchmarks(folder: Path) -> Iterator[Set]:
    """Golds against themselves, and against an answer that is wrong for all."""
    golds = [row["answer"] for row in read_jsonl(folder / "math500.jsonl")]
    yield Set("math500: gold", [Case(gold, boxed(gold), True) for gold in golds])
    yield Set("math500: gold, through math-verify", [Case(gold, boxed(f"\\displaystyle {gold}"), True) for gold in golds])
    yield Set("math500: 123", [Case(gold, boxed(123), False) for gold in golds])
    yield Set("math500: solution", [Case(row["answer"], row["solution"], True) for row in read_jsonl(folder / "math500.jsonl")])
    cut = [(row["answer"], row["solution"][: row["solution"].find("\\boxed")]) for row in read_jsonl(folder / "math500.jsonl")]
    yield Set("math500: solution, cut before its first box", [Case(gold, text, False) for gold, text in cut])
    yield Set("math500: problem echoed", [Case(row["answer"], row["problem"], False) for row in read_jsonl(folder / "math500.jsonl")])
    answers = [row["answer"].rpartition("####")[2].strip().replace(",", "") for row in read_jsonl(folder / "gsm8k_test.jsonl")]
    yield Set("gsm8k: gold", [Case(gold, boxed(gold), True) for gold in answers])


def all_sets(data: Path) -> Iterator[Set]:
    yield from benchmarks(data / "benchmarks")
    yield from suites(data / "suites")
    yield from extractions(data / "suites")
    yield from cases(data / "suites")
    yield from lighteval_cases(data / "suites" / "lighteval_metric_cases")
    yield from outputs(data / "outputs")


@dataclass(frozen=True)
class Agreement:
    name: str
    rows: int
    right: int
    others: str
    differs: list[str]


def bare(cases: list[Case]) -> Iterator[Verdict]:
    """What math-verify says when it finds the answer by itself. In this process: these texts are tests, and harmless."""
    from math_verify import parse, verify

    worker.without_signals()  # on a busy machine its time limits change its verdicts
    for case in cases:
        correct = verify(parse(case.gold), parse(case.text))
        yield Verdict(correct, case.text, CORRECT if correct else WRONG)


def agreement(cases: Set, workers: int) -> Agreement:
    verdicts = list(
        bare(cases.cases)
        if cases.bare
        else grade_all([Task(case.kind, case.gold, case.text, case.choices) for case in cases.cases], workers)
    )
    differs = [
        json.dumps({"gold": case.gold, "answer": verdict.answer, "ours": verdict.reason, "theirs": case.expected}, ensure_ascii=False)
        for case, verdict in zip(cases.cases, verdicts, strict=True)
        if case.expected is not None and verdict.correct != case.expected
    ]
    theirs = sum(bool(case.expected) for case in cases.cases)
    others = cases.others if cases.cases[0].expected is None else ", ".join(filter(None, [f"{theirs} right", cases.others]))
    return Agreement(cases.name, len(cases.cases), sum(verdict.correct for verdict in verdicts), others, differs)


def peers(sets: list[Set], pythons: list[str], workers: int) -> Iterator[list[str]]:
    """Rows of a table: on how many rows each grader agrees with the verdict of the source. Only sets of math with a verdict on each row."""
    import grader_peers

    from distill.grading.grader import gold_of

    versions = [subprocess.check_output([python, "-c", _VERSION], text=True).strip() for python in pythons]
    yield ["set", "rows", "ours", *(f"math-verify {version}" for version in versions), "Hendrycks", "Minerva"]
    for one in sets:
        if one.bare or one.cases[0].expected is None or one.cases[0].kind != "math":
            continue
        verdicts = list(grade_all([Task(case.kind, case.gold, case.text) for case in one.cases], workers))
        pairs = [(gold_of(case.gold), verdict.answer or "") for case, verdict in zip(one.cases, verdicts, strict=True)]
        found = [
            [verdict.correct for verdict in verdicts],
            *(grader_peers.math_verify(pairs, python) for python in pythons),
            *([rule(*pair) for pair in pairs] for rule in (grader_peers.hendrycks, grader_peers.minerva)),
        ]
        agreeing = [sum(right == case.expected for right, case in zip(rights, one.cases, strict=True)) for rights in found]
        yield [one.name, str(len(one.cases)), *map(str, agreeing)]


_VERSION = "from importlib.metadata import version; print(version('math-verify'))"


def main() -> None:
    parse = parser(__doc__)
    parse.add_argument("--workers", type=int, default=1)
    parse.add_argument("--quiet", action="store_true", help="the table only")
    parse.add_argument("--peers", action="store_true", help="how far other graders agree with the same verdicts")
    parse.add_argument("--python", nargs="+", default=[sys.executable], help="interpreters with math-verify, one for each version")
    parse.add_argument("--sets", nargs="+", default=[""], metavar="NAME", help="only sets whose names begin so")
    given = parse.parse_args()
    if not os.environ.get("DISTILL_REAL_DATA"):
        raise InputError("DISTILL_REAL_DATA: not set: name the folder of the real material")
    sets = [one for one in all_sets(Path(os.environ["DISTILL_REAL_DATA"])) if one.name.startswith(tuple(given.sets))]
    if given.peers:
        suites_alone = [one for one in sets if not one.name.startswith(("math500", "gsm8k"))]
        for at, cells in enumerate(peers(suites_alone, given.python, given.workers)):
            print("|", " | ".join(cells), "|" + ("\n|" + "---|" * len(cells) if not at else ""), flush=True)
        return
    found = [agreement(cases, given.workers) for cases in sorted(sets, key=lambda one: one.bare)]
    print("| set | rows | right by ours | by others | disagreements |\n|---|---|---|---|---|")
    for one in found:
        known = one.differs or one.others.endswith("right") or "right," in one.others
        print(f"| {one.name} | {one.rows} | {one.right} | {one.others} | {len(one.differs) if known else '-'} |")
    for one in found if not given.quiet else []:
        for line in one.differs:
            print(f"{one.name}: {line}")


if __name__ == "__main__":
    run(main)
