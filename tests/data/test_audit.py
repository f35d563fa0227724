"""What the audit says of a training set before it is trained on."""

import random
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import audit as audit_program
import pytest
import tiny_chat
import yaml

from distill.base import files
from distill.base.errors import InputError
from distill.base.thoughts import completion
from distill.config.load import load
from distill.config.plan import Plan
from distill.data.audit import AuditSpec, Measure, Measures, audit, audit_of, each_audit, measure, sample, stops
from distill.data.packing import separated, sequences
from distill.data.tokens import ChatTokenizer


def row(thought="Hm.", solution="It is \\boxed{7}.", style="stratos"):
    return {
        "id": "a",
        "prompt": [{"role": "user", "content": "What?"}],
        "completion": [{"role": "assistant", "content": completion(thought, solution, style)}],
    }


def settings(**given) -> AuditSpec:
    return AuditSpec.each_of(given)[0]


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return ChatTokenizer(tiny_chat.save(tmp_path_factory.mktemp("chat")))


# From the docstring of trl 1.16's pack_dataset, and cases by hand.
@pytest.mark.parametrize(
    ("lengths", "max_length", "strategy", "filled"),
    [
        ([5, 2, 3, 1], 4, "bfd", [4, 4, 2]),
        ([5, 2, 3, 1], 4, "bfd_split", [4, 4, 3]),
        ([5, 2, 3, 1], 4, "wrapped", [4, 4, 3]),
        ([5, 2, 3, 1], 4, "none", [4, 2, 3, 1]),
        ([9], 4, "bfd_split", [4, 4, 1]),
        ([4, 4], 4, "bfd", [4, 4]),
        ([1] * 1001, 1000, "bfd", [1000, 1]),
    ],
)
def test_sequences_are_filled_as_trl_fills_them(lengths, max_length, strategy, filled):
    assert sorted(sequences(lengths, max_length, strategy)) == sorted(filled)


@pytest.mark.parametrize(("strategy", "apart"), [("none", [0, 0, 0]), ("bfd", [0, 0, 0]), ("bfd_split", [1, 0, 0]), ("wrapped", [1, 1, 0])])
def test_a_row_may_go_on_without_its_question(strategy, apart):
    assert separated([5, 4, 3], 4, strategy) == [bool(part) for part in apart]


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["bfd", "bfd_split", "wrapped"])
def test_packing_is_that_of_trl(strategy):
    from datasets import Dataset
    from trl import pack_dataset

    rng = random.Random(0)
    lengths = [rng.randint(1, 200) for _ in range(2345)]
    packed = pack_dataset(Dataset.from_dict({"input_ids": [[1] * length for length in lengths]}), 64, strategy)
    assert sorted(map(len, packed["input_ids"])) == sorted(sequences(lengths, 64, strategy))


@pytest.mark.slow
def test_tokens_are_those_of_transformers(tmp_path):
    from transformers import AutoTokenizer

    folder = tiny_chat.save(tmp_path)
    theirs, ours = AutoTokenizer.from_pretrained(folder), ChatTokenizer(folder)
    for thought in ("Hm.", "\u2028\x00 π ≈ 3", "<|im_end|> inside", " \n\n "):
        messages = row(thought)["prompt"] + row(thought)["completion"]
        assert ours.encode([ours.text(messages)])[0] == theirs.apply_chat_template(messages, return_dict=False)
        assert ours.text(messages, add_generation_prompt=True) == theirs.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True
        )


def test_a_template_that_writes_the_date_writes_the_same_on_every_day(tmp_path):
    """Llama 3.2's own, as TRL ships it, and calls of other forms."""
    llama = (Path(find_spec("trl").origin).parent / "chat_templates" / "llama3_2.jinja").read_text(encoding="utf-8")
    assert "Today Date: 26 Jul 2024" in ChatTokenizer(tiny_chat.save(tmp_path), llama).text(row()["prompt"])
    template = "{{ strftime_now('%Y') }} " + tiny_chat.CHATML
    assert ChatTokenizer(tiny_chat.save(tmp_path), template).text(row()["prompt"]).startswith("2024 <|im_start|>")
    with pytest.raises(InputError, match="strftime_now is called without a literal format"):
        ChatTokenizer(tiny_chat.save(tmp_path), "{% set form = '%Y' %}{{ strftime_now(form) }}")


def test_a_row_is_measured_in_tokens_up_to_each_of_its_parts(tokenizer):
    (found,) = measure(tokenizer, [row()], settings(thought_style="stratos"))
    text = tokenizer.text(row()["prompt"] + row()["completion"])
    ids = tokenizer.encode([text])[0]
    assert found.tokens == len(ids)
    assert tokenizer.decode(ids[: found.prompt]).endswith("<|im_start|>assistant\n")
    box, tag, eos = (tokenizer.decode(ids[:end]) for end in found.ends)
    assert box.endswith("\\boxed{7}")
    assert tag.endswith("<|end_of_thought|>")
    assert eos.endswith("<|im_end|>")
    assert not found.altered


@pytest.mark.parametrize(
    ("changes", "part"),
    [({"solution": "It is 7."}, 0), ({"style": "think"}, 1)],
    ids=["no box", "tags of another style"],
)
def test_a_part_that_a_row_never_had_is_not_lost(tokenizer, changes, part):
    (found,) = measure(tokenizer, [row(**changes)], settings(thought_style="stratos"))
    assert [end is None for end in found.ends] == [at == part for at in range(3)]


def test_an_end_of_turn_that_is_not_the_eos_is_warned_of(tmp_path):
    base = ChatTokenizer(tiny_chat.save(tmp_path, eos="<|endoftext|>"))
    plain = audit(list(measure(base, [row()], settings(max_length=9999))), settings(max_length=9999))
    assert plain["rows_without"]["eos"] == 1
    assert any("never learns to stop" in warning for warning in plain["warnings"])
    spec = settings(max_length=9999, eos_token="<|im_end|>", thought_style="stratos")
    assert audit(list(measure(base, [row()], spec)), spec)["warnings"] == []


def test_a_template_that_deletes_the_thought_is_warned_of(tmp_path):
    template = tiny_chat.CHATML.replace("{{ message['content'] }}", "{{ message['content'].split('</think>')[-1] }}")
    tokenizer = ChatTokenizer(tiny_chat.save(tmp_path, template=template))
    spec = settings(max_length=9999)
    found = audit(list(measure(tokenizer, [row(style="think")], spec)), spec)
    assert found["altered_by_template"] == 1
    assert "altered_by_template" in found["warnings"][0]


# The tutorial's case in figures: traces of up to 16k tokens, packed by bfd at 4096.
LONG = [
    Measure(1000 * thousands, 100, (1000 * thousands - 20, 1000 * thousands - 200, 1000 * thousands - 1), False)
    for thousands in range(1, 17)
]


def test_the_tutorials_packing_at_4096_is_the_warning_that_it_deserves():
    found = audit(LONG, settings(max_length=4096, packing="bfd", thought_style="stratos"))
    assert found["cut"] == {
        "rows": 12,
        "tokens": sum(length - 4096 for length in range(5000, 16001, 1000)),
        "rows_that_lose": {"boxed_answer": 12, "closing_tag": 12, "eos": 12},
        "rows_separated": 0,
    }
    assert [warning.split(":")[0] for warning in found["warnings"]] == [
        "lose_eos",
        "lose_closing_tag",
        "lose_boxed_answer",
        "rows_cut",
        "tokens_lost",
    ]
    assert "75.0% of rows" in found["warnings"][0]


def test_tokens_are_counted_with_the_template_of_the_first_model_that_is_trained_on_a_dataset():
    config = load(yaml.safe_load((Path(__file__).parents[2] / "config" / "tutorial.yaml").read_text(encoding="utf-8")))
    config["datasets"]["spare"] = config["datasets"]["stratos"]
    trained = next(model["train"] for model in config["models"].values() if model.get("train", {}).get("dataset") == "stratos")
    trained["chat_template"] = "chatml.jinja"
    assert Plan(config).counted_with("stratos")["chat_template"] == "chatml.jinja"
    assert Plan(config).counted_with("spare") == {}, "nobody is trained on it"


def miniature(models: dict) -> Plan:
    """The plan of the miniature with more models."""
    config = yaml.safe_load((Path(__file__).parents[2] / "config" / "config.yaml").read_text(encoding="utf-8"))
    config["models"] |= models
    return Plan(load(config))


def student(**recipe) -> dict:
    return {"role": "student", "train": {"base": "base", "dataset": "mini_stratos", **recipe}}


def test_each_way_of_taking_the_rows_is_audited_once_in_the_order_of_the_models():
    other = {"source": {"path": "elsewhere"}}
    models = {
        "again": student(learning_rate=1e-5, seed=7, epochs=2),
        "long": student(max_length=1024),
        "packed": student(packing="bfd", group_by_length=False),
        "all": student(loss_on="all"),
        "ended": student(eos_token="<|endoftext|>"),
        "templated": student(chat_template="config/templates/chatml.jinja"),
        "other": other,
        "on-other": student(base="other"),
        "long-again": student(max_length=1024, seed=1),
    }
    first, *others = miniature(models).audits("mini_stratos")
    plain = {"tokenizer": "base", "max_length": 512, "packing": "none", "loss_on": "completion", "eos_token": "<|im_end|>"}
    assert first == {**plain, "thought_style": "stratos"}
    assert [{key: value for key, value in way.items() if first.get(key) != value} for way in others] == [
        {"max_length": 1024},
        {"packing": "bfd"},
        {"loss_on": "all"},
        {"eos_token": "<|endoftext|>"},
        {"chat_template": "config/templates/chatml.jinja"},
        {"tokenizer": "other"},
    ]
    spec = miniature(models).audit("mini_stratos")
    assert spec == {**first, "others": others, "stop_above": spec["stop_above"]}


def test_a_dataset_that_no_model_is_trained_on_has_no_audit():
    plan = miniature({})
    plan.config["datasets"]["spare"] = plan.config["datasets"]["mini_stratos"]
    with pytest.raises(InputError, match=r"datasets.spare: no model is trained on it"):
        plan.audit("spare")


def test_what_a_base_was_prepared_or_trained_with_counts_where_the_recipe_says_nothing():
    prepared = {"base": "base", "chat_template": "config/templates/chatml.jinja", "eos_token": "<|endoftext|>"}
    plan = miniature(
        {
            "ready": {"prepare": prepared},
            "on-ready": student(base="ready"),
            "on-it": student(base="on-ready", eos_token="<|im_end|>"),
            "on-that": student(base="on-it"),
        }
    )
    for name in ("ready", "on-ready", "on-it", "on-that"):
        plan.config["models"][name].get("train", {}).pop("eos_token", None)
    plan.config["models"]["on-it"]["train"]["eos_token"] = "<|im_end|>"
    ways = {name: plan.audited(name) for name in ("on-ready", "on-it", "on-that")}
    assert {way["tokenizer"] for way in ways.values()} == {"base"}
    assert {way["chat_template"] for way in ways.values()} == {"config/templates/chatml.jinja"}
    assert [way["eos_token"] for way in ways.values()] == ["<|endoftext|>", "<|im_end|>", "<|im_end|>"]


def test_several_ways_are_told_in_one_file(tmp_path, monkeypatch, capsys):
    """Two tokenizers, of which one knows a word, two templates, two lengths."""
    sft = tiny_chat.write_jsonl(tmp_path / "sft.jsonl", [row(), row("Hm. " * 200)])
    words = tiny_chat.save(tmp_path / "words", merges=(("H", "m"),))
    folders = [tiny_chat.save(tmp_path / "chat")] * 3 + [words]
    (tmp_path / "long.jinja").write_text(tiny_chat.CHATML.replace("<|im_start|>", "<|im_start|><|im_start|>"), encoding="utf-8")
    plain = {"tokenizer": "chat", "max_length": 400, "packing": "bfd", "loss_on": "completion", "thought_style": "stratos"}
    ways = [plain, {**plain, "max_length": 4000}, {**plain, "chat_template": "long"}, {**plain, "tokenizer": "words"}]

    def run(stop_above, ways=ways, templates=("-", "-", tmp_path / "long.jinja", "-")):
        spec = files.dumps({**ways[0], "others": ways[1:], "stop_above": {"lose_eos": 1, "lose_boxed_answer": 1, **stop_above}})
        arguments = [
            "--sft",
            sft,
            "--tokenizer",
            *folders,
            "--chat-template",
            *templates,
            "--spec",
            spec,
            "--output",
            tmp_path / "audit.json",
        ]
        monkeypatch.setattr(sys, "argv", ["audit.py", *map(str, arguments)])
        audit_program.main()
        return each_audit(files.read_json(tmp_path / "audit.json"))

    found = run({})
    for one, way, folder, template in zip(found, ways, folders, (None, None, "long.jinja", None), strict=True):
        chat = ChatTokenizer(folder, (tmp_path / template).read_text(encoding="utf-8") if template else None)
        spec = settings(**way)
        rows = [row(), row("Hm. " * 200)]
        alone = audit(list(measure(chat, rows, spec)), spec) | {"sample": sample(chat, rows[0], spec)}
        assert {key: value for key, value in one.items() if key != "others"} == alone
        assert audit_of(files.read_json(tmp_path / "audit.json"), way)["tokens"] == alone["tokens"]
    assert [one["cut"]["rows"] for one in found] == [1, 0, 1, 1]
    turns, words = 2 * 2, 1 + 200
    totals = [one["tokens"]["total"] - found[0]["tokens"]["total"] for one in found]
    assert totals == [0, 0, turns, -words]
    said = capsys.readouterr().out
    assert f"{sft} (tokenizer chat, own chat_template, max_length 400): rows_cut" in said
    assert f"{sft} (tokenizer words, own chat_template, max_length 400): rows_cut: 50.0%" in said
    with pytest.raises(InputError, match=r"rows_cut: 50.0% \(stop_above: 40.0%\)") as error:
        run({"rows_cut": 0.4})
    assert [stop.rpartition("(")[2] for stop in str(error.value).split("; ")] == [
        "tokenizer chat, own chat_template, max_length 400)",
        "tokenizer chat, chat_template long, max_length 400)",
        "tokenizer words, own chat_template, max_length 400)",
    ]
    with pytest.raises(InputError, match="--tokenizer: 4 given, and --spec has 3 ways: give one for each"):
        run({}, ways[:3])
    with pytest.raises(InputError, match="--chat-template: 1 given, and --spec has 4 ways: give one for each"):
        run({}, templates=["-"])
    assert audit_of(files.read_json(tmp_path / "audit.json"), {**plain, "max_length": 5}) is None
    assert audit_of(None, plain) is None


def test_a_template_writes_the_end_of_turn_that_is_trained_with(tmp_path):
    template = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}{{ eos_token }}{% endfor %}"
    folder = tiny_chat.save(tmp_path, template=template, eos="<|endoftext|>")
    assert ChatTokenizer(folder).text(row()["prompt"]).endswith("<|endoftext|>")
    assert ChatTokenizer(folder, eos_token="<|im_end|>").text(row()["prompt"]).endswith("<|im_end|>")


@pytest.mark.parametrize(("decoded", "eos"), [(False, "<|endoftext|>"), (True, "<|im_end|>")])
def test_which_file_names_the_end_of_turn_is_as_in_transformers(tmp_path, decoded, eos):
    """special_tokens_map.json of older models, unless tokenizer_config.json has added_tokens_decoder, as all of 2024 have."""
    from transformers import AutoTokenizer

    folder = tiny_chat.save(tmp_path)
    files.write_json(folder / "special_tokens_map.json", {"eos_token": {"content": "<|endoftext|>"}})
    if decoded:
        tokens = {str(256 + at): {"content": token, "special": True} for at, token in enumerate(tiny_chat.SPECIAL)}
        files.write_json(
            folder / "tokenizer_config.json", files.read_json(folder / "tokenizer_config.json") | {"added_tokens_decoder": tokens}
        )
    assert ChatTokenizer(folder).eos_token == AutoTokenizer.from_pretrained(folder).eos_token == eos


def test_the_tutorials_configuration_over_rows_of_up_to_16k_tokens_warns_of_most_of_them(tmp_path, monkeypatch, capsys):
    """Its own file, its own packing (wrapped, as TRL packed then), through the program."""
    config = load(yaml.safe_load((Path(__file__).parents[2] / "config" / "tutorial.yaml").read_text(encoding="utf-8")))
    spec = Plan(config).audit("stratos")
    assert (spec["max_length"], spec["packing"], spec["thought_style"]) == (4096, "wrapped", "stratos")
    rows = [row("Hm. " * (250 * thousands)) | {"id": str(thousands)} for thousands in range(1, 17)]
    folder, sft = tiny_chat.save(tmp_path / "chat"), tiny_chat.write_jsonl(tmp_path / "sft.jsonl", rows)

    def run(changes):
        arguments = ["--sft", sft, "--tokenizer", folder, "--spec", files.dumps({**spec, **changes}), "--output", tmp_path / "audit.json"]
        monkeypatch.setattr(sys, "argv", ["audit.py", *map(str, arguments)])
        audit_program.main()
        return capsys.readouterr().out, files.read_json(tmp_path / "audit.json")

    said, found = run({})
    assert found["tokens"]["quantiles"]["max"] > 16_000
    assert found["cut"]["rows_separated"] >= 13 and found["cut"]["tokens"] == 0
    assert "warning" in said and "rows_separated" in said and "without their question" in said
    said, found = run({"packing": "bfd", "stop_above": {"lose_eos": 1, "lose_boxed_answer": 1}})
    assert found["cut"]["rows_that_lose"] == {"boxed_answer": 13, "closing_tag": 12, "eos": 13}  # of 4k and more
    assert all(name in said for name in ("lose_boxed_answer", "lose_closing_tag", "lose_eos", "tokens_lost"))
    with pytest.raises(InputError, match=r"rows_separated: .* \(stop_above: 50.0%\)"):
        run({"stop_above": {"rows_separated": 0.5}})


@pytest.mark.parametrize(
    ("packing", "max_length", "warned"),
    [("bfd", 16000, []), ("bfd_split", 4096, ["rows_separated"]), ("wrapped", 16000, ["rows_separated"]), ("none", 15000, ["rows_cut"])],
)
def test_each_packing_has_its_own_harm(packing, max_length, warned):
    found = audit(LONG, settings(max_length=max_length, packing=packing, thought_style="stratos"))
    names = [warning.split(":")[0] for warning in found["warnings"]]
    assert set(warned) <= set(names)
    assert bool(names) == bool(warned)


def test_rows_are_held_in_few_bytes_and_come_back():
    rows = [*LONG, Measure(7, 3, (None, 5, None), True)]
    assert list(Measures(rows)) == rows and len(Measures(rows)) == len(rows)
    spec = settings(max_length=4096, packing="wrapped")
    assert audit(Measures(rows), spec) == audit(rows, spec)


def test_figures_add_up():
    found = audit(LONG, settings(max_length=4096, packing="bfd", thought_style="stratos"))
    assert found["tokens"]["total"] == 136_000
    assert found["tokens"]["quantiles"]["p50"] == 8000
    assert found["tokens"]["quantiles"]["max"] == 16000
    assert sum(piece["rows"] for piece in found["tokens"]["histogram"]) == 16
    kept = 1000 + 2000 + 3000 + 4000 + 12 * 4096
    assert found["loss_share"] == round((kept - 16 * 100) / kept, 4)
    assert found["packing"] == {"sequences": 15, "efficiency": round(kept / (15 * 4096), 4)}


def test_a_row_whose_prompt_fills_the_sequence_carries_no_loss():
    found = audit([Measure(50, 40, (49, 48, 50), False)], settings(max_length=30, packing="bfd"))
    assert found["shares"]["rows_without_loss"] == 1
    assert found["loss_share"] == 0


def test_without_packing_rows_that_carry_no_loss_are_not_trained_on():
    """As TRL 1.16 drops them: 5 rows whose prompt fills the sequence, 6 of which some is learned."""
    rows = [Measure(50, 40, (49, 48, 50), False)] * 5 + [Measure(30, 10, (29, 28, 30), False)] * 6
    found = audit(rows, settings(max_length=30, packing="none"))
    assert found["packing"] == {"sequences": 6, "efficiency": 1.0}
    assert found["loss_share"] == round(20 / 30, 4)
    assert found["cut"]["tokens"] == 5 * 50 and found["cut"]["rows_that_lose"]["eos"] == 0
    assert found["shares"]["rows_without_loss"] == round(5 / 11, 6)
    assert audit(rows, settings(max_length=30, packing="none", loss_on="all"))["packing"]["sequences"] == 11


@pytest.mark.slow
def test_without_packing_sequences_and_loss_are_those_of_trl(tmp_path, tiny_world):
    """The audit's counts next to the rows that TRL's trainer keeps of the same training set."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    rows = list(files.read_jsonl(tiny_world / "sft.jsonl"))
    given = {"max_length": 30, "packing": False, "completion_only_loss": True}
    args = SFTConfig(output_dir=str(tmp_path), use_cpu=True, bf16=False, report_to=[], eos_token="<|im_end|>", **given)
    kept = SFTTrainer(model=str(tiny_world / "base"), args=args, train_dataset=Dataset.from_list(rows)).train_dataset
    spec = settings(max_length=30, packing="none", eos_token="<|im_end|>")
    found = audit(Measures(measure(ChatTokenizer(tiny_world / "base"), rows, spec)), spec)
    assert 0 < found["packing"]["sequences"] == len(kept) < len(rows)
    labels = [label for row in kept for label in row["labels"]]
    assert found["loss_share"] == round(sum(label != -100 for label in labels) / len(labels), 4)


def test_the_sample_shows_what_carries_loss(tokenizer):
    shown = sample(tokenizer, row(), settings(thought_style="stratos"))
    assert [piece["loss"] for piece in shown["pieces"]] == [False, True]
    assert shown["pieces"][0]["text"] == "<|im_start|>user\nWhat?<|im_end|>\n<|im_start|>assistant\n"
    assert shown["pieces"][1]["text"].endswith("\\boxed{7}.\n\n<|end_of_solution|><|im_end|>\n")
    assert [piece["loss"] for piece in sample(tokenizer, row(), settings(loss_on="all"))["pieces"]] == [True]
    assert len(sample(tokenizer, row(), replace(settings(), max_length=3))["pieces"]) == 1


def test_a_threshold_turns_a_warning_into_a_stop(tmp_path, monkeypatch):
    folder = tiny_chat.save(tmp_path / "chat")
    sft = tiny_chat.write_jsonl(tmp_path / "sft.jsonl", [row(), row("Hm. " * 200)])

    def run(stop_above):
        spec = files.dumps({"max_length": 400, "packing": "bfd", "thought_style": "stratos", "stop_above": stop_above})
        arguments = ["--sft", sft, "--tokenizer", folder, "--spec", spec, "--output", tmp_path / "audit.json"]
        monkeypatch.setattr(sys, "argv", ["audit.py", *map(str, arguments)])
        audit_program.main()

    run({"lose_boxed_answer": 0.5, "lose_eos": 0.5})
    with pytest.raises(InputError, match=r"lose_boxed_answer: 50.0% \(stop_above: 10.0%\) of rows lose"):
        run({"lose_boxed_answer": 0.1, "lose_eos": 0.5})
    assert files.read_json(tmp_path / "audit.json")["rows"] == 2


# What no sane run exceeds, each with a model folder and a recipe of which it is true; test_trained_text.py has the template that adds text.
TAUGHT_IN_VAIN = [
    ({"eos": "<|endoftext|>"}, {}, ["without_eos"]),
    ({}, {"max_length": 60}, ["lose_boxed_answer", "lose_eos"]),
]


@pytest.mark.parametrize(("model", "recipe", "names"), TAUGHT_IN_VAIN, ids=[case[-1][0] for case in TAUGHT_IN_VAIN])
def test_rows_that_teach_nothing_stop_by_default_and_pass_with_a_warning_where_they_are_meant(
    model, recipe, names, tmp_path, monkeypatch, capsys
):
    folder = tiny_chat.save(tmp_path / "chat", **model)
    sft = tiny_chat.write_jsonl(tmp_path / "sft.jsonl", [row(), row()])

    def run(**stop_above):
        spec = files.dumps({"max_length": 400, "packing": "none", "thought_style": "stratos", **recipe, "stop_above": stop_above})
        arguments = ["--sft", sft, "--tokenizer", folder, "--spec", spec, "--output", tmp_path / "audit.json"]
        monkeypatch.setattr(sys, "argv", ["audit.py", *map(str, arguments)])
        audit_program.main()
        return capsys.readouterr().out

    with pytest.raises(InputError) as error:
        run()
    assert all(f"{name}: 100.0% (stop_above: " in str(error.value) for name in names)
    said = run(**dict.fromkeys(names, 1))
    assert all(f": {name}: 100.0% of rows" in said for name in names)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"packing": "tight"}, "packing: 'tight' is not known; write one of none, bfd, bfd_split, wrapped"),
        ({"max_seq_length": 1}, "max_seq_length: unknown key"),
        ({"stop_above": {"lost": 0.1}}, "stop_above.lost: unknown key"),
        ({"stop_above": {"rows_cut": "few"}}, "stop_above.rows_cut: 'few' is not a number"),
        ({"stop_above": {"rows_cut": 1.5}}, "stop_above.rows_cut: 1.5 is greater than the maximum of 1"),
        ({"stop_above": 0.1}, "stop_above: 0.1 is not a mapping"),
        ({"max_length": 0}, "max_length: 0 is less than the minimum of 8"),
        ({"max_length": True}, "max_length: True is not a whole number"),
        ({"loss_on": "prompt"}, "loss_on: 'prompt' is not known"),
        ({"eos_token": 5}, "eos_token: 5 is not text"),
        ({"others": {"packing": "bfd"}}, "others: {'packing': 'bfd'} is not a list"),
        ({"others": ["bfd"]}, "others.0: 'bfd' is not a mapping"),
        ({"others": [{"packing": "tight"}]}, "others.0: packing: 'tight' is not known"),
        ({"others": [{"stop_above": {}}]}, "others.0: stop_above: unknown key"),
        ({"others": None}, "others: None is not a list"),
    ],
)
def test_a_wrong_setting_is_named(spec, message):
    with pytest.raises(InputError) as error:
        AuditSpec.each_of(spec)
    assert message in str(error.value)


def test_rows_that_are_none_of_a_training_set_are_named(tmp_path, monkeypatch):
    traces = tiny_chat.write_jsonl(tmp_path / "traces.jsonl", [row(), {"id": "b", "question": "What?"}])
    arguments = ["--sft", traces, "--tokenizer", tiny_chat.save(tmp_path / "chat"), "--output", tmp_path / "audit.json"]
    monkeypatch.setattr(sys, "argv", ["audit.py", *map(str, arguments)])
    with pytest.raises(InputError, match=r"traces.jsonl: row 2: no column 'prompt' \(found: id, question\)"):
        audit_program.main()


def test_stops_name_each_share_that_is_too_large():
    (said,) = stops({"rows_cut": 0.2, "lose_eos": 0.0}, {"rows_cut": 0.1, "lose_eos": 0.0})
    assert said.startswith("rows_cut: 20.0% (stop_above: 10.0%) of rows are longer than max_length and are cut")


@pytest.mark.parametrize(
    ("missing", "message"),
    [("tokenizer.json", "no such file"), ("tokenizer_config.json", "tokenizer_config.json"), ("template", "no chat template")],
)
def test_a_folder_without_a_chat_tokenizer_is_named(tmp_path, missing, message):
    folder = tiny_chat.save(tmp_path, template="" if missing == "template" else tiny_chat.CHATML)
    if missing != "template":
        (folder / missing).unlink()
    with pytest.raises(InputError) as error:
        ChatTokenizer(folder)
    assert message in str(error.value)
