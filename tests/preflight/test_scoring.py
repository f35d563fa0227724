"""What is generated and scored for a training set is counted: answers for pass rates, a teacher's logits, and a training on these."""

from copy import deepcopy
from pathlib import Path

import pytest
import readme

from distill.base.files import write_json, write_jsonl
from distill.base.settings import read_yaml
from distill.config import preflight_part
from distill.config.load import load
from distill.config.plan import Plan
from distill.preflight import actual, facts, memory
from distill.preflight.arch import Arch
from distill.preflight.estimate import estimate
from distill.preflight.findings import stops
from distill.preflight.page import page

KNOWN = read_yaml(Path(readme.PROJECT) / "config/known.yaml")
SMALL, LARGE = (Arch.of(KNOWN["models"][name]) for name in ("Qwen/Qwen2.5-Math-1.5B", "open-r1/OpenR1-Distill-7B"))
ROWS = round(KNOWN["datasets"]["open-r1/OpenR1-Math-220k"]["rows"] / 10)  # config/beyond_1p5b.yaml takes one of ten files
H100 = {"name": "H100-80GB"}


def part_of(**changes) -> dict:
    """config/beyond_1p5b.yaml, laid over the tutorial."""
    config = readme.overlay(readme.example("tutorial.yaml"), readme.example("beyond_1p5b.yaml"))
    own = {"runtime": {"devices": H100, "micro_batch": 1, "train_gpus": 1}}
    return facts.join_tasks(preflight_part.of(Plan(load(readme.overlay(deepcopy(config), readme.overlay(own, changes))))))


def estimated(results: Path, **changes) -> dict:
    part = part_of(**changes)
    return estimate(part, facts.gather(part, results))


def test_the_answers_for_pass_rates_are_counted_as_those_to_benchmarks_are(tmp_path):
    given = estimated(tmp_path)
    (row,) = given["attempts"]
    assert (row["model"], row["run"], row["engine"], row["questions"]) == ("ours", "harder", "vllm", "assumed: a question a row")
    assert (row["answers"], row["tokens"]) == (4 * ROWS, round(4 * ROWS * 3500 * KNOWN["assumed"]["filled"]))
    assert row["memory_gb"]["total"] == pytest.approx((2 * SMALL.parameters + 3500 * SMALL.cached_bytes()) / 1e9, rel=0.01)
    assert row["device_hours"] == pytest.approx(row["tokens"] / row["tokens_per_s"] / 3600, rel=0.01)
    hours = sum(one["device_hours"] for one in (*given["evaluations"], row, *given["logits"]))
    assert given["totals"]["respond_device_hours"] == pytest.approx(hours, abs=0.01)
    assert "Answers for pass rates (GB of one device)\n  model  dataset  engine" in page(given)


def test_questions_and_lengths_are_those_that_are_there(tmp_path):
    made = {"made_by": "fetch", "asked": {"hub": "open-r1/OpenR1-Math-220k"}}
    write_json(tmp_path / "sources/datasets/harder/manifest.json", made)
    write_jsonl(tmp_path / "data/harder/questions.jsonl", [{"id": str(place)} for place in range(30)])
    write_json(tmp_path / "sources/models/base/manifest.json", {"made_by": "fetch", "asked": {"hub": "Qwen/Qwen2.5-Math-1.5B"}})
    write_json(tmp_path / "pass_rates/ours/harder.json", {"mean_completion_tokens": 1000})
    (row,) = estimated(tmp_path)["attempts"]
    assert (row["answers"], row["tokens"], row["questions"]) == (120, 120_000, "counted: questions.jsonl")


def test_a_teachers_pass_is_a_third_of_a_training_and_its_probabilities_are_on_the_disk(tmp_path):
    """6 bytes for each of 32 probabilities, in results/ and in work/, and 4 for the token."""
    given = estimated(tmp_path)
    (row,) = given["logits"]
    assert (row["dataset"], row["teacher"], row["parameters"]) == ("harder", "teacher", LARGE.parameters)
    assert row["tokens"] == ROWS * 4096 and row["disk_gb"] == pytest.approx(ROWS * 4096 * (2 * 6 * 32 + 4) / 1e9, rel=0.01)
    speed = 989e12 * KNOWN["assumed"]["mfu"] / (2 * LARGE.parameters + 2 * LARGE.layers * 4096 * LARGE.q)
    assert row["tokens_per_s"] == pytest.approx(speed, rel=1e-3)
    assert row["device_hours"] == pytest.approx(row["tokens"] / speed / 3600, rel=0.01)
    assert given["disk"]["logits"] == row["disk_gb"]
    weights, forward = row["memory_gb"]["weights"], row["memory_gb"]["forward"]
    assert weights == pytest.approx(2 * LARGE.parameters / 1e9, rel=0.01)
    assert forward == pytest.approx((8 * 4096 * memory.layer_bytes(LARGE, True) + 10 * 1024 * LARGE.vocabulary) / 1e9, rel=0.01)
    assert "Teachers' logits (GB of one device)\n  dataset  teacher" in page(given)


def test_a_training_on_logits_holds_those_of_a_whole_micro_batch(tmp_path):
    rows = {row["model"]: row for row in estimated(tmp_path)["trainings"]}
    whole = 4096 * SMALL.vocabulary
    more = rows["ours-logits"]["memory_gb"]["head"] - rows["ours-harder"]["memory_gb"]["head"]
    assert more == pytest.approx((2 * 2 * whole + 18 * 1024 * SMALL.vocabulary - 2 * 4096 * 32768) / 1e9, abs=0.06)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"runtime": {"devices": {"memory_gb": 16}}},
            "logits harder: needs {total} GB of a device, of which 14.4 can be used: the teacher alone takes 15.2 GB; name a smaller one",
        ),
        (
            {"runtime": {"devices": {"memory_gb": 20}}},
            "logits harder: needs {total} GB of a device, of which 18.0 can be used: 8 rows of up to 4,096 tokens at once; "
            "lower datasets.harder.filter.max_tokens",
        ),
        (
            {"models": {"teacher": {"source": {"hub": "HuggingFaceTB/SmolLM2-135M-Instruct"}}}},
            "logits harder: teacher has 49,152 rows in its vocabulary, and the students have 151,936; name a teacher with as many or more",
        ),
    ],
)
def test_a_teacher_that_does_not_fit_stops_before_it_begins(tmp_path, changes, line):
    given = estimated(tmp_path, **changes)
    total = given["logits"][0]["memory_gb"]["total"]
    assert line.format(total=total) in stops(given)


def test_rows_beyond_the_teachers_context_are_a_warning(tmp_path):
    given = estimated(tmp_path, datasets={"harder": {"filter": {"max_tokens": 40000}}})
    said = (
        "rows of up to 40,000 tokens exceed the context of teacher, 32,768, and one stops it: set datasets.harder.filter.max_tokens: 32768"
    )
    assert [finding["level"] for finding in given["findings"] if finding["text"] == said] == ["warning"]


def test_a_model_of_unknown_shape_is_a_note(tmp_path):
    given = estimated(tmp_path, models={"teacher": {"source": {"hub": "someone/unknown"}}})
    assert "memory_gb" not in given["logits"][0] and "unknown" in page(given)
    assert [finding["level"] for finding in given["findings"] if "the shape of teacher is unknown" in finding["text"]] == ["note"]


def test_after_a_run_both_are_next_to_what_they_took(tmp_path):
    given = estimated(tmp_path)
    write_jsonl(tmp_path / "attempts/ours/harder.jsonl", [{"completion_tokens": 300}])
    write_json(tmp_path / "data/harder/logits/manifest.json", {"tokens": 500})
    for path in ("attempt/ours/harder", "logits/harder"):
        (tmp_path / "timing" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / f"timing/{path}.tsv").write_text("s\tmax_rss\n10\t9\n", encoding="utf-8")
    rows = {row["what"]: row for row in actual.measured(given, tmp_path)}
    assert {name: (row["tokens_actual"], row["tokens_per_s"]) for name, row in rows.items()} == {
        "attempt ours harder": (300, 30.0),
        "logits harder": (500, 50.0),
    }
    assert rows["logits harder"]["hours"] == given["logits"][0]["hours"]
    assert actual.page(list(rows.values())).endswith("rates:\n    answer_tokens_per_s: 30\n")
