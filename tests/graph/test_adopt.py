"""tools/adopt.py on a finished tiny run: what is adopted is not made again, and goes stale like anything else."""

import base64
import json
import shutil
from pathlib import Path

from checkout import Checkout

ADOPT = "tools/adopt.py"
RESPONSES = "results/responses/base/mini_math.jsonl"


def test_an_adopted_checkpoint_is_not_trained_and_a_changed_recipe_trains_it(finished, tmp_path):
    here = finished.copy(tmp_path / "here")
    ours, given = here.folder / "results/models/ours", tmp_path / "given"
    shutil.copytree(ours, given)
    for name in ("manifest.json", "log.jsonl"):
        (given / name).unlink()
    before = others(here.folder, "results/models/ours/")
    # As on a machine that never trained it: neither files nor what Snakemake remembers of them.
    shutil.rmtree(ours)
    forget(here, "results/models/ours/manifest.json", "results/models/ours/log.jsonl")
    done = here.run(ADOPT, "results/models/ours", "--from", str(given))
    assert done.returncode == 0, done.stderr
    made = json.loads((ours / "manifest.json").read_bytes())
    assert (made["adopted"], made["made_by"]) == (True, "adopt")
    assert others(here.folder, "results/models/ours/") == before, "other results were touched"
    assert "train ours" not in here.jobs("--dry-run")
    assert "train ours" in here.jobs("--dry-run", config={"models": {"ours": {"train": {"learning_rate": 0.001}}}})


def test_adopted_responses_are_graded_and_not_answered_again(finished, tmp_path):
    here = finished.copy(tmp_path / "here")
    rows = [json.loads(line) for line in (here.folder / RESPONSES).read_text(encoding="utf-8").splitlines()]
    rows[0]["text"] = "The answer is \\boxed{1}."
    given = tmp_path / "given.jsonl"
    given.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    refused = here.run(ADOPT, RESPONSES, "--from", str(given))
    assert refused.returncode == 2 and refused.stderr == f"error: {RESPONSES}: exists already; use --replace to replace it\n"
    before = others(here.folder, "results/responses/base/")
    done = here.run(ADOPT, RESPONSES, "--from", str(given), "--replace")
    assert done.returncode == 0, done.stderr
    assert others(here.folder, "results/responses/base/") == before, "other results were touched"
    assert [job for job in here.jobs("--dry-run") if job.split()[0] in ("respond", "grade")] == ["grade base mini_math"]


def test_what_hangs_on_stale_results_or_on_a_run_that_goes_on_is_not_adopted(finished, tmp_path):
    here = finished.copy(tmp_path / "here")
    config = {"datasets": {"mini_stratos": {"filter": {"max_tokens": 150}}}}
    done = here.run(ADOPT, "results/models/ours", "--from", str(here.folder / "results/models/ours"), "--replace", config=config)
    assert done.returncode == 2
    assert done.stderr.endswith("first run: snakemake --cores all results/data/digests.json\n")
    (here.folder / ".snakemake/locks/0.output.lock").write_text("results/models/ours/manifest.json\n", encoding="utf-8")
    done = here.run(ADOPT, "results/models/ours", "--from", str(here.folder / "results/models/ours"), "--replace")
    assert done.returncode == 2 and "python tools/unlock.py" in done.stderr
    assert "adopted" not in json.loads((here.folder / "results/models/ours/manifest.json").read_bytes())


def others(folder: Path, without: str) -> dict[str, tuple[int, bytes]]:
    """Date and content of all results but some, and but the timings: a job's own is dated with its files."""
    files = {path.relative_to(folder).as_posix(): path for path in (folder / "results").rglob("*") if path.is_file()}
    return {
        name: (path.stat().st_mtime_ns, path.read_bytes())
        for name, path in files.items()
        if not name.startswith((without, "results/timing/"))
    }


def forget(here: Checkout, *files: str) -> None:
    for file in files:
        (here.folder / ".snakemake/metadata" / base64.urlsafe_b64encode(file.encode()).decode()).unlink()
