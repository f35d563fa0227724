"""What is fetched is whole and right or is not there; a hub may be slow, busy, cut off, hostile or closed."""

import json
import os
import re
import shutil
import subprocess
import sys
import types
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hub_server import HubServer, Repo, git_id, sha256

from distill.base import manifest
from distill.base.errors import InputError
from distill.base.retry import RetryPolicy
from distill.config.load import load
from distill.config.plan import Plan
from distill.preflight.access import _asked as asked_of_hub
from distill.sources import lock as sources_lock
from distill.sources.fetch import fetch_source, safe_name, select_files
from distill.sources.http import FileContent, retry_after
from distill.sources.lock import resolve_revision

PROJECT = Path(__file__).resolve().parents[2]
QUICK = RetryPolicy(max_failures=2, max_attempts=10, first_wait_s=0.01, longest_wait_s=0.05, timeout_s=0.2)
WEIGHTS = bytes(range(256)) * 40
MODEL = {
    "config.json": b'{"model_type": "qwen2"}',
    "tokenizer.json": b"{}",
    "model.safetensors": WEIGHTS,
    "pytorch_model.bin": b"pickle",
    "consolidated.safetensors": b"again",
    "onnx/config.json": b"{}",
    ".gitattributes": b"*",
    "README.md": b"# A model",
    "manifest.json": b"not ours",
}
SOURCE = {"hub": "owner/model", "repo_type": "model"}


@pytest.fixture
def hub(monkeypatch, tmp_path):
    from huggingface_hub import constants

    server = HubServer(repos={"models/owner/model": Repo()})
    server.repos["models/owner/model"].commit(MODEL)
    for name in list(os.environ):
        if name.upper() in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
            monkeypatch.delenv(name)
    with server.running():
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", server.url + "/{repo_id}/resolve/{revision}/{filename}")
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub_cache"))
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no_token"))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        yield server


@pytest.fixture
def repo(hub):
    return hub.repos["models/owner/model"]


@pytest.fixture
def fetch(tmp_path):
    """Fetch a source to out/source."""
    return lambda source=SOURCE, policy=QUICK, **more: fetch_source(
        {**source, **more}, tmp_path / "out" / "source", tmp_path / "work", "", policy
    )


def held(folder: Path) -> dict[str, bytes]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != manifest.NAME)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


# What is taken


def test_a_model_is_its_safetensors_config_and_tokenizer(hub, repo, fetch, tmp_path):
    made = fetch()
    out = tmp_path / "out" / "source"
    assert held(out) == {name: MODEL[name] for name in ("config.json", "model.safetensors", "tokenizer.json")}
    assert made["commit"] == repo.branches["main"]
    assert made == manifest.read(out)
    assert made["digest"] == manifest.describe(out)["digest"]
    assert os.listdir(tmp_path / "out") == ["source"]
    assert not list((tmp_path / "work").rglob("parts"))


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ({"repo_type": "model"}, ["a.json", "a.safetensors"]),
        ({"repo_type": "dataset"}, ["README.md", "a.json", "a.safetensors", "b.bin", "d/a.json", "d/e/train-1.parquet"]),
        ({"repo_type": "model", "files": ["*.bin"]}, ["b.bin"]),
        ({"repo_type": "dataset", "files": ["d/*.json"]}, ["d/a.json"]),
        ({"repo_type": "dataset", "files": ["d/e/train-*.parquet", "a.json"]}, ["a.json", "d/e/train-1.parquet"]),
        ({"files": ["manifest.json", ".hidden", ".d/a"]}, []),
    ],
)
def test_files_are_those_that_match_and_are_visible(source, names):
    there = ["a.json", "a.safetensors", "b.bin", "d/a.json", "d/e/train-1.parquet", "README.md", "manifest.json", ".hidden", ".d/a"]
    assert select_files(there, source) == names


@pytest.mark.parametrize(
    ("names", "source", "refused"),
    [
        (["train.jsonl", "test.jsonl"], {}, True),
        (["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet", "data/test-00000-of-00001.parquet"], {}, True),
        (["main/train.csv.gz", "main/validation.csv.gz"], {}, True),
        (["train.jsonl", "test.jsonl"], {"files": ["t*.jsonl"]}, False),
        (["train.json", "test.json"], {"repo_type": "model"}, False),
        (["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet", "README.md"], {}, False),
        (["test.jsonl", "test2.jsonl"], {}, False),
        (["train.jsonl", "latest.jsonl", "contest.csv", "test_suite.py"], {}, False),
    ],
)
def test_splits_are_not_mixed_unless_files_says_so(names, source, refused):
    if refused:
        with pytest.raises(InputError, match=r"are of different splits: name those to take, such as files: \['.*train.*'\]"):
            select_files(names, source)
    else:
        assert select_files(names, source)


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "a//x", "a/./x", "..", "", "a\\..\\x", "a\0x", "a\nx"])
def test_a_name_that_leads_out_is_refused(name):
    with pytest.raises(InputError, match="leads out of its folder"):
        safe_name(name)


def test_a_hostile_repository_writes_nothing(hub, repo, fetch, tmp_path):
    repo.commit({"../../evil.json": b"x", "model.safetensors": b"y"})
    with pytest.raises(InputError, match="leads out"):
        fetch(files=["*"])
    assert not list(tmp_path.rglob("evil.json"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("digest", ["git_id", "sha256"])
def test_a_digest_that_is_a_path_is_no_digest(hub, repo, fetch, monkeypatch, digest):
    monkeypatch.setattr(f"hub_server.{digest}", lambda content: "../../../evil")
    with pytest.raises(InputError, match="returns no commit or no digests"):
        fetch()


# What may go wrong on the way, and passes


@pytest.mark.parametrize(
    ("tricks", "requests"),
    [
        (["cut"], 2),
        (["cut", "cut", "cut", "cut"], 5),  # each brought something, so the policy starts again
        (["silent"], 2),
        ([500], 2),
        ([429, 503], 3),
        ([(429, {"Retry-After": "0"})], 2),
        ([(503, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"})], 2),
        (["wrong"], 2),
        (["endless"], 2),
        (["cut", "whole"], 2),
        (["cut", "elsewhere"], 3),
        (["cut", "elsewhere", "wrong"], 4),  # a range that was not asked for is no download that went wrong
        (["cut", "wrong"], 3),  # a wrong rest: once more from the start
    ],
    ids=str,
)
def test_trouble_that_passes_is_overcome(hub, fetch, tmp_path, tricks, requests):
    hub.misbehaviour["model.safetensors"] = tricks
    fetch()
    assert (tmp_path / "out" / "source" / "model.safetensors").read_bytes() == WEIGHTS
    assert len(hub.asked("model.safetensors")) == requests


def test_no_more_is_read_than_was_promised(hub, fetch):
    hub.misbehaviour["model.safetensors"] = ["endless"]
    fetch()
    assert hub.poured < 32 << 20  # what the sockets between them hold


def test_a_busy_listing_is_asked_again(hub, fetch):
    hub.misbehaviour["/revision/main"] = [500, (429, {"Retry-After": "0"})]
    assert fetch()["files"]
    assert len(hub.asked("/revision/main")) == 3


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"[]",
        b"{}",
        b"null",
        b'{"sha": 1, "siblings": [1]}',
        b'{"id": "a", "sha": 1}',
        b'{"id": "a", "siblings": [{"rfilename": 1}]}',
        b'{"a":' * 100_000,
        b"\xff",
    ],
)
def test_a_listing_that_is_none_is_one_line(hub, fetch, body):
    hub.misbehaviour["/revision/main"] = [(200, {"Content-Type": "application/json"}, body)]
    with pytest.raises(InputError, match=r"does not answer as the hub does|returns no commit") as caught:
        fetch()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("headers", "asked"),
    [
        ({}, None),
        ({"Retry-After": "7"}, "7"),
        ({"RateLimit": '"api";r=0;t=55'}, "55"),
        ({"RateLimit": '"api";r=10;t=55'}, None),
        ({"RateLimit": '"api";r=0;t=55', "Retry-After": "7"}, "7"),
    ],
)
def test_a_server_may_say_when_to_come_back(headers, asked):
    assert retry_after(headers) == asked


def test_a_cut_download_goes_on_where_it_stopped(hub, fetch):
    hub.misbehaviour["model.safetensors"] = ["cut", 500, 500, 500]
    with pytest.raises(InputError, match=r"the server answered 500, time after time.*goes on where it stopped"):
        fetch()
    hub.misbehaviour.clear()
    fetch()
    assert hub.asked("model.safetensors")[-1]["range"] == f"bytes={len(WEIGHTS) // 2}-"


def test_bytes_of_another_process_are_gone_on_with_only_where_they_are_right(hub, fetch, tmp_path):
    hub.misbehaviour["model.safetensors"] = [404]
    with pytest.raises(InputError):
        fetch()
    parts = next((tmp_path / "work").rglob("parts"))
    (parts / sha256(WEIGHTS)).write_bytes(b"something else")
    fetch()
    assert held(tmp_path / "out" / "source")["model.safetensors"] == WEIGHTS


# What stays wrong: one line, and what was good stays


@pytest.mark.parametrize(
    ("trick", "says"),
    [
        ("wrong", "wrong content ("),
        ("endless", "wrong content ("),
        ("silent", "no data from the server, time after time"),
        (500, "the server answered 500, time after time"),
        ((429, {"Retry-After": "3600"}), "the server answered 429, time after time"),
        ((302, {"Location": "/owner/model/resolve/x/model.safetensors"}), "more than 10 redirects"),
        ((302, {"Location": "file:///etc/passwd"}), "redirects to something that is not a URL"),
        ((302, {"Location": "http://[x"}), "redirects to something that is not a URL"),
        ((302, {"Location": "https:///x"}), "redirects to something that is not a URL"),
        (404, "no such model"),
        (418, "refuses with status 418"),
    ],
    ids=str,
)
def test_trouble_that_stays_is_one_line_and_harms_nothing(hub, repo, fetch, tmp_path, trick, says):
    fetch()
    before = held(tmp_path / "out" / "source")
    repo.commit({**MODEL, "model.safetensors": WEIGHTS[::-1]})
    hub.misbehaviour["model.safetensors"] = [trick, "always"]
    with pytest.raises(InputError, match=re.escape(says)) as caught:
        fetch(policy=replace(QUICK, timeout_s=0.05, max_attempts=4))
    assert "\n" not in str(caught.value)
    assert held(tmp_path / "out" / "source") == before
    assert manifest.read(tmp_path / "out" / "source")
    assert os.listdir(tmp_path / "out") == ["source"]


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


# Gates and secrets


@pytest.mark.parametrize(
    ("token", "then"),
    [(None, "then set HF_TOKEN in the environment to a token of that account"), ("s3cr3t", "with the account of HF_TOKEN")],
)
def test_a_gated_repository_says_what_to_do(hub, repo, fetch, monkeypatch, token, then):
    repo.token = "right"
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(InputError) as caught:
        fetch()
    says = f"owner/model: gated: accept its terms at https://huggingface.co/owner/model, {then}, and run the same command again"
    assert str(caught.value) == says


@pytest.mark.parametrize(
    ("token", "access"), [(None, "refused: owner/model: gated"), ("wrong", "refused: owner/model: gated"), ("right", "open")]
)
def test_preflight_tells_a_gate_although_its_repository_is_listed(hub, repo, monkeypatch, token, access):
    repo.token = "right"
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    told = asked_of_hub({"name": "models/base", "hub": "owner/model", "gated": False})
    assert told["access"].startswith(access)
    assert not hub.asked(".safetensors"), "a small file tells"


def test_preflight_counts_the_files_that_are_wanted(hub, repo):
    repo.commit({**MODEL, "pytorch_model.bin": bytes(9_000_000)})
    assert asked_of_hub({"name": "models/base", "hub": "owner/model", "gated": False})["gb"] == 0.0


def test_a_token_opens_a_gate_and_is_shown_nowhere(hub, repo, fetch, monkeypatch, tmp_path, capfd):
    repo.token = "s3cr3t"
    monkeypatch.setenv("HF_TOKEN", "s3cr3t")
    hub.misbehaviour["model.safetensors"] = [500, "cut"]
    fetch()
    assert "s3cr3t" not in "".join(capfd.readouterr())
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"s3cr3t" in path.read_bytes()]


def test_a_token_stays_with_its_host(hub, repo, fetch, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_TOKEN", "s3cr3t")
    with HubServer(files={"/blob": WEIGHTS}).running() as elsewhere:
        hub.misbehaviour["model.safetensors"] = [(302, {"Location": f"{elsewhere.url}/blob"})]
        fetch()
        assert held(tmp_path / "out" / "source")["model.safetensors"] == WEIGHTS
        assert hub.asked("model.safetensors")[0]["authorization"] == "Bearer s3cr3t"
        assert [headers.get("authorization") for headers in elsewhere.asked("/blob")] == [None]


# Commits and locks


def test_a_branch_that_moved_brings_what_changed_and_nothing_else(hub, repo, fetch, tmp_path):
    first = fetch()
    commit = repo.commit({**MODEL, "config.json": b'{"model_type": "llama"}'})
    asked = len(hub.seen)
    second = fetch()
    assert [path for path, _ in hub.seen[asked:]] == ["/api/models/owner/model/revision/main", f"/owner/model/resolve/{commit}/config.json"]
    assert (second["commit"], second["digest"] == first["digest"]) == (commit, False)


def test_a_locked_commit_is_fetched_whatever_the_branch_does(hub, repo, fetch):
    commit = repo.branches["main"]
    digest = fetch()["digest"]
    repo.commit({"model.safetensors": b"new"})
    assert fetch(commit=commit, digest=digest)["commit"] == commit


def test_another_commit_than_asked_for_is_refused(hub, repo, fetch):
    asked = repo.branches["main"]
    repo.branches[asked] = repo.commit({"model.safetensors": b"new"})
    with pytest.raises(InputError, match="returned another commit than"):
        fetch(commit=asked)


def test_a_locked_digest_holds_what_comes(hub, repo, fetch, tmp_path):
    digest = fetch()["digest"]
    before = held(tmp_path / "out" / "source")
    commit = repo.commit({**MODEL, "config.json": b"{}"})
    with pytest.raises(InputError, match=r"sources.lock has .*: nothing was replaced; .*--update"):
        fetch(commit=commit, digest=digest)
    assert held(tmp_path / "out" / "source") == before


def test_the_lock_tells_the_digest_without_the_large_files(hub, repo, fetch, tmp_path):
    commit, digest = resolve_revision(SOURCE, tmp_path / "work", QUICK)
    assert not hub.asked(".safetensors")
    made = fetch()
    assert (made["commit"], made["digest"]) == (commit, digest)


def test_a_lock_holds_each_source_that_goes_by_a_name(tmp_path):
    ours, theirs = {"hub": "a/b"}, {"hub": "c/d", "revision": "v1", "files": ["*.json"]}
    lock = sources_lock.update_entry({}, "models/base", ours, "1" * 40, "d1")
    lock = sources_lock.update_entry(lock, "models/base", theirs, "2" * 40, "d2")
    lock = sources_lock.update_entry(lock, "models/base", ours, "3" * 40, "d3")
    sources_lock.write(tmp_path / "lock", dict(reversed(lock.items())))
    lock = sources_lock.read(tmp_path / "lock")
    assert sources_lock.locked_version(lock, "models/base", ours) == {"commit": "3" * 40, "digest": "d3"}
    assert sources_lock.locked_version(lock, "models/base", theirs) == {"commit": "2" * 40, "digest": "d2"}
    assert sources_lock.locked_version(lock, "models/base", {**theirs, "revision": "v2"}) == {}
    assert sources_lock.locked_version(lock, "models/other", ours) == {}
    assert len(lock["models/base"]) == 2


@pytest.mark.parametrize("text", ["[]", '{"a": 1}', '{"a": [{"hub": "x"}]}', '{"a": ["x"]}', "{"])
def test_a_broken_lock_is_named(tmp_path, text):
    (tmp_path / "sources.lock").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"sources\.lock"):
        sources_lock.read(tmp_path / "sources.lock")


def test_a_locked_source_is_known_by_its_commit_and_not_by_its_branch(tmp_path):
    plan = Plan(load(tutorial()))

    def part(revision, commit=None):
        plan.source_of("models/base")["revision"] = revision
        if commit:
            lock = sources_lock.update_entry({}, "models/base", plan.source_of("models/base"), commit, "d")
            sources_lock.write(tmp_path / "lock", lock)
        return plan.fetch("models/base", str(tmp_path / "lock"))

    assert part("main")["revision"] == "main"
    assert part("main", "1" * 40) == part("v1", "1" * 40) != part("main", "2" * 40)
    assert part("main", "1" * 40) == {"hub": "Qwen/Qwen2.5-Math-1.5B", "files": ["*.json", "*.txt", "*.safetensors"],
        "repo_type": "model", "commit": "1" * 40, "digest": "d"}  # fmt: skip


def test_a_source_that_has_the_locked_content_is_not_stale(hub, repo, fetch, tmp_path):
    """It was fetched as a branch, or as a commit with equal files, and locked later."""
    made = fetch(revision="main")
    asked = {**SOURCE, "revision": "main"}
    locked = {**SOURCE, "commit": "1" * 40, "digest": made["digest"]}
    there = tmp_path / "out" / "source" / manifest.NAME
    assert sources_lock.recorded_source(locked, there) == made["asked"] == asked
    for part in ({**locked, "digest": "0" * 64}, {**SOURCE, "revision": "v1"}):
        assert sources_lock.recorded_source(part, there) == part
    assert sources_lock.recorded_source(locked, tmp_path / "nothing.json") == locked


def tutorial():
    return yaml.safe_load((PROJECT / "config" / "tutorial.yaml").read_text(encoding="utf-8"))


def test_update_moves_the_lock_and_fetch_follows_it(hub, repo, tmp_path):
    """By hand, as the rules run it: HF_ENDPOINT leads to the mirror."""
    config = tutorial()
    for entry in [*config["models"].values(), *config["datasets"].values(), *config["benchmarks"].values()]:
        if "source" in entry:
            entry["source"] = {"path": "x"}
    config["models"]["base"]["source"] = {"hub": SOURCE["hub"]}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    env = {**os.environ, "HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "hf")}
    lock = ["--update", "--config", "config.yaml", "--lock", "sources.lock"]

    def script(*args):
        command = [sys.executable, str(PROJECT / "scripts" / "fetch.py"), *args]
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=False)

    done = script(*lock)
    assert done.returncode == 0, done.stderr
    entry = sources_lock.read(tmp_path / "sources.lock")["models/base"][0]
    assert entry["commit"] == repo.branches["main"]
    repo.commit({"model.safetensors": b"new"})
    done = script("--spec", json.dumps({**SOURCE, **entry}), "--output", "out")
    assert done.returncode == 0, done.stderr
    assert f"digest {entry['digest'][:12]}, commit {entry['commit'][:12]}" in done.stdout


# Offline


@pytest.fixture
def hub_cache(repo, tmp_path):
    """What `hf download` leaves behind, laid out as huggingface_hub has it: links to blobs that are called by their digests."""
    cache = tmp_path / "hub_cache" / "models--owner--model"
    commit = repo.branches["main"]
    snapshot = cache / "snapshots" / commit
    for folder in (cache / "blobs", snapshot, cache / "refs", cache / "trees"):
        folder.mkdir(parents=True, exist_ok=True)
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        blob = cache / "blobs" / (sha256(MODEL[name]) if name.endswith("safetensors") else git_id(MODEL[name]))
        blob.write_bytes(MODEL[name])
        (snapshot / name).symlink_to(blob)
    (cache / "refs" / "main").write_text(commit, encoding="utf-8")
    return cache


def test_offline_takes_what_the_hub_cache_has(hub, fetch, tmp_path, monkeypatch, hub_cache):
    online = fetch()
    assert not hub.asked("model.safetensors")  # nor is online anything downloaded that is there
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    asked = len(hub.seen)
    made = fetch_source(SOURCE, tmp_path / "offline", tmp_path / "work2")
    assert made == online
    assert len(hub.seen) == asked
    assert not any(path.is_symlink() for path in (tmp_path / "offline").rglob("*"))


def test_offline_a_cache_without_links_will_do(hub, fetch, tmp_path, monkeypatch, hub_cache):
    online = fetch()
    for link in [path for path in (hub_cache / "snapshots").rglob("*") if path.is_symlink()]:
        content = link.read_bytes()
        link.unlink()
        link.write_bytes(content)
    shutil.rmtree(hub_cache / "blobs")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert fetch_source(SOURCE, tmp_path / "offline", tmp_path / "work2") == online


@pytest.mark.parametrize("endpoint", ["hf-mirror.com", "ftp://hf-mirror.com", "https:///models"])
def test_a_mirror_that_is_no_web_address_is_one_line_at_once(fetch, monkeypatch, endpoint):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", endpoint)
    with pytest.raises(InputError, match=f"HF_ENDPOINT is {endpoint}, which is not a URL: write https://"):
        fetch()


def test_offline_a_damaged_file_is_not_taken(hub, fetch, monkeypatch, hub_cache):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    (hub_cache / "blobs" / sha256(WEIGHTS)).write_bytes(WEIGHTS[::-1])
    with pytest.raises(InputError, match=r"model\.safetensors of commit .* is not complete in .*HF_HUB_OFFLINE is set"):
        fetch()
    assert not hub.seen


def test_offline_a_file_that_is_listed_but_missing_is_missed(hub, fetch, monkeypatch, hub_cache, repo):
    from huggingface_hub import snapshot_download

    snapshot_download("owner/model", revision=repo.branches["main"], allow_patterns=["config.json"], endpoint=hub.url)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    next((hub_cache / "snapshots").glob("*/tokenizer.json")).unlink()
    with pytest.raises(InputError, match=r"tokenizer\.json of commit .* is not complete"):
        fetch()


def test_offline_without_the_files_says_so(hub, fetch, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match="HF_HUB_OFFLINE is set"):
        fetch()
    assert not hub.seen


# Other ways


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
        ("/data/", "0" * 64, "write url: https://HOST/PATH/FILE"),
        ("/data/x.csv", "abc", "sha256: the 64 digits"),
        ("/data/x.csv?token=s3cr3t", "0" * 64, "without name or key"),
        ("/data/x.csv?raw=1&Key=s3cr3t", "0" * 64, "without name or key"),
        ("/data/..", "0" * 64, "leads out"),
    ],
)
def test_a_wrong_web_address_is_one_line(hub, fetch, tmp_path, url, digest, says):
    hub.files["/data/x.csv"] = b"x"
    with pytest.raises(InputError, match=re.escape(says)) as caught:
        fetch({"url": hub.url + url, "sha256": digest})
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
    config = tutorial()
    config["models"]["base"]["source"] = source
    with pytest.raises(InputError, match=re.escape(says)) as caught:
        load(config)
    assert "s3cr3t" not in str(caught.value)


def test_nothing_fits_without_a_digest(tmp_path):
    (tmp_path / "a").write_bytes(b"a")
    assert FileContent(1, git=git_id(b"a")).matches(tmp_path / "a")
    assert not FileContent(1).matches(tmp_path / "a")
    assert not FileContent(2, git=git_id(b"a")).matches(tmp_path / "a")
