"""What a model cost: each step that it is made by, once, in the operations that a training counts itself."""

import json
import shutil

import pytest
import tiny_training
import torch
from safetensors.torch import save_file
from transformers import Qwen2Config, Qwen2ForCausalLM

from distill.base.errors import InputError
from distill.base.files import write_json, write_jsonl
from distill.config import report_part, steps
from distill.config.configured import Configured
from distill.config.load import load
from distill.report.compute import Cost, as_json, costs, from_json, shape_of, shapes_of
from distill.report.estimates import WEIGHTS, weights_of
from distill.training.speed import flops_per_token, matrix_weights


@pytest.mark.parametrize("tied", [True, False])
def test_the_operations_are_those_by_which_a_training_measures_its_use_of_a_gpu(tmp_path, tied):
    sizes = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2}
    model = Qwen2ForCausalLM(Qwen2Config(vocab_size=80, tie_word_embeddings=tied, **sizes))
    model.save_pretrained(tmp_path)
    shape = shape_of(tmp_path)
    assert shape.weights == matrix_weights(model)
    tokens, mean_attended = 1000, 37
    assert 3 * shape.forward(tokens, mean_attended * tokens) == tokens * flops_per_token(model, mean_attended)


def test_a_folder_without_weights_is_an_error(tmp_path):
    write_json(tmp_path / "config.json", {})
    with pytest.raises(InputError, match="has no weights as safetensors"):
        shape_of(tmp_path)


def test_a_model_that_was_copied_without_its_weights_has_the_cost_that_their_shapes_give_or_none(results, tmp_path):
    away = shutil.copytree(results, tmp_path / "away")
    weights = away / "models/ours/model.safetensors"
    record = {**weights_of(weights.parent), "shapes": shapes_of(weights.parent)}
    weights.unlink()
    assert costs({"ours": [OURS]}, away) == {}
    write_json(weights.with_name(WEIGHTS), record)
    assert costs({"ours": [OURS]}, away) == costs({"ours": [OURS]}, results) != {}
    assert weights_of(weights.parent) == weights_of(results / "models/ours")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Models of one shape, trained on 100 and 60 (a checkpoint) and 50 tokens, answers of 30 and 12 tokens."""
    root = tmp_path_factory.mktemp("results")
    for name, tokens in {"base": 0, "ours": 100, "half": 60, "more": 50, "r1": 900, "adapted": 40}.items():
        tiny_training.base(root / "models" / name)
        rows = [{"tokens": tokens // 2, "attended": 7 * tokens // 2}, {"tokens": tokens, "attended": 7 * tokens}]
        write_jsonl(root / "models" / name / "log.jsonl", rows if tokens else [])
    write_jsonl(root / "sources/datasets/taught/traces.jsonl", [{"prompt_tokens": 10, "completion_tokens": 20}])
    write_jsonl(root / "attempts/ours/harder.jsonl", [{"prompt_tokens": 5, "completion_tokens": 7}])
    write_jsonl(root / "data/harder/judge/responses.jsonl", [{"prompt_tokens": 8, "completion_tokens": 1}])
    write_json(root / "models/more/manifest.json", {"world_size": 2, "recipe": {}})
    write_json(root / "models/adapted/manifest.json", {"recipe": {"lora": {"r": 8}}})
    for path, seconds in {
        "train/ours": 4,
        "train/half": 1,
        "train/more": 3,
        "teacher/taught": 5,
        "attempt/ours/harder": 2,
        "judge/harder": 1,
    }.items():
        (root / "timing" / path).parent.mkdir(parents=True, exist_ok=True)
        (root / "timing" / f"{path}.tsv").write_text(f"s\tmax_rss\n{seconds}\t9\n")
    return root


OURS = {"kind": "train", "model": "ours", "training": "ours"}
HALF = {"kind": "train", "model": "half", "training": "ours"}
MORE = {"kind": "train", "model": "more", "training": "more"}
TAUGHT = {"kind": "teacher", "model": "r1", "dataset": "taught"}
HARDER = {"kind": "attempt", "model": "ours", "dataset": "harder"}
JUDGED = {"kind": "judge", "model": "base", "dataset": "harder"}

TAUGHT_BY_R1 = {"student": "ours", "teacher": "r1-distill-mini", "steps": 1, "max_new_tokens": 9}
DISTILLED = [
    {"kind": "rollout", "model": "taught"},
    {"kind": "distill_teacher", "model": "r1-distill-mini", "student": "taught"},
    {"kind": "distill", "model": "taught", "training": "taught"},
]


@pytest.mark.parametrize(
    ("own", "trained", "generated", "device_s"),
    [
        ([], [], [], 0.0),
        ([OURS], [100], [], 4.0),
        ([HALF], [60], [], 1.0),
        ([HALF, OURS], [100], [], 4.0),  # an average of checkpoints: one training
        ([OURS, MORE], [100, 50], [], 4.0 + 2 * 3.0),  # two processes
        ([TAUGHT, MORE], [50], [30], 11.0),
        ([OURS, HARDER, MORE], [100, 50], [12], 12.0),
        ([HARDER, JUDGED, MORE], [50], [12, 9], 9.0),
    ],
)
def test_steps_add_up_and_a_training_counts_once(results, own, trained, generated, device_s):
    shape = shape_of(results / "models/base")
    cost = costs({"it": own}, results)["it"]
    assert cost.tokens_trained == sum(trained) and cost.tokens_inferred == sum(generated)
    assert cost.training_flops == sum(6 * shape.weights * n + 12 * shape.attention * 7 * n for n in trained)
    assert cost.inference_flops == sum(2 * shape.weights * n + 4 * shape.attention * n * (n + 1) // 2 for n in generated)
    assert cost.device_s == device_s
    assert from_json(json.loads(json.dumps(as_json({"it": cost})))) == {"it": cost}


def test_a_training_of_adapters_has_no_gradients_of_the_weights_below_them(results):
    own = {"adapted": [{"kind": "train", "model": "adapted", "training": "adapted"}]}
    assert costs(own, results)["adapted"].training_flops == 2 * shape_of(results / "models/base").forward(40, 7 * 40)


def test_a_distillation_is_a_training_and_a_forward_pass_each_of_its_rollouts_and_its_teacher(results, tmp_path):
    """The teacher and the rollouts read the tokens that are learned from, and take their time within the step's own."""
    folder = shutil.copytree(results, tmp_path / "results")
    shutil.copytree(folder / "models/more", folder / "models/taught")
    (folder / "timing/distill").mkdir()
    shutil.copy(folder / "timing/train/more.tsv", folder / "timing/distill/taught.tsv")
    shutil.copytree(folder / "models/more", folder / "models/r1-distill-mini")
    taught = {"role": "student", "distill": {**TAUGHT_BY_R1, "prompts": "mini_r1"}}
    assert steps.of_models(plan(models={"taught": taught}))["taught"] == [OURS, *DISTILLED]
    cost = costs({"taught": DISTILLED}, folder)["taught"]
    forward = shape_of(folder / "models/taught").forward(50, 7 * 50)
    assert (cost.training_flops, cost.inference_flops) == (3 * forward, 2 * forward)
    assert (cost.tokens_trained, cost.tokens_inferred, cost.device_s) == (50, 100, 2 * 3.0)


def test_by_hand_a_distillation_costs_four_forward_passes_of_the_student_and_one_of_the_teacher(tmp_path):
    """Two completions: 3 tokens of prompt and 2 more, 1 and 3. Of 5 and 4 tokens each attends to itself and those before: 15 + 10.

    The student has 2 layers of 1 head of width 4, and 10 weights a token; the teacher 3 layers of 2 heads of width 4, and 20.
    """
    for name, layers, heads, weights in (("taught", 2, 1, 10), ("r1-distill-mini", 3, 2, 20)):
        folder = tmp_path / "models" / name
        write_json(folder / "config.json", {"hidden_size": 4 * heads, "num_attention_heads": heads, "num_hidden_layers": layers})
        save_file({"weight": torch.zeros(weights // 2, 2)}, folder / "model.safetensors")
        write_json(folder / "manifest.json", {})
    write_jsonl(tmp_path / "models/taught/log.jsonl", [{"tokens": 9, "attended": 25, "generated_tokens": 5}])
    cost = costs({"taught": DISTILLED}, tmp_path)["taught"]
    student, teacher = 2 * 10 * 9 + 4 * 2 * 4 * 25, 2 * 20 * 9 + 4 * 3 * 8 * 25
    assert (student, teacher) == (980, 2760)
    assert (cost.training_flops, cost.inference_flops) == (3 * 980, 980 + 2760)


def test_a_log_of_an_earlier_version_has_no_attention_and_unknown_times_stay_unknown(results, tmp_path):
    tiny_training.base(tmp_path / "models/old")
    write_jsonl(tmp_path / "models/old/log.jsonl", [{"tokens": 10}])
    shape = shape_of(tmp_path / "models/old")
    assert costs({"old": [{**OURS, "model": "old"}]}, tmp_path)["old"] == Cost(60.0 * shape.weights, 0.0, 10, 0, None)


@pytest.mark.parametrize("gone", ["sources/datasets/taught/traces.jsonl", "models/r1/config.json"])
def test_a_model_of_which_a_file_is_gone_is_left_out(results, tmp_path, gone):
    folder = shutil.copytree(results, tmp_path / "results")
    (folder / gone).unlink()
    assert list(costs({"ours": [OURS], "more": [TAUGHT, MORE]}, folder)) == ["ours"]


def plan(**changes):
    import readme

    return Configured(load(readme.overlay(readme.example("config.yaml"), changes)))


def test_the_steps_of_a_model_are_those_of_all_that_it_is_made_from():
    from_r1 = {"teacher": {"model": "r1-distill-mini", "questions": {"dataset": "mini_r1"}, "max_new_tokens": 9}}
    data = {"format": "bespoke_stratos", "tokenizer": "base", "thought_style": "stratos"}
    found = steps.of_models(
        plan(
            models={
                "ours": {"train": {"save": [0.5]}},
                "half": {"role": "student", "checkpoint": {"of": "ours", "epoch": 0.5}},
                "mean": {"role": "student", "average": {"of": ["ours", "half"]}},
                "more": {"role": "student", "train": {"base": "mean", "dataset": "both"}},
            },
            datasets={
                "taught": {"source": from_r1, **data},
                "harder": {
                    "source": {"miniature": "traces", "rows": 9},
                    **data,
                    "filter": {"pass_rate": {"model": "ours", "max_new_tokens": 9}, "judge": {"model": "base"}},
                },
                "both": {"mix": [{"dataset": "taught"}, {"dataset": "harder"}]},
            },
        )
    )
    ours, half = {**OURS}, {**HALF}
    assert found["base"] == []
    assert found["ours"] == [ours] and found["half"] == [half] and found["mean"] == [ours, half]
    assert found["more"] == [
        *(ours, half),
        {"kind": "teacher", "model": "r1-distill-mini", "dataset": "taught"},
        HARDER,
        JUDGED,
        MORE,
    ]


def test_the_students_of_the_configuration_beyond_are_drawn_against_what_they_cost():
    import readme

    from distill.config.plan import Plan

    beyond = Plan(load(readme.overlay(readme.example("config.yaml"), readme.example("beyond.yaml"))))
    found = report_part.figures(beyond)["made_from"]
    kinds = {model: [step["kind"] for step in own] for model, own in found.items()}
    assert kinds["ours-averaged"] == ["train"] * 3 and kinds["ours-mixed"] == ["train"]
    assert kinds["ours-harder"] == ["train", "attempt", "train"]
    assert kinds["ours-from-teacher"] == ["train", "teacher", "train"]
    assert kinds["ours-on-policy"] == ["train", "rollout", "distill_teacher", "distill"]
    assert kinds["ours-logits"] == ["train", "teacher", "logits", "train"]
