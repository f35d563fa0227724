"""A hub with one small model, its repository, and a fetch to out/source."""

import os

import pytest
from hub_server import HubServer, Repo
from tiny_hub import MODEL, QUICK, SOURCE

from distill.sources.fetch import fetch_source


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
