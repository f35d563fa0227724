"""From verdicts to tables: what is compared with what, what is kept out, and when a published number is reproduced."""

import csv
import json
import sys
from dataclasses import replace
from pathlib import Path

import compare as program
import numpy as np
import pytest

from distill.base.errors import InputError
from distill.base.files import write_json, write_jsonl
from distill.evaluation.compare import ComparedBenchmark, ComparedModel, Evaluation, best_prompt_rows, difference_rows, flags_of
from distill.evaluation.published import PublishedScore, check, random_effects, read_published
from distill.evaluation.rows import DifferenceRow, PublishedRow, ScoreRow, read_csv

ROOT = Path(__file__).parents[2]
BASE, REFERENCE, STUDENT = (
    ComparedModel(name, role, name) for name, role in (("base", "baseline"), ("r1", "reference"), ("ours", "student"))
)
BENCHMARK = ComparedBenchmark("math_500", "MATH-500", "deepseek")


def summary(p: float, n: int = 500, samples: int = 1, sampling: tuple[float, float] | None = None, **more) -> dict:
    return {"pass@1": p, "n_items": n, "n_samples": samples, "ci95": [p - 0.01, p + 0.01], "ci95_sampling": sampling, **more}


def score(
    folder: Path, model: ComparedModel, right: int, n: int = 100, flags: tuple[str, ...] = (), benchmark: ComparedBenchmark = BENCHMARK
) -> Evaluation:
    path = folder / model.name / f"{benchmark.name}.jsonl"
    write_jsonl(path, ({"id": f"q{item}", "sample": 0, "correct": item < right} for item in range(n)))
    write_json(path.with_suffix(".json"), summary(right / n, n))
    return Evaluation(model, benchmark, summary(right / n, n), path, list(flags))


def test_the_student_is_compared_with_both_and_the_reference_with_the_baseline(tmp_path):
    scores = [score(tmp_path, model, right) for model, right in ((BASE, 20), (REFERENCE, 80), (STUDENT, 78))]
    rows = [(row.a, row.b, row.verdict) for row in difference_rows(scores, seed=0)]
    assert rows == [("ours", "base", "better"), ("ours", "r1", "no detectable difference"), ("r1", "base", "better")]


def test_a_worse_student_is_called_worse(tmp_path):
    (row,) = difference_rows([score(tmp_path, BASE, 60), score(tmp_path, STUDENT, 20)], seed=0)
    assert row.verdict == "worse"
    assert row.difference == pytest.approx(-0.4)
    assert row.ci95_low < -0.4 < row.ci95_high < 0


def test_p_values_are_corrected_for_all_that_is_compared(tmp_path):
    """A p value between .025 and .05 stands alone but not among two."""
    pair = [score(tmp_path, BASE, 20), score(tmp_path, STUDENT, 26)]
    (alone,) = difference_rows(pair, seed=0)
    assert 0.01 < alone.p == alone.p_holm < 0.05
    other = ComparedBenchmark("aime24", "AIME", "deepseek")
    more = [score(tmp_path, BASE, 20, benchmark=other), score(tmp_path, STUDENT, 26, benchmark=other)]
    assert [row.p_holm for row in difference_rows(pair + more, seed=0)] == [2 * alone.p] * 2


def test_a_score_that_cannot_be_right_gets_no_verdict_and_weighs_on_none(tmp_path):
    flagged = score(tmp_path, REFERENCE, 90, flags=("all golds are A",))
    rows = {row.b: row for row in difference_rows([score(tmp_path, BASE, 20), flagged, score(tmp_path, STUDENT, 26)], seed=0)}
    assert rows["r1"].verdict == "not compared"
    assert rows["r1"].p is None
    assert rows["base"].p_holm == rows["base"].p


def test_models_that_answered_different_items_are_not_compared(tmp_path):
    with pytest.raises(InputError, match="hold different items"):
        difference_rows([score(tmp_path, BASE, 20, n=50), score(tmp_path, STUDENT, 26, n=40)], seed=0)


@pytest.mark.parametrize("partly", ["ours", "base"])
def test_a_model_that_answered_some_items_only_is_compared_on_those_that_both_answered(tmp_path, partly):
    """40 of 100 items, of which the model that answered them all has the first 20 right."""
    whole, part = (BASE, STUDENT) if partly == "ours" else (STUDENT, BASE)
    some = score(tmp_path, part, 30, n=40)
    some.summary["n_items_in_benchmark"] = 100
    (row,) = difference_rows([score(tmp_path, whole, 20), some], seed=0)
    assert (row.n, row.difference) == (40, pytest.approx(0.25 if partly == "ours" else -0.25))
    assert not flags_of(some.summary, replace(BENCHMARK, items=100), [])
    some.summary["n_items_in_benchmark"] = 40
    assert flags_of(some.summary, replace(BENCHMARK, items=100), []) == ["40 items where its configuration says 100: look at its source"]


def test_the_baseline_is_also_taken_under_the_protocol_that_suits_it_best(tmp_path):
    """Students under each other protocol are held against it; flagged scores are not the best, and nothing else changes."""
    raw, boxed, few = (ComparedBenchmark(f"math@{name}", "MATH", name) for name in ("raw", "boxed", "few"))
    scores = [score(tmp_path, BASE, right, benchmark=one) for one, right in ((raw, 20), (boxed, 45))]
    scores.append(score(tmp_path, BASE, 90, benchmark=few, flags=("its grader fails",)))
    scores += [score(tmp_path, STUDENT, right, benchmark=one) for one, right in ((raw, 60), (boxed, 70))]
    (row,) = best_prompt_rows(scores, seed=0)
    assert (row.a, row.b, row.benchmark, row.b_benchmark, row.verdict) == ("ours", "base", "math@raw", "math@boxed", "better")
    assert row.difference == pytest.approx(0.15)
    assert row.p == row.p_holm
    assert {one.b_benchmark for one in difference_rows(scores, seed=0)} == {""}
    only = [one for one in scores if one.benchmark == raw]
    assert best_prompt_rows(only, seed=0) == []


@pytest.mark.parametrize(
    ("found", "compared", "flags"),
    [
        (summary(0.5), BENCHMARK, []),
        (summary(0.5, flags=["all golds are A"]), BENCHMARK, ["all golds are A"]),
        (summary(0.5, samples=1), ComparedBenchmark("math_500", "", n_samples=4), ["1 samples an item where its protocol promises 4"]),
        (
            summary(0.99),
            BENCHMARK,
            ["far above every published score (94.5%); add to the published scores what is known of this benchmark"],
        ),
        (summary(0.97), BENCHMARK, []),
        (summary(0.5), replace(BENCHMARK, items=500), []),
        (summary(0.5), replace(BENCHMARK, items=499), ["500 items where its configuration says 499: look at its source"]),
        (summary(0.99), ComparedBenchmark("mini_math", ""), []),
    ],
)
def test_what_cannot_be_right_is_flagged(found, compared, flags):
    published = [PublishedScore("a", "math_500", "deepseek", "pass@1", value, 64, "") for value in (0.839, 0.945)]
    assert flags_of(found, compared, published) == flags


def number(value: float, samples: int | None = 64, metric: str = "pass@1") -> PublishedScore:
    return PublishedScore("r1", "math_500", "deepseek", metric, value, samples, "DeepSeek")


@pytest.mark.parametrize(
    ("published", "found", "verdict"),
    [
        (number(0.839), summary(0.835, samples=4, sampling=(0.82, 0.85)), "reproduced"),
        (number(0.839), summary(0.80, samples=4, sampling=(0.785, 0.815)), "not reproduced"),
        (number(0.839, samples=1), summary(0.80, samples=4, sampling=(0.78, 0.82)), "reproduced"),  # theirs is the uncertain one
        (number(0.289), summary(0.30, n=30), "undecidable"),
        (number(0.289), summary(0.90, n=30), "not reproduced"),
        (number(0.839), summary(0.80, n=5000), "not reproduced"),
        (number(0.80, metric="maj@4"), summary(0.5, n=5000, samples=4, sampling=(0.49, 0.51), **{"maj@n": 0.79}), "reproduced"),
    ],
)
def test_a_published_number_is_checked_with_both_uncertainties(published, found, verdict):
    assert check(published, found).verdict == verdict


def test_a_metric_that_we_have_not_is_not_checked():
    assert check(number(0.8, metric="maj@64"), summary(0.8, samples=4)) is None


def test_the_published_file_holds_what_the_sources_say():
    rows = {
        (row.model, row.benchmark, row.protocol, row.metric, row.source[:8]): row.value
        for row in read_published(ROOT / "config/published.csv")
    }
    distilled, base = "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B", "Qwen/Qwen2.5-Math-1.5B"
    assert rows[distilled, "aime24", "deepseek", "pass@1", "deepseek"] == 0.289
    assert rows[distilled, "math_500", "open_r1", "pass@1", "huggingf"] == 0.831
    assert rows[base, "gpqa_diamond", "tutorial", "pass@1", "the Deep"] == 0.2575
    assert len(rows) > 80


@pytest.mark.parametrize("seed", range(6))
def test_the_random_effects_estimate_is_that_of_statsmodels(seed):
    """Its iterated estimator is Paule and Mandel's; the standard error is that of its fixed weights at that variance."""
    combine = pytest.importorskip("statsmodels.stats.meta_analysis").combine_effects
    generator = np.random.default_rng(seed)
    variances = generator.uniform(0.0001, 0.0009, 4 + seed)
    values = generator.normal(0.3, 0.02 * seed, len(variances)) + generator.normal(0, np.sqrt(variances))
    found = combine(values, variances, method_re="iterated")
    mean, error, between = random_effects(list(values), list(variances))
    assert between == pytest.approx(found.tau2, abs=1e-8)
    assert (mean, error) == pytest.approx((found.mean_effect_re, found.sd_eff_w_re), rel=1e-4)


NINE = (0.289, 0.268, 0.287, 0.299, 0.291, 0.332, 0.266, 0.307, 0.2935)


def evaluated(values: tuple[float, ...], samples: int = 64, benchmark: str = "aime24", **more) -> list[PublishedScore]:
    known = ("r1", benchmark, "deepseek", "pass@1")
    return [PublishedScore(*known, value, samples, f"evaluator{place}", **more) for place, value in enumerate(values)]


def aime(p: float) -> dict:
    return summary(p, 30, 64, (p - 0.02, p + 0.02))


@pytest.mark.parametrize(
    ("ours", "others", "verdict", "below"),
    [
        (0.29, NINE, "reproduced", 4),
        (0.325, NINE, "reproduced", 8),  # further from DeepSeek's than chance takes it, but evaluators are
        (0.36, NINE, "not reproduced", 9),
        (0.325, NINE[:2], "not reproduced", None),  # two do not show how much evaluators differ
        (0.30, (0.289, 0.5, 0.1, 0.9), "reproduced", 2),  # they did not measure the same: DeepSeek's number decides
    ],
)
def test_a_score_is_reproduced_where_evaluators_are_expected(ours, others, verdict, below):
    scores = evaluated(others)
    found = check(scores[0], aime(ours), scores)
    assert (found.verdict, found.evaluators and found.evaluators.below) == (verdict, below)


def test_scores_of_one_evaluator_count_once_and_greedy_ones_apart():
    several = [replace(row, source="a/b line 1") for row in evaluated((0.28, 0.3, 0.31))]
    assert check(several[0], aime(0.29), several).evaluators is None
    greedy = evaluated((0.3, 0.33, 0.36), samples=1)
    found = check(several[0], aime(0.29), [*several, *greedy, *evaluated((0.27, 0.33))])
    assert (found.evaluators.number, found.evaluators.below) == (3, 1)


def test_a_spread_over_seeds_replaces_the_guess_of_the_sampling_variance():
    wide, narrow = (evaluated((0.25,), samples=10, spread=spread, spread_kind="sd_seeds")[0] for spread in (0.12, 0.01))
    assert check(wide, aime(0.29)).low < 0 < check(narrow, aime(0.29)).low


def test_evalchemys_gpqa_is_never_compared():
    (wrong,) = [replace(row, protocol="evalchemy") for row in evaluated((0.3,), benchmark="gpqa_diamond")]
    others = evaluated((0.3, 0.31, 0.32), benchmark="gpqa_diamond")
    assert check(wrong, summary(0.3, 198), others).verdict == "not compared"
    assert check(others[0], summary(0.3, 198, 8, (0.29, 0.31)), [*others, wrong]).evaluators.number == 3


HEAD = "model,benchmark,protocol,metric,value_percent,samples,source"


@pytest.mark.parametrize("head", [HEAD, HEAD.replace("value_percent", "value")], ids=["value_percent", "value, as it was called before"])
def test_published_values_are_percent(tmp_path, head):
    path = tmp_path / "published.csv"
    path.write_text(f"{head}\na,b,c,pass@1,25.75,,s\n")
    assert read_published(path) == [PublishedScore("a", "b", "c", "pass@1", 0.2575, None, "s")]
    path.write_text(f"{head},spread,spread_kind\na,b,c,pass@1,25.75,,s,,\na,b,c,pass@1,25.75,10,s,4.8,sd_seeds\n")
    assert [(row.spread, row.spread_kind) for row in read_published(path)] == [(None, ""), (0.048, "sd_seeds")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model,benchmark\n", "no column 'protocol'"),
        (f"{HEAD}\na,b,c,pass@1,x,1,s\n", "line 2: value_percent, samples and spread must be numbers"),
        (f"{HEAD}\na,b,c,pass@1,839,1,s\n", "line 2: 839 is no percentage"),
        (f"{HEAD},spread,spread_kind\na,b,c,pass@1,83,1,s,2,sd\n", "line 2: spread_kind is 'sd': use one of sd_seeds, se_runs"),
        (f"{HEAD},spread,spread_kind\na,b,c,pass@1,83,1,s,2,\n", "line 2: spread_kind is '': use one of sd_seeds, se_runs"),
    ],
)
def test_a_broken_published_file_is_named(tmp_path, text, message):
    path = tmp_path / "published.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as error:
        read_published(path)
    assert str(path) in str(error.value)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs compare.py's main on the scores in tmp_path."""

    def run(spec: dict) -> None:
        outputs = {"--comparison": "c.csv", "--differences": "d.csv", "--published-checks": "p.csv"}
        arguments = ["--scores-dir", tmp_path, "--spec", json.dumps(spec), "--published", ROOT / "config/published.csv"]
        arguments += [part for flag, name in outputs.items() for part in (flag, tmp_path / name)]
        monkeypatch.setattr(sys, "argv", ["compare.py", *map(str, arguments)])
        program.main()

    return run


def test_the_program_writes_three_tables(tmp_path, run):
    for model, right in ((BASE, 20), (REFERENCE, 84)):
        score(tmp_path, model, right)
    spec = {
        "models": [
            {"name": "base", "role": "baseline"},
            {"name": "r1", "role": "reference", "published": "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B"},
        ],
        "benchmarks": [{"name": "math_500", "protocol": "deepseek"}, {"name": "gpqa", "protocol": "deepseek"}],
        "seed": 0,
    }
    run(spec)
    assert [(row.model, row.pass_at_1) for row in read_csv(ScoreRow, tmp_path / "c.csv")] == [
        ("base", 0.2),
        ("r1", 0.84),
    ]  # gpqa is left out
    assert [(row.a, row.b, row.verdict) for row in read_csv(DifferenceRow, tmp_path / "d.csv")] == [("r1", "base", "better")]
    published = read_csv(PublishedRow, tmp_path / "p.csv")
    assert ("deepseek-ai", 0.839, 0.84) in {(row.source[:11], row.published_share, row.ours_share) for row in published}


def test_a_published_score_and_ours_have_one_unit_in_the_file(tmp_path, run):
    """Ours minus published is the difference that stands next to them, and each column says that it is a share."""
    score(tmp_path, REFERENCE, 84)
    models = [{"name": "r1", "role": "reference", "published": "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B"}]
    run({"models": models, "benchmarks": [{"name": "math_500", "protocol": "deepseek"}]})
    with open(tmp_path / "p.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        assert float(row["ours_share"]) - float(row["published_share"]) == pytest.approx(float(row["difference_share"]))
    assert rows and {column for column in rows[0] if _is_number(rows[0][column])} - {"samples", "evaluators", "evaluators_below"} == {
        column for column in rows[0] if column.endswith("_share")
    }


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"modles": []}, "modles: unknown key; did you mean models"),
        ({"models": [], "benchmarks": [{"name": "b"}]}, "models: .* should be non-empty"),
        ({"models": [{"name": "a"}], "benchmarks": [{"name": "b"}]}, "models.0.role: missing"),
        ({"models": [{"name": "a", "role": "student"}]}, "benchmarks: missing; add it"),
        ({"models": [{"name": "a", "role": "student", "colour": "red"}], "benchmarks": [{"name": "b"}]}, "models.0.colour: unknown key"),
        ({"models": [{"name": "a", "role": "student"}], "benchmarks": [{"name": "b"}]}, "no scores of a on b"),
    ],
)
def test_bad_input_is_one_line(run, spec, message):
    with pytest.raises(InputError, match=message) as error:
        run(spec)
    assert "\n" not in str(error.value)
