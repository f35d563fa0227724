"""A gated benchmark without access: one line says how to get it, the others are finished, and the report shows which is missing."""

import re

import pytest
from checkout import Checkout
from hub_server import HubServer, Repo

from distill.report.words import NOT_MEASURED

GATED = {
    "source": {"hub": "owner/gated", "files": ["gated.csv"]},
    "kind": "choice",
    "gated": True,
    "columns": {"question": "Question", "gold": "Right", "wrong": ["Wrong"]},
    "protocols": ["mini"],
}
HOW = "owner/gated: gated: accept its terms at https://huggingface.co/datasets/owner/gated, then set HF_TOKEN"


@pytest.fixture
def here(finished, tmp_path, monkeypatch) -> Checkout:
    """The finished run, and a hub that holds the benchmark behind a gate."""
    repo = Repo(token="right")
    repo.commit({"gated.csv": b"Question,Right,Wrong\nWhich one is secret?,this,that\n"})
    with HubServer({"datasets/owner/gated": repo}).running() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
        for name in ("HF_TOKEN", "HF_HUB_OFFLINE"):
            monkeypatch.delenv(name, raising=False)
        yield finished.copy(tmp_path / "here")


def overlay(**more) -> dict:
    return {"benchmarks": {"hidden": {**GATED, **more}}}


def test_what_is_behind_a_gate_is_a_gap_and_comes_once_there_is_access(here, monkeypatch):
    log = here.folder / "results/logs/fetch/benchmarks/hidden.log"
    assert here.snakemake("--cores", "2", "--keep-going", config=overlay()).returncode != 0
    assert log.read_text().startswith(f"error: {HOW}")

    weights = {path: path.read_bytes() for path in here.folder.glob("results/models/*/manifest.json")}
    ran = here.jobs("--cores", "2", "--keep-going", config=overlay(optional=True))
    assert not [job for job in ran if job.startswith("train")]
    assert weights == {path: path.read_bytes() for path in here.folder.glob("results/models/*/manifest.json")}
    page = (here.folder / "results/report.md").read_text(encoding="utf-8")
    assert f"**Gap:** no score on hidden. {HOW}" in page.replace("\\", "")
    (row,) = [line for line in page.split("\n") if line.startswith("| hidden ")]
    assert set(re.findall(r"[^| ]+", row)) == {"hidden", NOT_MEASURED}
    assert f"| {'mini_r1':12} | hidden    | {'not searched':>22} |" in page
    assert here.jobs("--dry-run", config=overlay(optional=True)) == []

    monkeypatch.setenv("HF_TOKEN", "right")
    again = ["--forcerun", "results/sources/benchmarks/hidden/manifest.json"]
    assert f"with `{' '.join(again)}`" in page
    made = here.snakemake("--cores", "1", "results/benchmarks/hidden/prompts.jsonl", *again, config=overlay(optional=True))
    assert made.returncode == 0
    assert "Which one is secret?" in (here.folder / "results/benchmarks/hidden/prompts.jsonl").read_text()
