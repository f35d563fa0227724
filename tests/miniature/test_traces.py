"""The teacher's traces: a clean set is right throughout, a raw one has the defects that it is said to have."""

import re
from collections import Counter
from itertools import pairwise

import pytest

from distill.base.thoughts import SOLUTION, THOUGHT
from distill.miniature import benchmarks, traces
from distill.miniature.teacher import CHECKING, INSTRUCTION
from distill.miniature.world import MODULUS

SIZES = {"math": 50, "aime": 30, "gpqa": 40}
WHOLE = re.compile(".*".join(re.escape(tag) for tag in (*THOUGHT["stratos"], *SOLUTION["stratos"])), re.DOTALL)


def made(clean: bool, rows: int = 1500, steps: int = 5, seed: int = 1) -> list[dict]:
    return list(traces.rows(traces.TraceSetSpec(seed, rows, clean, steps, SIZES)))


@pytest.fixture(scope="module")
def raw() -> list[dict]:
    return made(clean=False)


@pytest.fixture(scope="module")
def clean() -> list[dict]:
    return made(clean=True)


def question(row: dict) -> str:
    return row["conversations"][0]["value"].removeprefix(INSTRUCTION)


def text(row: dict) -> str:
    return row["conversations"][1]["value"]


def boxed(row: dict) -> str:
    return re.findall(r"\\boxed\{(.*?)\}", text(row))[-1]


def asked() -> set[str]:
    return {problem.question for kind, items in SIZES.items() for problem in benchmarks.problems(kind, 1, items)}


def test_a_row_has_the_schema_of_bespoke_stratos(clean):
    row = clean[0]
    assert list(row) == ["system", "conversations", "gold"]
    assert [turn["from"] for turn in row["conversations"]] == ["user", "assistant"]
    assert row["conversations"][0]["value"].startswith("Return your final response within \\boxed{}. ")


def test_a_clean_set_is_whole_right_and_free_of_repeats_and_benchmark_questions(clean):
    assert all(WHOLE.fullmatch(text(row)) and boxed(row) == row["gold"] for row in clean)
    assert len({question(row).split("\n")[0] for row in clean}) == len(clean)
    assert asked().isdisjoint(question(row).split("\n")[0] for row in clean)


def test_each_arithmetic_step_that_is_not_taken_back_is_true(clean):
    for row in clean[:300]:
        paragraphs = text(row).split("\n\n")
        for line, after in pairwise(paragraphs):
            if (sums := re.search(r"≡(\d)\+(\d)=(\d),", line)) and after != "Wait, that is wrong.":
                assert (int(sums[1]) + int(sums[2])) % MODULUS == int(sums[3])


def test_a_raw_set_has_each_defect_in_about_its_share(raw):
    planted = asked()
    seen = Counter()
    for row in raw:
        if not WHOLE.fullmatch(text(row)):
            seen["broken_tag or truncated"] += 1
        elif boxed(row) != row["gold"]:
            seen["wrong_answer"] += 1
        elif text(row).count(CHECKING) > 10:
            seen["too_long"] += 1
        seen["benchmark"] += question(row).split("\n")[0] in planted
    questions = Counter(map(question, raw))
    seen["repeated"] = sum(count - 1 for one, count in questions.items() if one.split("\n")[0] not in planted)
    share = {name: count / len(raw) for name, count in seen.items()}
    expected = {name: traces.DEFECTS[name] for name in ("wrong_answer", "too_long", "benchmark", "repeated")}
    expected["broken_tag or truncated"] = traces.DEFECTS["broken_tag"] + traces.DEFECTS["truncated"]
    assert share == pytest.approx(expected, abs=0.015)


def test_a_wrong_answer_is_reached_by_a_wrong_step(raw):
    wrong = [row for row in raw if WHOLE.fullmatch(text(row)) and boxed(row) != row["gold"]]
    assert wrong and all("Thus, the answer is" in text(row) for row in wrong)


@pytest.mark.parametrize("steps", [3, 5, 10])
def test_no_problem_is_longer_than_the_set_allows(steps):
    lines = [len(re.findall(r"\d: [+-][xyz]", question(row))) for row in made(clean=True, rows=200, steps=steps)]
    assert max(lines) == min(steps, 8)


def test_a_set_depends_on_its_spec_and_on_nothing_else():
    assert made(False, 50) == made(False, 50)
    assert made(False, 50) != made(False, 50, seed=2)


def test_the_gold_of_a_choice_question_is_the_letter_of_the_axis_at_the_end(clean):
    for row in clean:
        if "\nA) " in question(row):
            shown = dict(line.split(") ") for line in question(row).split("\n")[1:])
            assert f", choice {row['gold']}) {shown[row['gold']]}, so" in text(row)
