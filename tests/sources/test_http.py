"""Downloads are resumed, retried and verified."""

import os
import re
from dataclasses import replace

import pytest
from hub_server import sha256
from tiny_hub import MODEL, QUICK, WEIGHTS, held

from distill.base import manifest
from distill.base.errors import InputError
from distill.sources.http import retry_after


@pytest.mark.parametrize("digest", ["git_id", "sha256"])
def test_a_digest_that_is_a_path_is_no_digest(hub, repo, fetch, monkeypatch, digest):
    monkeypatch.setattr(f"hub_server.{digest}", lambda content: "../../../evil")
    with pytest.raises(InputError, match="returns no commit or no digests"):
        fetch()


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
    assert len(hub.requests_for("model.safetensors")) == requests


def test_no_more_is_read_than_was_promised(hub, fetch):
    hub.misbehaviour["model.safetensors"] = ["endless"]
    fetch()
    assert hub.poured < 32 << 20  # what the sockets between them hold


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
    assert hub.requests_for("model.safetensors")[-1]["range"] == f"bytes={len(WEIGHTS) // 2}-"


def test_bytes_of_another_process_are_gone_on_with_only_where_they_are_right(hub, fetch, tmp_path):
    hub.misbehaviour["model.safetensors"] = [404]
    with pytest.raises(InputError):
        fetch()
    parts = next((tmp_path / "work").rglob("parts"))
    (parts / sha256(WEIGHTS)).write_bytes(b"something else")
    fetch()
    assert held(tmp_path / "out" / "source")["model.safetensors"] == WEIGHTS


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
