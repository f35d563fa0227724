"""A judge and a reviewer in a run: what the judge drops, what is decided by hand, what reruns, and what is in the report of it."""

import json

import pytest
from checkout import Checkout, checkout, read_rows, write_rows
from stand_in_server import StandIn, completion

from distill.base.files import read_json

SFT, REVIEW = "results/data/mini_r1/sft.jsonl", "results/data/mini_r1/review.html"

pytestmark = pytest.mark.slow


def of_even_length(question: str, attempt: int) -> tuple[int, bytes]:
    """A judge that keeps what is of even length."""
    return 200, completion(f"It is {len(question)} long. Score: {1 if len(question) % 2 else 5}")


def config(url: str, **changes) -> dict:
    judge = {"model": "teacher", "endpoint": "shop", "max_new_tokens": 50}
    return {
        "datasets": {"mini_r1": {"filter": {"judge": judge, **changes}}},
        "runtime": {"endpoints": {"shop": {"base_url": url, "concurrency": 8}}},
    }


def kept(here: Checkout) -> list[str]:
    return [row["id"] for row in read_rows(here.folder / SFT)]


def test_traces_are_judged_by_a_model_and_by_hand(tmp_path, warm_python, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    here = checkout("tiny", tmp_path / "project", warm_python)
    with StandIn(of_even_length).running() as server:
        jobs = here.jobs("--cores", "2", SFT, REVIEW, config=config(server.url))
        assert [f"{rule} mini_r1" for rule in ("filter", "judge", "judge_prompts", "review")] == [job for job in jobs if job.split()[0] in
                ("filter", "judge", "judge_prompts", "review")]  # fmt: skip
        asked = len(server.seen)
        funnel = read_json(here.folder / "results/data/mini_r1/funnel.json")
        assert funnel["judge"]["rows"] == asked == sum(funnel["judge"]["scores"].values())
        assert 0 < funnel["dropped"]["judged"] == funnel["judge"]["scores"]["1"] < asked

        # Another threshold asks nothing again.
        config_all = config(server.url)
        config_all["datasets"]["mini_r1"]["filter"]["judge"]["keep_at"] = 1
        assert here.jobs("--cores", "2", SFT, config=config_all) == ["filter mini_r1"]
        assert funnel["kept"] + funnel["dropped"]["judged"] == len(kept(here))
        assert here.jobs("--cores", "2", SFT, config=config(server.url)) == ["filter mini_r1"]

        page = (here.folder / REVIEW).read_text(encoding="utf-8")
        shown = json.loads(page.split('id="data">')[1].split("</script>")[0])["rows"]
        judged = [row["id"] for row in shown if row["reason"] == "judged"]
        good = [row["id"] for row in shown if not row["reason"]]
        assert judged and good and all(row["why"].startswith("It is ") for row in shown if row["reason"] in ("", "judged"))
        made = [{"id": judged[0], "decision": "keep"}, {"id": good[0], "decision": "drop"}, {"id": good[1], "decision": "keep"}]
        write_rows(here.folder / "decisions.jsonl", made)
        reviewed = config(server.url, review="decisions.jsonl")
        assert here.jobs("--cores", "2", SFT, REVIEW, config=reviewed) == ["filter mini_r1", "review mini_r1"]
        assert judged[0] in kept(here) and good[0] not in kept(here)
        funnel = read_json(here.folder / "results/data/mini_r1/funnel.json")
        assert funnel["by_hand"] == {"keep": 2, "drop": 1, "of_other_rows": 0} and funnel["dropped"]["reviewed"] == 1
        assert funnel["judge"]["agreement"]["kappa"] == pytest.approx(-0.5)
        assert "Cohen's kappa -0.50" in (here.folder / "results/logs/filter/mini_r1.log").read_text(encoding="utf-8")
        write_rows(here.folder / "decisions.jsonl", made[:1])
        assert here.jobs("--dry-run", SFT, config=reviewed) == ["filter mini_r1"]
        assert len(server.seen) == asked
