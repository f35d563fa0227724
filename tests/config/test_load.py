"""A mistake in the configuration is answered with one line that names the key and says what to write."""

import re
from copy import deepcopy
from pathlib import Path

import pytest
import yaml
from checkout import merged

from distill.base.errors import InputError
from distill.config import report_part
from distill.config.load import load, with_types
from distill.config.plan import Plan
from distill.generation import collect

CONFIG = Path(__file__).resolve().parents[2] / "config"
MINIATURE = yaml.safe_load((CONFIG / "config.yaml").read_text(encoding="utf-8"))
DELETE = object()

DISTILL = {"student": "ours", "teacher": "r1-distill-mini", "prompts": "mini_r1", "steps": 1, "max_new_tokens": 8}

# path to the key, what is written there, what the answer must hold
MISTAKES = [
    ("models.theirs", {"endpoint": {"name": "shop", "model": "m"}}, "models.theirs.endpoint.name: 'shop' does not exist; known are"),
    ("benchmarks.mini_math.for_protocol", {"mini": {"user": "Solve it."}}, "mini_math.for_protocol.mini.user: holds no {question}"),
    ("benchmarks.mini_math.for_protocol", {"mni": {}}, "for_protocol.mni: not one of this benchmark's protocols; did you mean mini?"),
    ("benchmarks.mini_gpqa.columns.wrong", [f"wrong_{n}" for n in range(10)], "columns.wrong: has 10 entries; write at most 9"),
    ("protocols.mini.answer_form", {"math": "ANSWER"}, "protocols.mini.answer_form.math: holds no {answer}"),
    ("protocols.mini.engine", "vlm", "protocols.mini.engine: 'vlm' is not known; write one of transformers, vllm"),
    ("models.ours.train.learning_rte", 1e-3, "models.ours.train.learning_rte: unknown key; did you mean learning_rate?"),
    ("models.ours.train.max_seq_length", 512, "write max_length instead"),
    ("models.ours.train.torch_dtype", "bfloat16", "write dtype instead"),
    ("models.ours.train.num_train_epochs", 1, "write epochs instead"),
    ("models.ours.train.overwrite_output_dir", True, "remove it"),
    ("models.ours.train.evaluation_strategy", "steps", "remove it; models are evaluated on benchmarks:"),
    ("models.ours.train.per_device_train_batch_size", 4, "write global_batch here and runtime.micro_batch instead"),
    ("models.ours.train.save_steps", 100, "write runtime.save_steps instead"),
    ("models.ours.train.warmup_ratio", 1, "models.ours.train.warmup_ratio"),
    ("train_defaults.max_seq_length", 512, "write max_length instead"),
    ("models.ours.train.lora_r", 8, "models.ours.train.lora_r: unknown key; write lora: {r: 16} instead"),
    ("models.ours.train.lora", {"alpha": 16}, "models.ours.train.lora.r: missing; add it"),
    ("models.ours.train.lora", {"r": 8, "lora_alpha": 16}, "models.ours.train.lora.lora_alpha: unknown key; write alpha instead"),
    ("models.ours.train.lora", 16, "models.ours.train.lora: 16 is not a mapping"),
    ("benchmarks.mini_math.output_dir", "x", "benchmarks.mini_math.output_dir: unknown key; known are"),
    ("models.ours.train.save", [0.5, 2], "models.ours.train.save: 2 is beyond the 1 epochs of this training; remove it or raise epochs"),
    ("models.ours.train.save", [0], "models.ours.train.save.0"),
    ("models.ours.train.save", 0.5, "models.ours.train.save: 0.5 is not a list"),
    (
        "models.half",
        {"checkpoint": {"of": "ours", "epoch": 0.5}},
        "models.half.checkpoint.epoch: 0.5 is not in models.ours.train.save, which is empty; add it there",
    ),
    (
        "models.half",
        {"checkpoint": {"of": "base", "epoch": 1}},
        "models.half.checkpoint.of: 'base' is not trained; write one of r1-distill-mini, ours",
    ),
    ("models.half", {"checkpoint": {"of": "our", "epoch": 1}}, "models.half.checkpoint.of: 'our' does not exist; write one of"),
    ("models.mean", {"average": {"of": ["base", "ous"]}}, "models.mean.average.of: 'ous' does not exist; did you mean ours?"),
    ("models.mean", {"average": {"of": ["base", "ours"], "weights": [1]}}, "average.weights: has 1 numbers for 2 models; give one a model"),
    ("models.mean", {"average": {"of": ["base", "mean"]}}, "models.mean: is made from itself (mean from mean)"),
    ("models.mean", {"average": {"of": ["base"]}}, "models.mean.average.of"),
    (
        "models.taught",
        {"distill": {**DISTILL, "student": "our"}},
        "models.taught.distill.student: 'our' does not exist; did you mean ours?",
    ),
    ("models.taught", {"distill": {**DISTILL, "teacher": "ours"}}, "models.taught.distill.teacher: is the student itself"),
    ("models.taught", {"distill": {**DISTILL, "teacher": "taught"}}, "models.taught: is made from itself (taught from taught)"),
    ("models.taught", {"distill": {**DISTILL, "prompts": "mini_r2"}}, "distill.prompts: 'mini_r2' does not exist; did you mean mini_r1?"),
    ("models.taught", {"distill": {**DISTILL, "global_batch": 0}}, "models.taught.distill.global_batch"),
    ("models.taught", {"distill": {**DISTILL, "beta": 2}}, "models.taught.distill.beta"),
    (
        "models.taught",
        {"distill": {**DISTILL, "engine": "vlm"}},
        "distill.engine: 'vlm' is not known; write one of transformers, vllm",
    ),
    (
        "models.taught",
        {"distill": {**DISTILL, "eos_token": "<|endoftext|>"}},
        "teacher: ends its turns with <|im_end|>, and the student",
    ),
    (
        "models.taught",
        {"distill": {**DISTILL, "warmup_steps": 1, "warmup_ratio": 0.1}},
        "distill.warmup_ratio: has no meaning together with warmup_steps; remove one of them",
    ),
    ("models.half", {"checkpoint": {"of": "ours"}}, "models.half.checkpoint.epoch: missing; add it"),
    (
        "models.ours.train.learning_rate",
        "2e-5",
        "models.ours.train.learning_rate: '2e-5' is not a number; YAML reads it as text: write 2.0e-5",
    ),
    ("models.ours.train.learning_rate", "0.001", "remove the quotes"),
    ("models.ours.train.learning_rate", -1.0, "models.ours.train.learning_rate"),
    ("models.ours.train.epochs", 0, "models.ours.train.epochs"),
    ("models.ours.train.packing", "bdf", "write one of none, bfd, bfd_split, wrapped"),
    ("models.ours.train.global_batch", 1.5, "models.ours.train.global_batch: 1.5 is not a whole number"),
    ("models.ours.train.group_by_length", "yes", "is not true or false"),
    ("models.ours.train.base", "bse", "models.ours.train.base: 'bse' does not exist; did you mean base?"),
    ("models.ours.train.base", DELETE, "models.ours.train.base: missing"),
    ("models.ours.train.base", "ours", "is made from itself"),
    ("models.ours.train.dataset", "mini_strato", "models.ours.train.dataset: 'mini_strato' does not exist; did you mean mini_stratos?"),
    ("models.ours.train.packing", "bfd_split", "group_by_length: has no meaning with packing bfd_split"),
    (
        "models.ours.train",
        DELETE,
        "has none of source, prepare, train, distill, checkpoint, average, responses, endpoint, results; give exactly one",
    ),
    (
        "models.ours.source",
        {"path": "x"},
        "has source and train of source, prepare, train, distill, checkpoint, average, responses, endpoint, results; give exactly one",
    ),
    ("models.ours.role", "studnet", "write one of baseline, reference, student, none"),
    ("models.ours.role", "baseline", "base and ours both have role baseline"),
    ("models.base.source", {}, "models.base.source: has none of"),
    ("models.base.source", {"hub": "/data/model"}, "use path: for a folder on this machine"),
    ("models.base.source.miniature", "aime", "'aime' is not made for this; write base"),
    ("models.a/b", {"source": {"path": "x"}}, "'a/b' is not a name"),
    ("models", DELETE, "models: missing; add it"),
    ("models", [], "models: [] is not a mapping"),
    ("dataset", {}, "dataset: unknown key; did you mean datasets?"),
    ("datasets.mini_stratos.format", "stratos", "write one of messages"),
    ("datasets.mini_stratos.tokenizer", "bases", "datasets.mini_stratos.tokenizer: 'bases' does not exist; did you mean base?"),
    ("datasets.mini_r1.source", DELETE, "datasets.mini_r1.source: missing; add it"),
    ("datasets.both", {"mix": [{"dataset": "mini_r2"}]}, "datasets.both.mix.dataset: 'mini_r2' does not exist; did you mean mini_r1?"),
    ("datasets.both", {"mix": [{"dataset": "mini_r1", "rows": 5, "weight": 1}]}, "mini_r1 has rows and weight; give one of them"),
    ("datasets.both", {"mix": [{"dataset": "mini_r1"}] * 2}, "datasets.both.mix: names a dataset twice; give each once"),
    ("datasets.both", {"mix": [{"dataset": "both"}]}, "datasets.both.mix: is made from itself; break the circle"),
    ("datasets.both", {"mix": [{"dataset": "mini_r1"}], "format": "table"}, "datasets.both.format: has no meaning together with mix"),
    ("datasets.both", {"mix": [{"dataset": "mini_r1"}], "filter": {"verify": False}}, "datasets.both.filter: has no meaning together with"),
    ("models.ours.train.loss", "kl", "models.ours.train.loss: kl learns from a teacher's probabilities; name the teacher in datasets.mini"),
    ("datasets.mini_r1.logits", {"teacher": "bose"}, "datasets.mini_r1.logits.teacher: 'bose' does not exist; did you mean base?"),
    ("datasets.mini_r1.logits", {"teacher": "base", "top_k": 0}, "datasets.mini_r1.logits.top_k"),
    ("datasets.mini_r1.filter.pass_rate", {"model": "base"}, "datasets.mini_r1.filter.pass_rate.max_new_tokens: missing"),
    (
        "datasets.mini_r1.filter.pass_rate",
        {"model": "bose", "max_new_tokens": 9},
        "pass_rate.model: 'bose' does not exist; did you mean base?",
    ),
    (
        "datasets.mini_r1.filter.pass_rate",
        {"model": "base", "max_new_tokens": 9, "min": 0.5, "max": 0.2},
        "pass_rate.min: is above max 0.2",
    ),
    (
        "datasets.mini_r1.filter.pass_rate",
        {"model": "r1-distill-mini", "max_new_tokens": 9},
        "datasets.mini_r1.filter.pass_rate.model: r1-distill-mini is trained on what it would choose from this dataset; name a model",
    ),
    ("datasets.mini_stratos.tokenizer", DELETE, "datasets.mini_stratos.tokenizer: missing; add it"),
    ("datasets.mini_stratos.thought_style", "thinking", "write one of stratos, think"),
    ("datasets.mini_stratos.filter.max_token", 5, "did you mean max_tokens?"),
    ("datasets.mini_stratos.filter.near_duplicates", 1.5, "datasets.mini_stratos.filter.near_duplicates"),
    ("benchmarks.mini_math.kind", "maths", "write one of math, choice"),
    ("benchmarks.mini_math.protocols", ["minni"], "'minni' is not under protocols:; did you mean mini?"),
    ("benchmarks.mini_math.protocols", [], "benchmarks.mini_math.protocols"),
    ("datasets.mini_r1.columns", {"gold": "answer"}, "datasets.mini_r1.columns: has no meaning with format"),
    (
        "datasets.mini_r1",
        {"source": {"path": "t"}, "format": "table", "tokenizer": "base", "columns": {"answer": "a"}},
        "datasets.mini_r1.columns: 'answer' is not known; write one of question, response, gold",
    ),
    ("benchmarks.mini_math.columns.gold", DELETE, "benchmarks.mini_math.columns.gold: missing; add it"),
    ("benchmarks.mini_gpqa.columns.wrong", DELETE, "benchmarks.mini_gpqa.columns.wrong: missing"),
    ("benchmarks.mini_math.sampling", {"deepseek": {"n_samples": 4}}, "not one of this benchmark's protocols"),
    ("protocols.mini.math", "Solve it.", "protocols.mini.math: holds no {question}"),
    ("protocols.mini.choice", DELETE, "protocols.mini.choice: missing; add it, for benchmarks.mini_gpqa is of kind choice"),
    ("protocols.mini.sampling.temperature", -0.1, "protocols.mini.sampling.temperature"),
    ("protocols.mini.sampling.top_p", 0, "protocols.mini.sampling.top_p"),
    ("protocols.mini.sampling.n_samples", 0, "protocols.mini.sampling.n_samples"),
    ("protocols.mini.sampling.seed", DELETE, "protocols.mini.sampling.seed: missing; add it"),
    (
        "protocols.seen",
        {"kind": "completion", "sampling": {"n_samples": 1, "temperature": 0.6, "top_p": 1.0, "max_new_tokens": 9, "seed": 0}},
        "protocols.seen.sampling: kind completion is one greedy answer; set n_samples: 1 and temperature: 0.0",
    ),
    (
        "protocols.mini",
        {"kind": "completion", "sampling": {"n_samples": 1, "temperature": 0.0, "top_p": 1.0, "max_new_tokens": 9, "seed": 0}},
        "benchmarks: none of them is answered, so that there is nothing to compare; list a protocol of kind answer for one",
    ),
    ("models.ours", {"role": "student", "responses": {"path": "config/config.yaml", "tokenizer": "bas"}}, "did you mean base?"),
    ("models.base.source.planted", {"maths": 3}, "write one of aime, math, gpqa"),
    ("protocols.mini.engine", "vlm", "protocols.mini.engine"),
    ("runtime.device", "gpu", "write one of auto, cpu, cuda"),
    ("runtime.micro_batch", 0, "runtime.micro_batch"),
    ("runtime.devices", {"name": "RTX 4090"}, "runtime.devices.name: 'RTX 4090' is not in config/known.yaml; did you mean RTX-4090?"),
    ("runtime.devices", {"name": "Cray-1"}, "'Cray-1' is not in config/known.yaml; known are A10, A100-40GB"),
    (
        "runtime.train_processes",
        3,
        "train.global_batch: 8 sequences do not divide among 3 processes; use 1, 2, 4, 8 processes",
    ),
    ("models.ours.train.learning_rate", float("nan"), "models.ours.train.learning_rate: nan is not a finite number"),
    ("models.ours.train.weight_decay", float("inf"), "models.ours.train.weight_decay: inf is not a finite number"),
    ("models.ours.train.warmup_ratio", 0.1, "warmup_ratio: has no meaning together with warmup_steps; remove one of them"),
    ("models.ours.train.seed", True, "models.ours.train.seed: True is not a whole number"),
    ("models.base", None, "models.base: None is not a mapping"),
    ("models.base.source", {"path": "nowhere"}, "models.base.source.path: 'nowhere' does not exist; fix the path"),
    ("models.base.source", {"path": "Qwen/Qwen2.5-Math-1.5B"}, "does not exist; fix the path, or write hub: for a repository on the hub"),
    ("models.ours.train.chat_template", "nowhere.jinja", "models.ours.train.chat_template: 'nowhere.jinja' does not exist"),
    ("datasets.mini_stratos.system", "nowhere.txt", "datasets.mini_stratos.system: 'nowhere.txt' does not exist"),
    ("datasets.mini_stratos.filter.min_tokens", 321, "min_tokens: is above max_tokens 320, so no row is kept"),
    ("datasets.mini_stratos.system", "a {b}.txt", "Snakemake takes braces in a path for wildcards; rename it without them"),
    ("models.ours.trust_remote_code", True, "models.ours.trust_remote_code: has a meaning with source: only"),
    ("models.base.trust_remote_code", "yes", "models.base.trust_remote_code: 'yes' is not true or false"),
    ("published", "nowhere.csv", "published: 'nowhere.csv' does not exist; fix the path"),
    ("runtime.accelerate", "nowhere.yaml", "runtime.accelerate: 'nowhere.yaml' does not exist; fix the path"),
]


def changed(path: str, value: object) -> dict:
    config = deepcopy(MINIATURE)
    put(config, path, value)
    return config


def put(config: dict, path: str, value: object) -> None:
    *above, last = path.split(".")
    place = config
    for key in above:
        place = place.setdefault(key, {})
    if value is DELETE:
        del place[last]
    else:
        place[last] = deepcopy(value)


# A name that YAML reads as something else, as it stands in a file, with the place that is named.
NO_NAMES = [
    ("{models: {7: {source: {path: x}}}}", "models.7: YAML reads 7 as no text"),
    ("{benchmarks: {2024: {}}}", "benchmarks.2024: YAML reads 2024 as no text"),
    ("{2024: {}}", "2024: YAML reads 2024 as no text"),
    ("{models: {on: {}}}", "models.True: YAML reads True as no text"),
    ("{models: {null: {}}}", "models.None: YAML reads None as no text"),
    ("{benchmarks: {aime: {for_protocol: {1.5: {}}}}}", "benchmarks.aime.for_protocol.1.5: YAML reads 1.5 as no text"),
]


@pytest.mark.parametrize(("text", "answer"), NO_NAMES, ids=lambda value: value)
def test_a_name_that_is_no_text_is_to_be_quoted(text, answer):
    with pytest.raises(InputError) as error:
        load(yaml.safe_load(text))
    assert str(error.value) == f"config: {answer}; write the name in quotes"


# runtime, what else is changed, and what is answered; None: nothing, as no vLLM is started with it
SHARED_OUT = [
    (
        {"respond_gpus": 3, "tensor_parallel": 2},
        {},
        "3 is no multiple of tensor_parallel 2; write respond_gpus: 2 or 4, or as tensor_parallel one of 1, 3",
    ),
    (
        {"respond_gpus": 1, "tensor_parallel": 4},
        {},
        "1 is no multiple of tensor_parallel 4; write respond_gpus: 4, or as tensor_parallel one of 1",
    ),
    ({"respond_gpus": 4, "tensor_parallel": 2}, {}, None),
    ({"respond_gpus": 0, "tensor_parallel": 2}, {}, None),
    ({"respond_gpus": 3, "tensor_parallel": 2}, {"protocols.mini.engine": "transformers"}, None),
]


@pytest.mark.parametrize(("runtime", "more", "answer"), SHARED_OUT)
def test_gpus_that_vllm_cannot_share_out_are_told_before_any_job(runtime, more, answer):
    config = changed("protocols.mini.engine", "vllm")
    config["runtime"] = config.get("runtime", {}) | runtime
    for path, value in more.items():
        put(config, path, value)
    assert holds(refusal_of(config), answer)


@pytest.mark.parametrize(
    ("lora", "compile_layers", "answer"),
    [
        ({"r": 4}, True, "models.ours.train.lora: not together with runtime.compile_layers"),
        ({"r": 4}, False, None),
        (None, True, None),
    ],
)
def test_adapters_and_what_does_not_know_them_are_refused_before_any_job(lora, compile_layers, answer):
    config = changed("models.ours.train.lora", lora) if lora else deepcopy(MINIATURE)
    config["runtime"] = config.get("runtime", {}) | {"compile_layers": compile_layers}
    assert holds(refusal_of(config), answer)


SERVED = {"role": "student", "endpoint": {"name": "shop", "model": "m"}}
CANNOT_KEEP = "cannot be kept by models.theirs.endpoint, which does not tell how many tokens a prompt has"
CONTEXTS = [
    ({"protocols.mini.sampling.context": 50}, f"protocols.mini.sampling.context: {CANNOT_KEEP}"),
    ({"benchmarks.mini_math.sampling": {"mini": {"context": 50}}}, f"benchmarks.mini_math.sampling.mini.context: {CANNOT_KEEP}"),
    ({}, None),
    ({"protocols.mini.sampling.context": 50, "models.theirs.role": "none"}, None),
    ({"protocols.unused": MINIATURE["protocols"]["mini"], "protocols.unused.sampling.context": 50}, None),
]


@pytest.mark.parametrize(("more", "answer"), CONTEXTS)
def test_a_context_that_an_endpoint_cannot_keep_is_told_before_any_job(more, answer):
    config = changed("models.theirs", SERVED)
    config["runtime"] = config.get("runtime", {}) | {"endpoints": {"shop": {"base_url": "http://localhost:1/v1"}}}
    for path, value in more.items():
        put(config, path, value)
    assert holds(refusal_of(config), answer)


def refusal_of(config: dict, **more) -> str | None:
    """The one line that loading a configuration answers with, if it is refused."""
    try:
        load(config, **more)
    except InputError as error:
        assert "\n" not in str(error)
        return str(error)
    return None


def holds(line: str | None, answer: str | None) -> bool:
    return line is None if answer is None else line is not None and answer in line


@pytest.mark.parametrize(("path", "value", "answer"), MISTAKES, ids=lambda value: value if isinstance(value, str) else "")
def test_a_mistake_is_named_with_its_cure(path, value, answer):
    with pytest.raises(InputError) as error:
        load(changed(path, value), exists=lambda path: (CONFIG.parent / path).exists())
    assert answer in str(error.value)
    assert all(line.startswith("config: ") for line in str(error.value).splitlines())


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (
            {"hub": "a/b", "url": "https://x/y.csv", "sha256": "0" * 64},
            "has hub and url of path, hub, modelscope, url, miniature; give exactly one",
        ),
        ({"url": "https://x/y.csv"}, "url and sha256 belong together"),
        ({"url": "https://me:s3cr3t@x/y.csv", "sha256": "0" * 64}, "models.base.source.url: write https://HOST"),
        ({"url": "https://x/y.csv?X-Amz-Signature=s3cr3t", "sha256": "0" * 64}, "models.base.source.url: write https://HOST"),
        ({"modelscope": "a"}, "models.base.source.modelscope: 'a' is not a repository"),
    ],
)
def test_a_mistaken_source_is_one_line(source, says):
    config = yaml.safe_load((CONFIG / "tutorial.yaml").read_text(encoding="utf-8"))
    config["models"]["base"]["source"] = source
    with pytest.raises(InputError, match=re.escape(says)) as caught:
        load(config)
    assert "s3cr3t" not in str(caught.value)


def test_source_is_no_path_where_it_says_that_the_system_text_comes_with_the_rows():
    config = load(changed("datasets.mini_stratos.system", "source"), exists=lambda path: (CONFIG.parent / path).exists())
    assert config["datasets"]["mini_stratos"]["system"] == "source"


@pytest.mark.parametrize("name", ["config.yaml", "tutorial.yaml"])
def test_the_configurations_of_the_project_are_sound(name):
    roles = [model["role"] for model in load(yaml.safe_load((CONFIG / name).read_text(encoding="utf-8")))["models"].values()]
    assert {"baseline", "reference", "student"} <= {*roles}


def test_a_recipe_is_its_own_keys_over_train_defaults_over_the_schema():
    recipe = load(changed("models.ours.train.learning_rate", 5e-4))["models"]["ours"]["train"]
    assert (recipe["learning_rate"], recipe["warmup_steps"], recipe["loss_on"]) == (
        5e-4,
        MINIATURE["train_defaults"]["warmup_steps"],
        "completion",
    )


def test_whole_numbers_are_written_as_the_numbers_that_they_are():
    sampling = load(changed("protocols.mini.sampling.temperature", 0))["protocols"]["mini"]["sampling"]
    assert repr(sampling["temperature"]) == "0.0"
    assert repr(sampling["n_samples"]) == "1"


def test_what_is_given_is_left_as_it_was():
    given = deepcopy(MINIATURE)
    load(given)
    assert given == MINIATURE


@pytest.mark.parametrize(("kind", "benchmarks"), [("choice", ["mini_gpqa"]), ("math", ["mini_aime", "mini_math"])])
def test_a_protocol_says_only_what_its_benchmarks_need(kind, benchmarks):
    config = changed(f"protocols.mini.{kind}", DELETE)
    for name in benchmarks:
        del config["benchmarks"][name]
    assert kind not in load(config)["protocols"]["mini"]
    user = {"for_protocol": {"mini": {"user": "{question} {choices}"}}}
    config["benchmarks"] |= {name: deepcopy(MINIATURE["benchmarks"][name]) | user for name in benchmarks}
    assert Plan(load(config)).prompts(benchmarks[0])["user"] == "{question} {choices}"


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ({"models": {"ours": {"train": {"learning_rate": "0.001", "save": ["0.5", "1"]}}}}, {"learning_rate": 0.001, "save": [0.5, 1]}),
        ({"models": {"ours": {"train": {"lora": {"r": "8", "target": ["q_proj"]}}}}}, {"lora": {"r": 8, "target": ["q_proj"]}}),
        ({"models": {"ours": {"train": {"packing": "none", "group_by_length": "true"}}}}, {"packing": "none", "group_by_length": True}),
        ({"models": {"ours": {"train": {"learning_rate": "fast", "eos_token": "7"}}}}, {"learning_rate": "fast", "eos_token": "7"}),
    ],
)
def test_numbers_within_the_braces_of_a_command_line_are_numbers_where_the_key_takes_one(given, read):
    """Snakemake 9.27 reads all of --config 'models={ours: {train: {learning_rate: 0.001}}}' as text."""
    assert with_types(given) == {"models": {"ours": {"train": read}}}


def test_a_null_in_an_overlay_takes_a_key_out_of_a_source():
    files = [yaml.safe_load((CONFIG / name).read_text(encoding="utf-8")) for name in ("gsm8k.yaml", "gsm8k_local.yaml")]
    for made, key in ((load(files[0]), "hub"), (load(merged(*files)), "path")):
        entries = [made["models"]["base"], made["datasets"]["gsm8k"], *made["benchmarks"].values()]
        assert all(key in entry["source"] and len(entry["source"].keys() & {"hub", "path"}) == 1 for entry in entries)


def test_a_mixture_of_different_thought_tags_is_an_error():
    mixed = deepcopy(MINIATURE)
    mixed["datasets"]["mini_r1"]["thought_style"] = "think"
    mixed["datasets"]["both"] = {"mix": [{"dataset": "mini_r1"}, {"dataset": "mini_stratos"}]}
    with pytest.raises(InputError, match=r"both.mix: its parts have different thought_style \(mini_r1 think, mini_stratos stratos\)"):
        load(mixed)


def judged(**judge):
    """The miniature's smaller dataset with a judge; `models` and `runtime` as they are."""
    return changed("datasets.mini_r1.filter.judge", judge)


@pytest.mark.parametrize(
    ("judge", "says"),
    [
        ({}, "filter.judge.model: missing; add it"),
        ({"model": "nobody"}, "filter.judge.model: 'nobody' does not exist"),
        ({"model": "base", "endpoint": "api"}, "filter.judge.endpoint: 'api' does not exist"),
        ({"model": "r1-distill-mini"}, "filter.judge: judges what it is trained on; name another model"),
        (
            {"model": "base", "samples": 3, "temperature": 0.0},
            "filter.judge.samples: 3 verdicts at temperature 0 are the same",
        ),
        ({"model": "base", "prompt": "nowhere.txt"}, "filter.judge.prompt: 'nowhere.txt' does not exist; fix the path"),
        ({"model": "base", "keep": 3}, "filter.judge.keep: unknown key; did you mean keep_at?"),
        ({"model": "base", "keep_at": "3"}, "filter.judge.keep_at: '3' is not a number; remove the quotes"),
    ],
)
def test_a_mistaken_judge_is_one_line(judge, says):
    with pytest.raises(InputError, match=re.escape(f"datasets.mini_r1.{says}")):
        load(judged(**judge), exists=lambda path: path != "nowhere.txt")


def test_a_judge_that_is_trained_here_keeps_its_dataset_out_of_the_seal():
    plans = [Plan(load(judged(model=model))) for model in ("base", "ours")]
    assert [plan.dataset_below_seal("mini_r1") for plan in plans] == [False, True]
    assert "mini_r1" in plans[0].sealed() and "mini_r1" not in plans[1].sealed()
    assert plans[0].judge("mini_r1").keys() == collect.JUDGE.schema["properties"].keys() - {"endpoint"}
    assert plans[0].filter("mini_r1")["judge"] == {"keep_at": 3.0, "unjudged": "drop"}


def test_where_a_judge_answers_is_no_part_of_what_it_is():
    config = judged(model="deepseek-chat", endpoint="api")
    config["runtime"] = {"endpoints": {"api": {"base_url": "https://x/v1", "budget": {"tokens": 9}}}}
    plan = Plan(load(config))
    assert plan.judge("mini_r1")["engine"] == "openai" and plan.judge_model("mini_r1") == []
    assert plan.judge_runtime("mini_r1")["base_url"] == "https://x/v1" and "base_url" not in str(plan.judge("mini_r1"))


def test_a_dataset_that_a_trained_model_chooses_from_is_not_sealed_before_that_training():
    chosen = deepcopy(MINIATURE)
    chosen["models"]["ours"]["train"]["base"] = "r1-distill-mini"
    for model, sealed in (("base", ["mini_r1", "mini_stratos"]), ("r1-distill-mini", ["mini_r1"])):
        chosen["datasets"]["mini_stratos"]["filter"]["pass_rate"] = {"model": model, "max_new_tokens": 9}
        plan = Plan(load(deepcopy(chosen)))
        assert plan.sealed() == sealed
        assert plan.pass_rates_of("mini_stratos") == [f"results/pass_rates/{model}/mini_stratos.jsonl"]


@pytest.mark.parametrize("model", ["ours", "later", "mean", "mixes"])
def test_a_model_never_chooses_what_it_is_trained_on_itself(model):
    """By way of a model trained on it, of one trained further, of an average, and of a mixture."""
    circle = deepcopy(MINIATURE)
    circle["datasets"]["both"] = {"mix": [{"dataset": "mini_stratos"}, {"dataset": "mini_r1"}]}
    circle["models"] |= {
        "later": {"train": {"base": "ours", "dataset": "mini_r1"}},
        "mean": {"average": {"of": ["base", "later"]}},
        "mixes": {"train": {"base": "base", "dataset": "both"}},
    }
    circle["datasets"]["mini_stratos"]["filter"]["pass_rate"] = {"model": model, "max_new_tokens": 9}
    with pytest.raises(InputError, match=f"pass_rate.model: {model} is trained on what it would choose from this dataset"):
        load(circle)


def learning_from_logits(**recipe):
    made = deepcopy(MINIATURE)
    made["models"]["ours"]["train"] |= {"loss": "kl", **recipe}
    made["datasets"]["mini_stratos"]["logits"] = {"teacher": "r1-distill-mini"}
    return made


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        ({}, None),
        ({"packing": "bfd", "group_by_length": False}, "models.ours.train.packing: loss kl takes each row as its own sequence"),
        ({"loss_on": "all"}, "models.ours.train.loss_on: loss kl learns completions alone; write loss_on: completion"),
    ],
)
def test_a_student_of_logits_takes_each_row_as_the_teacher_scored_it(recipe, said):
    config = learning_from_logits(**recipe)
    if said is None:
        plan = Plan(load(config))
        assert plan.scored() == ["mini_stratos"] and plan.logits("mini_stratos") == {"top_k": 16, "eos_token": "<|im_end|>"}
        assert plan.logits_of("ours") == ["results/data/mini_stratos/logits/manifest.json"] and plan.logits_of("r1-distill-mini") == []
        assert plan.recipe("ours")["kl_weight"] == 1.0 and "kl_weight" not in plan.recipe("r1-distill-mini")
    else:
        with pytest.raises(InputError, match=said):
            load(config)


def test_a_teacher_of_logits_is_not_made_from_its_student():
    config = learning_from_logits()
    config["models"]["r1-distill-mini"]["train"]["base"] = "ours"
    with pytest.raises(InputError, match=r"models.ours.train.loss: r1-distill-mini, the teacher, is made from this model"):
        load(config)


@pytest.mark.parametrize("key", ["eos_token", "chat_template"])
def test_students_of_one_dataset_s_logits_tokenize_alike(key):
    config = learning_from_logits()
    config["models"]["more"] = {"train": {"base": "base", "dataset": "mini_stratos", "loss": "kl", key: "other"}}
    with pytest.raises(
        InputError, match=rf"models.more.train.{key}: is not that of ours, which learns from the same logits; write the same"
    ):
        load(config)


def test_there_may_be_several_references_and_one_baseline():
    given = deepcopy(MINIATURE)
    given["models"]["other"] = {"role": "reference", "train": {"base": "base", "dataset": "mini_r1", "seed": 1}}
    assert Plan(load(given)).evaluated() == ["base", "r1-distill-mini", "other", "ours"]


def test_a_completion_is_no_evaluation_and_changes_no_name():
    given = deepcopy(MINIATURE)
    before = Plan(load(given))
    given["protocols"]["seen"] = {
        "kind": "completion",
        "sampling": {"n_samples": 1, "temperature": 0.0, "top_p": 1.0, "max_new_tokens": 9, "seed": 0},
    }
    given["benchmarks"]["mini_gpqa"]["protocols"].append("seen")
    plan = Plan(load(given))
    assert plan.tasks() == before.tasks() and plan.answered() == before.answered() and plan.compare() == before.compare()
    assert plan.completed() == [(model, "mini_gpqa@seen") for model in ("base", "r1-distill-mini", "ours")]
    assert plan.prompts("mini_gpqa@seen") == {"kind": "completion", "columns": {"question": "question"}, "share": 0.6}
    assert report_part.report(plan)["completions"] == [{"name": "mini_gpqa@seen", "share": 0.6, "label": "mini_gpqa"}]
    assert "completions" not in report_part.report(before)
