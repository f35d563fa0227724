"""What a configuration itself says of a student, its teacher and its prompts, and does not fit, is one line before any job."""

import pytest
import readme

from distill.base.errors import InputError
from distill.config.load import load

DISTILL = {"student": "ours", "teacher": "r1-distill-mini", "prompts": "mini_r1", "steps": 1, "max_new_tokens": 200}
SHORT = {"prepare": {"base": "r1-distill-mini", "max_position_embeddings": 200}}
FILES = {"format": "table", "tokenizer": "base", "source": {"path": "exam"}}

# what is laid over the miniature, and what is said of it
MISTAKES = [
    (
        {"models": {"short": SHORT, "taught": {"distill": {**DISTILL, "teacher": "short"}}}},
        "models.taught.distill.max_new_tokens: 200 with a prompt exceed the teacher's context of 200; lower it",
    ),
    (
        {"models": {"short": SHORT, "taught": {"distill": {**DISTILL, "student": "short"}}}},
        "models.taught.distill.max_new_tokens: 200 with a prompt exceed the student's context of 200; lower it",
    ),
    (
        {
            "models": {"taught": {"distill": {**DISTILL, "prompts": "exam"}}},
            "datasets": {"exam": FILES},
            "benchmarks": {"mini_math": {"source": {"miniature": None, "items": None, "path": "exam"}}},
        },
        "models.taught.distill.prompts: exam has the files of benchmarks.mini_math; "
        "a student must not be trained on what it is evaluated on",
    ),
    (
        {
            "models": {"taught": {"distill": {**DISTILL, "prompts": "both"}}},
            "datasets": {"both": {"mix": [{"dataset": "mini_r1"}]}, "mini_r1": {"filter": {"contamination_action": "report"}}},
        },
        "models.taught.distill.prompts: mini_r1 keeps rows that hold benchmark questions; "
        "set datasets.mini_r1.filter.contamination_action: drop",
    ),
]


@pytest.mark.parametrize(("overlay", "said"), MISTAKES, ids=lambda value: value if isinstance(value, str) else "")
def test_what_does_not_fit_is_one_line(overlay, said):
    with pytest.raises(InputError) as error:
        load(readme.overlay(readme.example("config.yaml"), overlay))
    assert str(error.value) == f"config: {said}"


@pytest.mark.parametrize(("files", "fine"), [(["main/train-*.parquet"], True), (["main/*.parquet"], False), (None, False)])
def test_another_split_of_a_benchmark_s_repository_may_be_prompts(files, fine):
    """config/gsm8k_on_policy.yaml takes openai/gsm8k's training set; its benchmark is the test set."""
    config = readme.overlay(readme.example("gsm8k.yaml"), readme.example("gsm8k_on_policy.yaml"))
    config["datasets"]["gsm8k"]["source"] = {"hub": "openai/gsm8k", **({"files": files} if files else {})}
    if fine:
        assert load(config)["models"]["ours-on-policy"]["distill"]["teacher"] == "teacher"
    else:
        with pytest.raises(InputError, match=r"gsm8k has the files of benchmarks\.gsm8k"):
            load(config)


def test_what_fits_is_taken_as_it_is_written():
    config = load(readme.overlay(readme.example("config.yaml"), {"models": {"taught": {"distill": DISTILL}}}))
    assert config["models"]["taught"]["distill"].items() >= DISTILL.items()
