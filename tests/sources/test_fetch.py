"""What is fetched is whole and right or is not there."""

import os
import re
import sys
import types
from pathlib import Path

import pytest
from hub_server import git_id, sha256
from tiny_hub import MODEL, SOURCE, WEIGHTS, held

from distill.base import manifest
from distill.base.errors import InputError
from distill.sources.fetch import SPEC, fetch_source
from distill.sources.http import FileContent


def test_a_model_is_its_safetensors_config_and_tokenizer(hub, repo, fetch, tmp_path):
    made = fetch()
    out = tmp_path / "out" / "source"
    assert held(out) == {name: MODEL[name] for name in ("config.json", "model.safetensors", "tokenizer.json")}
    assert made["commit"] == repo.branches["main"]
    assert made == manifest.read(out)
    assert made["digest"] == manifest.describe(out)["digest"]
    assert os.listdir(tmp_path / "out") == ["source"]
    assert not list((tmp_path / "work").rglob("parts"))


def test_a_hostile_repository_writes_nothing(hub, repo, fetch, tmp_path):
    repo.commit({"../../evil.json": b"x", "model.safetensors": b"y"})
    with pytest.raises(InputError, match="leads out"):
        fetch(files=["*"])
    assert not list(tmp_path.rglob("evil.json"))
    assert not (tmp_path / "out").exists()


def test_a_repository_that_is_renamed_between_two_runs_is_followed_and_nothing_is_lost(hub, repo, fetch, tmp_path):
    """As the hub answers for an old name: a redirect of its listing and of each file."""
    fetch()
    before = held(tmp_path / "out" / "source")
    hub.repos["models/new/name"] = hub.repos.pop("models/owner/model")
    listing = {"Location": "/api/models/new/name/revision/main"}
    hub.misbehaviour["api/models/owner/model/revision/main"] = [(307, listing), "always"]
    fetch()
    assert held(tmp_path / "out" / "source") == before, "the same content, of which nothing is fetched again"
    commit = repo.commit({**MODEL, "model.safetensors": WEIGHTS[::-1]})
    for name in MODEL:
        hub.misbehaviour[f"owner/model/resolve/{commit}/{name}"] = [(307, {"Location": f"/new/name/resolve/{commit}/{name}"}), "always"]
    fetch()
    assert held(tmp_path / "out" / "source")["model.safetensors"] == WEIGHTS[::-1]


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_repository_that_is_made_private_or_removed_leaves_what_is_here(hub, repo, fetch, tmp_path, status):
    fetch()
    before = held(tmp_path / "out" / "source")
    hub.misbehaviour["api/models/owner/model/revision/main"] = [status, "always"]
    with pytest.raises(InputError, match="owner/model") as caught:
        fetch()
    assert "\n" not in str(caught.value)
    assert held(tmp_path / "out" / "source") == before and manifest.read(tmp_path / "out" / "source")


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ({"hub": "owner/nothing"}, "owner/nothing: no such model at"),
        ({"hub": "owner/model", "repo_type": "dataset"}, "owner/model: no such dataset at"),
        ({"revision": "v9"}, "has no revision 'v9': look at https://huggingface.co/owner/model/tree/main and fix source.revision"),
        ({"commit": "0" * 40}, "has no revision"),
        ({"files": ["*.gguf"]}, "none of its files matches (*.gguf): fix source.files"),
        ({"hub": "owner/../model"}, "does not answer as the hub does"),
        ({"digest": "0" * 64}, "its content is"),
    ],
)
def test_what_is_not_there_is_one_line_that_says_what_to_do(hub, fetch, tmp_path, source, says):
    with pytest.raises(InputError, match=re.escape(says)) as caught:
        fetch({**SOURCE, **source})
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out" / "source").exists()


def test_a_model_without_safetensors_is_not_taken_unasked(hub, repo, fetch):
    repo.commit({"config.json": b"{}", "pytorch_model.bin": b"pickle"})
    with pytest.raises(InputError, match="holds no safetensors"):
        fetch()
    assert fetch(files=["*.bin"])["files"].keys() == {"pytorch_model.bin"}


def test_a_server_that_is_not_there_is_one_line(hub, fetch, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(
        InputError, match=r"owner/model: cannot connect \(http://127.0.0.1:9\), time after time.*HF_ENDPOINT.*HF_HUB_OFFLINE"
    ):
        fetch()


def test_a_branch_that_moved_brings_what_changed_and_nothing_else(hub, repo, fetch, tmp_path):
    first = fetch()
    commit = repo.commit({**MODEL, "config.json": b'{"model_type": "llama"}'})
    asked = len(hub.seen)
    second = fetch()
    assert [path for path, _ in hub.seen[asked:]] == ["/api/models/owner/model/revision/main", f"/owner/model/resolve/{commit}/config.json"]
    assert (second["commit"], second["digest"] == first["digest"]) == (commit, False)


def test_a_web_address_is_known_by_its_digest(hub, fetch, tmp_path):
    hub.files["/data/a b.csv"] = b"x,y\n"
    source = {"url": f"{hub.url}/data/a%20b.csv", "sha256": sha256(b"x,y\n").upper()}
    hub.misbehaviour["a b.csv"] = ["cut", (302, {"Location": "/data/a%20b.csv"})]
    made = fetch(source)
    assert held(tmp_path / "out" / "source") == {"a b.csv": b"x,y\n"}
    assert made["asked"] == source
    asked = len(hub.seen)
    assert fetch(source) == made
    assert len(hub.seen) == asked


@pytest.mark.parametrize(
    ("url", "digest", "says"),
    [
        ("/data/x.csv", "0" * 64, "wrong content ("),
        ("/data/none.csv", "0" * 64, "the server refuses with status 404"),
        ("/data/", "0" * 64, "--spec: url: write https://HOST/PATH/FILE"),
        ("/data/x.csv", "abc", "--spec: sha256: 'abc' is not a sha256; write its 64 hex digits"),
        ("/data/x.csv", None, "url needs sha256"),
        ("/data/x.csv?token=s3cr3t", "0" * 64, "without a name, key or token"),
        ("/data/x.csv?raw=1&Key=s3cr3t", "0" * 64, "without a name, key or token"),
        ("/data/..", "0" * 64, "leads out"),
    ],
)
def test_a_wrong_web_address_is_one_line(hub, fetch, tmp_path, url, digest, says):
    hub.files["/data/x.csv"] = b"x"
    with pytest.raises(InputError, match=re.escape(says)) as caught:
        fetch(SPEC.read({"url": hub.url + url, "sha256": digest}))
    assert "s3cr3t" not in str(caught.value)
    assert not (tmp_path / "out" / "source").exists()


def test_a_local_folder_is_copied_links_too(tmp_path):
    (tmp_path / "here").mkdir()
    (tmp_path / "real.jsonl").write_bytes(b"{}\n")
    (tmp_path / "here" / "a.jsonl").symlink_to(tmp_path / "real.jsonl")
    made = fetch_source({}, tmp_path / "out", tmp_path / "work", str(tmp_path / "here"))
    assert made["files"] == {"a.jsonl": sha256(b"{}\n")}
    assert not (tmp_path / "out" / "a.jsonl").is_symlink()
    assert not (tmp_path / "work").exists()


def test_modelscope_is_asked_by_its_own_package(tmp_path, monkeypatch):
    asked = {}

    def snapshot_download(local_dir, **rest):
        asked.update(rest)
        Path(local_dir).mkdir(parents=True)
        (Path(local_dir) / "model.safetensors").write_bytes(WEIGHTS)
        (Path(local_dir) / ".msc").write_bytes(b"")

    monkeypatch.setitem(sys.modules, "modelscope", types.SimpleNamespace(snapshot_download=snapshot_download))
    made = fetch_source({"modelscope": "Qwen/Qwen2.5-Math-1.5B"}, tmp_path / "out", tmp_path / "work")
    assert made["files"] == {"model.safetensors": sha256(WEIGHTS)}
    assert (asked["repo_id"], asked["repo_type"]) == ("Qwen/Qwen2.5-Math-1.5B", "model")


def test_modelscope_is_optional_and_its_errors_are_one_line(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "modelscope", None)
    with pytest.raises(InputError, match="pip install modelscope"):
        fetch_source({"modelscope": "a/b"}, tmp_path / "out", tmp_path / "work")

    def snapshot_download(local_dir, **_):
        Path(local_dir).mkdir(parents=True)
        (Path(local_dir) / "a.json").symlink_to("/etc/hostname")

    monkeypatch.setitem(sys.modules, "modelscope", types.SimpleNamespace(snapshot_download=snapshot_download))
    with pytest.raises(InputError, match="a link that leads out"):
        fetch_source({"modelscope": "a/b"}, tmp_path / "out", tmp_path / "work")


def test_nothing_fits_without_a_digest(tmp_path):
    (tmp_path / "a").write_bytes(b"a")
    assert FileContent(1, git=git_id(b"a")).matches(tmp_path / "a")
    assert not FileContent(1).matches(tmp_path / "a")
    assert not FileContent(2, git=git_id(b"a")).matches(tmp_path / "a")
