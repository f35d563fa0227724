"""What sources.lock holds, and what follows it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from tiny_hub import MODEL, QUICK, SOURCE, held

from distill.base import manifest
from distill.base.errors import InputError
from distill.config.load import load
from distill.config.plan import Plan
from distill.sources import lock as sources_lock
from distill.sources.lock import resolve_revision

PROJECT = Path(__file__).resolve().parents[2]


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
    assert not hub.requests_for(".safetensors")
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
    assert part("main", "1" * 40) == {"hub": "Qwen/Qwen2.5-Math-1.5B", "files": ["*.json", "*.txt", "*.safetensors", "*.jinja"],
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
