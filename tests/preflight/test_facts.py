"""What an estimate is made from: shapes, audits, earlier answers, measured rates."""

import json
from copy import deepcopy
from dataclasses import replace

import pytest
from hub_server import HubServer, Repo
from tutorial_plan import KNOWN, MINIATURE, NOTHING_LOST, ONE, PUBLISHED, TUTORIAL, fetched, found, planned, script

from distill.base.errors import InputError
from distill.base.files import read_json, write_json, write_jsonl
from distill.preflight import access, facts, speed
from distill.preflight.arch import Arch, Lora
from distill.preflight.findings import stops
from distill.preflight.memory import Batch
from distill.preflight.page import page


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_follow_from_the_shape(name):
    assert Arch.of(KNOWN["models"][name]).parameters == PUBLISHED[name]


def test_the_adapters_of_a_real_shape_are_counted():
    """Hu et al. 2021: r · (inputs + outputs) of each matrix. 18,464,768 is what peft 0.21.2 prints of Qwen2.5-Math-1.5B with r 16."""
    arch = Arch.of(KNOWN["models"]["Qwen/Qwen2.5-Math-1.5B"])
    assert Lora.of({"lora": {"r": 16, "alpha": 32.0, "target": "all-linear"}}, arch).parameters(arch) == 18_464_768
    assert Lora.of({"lora": {"r": 2, "target": ["q_proj"]}}, arch).parameters(arch) == 28 * 2 * (1536 + 1536)
    assert Lora.of({}, arch) is None


def test_a_given_rate_comes_before_a_measured_one_and_that_before_an_assumed_one(tmp_path):
    arch = Arch.of(KNOWN["models"]["Qwen/Qwen2.5-Math-1.5B"])
    given = planned(ONE, tmp_path, devices={"name": "H100-80GB"})
    known = facts.gather(given, tmp_path)
    batch = Batch(4, 4096, bfloat16=True, gradient_checkpointing=True)
    assumed = speed.training(arch, known.device, batch, 4096, known.rates)
    assert assumed.tokens_per_s == pytest.approx(989e12 * 0.40 / (1.33 * (6 * arch.parameters + 6 * 28 * 4096 * 1536)))
    assert not assumed.measured and assumed.how.startswith("assumed: 40% of peak of 989 TFLOPS")
    here = replace(known.rates, here=[(arch.parameters, 4000.0)])
    assert speed.training(arch, known.device, batch, 4096, here).tokens_per_s == 4000.0
    given = replace(here, given={"train_tokens_per_s": 5000.0})
    assert speed.training(arch, known.device, batch, 4096, given).how == "given: runtime.rates.train_tokens_per_s"
    # Twenty times larger is another model.
    assert not speed.training(arch, known.device, batch, 4096, replace(known.rates, here=[(10**7, 4000.0)])).measured


def test_times_and_tokens_are_those_of_the_audit_where_there_is_one(tmp_path):
    given = planned(ONE, tmp_path, rates={"train_tokens_per_s": 1000.0}, devices={"memory_gb": 640})
    audit = {"rows": 100, "tokens": {"total": 500_000}, "cut": {"tokens": 20_000}, "packing": {"sequences": 300}, **NOTHING_LOST}
    theirs = {**audit, "settings": {**given["trainings"][0]["audited"], "max_length": 1}, "tokens": {"total": 7}}
    mine = {**audit, "settings": given["trainings"][0]["audited"]}
    fetched(tmp_path, "datasets/stratos", given["trainings"][0]["source"]["hub"])
    write_json(tmp_path / "results/data/stratos/audit.json", theirs)
    assert found(given, tmp_path)["trainings"][0]["data"].startswith("assumed"), "none of its own yet"
    write_json(tmp_path / "results/data/stratos/audit.json", {**theirs, "others": [mine]})
    (training,) = found(given, tmp_path)["trainings"]
    assert (training["tokens"], training["steps"], training["data"]) == (480_000, 3, "counted: audit.json")
    assert training["device_hours"] == pytest.approx(480 / 3600, abs=1e-4)


@pytest.mark.parametrize(("hub", "is_its_own"), [("Qwen/Qwen2.5-Math-1.5B", True), ("Qwen/Qwen2.5-0.5B", False), (None, False)])
def test_files_of_another_source_are_not_taken_for_those_of_the_configuration(hub, is_its_own, tmp_path):
    """The results of another experiment have the same names: its base, its data and its benchmarks."""
    given = planned(ONE, tmp_path, devices={"memory_gb": 640})
    shape = {**KNOWN["models"]["Qwen/Qwen2.5-Math-1.5B"], "num_hidden_layers": 1}
    write_json(tmp_path / "results/models/base/config.json", shape)
    if hub:
        fetched(tmp_path, "models/base", hub)
    else:  # the miniature's
        write_json(tmp_path / "results/sources/models/base/manifest.json", {"corpus": {}, "files": {}})
    (training,) = found(given, tmp_path)["trainings"]
    assert (training["parameters"] == PUBLISHED["Qwen/Qwen2.5-Math-1.5B"]) is not is_its_own
    rows, _ = access.sources(given, facts.gather(given, tmp_path / "results"), tmp_path / "results", online=False)
    assert {row["name"]: row["at_hand"] for row in rows}["models/base"] is is_its_own


def test_a_plan_by_hand_need_not_repeat_defaults_of_runtime(tmp_path):
    given = planned(ONE, tmp_path, MINIATURE)
    by_hand = {**given, "runtime": {"accelerate": given["runtime"]["accelerate"], "micro_batch": 1}}
    written = planned(ONE, tmp_path, {**MINIATURE, "runtime": {}}, micro_batch=1)
    assert facts.join_tasks(by_hand)["runtime"] == written["runtime"]
    with pytest.raises(InputError, match=r"--plan: runtime: micro_batches: unknown key; did you mean micro_batch\?"):
        facts.join_tasks({**given, "runtime": {"micro_batches": 1}})


def test_an_unknown_shape_or_device_is_said_to_be_unknown(tmp_path):
    config = deepcopy(TUTORIAL)
    config["models"]["base"]["source"]["hub"] = "somebody/unheard-of"
    text = page({**found(planned(ONE, tmp_path, config), tmp_path)})
    assert "the shape of base is unknown, and nothing is estimated of it: it is neither here, nor on a hub that can be reached" in text
    given = found(planned(ONE, tmp_path), tmp_path)
    assert given["device"]["memory_gb"] is None and given["trainings"][0]["fits"] is None and not stops(given)
    with pytest.raises(InputError, match="H1000"):
        found(planned(ONE, tmp_path, devices={"name": "H1000"}), tmp_path)


@pytest.mark.parametrize("config", [{"model_type": "gemma2"}, {"model_type": "qwen2", "hidden_size": 64}])
def test_a_model_whose_shape_is_none_of_preflights_is_trained_all_the_same(config, tmp_path):
    given = planned(ONE, tmp_path, MINIATURE)
    write_json(tmp_path / "results/models/base/config.json", config)
    whole = found(given, tmp_path)
    assert not stops(whole)
    said = [finding for finding in whole["findings"] if "the shape of base is unknown" in finding["text"]]
    assert said and all(finding["level"] == "note" and "config.json: " in finding["text"] for finding in said)
    done = script(tmp_path, given, "--check")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_shape_of_another_model_is_looked_up_on_the_hub(tmp_path):
    config = deepcopy(TUTORIAL)
    config["models"]["base"]["source"]["hub"] = "owner/theirs"
    shape = KNOWN["models"]["Qwen/Qwen2.5-Math-1.5B"]
    server = HubServer(repos={"models/owner/theirs": Repo()})
    server.repos["models/owner/theirs"].commit({"config.json": json.dumps(shape).encode(), "model.safetensors": b"far too large" * 100})
    given = planned(ONE, tmp_path, config)
    with server.running():
        offline = script(tmp_path, given, "--json", tmp_path / "none.json", "--offline", HF_ENDPOINT=server.url)
        assert offline.returncode == 0 and not server.seen
        done = script(tmp_path, given, "--json", tmp_path / "there.json", HF_ENDPOINT=server.url)
        assert done.returncode == 0, done.stderr
    (known,), (unknown,) = (read_json(tmp_path / f"{name}.json")["trainings"] for name in ("there", "none"))
    assert (known["parameters"], known["shape"]) == (1_543_714_304, "config.json of owner/theirs")
    assert "parameters" not in unknown
    assert not server.requests_for("model.safetensors")


def test_answers_that_were_given_before_tell_their_length(tmp_path):
    given = planned(ONE, tmp_path, MINIATURE)
    write_json(tmp_path / "results/scores/base/mini_math.json", {"mean_completion_tokens": 33.0})
    write_jsonl(tmp_path / "results/benchmarks/mini_math/prompts.jsonl", [{"id": str(at)} for at in range(7)])
    rows = {(row["model"], row["run"]): row for row in found(given, tmp_path)["evaluations"]}
    assert rows["base", "mini_math"]["tokens"] == 7 * 33
    assert rows["ours", "mini_math"]["length"].endswith("assumed")
