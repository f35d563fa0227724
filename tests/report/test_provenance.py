"""Provenance names what the results hang on and never a secret."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import results_tree

from distill.base.errors import InputError
from distill.base.files import read_json, sha256_text
from distill.report import provenance

SCRIPT = Path(__file__).parents[2] / "scripts" / "provenance.py"

SECRETS = [
    {"hub": {"token": "anything"}},
    {"hf_token": "abc"},
    {"api_key": "abc"},
    {"model": {"wandb_api_key": "abc"}},
    {"password": "abc"},
    {"path": "hf_" + "aB3" * 10},
    {"list": [{"deep": "sk-" + "a1" * 12}]},
    {"note": "pushed with ghp_" + "x" * 36},
    {"endpoint": "https://user:secret@mirror.example/path"},
    {"aws": "AKIA" + "A1B2" * 4},
    {"key": "-----BEGIN RSA PRIVATE KEY-----"},
    {"hf_" + "aB3" * 10: 1},
]
HARMLESS = [
    {"eos_token": "<|im_end|>", "max_tokens": 320, "tokenizer": "base", "max_new_tokens": 32768},
    {"token": None, "api_key": ""},
    {"revision": "0cf78561f1d51c84a21b2190626b21116d5c68bb"},
    {"sha256": "1" * 64},
    {"endpoint": "https://mirror.example:8443/api", "prompt": "sk-ip this: x@y"},
    {"hub": "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B", "key": "hf_short"},
]


@pytest.mark.parametrize("config", SECRETS, ids=lambda config: next(iter(config))[:12])
def test_a_config_with_a_secret_is_refused_without_repeating_it(config):
    with pytest.raises(InputError) as refused:
        provenance.refuse_secrets(config)
    message = str(refused.value)
    assert "environment" in message and "\n" not in message
    assert not any(secret in message for secret in ("anything", "abc", "aB3aB3", "secret@", "a1a1", "xxxx"))


@pytest.mark.parametrize("config", HARMLESS, ids=lambda config: next(iter(config)))
def test_a_config_without_secrets_passes(config):
    assert provenance.refuse_secrets(config) is None


def test_commit_is_none_outside_git(tmp_path):
    assert provenance.git(tmp_path) is None


def test_commit_and_uncommitted_changes(tmp_path):
    def git(*words):
        who = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
        return subprocess.run(["git", "-C", str(tmp_path), *who, *words], capture_output=True, text=True, check=True).stdout.strip()

    git("init", "-q")
    assert provenance.git(tmp_path) is None
    (tmp_path / "a").write_text("1")
    git("add", "a")
    git("commit", "-qm", "first")
    assert provenance.git(tmp_path) == {"commit": git("rev-parse", "HEAD"), "dirty": False}
    (tmp_path / "untracked").write_text("1")
    assert provenance.git(tmp_path)["dirty"] is False
    (tmp_path / "a").write_text("2")
    assert provenance.git(tmp_path)["dirty"] is True


def test_digests_name_what_the_results_hang_on(tmp_path):
    found = provenance.digests(results_tree.build(tmp_path))
    assert found["models"] == {"base": "b" * 64, "ours": "o" * 64, "r1": "r" * 64}
    assert list(found["responses"]) == [
        f"{model}/{benchmark}" for model in ("base", "ours", "r1") for benchmark in ("mini_gpqa", "mini_math")
    ]
    assert set(found["tables"]) == {"comparison.csv", "differences.csv", "published.csv", "curves.csv", "answers.csv"}
    table = (tmp_path / "comparison.csv").read_text(encoding="utf-8")
    assert found["tables"]["comparison.csv"] == sha256_text(table)


def test_the_file_holds_no_environment_and_one_time_stamp(tmp_path):
    results_tree.build(tmp_path / "results")
    output = tmp_path / "provenance.json"
    command = [
        sys.executable,
        str(SCRIPT),
        "--spec",
        json.dumps({"config": {"lr": 1}}),
        "--results",
        str(tmp_path / "results"),
        "--output",
        str(output),
    ]
    subprocess.run(command, check=True, env={**os.environ, "HF_TOKEN": "planted-in-the-environment"})
    made = read_json(output)
    assert "planted" not in output.read_text(encoding="utf-8")
    assert str(tmp_path) not in output.read_text(encoding="utf-8")
    assert made["config"] == {"lr": 1}
    assert [key for key in made if "_at" in key] == ["made_at"]
    assert made["hardware"]["cores"] >= 1 and made["hardware"]["memory_gib"] >= 1


def test_a_secret_in_the_config_stops_the_script_and_writes_nothing(tmp_path):
    output = tmp_path / "provenance.json"
    command = [sys.executable, str(SCRIPT), "--spec", '{"config": {"api_key": "abc"}}', "--results", str(tmp_path), "--output", str(output)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("\n"), output.exists()) == (2, 1, False)
    assert done.stderr.startswith("error: config.api_key: looks like a secret")
