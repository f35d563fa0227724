"""The changes that staleness.yaml names, made on a World."""

import ast
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from world import World, read_rows, write_rows

KINDS = ("set", "remove", "rename", "edit", "do", "options")


def make(change: dict[str, object], world: World) -> list[str]:
    """Make a change of the configuration or of files; what it adds to Snakemake's command line is returned."""
    for path, value in change.get("set", {}).items():
        above, key = _place(world.config, path)
        above[key] = value
    for path in change.get("remove", []):
        above, key = _place(world.config, path)
        del above[key]
    for path, name in change.get("rename", {}).items():
        above, key = _place(world.config, path)
        entries = [(name if old == key else old, value) for old, value in above.items()]
        above.clear()
        above.update(entries)
    for file, (old, new) in change.get("edit", {}).items():
        path = world.folder / file
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{file} does not hold {old!r}"
        path.write_text(text.replace(old, new, 1) if old else text + new, encoding="utf-8")
    for name in change.get("do", []):
        globals()[name](world)
    return change.get("options", [])


def _place(config: dict, path: str) -> tuple[dict, str]:
    *above, last = path.split("/")
    for key in above:
        config = config.setdefault(key, {})
    return config, last


def comment_in_every_script(world: World) -> None:
    for path in _code(world):
        path.write_text("# a comment\n" + path.read_text(encoding="utf-8"), encoding="utf-8")


def _code(world: World) -> list[Path]:
    found = sorted((world.folder / "scripts").rglob("*.py"))
    assert len(found) > 50
    return found


def docstring_in_every_script(world: World) -> None:
    for path in _code(world):
        text = path.read_text(encoding="utf-8")
        old = ast.get_docstring(ast.parse(text), clean=False)
        if old:
            path.write_text(text.replace(old, "Another docstring.", 1), encoding="utf-8")


def layout_of_every_script(world: World) -> None:
    """As another formatter would have it."""
    for path in _code(world):
        path.write_text(ast.unparse(ast.parse(path.read_bytes())), encoding="utf-8")


def touch_all(world: World) -> None:
    for path in world.folder.rglob("*"):
        os.utime(path)


def copied(world: World) -> None:
    """Into another checkout, in whatever order: the later a file is in the alphabet the older it is."""
    away = world.folder.with_name("away")
    for name in ("results", ".snakemake"):
        shutil.copytree(world.folder / name, away / name, copy_function=shutil.copyfile)
        shutil.rmtree(world.folder / name)
        shutil.move(away / name, world.folder / name)
    for age, path in enumerate(sorted((world.folder / "results").rglob("*"))):
        os.utime(path, (time.time() - age, time.time() - age))


def copied_without_memory(world: World) -> None:
    shutil.rmtree(world.folder / ".snakemake")


def clone(world: World) -> None:
    """A fresh `git clone` of the project takes the place of the checkout round the old results."""
    kept = ("results", "work", ".snakemake", "given", "world.yaml")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
    fresh = world.folder.with_name(world.folder.name + "-clone")
    for command in (["init", "-q"], ["add", "Snakefile", "rules", "scripts", "config", "envs", "profiles"], ["commit", "-q", "-m", "all"]):
        subprocess.run([*git, *command], cwd=world.folder, check=True)
    subprocess.run([*git, "clone", "-q", world.folder, fresh], check=True)
    for path in world.folder.iterdir():
        if path.name not in (*kept, ".git"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for path in fresh.iterdir():
        if path.name != ".git":
            shutil.move(path, world.folder / path.name)


def another_launch_file(world: World) -> None:
    shutil.copy(world.folder / "config/accelerate/single.yaml", world.folder / "given/launch.yaml")


def a_repeated_raw_row(world: World) -> None:
    rows = read_rows(world.folder / "given/raw/traces.jsonl")
    write_rows(world.folder / "given/raw/traces.jsonl", [*rows, rows[-1]])


def one_raw_row_less(world: World) -> None:
    rows = read_rows(world.folder / "given/raw/traces.jsonl")
    trained = {row["prompt"][-1]["content"] for row in read_rows(world.folder / "results/data/raw/sft.jsonl")}
    lost = next(place for place, row in enumerate(rows) if row["conversations"][0]["value"] in trained)
    write_rows(world.folder / "given/raw/traces.jsonl", rows[:lost] + rows[lost + 1 :])


def another_table_of_published_scores(world: World) -> None:
    shutil.copy(world.folder / "config/published.csv", world.folder / "given/published.csv")


def new_weights(world: World) -> None:
    from safetensors.torch import load_file, save_file

    path = world.folder / "given/model/model.safetensors"
    weights = load_file(path)
    save_file({name: weight + 1e-3 for name, weight in weights.items()}, path, metadata={"format": "pt"})


def equal_weights_elsewhere(world: World) -> None:
    shutil.copytree(world.folder / "given/model", world.folder / "given/elsewhere")


def lose_intermediates(world: World) -> None:
    for name in ("data/raw/traces.jsonl", "responses/ours/sums.jsonl", "scores/ours/sums.json"):
        (world.folder / "results" / name).unlink()


def make_responses_again(world: World) -> None:
    assert world.jobs("--cores", "1", "results/responses/ours/sums.jsonl") == ["respond ours sums"]


def lose_report(world: World) -> None:
    (world.folder / "results/report.md").unlink()


def lose_report_and_svg(world: World) -> None:
    lose_report(world)
    (world.folder / "results/figures/scores.svg").unlink()


def a_failed_run(world: World) -> None:
    """Grading fails, is mended, and the same command is given again."""
    path = world.folder / "scripts/grade.py"
    sound = path.read_text(encoding="utf-8")
    path.write_text(sound + "\nraise SystemExit('broken')\n", encoding="utf-8")
    world.config["protocols"]["plain"]["grader"] = "lighteval"
    done = world.snakemake("--cores", "1", "--keep-going")
    assert done.returncode != 0
    path.write_text(sound, encoding="utf-8")


def a_killed_run(world: World) -> None:
    """SIGKILL to the whole process group once training has begun, and the lock taken away as Snakemake says."""
    earlier = set(world.folder.glob("work/train/*/run.json"))
    process = world.start("--cores", "1")
    while not set(world.folder.glob("work/train/*/run.json")) - earlier:
        assert process.poll() is None, "ended before it trained"
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert world.snakemake("--unlock").returncode == 0


def equal_raw_files_elsewhere(world: World) -> None:
    shutil.copytree(world.folder / "given/raw", world.folder / "given/elsewhere")


def equal_answers_elsewhere(world: World) -> None:
    shutil.copytree(world.folder / "given/answers", world.folder / "given/elsewhere")


def equal_questions_elsewhere(world: World) -> None:
    shutil.copytree(world.folder / "given/questions", world.folder / "given/elsewhere")


def scores_elsewhere(world: World) -> None:
    results = {"results": {"sums|0": {"pass@k": 0.5, "pass@k_stderr": 0.1}}, "config_tasks": {"sums|0": {"effective_num_docs": 12}}}
    (world.folder / "given/results.json").write_text(json.dumps(results), encoding="utf-8")
