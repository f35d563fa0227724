"""The program and its page; a trace tried with the real tokenizer and template."""

import json

import pytest
import tiny_chat
from tutorial_plan import KNOWN, MINIATURE, ONE, planned, script

from distill.base.files import write_json
from distill.preflight import access
from distill.report import estimates
from distill.report.names import names
from distill.report.results import Results


@pytest.mark.parametrize(("mode", "code"), [("stop", 2), ("warn", 0), ("ignore", 0)])
def test_a_job_that_does_not_fit_stops_in_words_unless_told_otherwise(mode, code, tmp_path):
    done = script(tmp_path, planned(ONE, tmp_path, devices={"memory_gb": 24}, preflight=mode), "--check")
    assert done.returncode == code, done.stderr
    assert ("preflight: train ours: needs 34.0 GB" in done.stderr) is (mode != "ignore")
    assert "Traceback" not in done.stderr
    assert ("or set runtime.preflight: warn to go on all the same" in done.stderr) is (mode == "stop")


def test_the_page_says_what_is_missing_and_never_a_token(tmp_path):
    given = planned(ONE, tmp_path, devices={"count": 8, "memory_gb": 64})
    written = tmp_path / "preflight.json"
    hidden = {"HF_HOME": str(tmp_path / "none"), "HF_TOKEN": ""}
    without = script(tmp_path, given, "--offline", "--json", str(written), **hidden)
    assert without.returncode == 0, without.stderr
    assert "Idavidrein/gpqa is gated and there is no token" in without.stdout
    assert "template and end of turn are unknown until base-chat is there" in without.stdout
    made = json.loads(written.read_bytes())
    assert made["disk"]["free"] > 0 and made["versions"]["trl"] and made["totals"]["train_device_hours"] > 0
    with_token = script(tmp_path, given, "--offline", **hidden | {"HF_TOKEN": "hf_secretsecret"})
    assert "gated" not in with_token.stdout and "secretsecret" not in with_token.stdout + with_token.stderr


def test_the_report_holds_a_training_against_the_audit_of_its_own_way(tmp_path):
    audit = {"rows": 100, "tokens": {"total": 50_000}, "cut": {"tokens": 2_000}, "packing": {"sequences": 100}}
    ways = {"ours": {"tokenizer": "base", "max_length": 512}, "long": {"tokenizer": "base", "max_length": 1024}}
    mine = {**audit, "settings": {**ways["long"], "eos_token": None}, "cut": {"tokens": 0}}
    write_json(tmp_path / "data/traces/audit.json", {**audit, "settings": ways["ours"], "others": [mine]})
    write_json(tmp_path / "data/digests.json", {"equal": "d", "traces": "d"})
    write_json(tmp_path / "data/equal/audit.json", {**audit, "settings": {"tokenizer": "another"}})
    recipe = {"global_batch": 10, "max_steps": -1, "epochs": 2, "dtype": "float32"}
    for name, tokens in (("ours", 96_000), ("long", 100_000)):
        write_json(tmp_path / f"models/{name}/config.json", KNOWN["models"]["Qwen/Qwen2.5-Math-1.5B"])
        write_json(tmp_path / f"models/{name}/manifest.json", {"recipe": recipe, "data": "d", "tokens_seen": tokens, "steps": 20})
        write_json(tmp_path / f"models/{name}/weights.json", {"parameters": 1_543_714_304, "bytes": 6_174_857_216})
    labels = names({"models": list(ways)})
    page = estimates.section(labels, Results(tmp_path), ways)
    for name, tokens in (("ours", "96,000"), ("long", "100,000")):
        row = next(line for line in page.split("\n") if line.startswith(f"| {name} "))
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert cells == [name, "1,543,714,304", "1,543,714,304", tokens, tokens, "20", "20", "6,174.86", "6,174.86"]
    assert estimates.section(labels, Results(tmp_path), {}) is None, "an audit of another way is none of theirs"


SWALLOWS = "{% for m in messages %}<|im_start|>{{ m['content'].split('<|end_of_thought|>')[-1] }}<|im_end|>{% endfor %}"
NEVER_ENDS = "{% for m in messages %}{{ m['content'] }}\n{% endfor %}"
SPEAKS_FIRST = "You are a helpful assistant.<|im_end|>" + tiny_chat.CHATML


@pytest.mark.parametrize(
    ("template", "eos", "level", "answer"),
    [
        (tiny_chat.CHATML, "<|im_end|>", None, ""),
        (SWALLOWS, "<|im_end|>", "stop", "removes the thought"),
        (NEVER_ENDS, "<|im_end|>", "stop", "does not end a turn with <|im_end|>"),
        (tiny_chat.CHATML, "<|eot|>", "stop", "eos_token <|eot|> is no token of"),
        (SPEAKS_FIRST, "<|im_end|>", "note", "adds its own system prompt"),
    ],
)
def test_the_real_tokenizer_and_template_are_tried_on_a_trace(template, eos, level, answer, tmp_path):
    given = planned(ONE, tmp_path, MINIATURE)
    given["trainings"] = given["trainings"][:1]
    given["trainings"][0]["audited"]["eos_token"] = eos
    tiny_chat.save(tmp_path / "results/models/base", template=template)
    rows, findings = access.tokenizers(given, tmp_path / "results")
    assert len(rows) == 1
    assert [finding["level"] for finding in findings] == ([level] if level else [])
    assert all(answer in finding["text"] for finding in findings)
