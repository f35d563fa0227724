"""scripts/push.py against a server on loopback that speaks the hub's protocol; the hub itself is not asked."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hub_server import HubServer

from distill.base import manifest

PUSH = Path(__file__).resolve().parents[2] / "scripts/push.py"
WEIGHTS = b"\x01" * 5000


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "ours"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(WEIGHTS)
    (folder / "config.json").write_text('{"model_type": "qwen2"}\n', encoding="utf-8")
    (folder / "log.jsonl").write_text('{"step": 1}\n', encoding="utf-8")
    manifest.write(folder, made_by="train")
    (tmp_path / "card.md").write_text("---\nlibrary_name: transformers\n---\n# Ours\n", encoding="utf-8")
    return folder


@pytest.fixture
def hub():
    with HubServer().running() as server:
        yield server


def push(hub, model, *args, token="hf_test"):
    env = {key: value for key, value in os.environ.items() if key not in ("HF_TOKEN", "HF_HUB_OFFLINE")}
    env |= {"HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(model.parent / "hub")} | (
        {"HF_TOKEN": token} if token else {}
    )
    command = [sys.executable, str(PUSH), "--model", str(model), "--card", str(model.parent / "card.md"), *args]
    command += ["--output", str(model.parent / "pushed.json")]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=env)


def test_a_push_is_one_commit_of_the_folder_and_its_card_in_a_private_repository(hub, model):
    done = push(hub, model, "--repository", "me/ours")
    assert done.returncode == 0, done.stderr
    repo = hub.repos["models/me/ours"]
    assert repo.private and len(repo.commits) == 1
    files = repo.commits[repo.branches["main"]]
    assert files["model.safetensors"] == WEIGHTS
    assert files["README.md"] == (model.parent / "card.md").read_bytes()
    assert sorted(files) == ["README.md", "config.json", "log.jsonl", "manifest.json", "model.safetensors"]
    note = json.loads((model.parent / "pushed.json").read_bytes())
    assert (note["commit"], note["digest"]) == (repo.branches["main"], manifest.read(model)["digest"])
    assert all(headers["authorization"] == "Bearer hf_test" for headers in hub.requests_for("/commit/main"))
    assert "hf_test" not in done.stdout + done.stderr + (model.parent / "pushed.json").read_text(encoding="utf-8")


def test_weights_that_the_hub_has_are_not_sent_again(hub, model):
    assert push(hub, model, "--repository", "me/ours", "--public").returncode == 0
    sent = [path for path, _ in hub.seen if path.startswith("/store/")]
    (model.parent / "card.md").write_text("---\nlibrary_name: transformers\n---\n# Better words\n", encoding="utf-8")
    assert push(hub, model, "--repository", "me/ours", "--public").returncode == 0
    assert [path for path, _ in hub.seen if path.startswith("/store/")] == sent
    assert not hub.repos["models/me/ours"].private


@pytest.mark.parametrize(
    ("args", "token", "answer"),
    [
        ((), "hf_test", "models.ours.push: missing; write push: {repository: owner/name}"),
        (("--repository", "me/ours"), None, "HF_TOKEN: not set; put a token that may write to the hub into the environment"),
    ],
)
def test_what_is_missing_is_named_before_anything_is_sent(hub, model, args, token, answer):
    done = push(hub, model, *args, token=token)
    assert (done.returncode, done.stderr) == (2, f"error: {answer}\n")
    assert hub.seen == []


def test_a_refusal_is_one_line(hub, model):
    hub.misbehaviour["/api/repos/create"] = [403]
    done = push(hub, model, "--repository", "me/ours")
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "refuses (403): check that HF_TOKEN may write there" in done.stderr
    assert not (model.parent / "pushed.json").exists()


def test_a_model_that_is_not_what_its_manifest_says_is_not_pushed(hub, model):
    (model / "model.safetensors").write_bytes(b"other")
    done = push(hub, model, "--repository", "me/ours")
    assert done.returncode == 2 and "does not match manifest.json" in done.stderr
    assert hub.seen == []


def test_a_hub_that_cannot_be_reached_is_one_line(hub, model):
    hub.url = "http://127.0.0.1:9"
    done = push(hub, model, "--repository", "me/ours")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "http://127.0.0.1:9 cannot be reached" in done.stderr
