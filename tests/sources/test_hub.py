"""What a hub lists, whom it lets in, and what its cache holds offline."""

import shutil

import pytest
from hub_server import HubServer, git_id, sha256
from tiny_hub import MODEL, SOURCE, WEIGHTS, held

from distill.base.errors import InputError
from distill.preflight.access import access_to_hub
from distill.sources.fetch import fetch_source


def test_a_busy_listing_is_asked_again(hub, fetch):
    hub.misbehaviour["/revision/main"] = [500, (429, {"Retry-After": "0"})]
    assert fetch()["files"]
    assert len(hub.requests_for("/revision/main")) == 3


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
    told = access_to_hub({"name": "models/base", "hub": "owner/model", "gated": False})
    assert told["access"].startswith(access)
    assert not hub.requests_for(".safetensors"), "a small file tells"


def test_preflight_counts_the_files_that_are_wanted(hub, repo):
    repo.commit({**MODEL, "pytorch_model.bin": bytes(9_000_000)})
    assert access_to_hub({"name": "models/base", "hub": "owner/model", "gated": False})["gb"] == 0.0


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
        assert hub.requests_for("model.safetensors")[0]["authorization"] == "Bearer s3cr3t"
        assert [headers.get("authorization") for headers in elsewhere.requests_for("/blob")] == [None]


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
    assert not hub.requests_for("model.safetensors")  # nor is online anything downloaded that is there
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
