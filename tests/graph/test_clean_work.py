"""`snakemake clean_work` tells of the work folders that the configuration cannot go on from, and removes them when it is told to."""

import fcntl
import json

CHANGED = {"models": {"ours": {"train": {"learning_rate": 1.0e-3}}}}


def clean_work(here, *args, config=None):
    done = here.snakemake("--cores", "1", "clean_work", *args, config=config)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return (here.folder / "results/logs/clean_work.log").read_text(encoding="utf-8").splitlines()


def trainings(here):
    """{learning rate and rows: folder} of the trainings in work/."""
    runs = {path.parent: json.loads(path.read_bytes()) for path in here.folder.glob("work/train/*/run.json")}
    return {run["data"]: folder for folder, run in runs.items()}


def test_what_nothing_can_resume_is_listed_first_and_removed_when_told(finished, tmp_path):
    here = finished.copy(tmp_path / "here")
    data = json.loads((here.folder / "results/data/digests.json").read_bytes())
    ours, reference = (trainings(here)[data[name]] for name in ("mini_stratos", "mini_r1"))
    assert clean_work(here) == ["no work folder that this configuration cannot resume"]

    listed, told = clean_work(here, config=CHANGED)
    assert f"MB  {ours.relative_to(here.folder)}  training on data {data['mini_stratos'][:12]}, learning rate 0.0015" in listed
    assert "clean_work --config remove=True" in told
    assert ours.exists()

    with open(ours / "lock", "a", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert clean_work(here, "--config", "remove=True", config=CHANGED)[0].endswith(": in use, not removed")
    answers = sorted(here.folder.glob("work/responses/*"))
    assert clean_work(here, "--config", "remove=True", config=CHANGED)[0].endswith(": removed")
    assert not ours.exists() and reference.exists()
    assert sorted(here.folder.glob("work/responses/*")) == answers


def test_answers_of_a_model_that_is_no_more_are_left_over(finished, tmp_path):
    here = finished.copy(tmp_path / "here")
    manifest = here.folder / "results/models/ours/manifest.json"
    made = json.loads(manifest.read_bytes())
    manifest.write_text(json.dumps({**made, "digest": "0" * 64}), encoding="utf-8")
    lines = clean_work(here)
    assert sum(f"model {made['digest'][:12]}" in line and "work/responses/" in line for line in lines) == 3
    assert len(lines) == 4
