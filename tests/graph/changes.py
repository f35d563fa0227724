"""The changes that staleness.yaml names, made on a Checkout."""

import ast
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from checkout import CONFIG, Checkout, read_rows, write_rows

KINDS = ("set", "remove", "rename", "edit", "do", "options")


def make(change: dict[str, object], here: Checkout) -> list[str]:
    """Make a change of the configuration or of files; what it adds to Snakemake's command line is returned."""
    for path, value in change.get("set", {}).items():
        above, key = _place(here.config, path)
        above[key] = value
    for path in change.get("remove", []):
        above, key = _place(here.config, path)
        del above[key]
    for path, name in change.get("rename", {}).items():
        above, key = _place(here.config, path)
        entries = [(name if old == key else old, value) for old, value in above.items()]
        above.clear()
        above.update(entries)
    for file, (old, new) in change.get("edit", {}).items():
        path = here.folder / file
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{file} does not hold {old!r}"
        path.write_text(text.replace(old, new, 1) if old else text + new, encoding="utf-8")
    for name in change.get("do", []):
        globals()[name](here)
    return change.get("options", [])


def _place(config: dict, path: str) -> tuple[dict, str]:
    *above, last = path.split("/")
    for key in above:
        config = config.setdefault(key, {})
    return config, last


def comment_in_every_script(here: Checkout) -> None:
    for path in _code(here):
        path.write_text("# a comment\n" + path.read_text(encoding="utf-8"), encoding="utf-8")


def _code(here: Checkout) -> list[Path]:
    found = sorted((here.folder / "scripts").rglob("*.py"))
    assert len(found) > 50
    return found


def docstring_in_every_script(here: Checkout) -> None:
    for path in _code(here):
        text = path.read_text(encoding="utf-8")
        old = ast.get_docstring(ast.parse(text), clean=False)
        if old:
            path.write_text(text.replace(old, "Another docstring.", 1), encoding="utf-8")


def layout_of_every_script(here: Checkout) -> None:
    """As another formatter would have it."""
    for path in _code(here):
        path.write_text(ast.unparse(ast.parse(path.read_bytes())), encoding="utf-8")


def touch_all(here: Checkout) -> None:
    for path in here.folder.rglob("*"):
        os.utime(path)


def copied(here: Checkout) -> None:
    """Into another checkout, in whatever order: the later a file is in the alphabet the older it is."""
    away = here.folder.with_name("away")
    for name in ("results", ".snakemake"):
        shutil.copytree(here.folder / name, away / name, copy_function=shutil.copyfile)
        shutil.rmtree(here.folder / name)
        shutil.move(away / name, here.folder / name)
    for age, path in enumerate(sorted((here.folder / "results").rglob("*"))):
        os.utime(path, (time.time() - age, time.time() - age))


def copied_after_the_answers(here: Checkout) -> None:
    """As from a GPU machine: models without their weights, and nothing that is made from the answers."""
    copied(here)
    results = here.folder / "results"
    weights = list(results.rglob("*.safetensors"))
    assert weights
    for path in weights:
        path.unlink()
    for path in results.iterdir():
        if path.name in ("scores", "figures", "lighteval"):
            shutil.rmtree(path)
        elif path.is_file() and path.name != "experiment.json":
            path.unlink()


def copied_without_memory(here: Checkout) -> None:
    shutil.rmtree(here.folder / ".snakemake")


def clone(here: Checkout) -> None:
    """A fresh `git clone` of the project takes the place of the checkout round the old results."""
    kept = ("results", "work", ".snakemake", "given", CONFIG)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
    fresh = here.folder.with_name(here.folder.name + "-clone")
    for command in (["init", "-q"], ["add", "Snakefile", "rules", "scripts", "config", "envs", "profiles"], ["commit", "-q", "-m", "all"]):
        subprocess.run([*git, *command], cwd=here.folder, check=True)
    subprocess.run([*git, "clone", "-q", here.folder, fresh], check=True)
    for path in here.folder.iterdir():
        if path.name not in (*kept, ".git"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for path in fresh.iterdir():
        if path.name != ".git":
            shutil.move(path, here.folder / path.name)


def another_launch_file(here: Checkout) -> None:
    shutil.copy(here.folder / "config/accelerate/single.yaml", here.folder / "given/launch.yaml")


def a_repeated_raw_row(here: Checkout) -> None:
    rows = read_rows(here.folder / "given/raw/traces.jsonl")
    write_rows(here.folder / "given/raw/traces.jsonl", [*rows, rows[-1]])


def one_raw_row_less(here: Checkout) -> None:
    rows = read_rows(here.folder / "given/raw/traces.jsonl")
    trained = {row["prompt"][-1]["content"] for row in read_rows(here.folder / "results/data/raw/sft.jsonl")}
    lost = next(place for place, row in enumerate(rows) if row["conversations"][0]["value"] in trained)
    write_rows(here.folder / "given/raw/traces.jsonl", rows[:lost] + rows[lost + 1 :])


def decide_to_keep_what_is_kept(here: Checkout) -> None:
    kept = read_rows(here.folder / "results/data/raw/sft.jsonl")[0]["id"]
    write_rows(here.folder / "given/decisions.jsonl", [{"id": kept, "decision": "keep"}])


def decide_to_drop_what_is_kept(here: Checkout) -> None:
    kept = read_rows(here.folder / "results/data/raw/sft.jsonl")[0]["id"]
    write_rows(here.folder / "given/decisions.jsonl", [{"id": kept, "decision": "drop", "note": "It jumps."}])


def another_table_of_published_scores(here: Checkout) -> None:
    shutil.copy(here.folder / "config/published.csv", here.folder / "given/published.csv")


def new_weights(here: Checkout) -> None:
    from safetensors.torch import load_file, save_file

    path = here.folder / "given/model/model.safetensors"
    weights = load_file(path)
    save_file({name: weight + 1e-3 for name, weight in weights.items()}, path, metadata={"format": "pt"})


def equal_weights_elsewhere(here: Checkout) -> None:
    shutil.copytree(here.folder / "given/model", here.folder / "given/elsewhere")


def lose_intermediates(here: Checkout) -> None:
    for name in ("data/raw/traces.jsonl", "responses/ours/sums.jsonl", "scores/ours/sums.json"):
        (here.folder / "results" / name).unlink()


def make_responses_again(here: Checkout) -> None:
    assert here.jobs("--cores", "1", "results/responses/ours/sums.jsonl") == ["respond ours sums"]


def lose_report(here: Checkout) -> None:
    (here.folder / "results/report.md").unlink()


def lose_report_and_svg(here: Checkout) -> None:
    lose_report(here)
    (here.folder / "results/figures/scores.svg").unlink()


def a_failed_run(here: Checkout) -> None:
    """Grading fails, is fixed, and the same command is given again."""
    path = here.folder / "scripts/grade.py"
    sound = path.read_text(encoding="utf-8")
    path.write_text(sound + "\nraise SystemExit('broken')\n", encoding="utf-8")
    here.config["protocols"]["plain"]["grader"] = "lighteval"
    done = here.snakemake("--cores", "1", "--keep-going")
    assert done.returncode != 0
    path.write_text(sound, encoding="utf-8")


def a_killed_run(here: Checkout) -> None:
    """SIGKILL to the whole process group once training has begun, and the lock taken away as Snakemake says."""
    earlier = set(here.folder.glob("work/train/*/run.json"))
    process = here.start("--cores", "1")
    while not set(here.folder.glob("work/train/*/run.json")) - earlier:
        assert process.poll() is None, "ended before it trained"
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert here.snakemake("--unlock").returncode == 0


def equal_raw_files_elsewhere(here: Checkout) -> None:
    shutil.copytree(here.folder / "given/raw", here.folder / "given/elsewhere")


def equal_answers_elsewhere(here: Checkout) -> None:
    shutil.copytree(here.folder / "given/answers", here.folder / "given/elsewhere")


def equal_questions_elsewhere(here: Checkout) -> None:
    shutil.copytree(here.folder / "given/questions", here.folder / "given/elsewhere")


def scores_elsewhere(here: Checkout) -> None:
    results = {"results": {"sums|0": {"pass@k": 0.5, "pass@k_stderr": 0.1}}, "config_tasks": {"sums|0": {"effective_num_docs": 12}}}
    (here.folder / "given/results.json").write_text(json.dumps(results), encoding="utf-8")
