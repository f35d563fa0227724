"""Whole experiments that run in seconds: worlds/*.yaml, with a warm Python (warm.py)."""

import hashlib
import json
import os
import re
import shutil
import subprocess
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml
from conftest import checkout

WORLDS = Path(__file__).parent / "worlds"
TAUGHT = ("results/data/written/traces.jsonl",)  # a tiny model teaches nothing that could be trained on


@dataclass(frozen=True)
class World:
    """A checkout with a configuration of its own, run by a warm Python (tests/warm.py)."""

    folder: Path
    python: Path
    config: dict[str, Any] = field(hash=False)

    def _command(self, *options: str) -> list[str | Path]:
        (self.folder / "world.yaml").write_text(yaml.safe_dump(self.config, sort_keys=False, allow_unicode=True), encoding="utf-8")
        return [self.python, "-m", "snakemake", "--configfile", "world.yaml", *options]

    def snakemake(self, *options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self._command(*options), cwd=self.folder, capture_output=True, text=True, timeout=600, check=False)

    def start(self, *options: str, **more: Any) -> subprocess.Popen[str]:
        """The same in the background, in a process group of its own."""
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return subprocess.Popen(self._command(*options), cwd=self.folder, text=True, process_group=0, **{**quiet, **more})

    def jobs(self, *options: str) -> list[str]:
        """The jobs that Snakemake plans or runs, as `rule value value`, each as often as it is named."""
        done = self.snakemake(*options)
        assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
        return jobs_of(done.stdout + done.stderr)

    def copy(self, folder: Path) -> "World":
        shutil.copytree(self.folder, folder, symlinks=True)
        return replace(self, folder=folder, config=deepcopy(self.config))


def jobs_of(text: str) -> list[str]:
    found = re.findall(r"^(?:local)?(?:rule|checkpoint) (\w+):\n((?:    .*\n)*)", text, re.MULTILINE)
    named = [(rule, re.findall(r"^    wildcards: (.*)$", about, re.MULTILINE)) for rule, about in found if rule != "all"]
    return sorted(" ".join([rule, *(pair.split("=", 1)[1] for line in about for pair in line.split(", "))]) for rule, about in named)


def make(name: str, python: Path, folder: Path) -> World:
    """A finished run of a world in `folder`."""
    world = plan(name, python, folder)
    if name != "small":
        give(world)
    done = world.snakemake("--cores", str(os.cpu_count()), "all", *(TAUGHT if name == "wider" else ()))
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return world


def plan(name: str, python: Path, folder: Path) -> World:
    """A world in which nothing has run."""
    config: dict[str, Any] = {}
    for part in ("world", "wider") if name == "wider" else (name,):
        config = merged(config, yaml.safe_load((WORLDS / f"{part}.yaml").read_text(encoding="utf-8")))
    return World(checkout(folder).folder, python, config)


def merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    both = dict(below)
    for key, value in above.items():
        old = below.get(key)
        both[key] = merged(old, value) if isinstance(value, dict) and isinstance(old, dict) else value
    return both


def give(world: World) -> None:
    """given/: what a user would have downloaded, made from the miniature's own."""
    given = world.folder / "given"
    for name in ("model", "raw", "table", "golds", "questions", "answers", "exam", "sums"):
        (given / name).mkdir(parents=True)
    (given / "raw/traces.jsonl").touch()
    exam = [{"problem": f"How many corners have {count} hexagons?", "answer": str(6 * count)} for count in (7, 11)]
    write_rows(given / "exam/exam.jsonl", exam)
    sums = [{"problem": f"How many wheels have {count} carts?", "answer": str(4 * count)} for count in (3, 5)]
    write_rows(given / "sums/items.jsonl", sums)
    toy = {"source": {"miniature": "traces", "rows": 24, "clean": False, "steps": 3}, "format": "bespoke_stratos", "tokenizer": "base"}
    first = World(world.folder, world.python, merged(world.config, {"datasets": {"toy": toy}}))
    prompts = {name: f"results/benchmarks/{name}/prompts.jsonl" for name in ("sums", "picks")}
    done = first.snakemake(
        "--cores", "2", "results/models/ready/manifest.json", "results/sources/datasets/toy/traces.jsonl", *prompts.values()
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    for path in (world.folder / "results/models/ready").iterdir():
        if path.name != "manifest.json":
            shutil.copy(path, given / "model")
    shutil.move(world.folder / "results/sources/datasets/toy/traces.jsonl", given / "raw/traces.jsonl")
    shutil.rmtree(world.folder / "results/sources/datasets/toy")
    traces = [(row["conversations"][0]["value"], row["conversations"][1]["value"], row) for row in read_rows(given / "raw/traces.jsonl")]
    thoughts = [text.replace("<|begin_of_thought|>", "<think>").replace("<|end_of_thought|>", "</think>") for _, text, _ in traces]
    tidy = [text.replace("<|begin_of_solution|>", "").replace("<|end_of_solution|>", "") for text in thoughts]
    write_rows(given / "table/rows.jsonl", [{"question": asked, "text": text} for (asked, _, _), text in zip(traces, tidy, strict=True)])
    golds = [
        {"question": asked, "answer": row["gold"], "also": row["gold"], "whole": f"\\boxed{{{row['gold']}}}", "asked": asked}
        for asked, _, row in traces
    ]
    write_rows(given / "golds/golds.jsonl", golds)
    write_rows(
        given / "questions/questions.jsonl",
        [{"problem": asked, "answer": row["gold"], "name": str(n)} for n, (asked, _, row) in enumerate(traces[:4])],
    )
    for name, path in prompts.items():
        items = read_rows(world.folder / f"results/sources/benchmarks/{name}/items.jsonl")
        asked = [item["problem" if name == "sums" else "question"] for item in items]
        ids = [prompt["id"] for prompt in read_rows(world.folder / path)]
        write_rows(given / f"answers/{name}.jsonl", [_answer(*pair) for pair in zip(ids, asked, strict=True)])


def _answer(name: str, asked: str) -> dict[str, Any]:
    whole = {"id": name, "sample": 0, "text": "\\boxed{1}", "finish_reason": "stop", "prompt_tokens": 9, "completion_tokens": 4}
    return {**whole, "asked": asked, "name": name, "again": "\\boxed{1}", "nr": 0, "why": "stop", "before": 9, "after": 4, "problem": asked}


def read_rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def results_of(folder: Path) -> dict[str, str]:
    """{file: sha256} of the results that must be the same in every run: all but logs, timings and provenance, which hold times."""
    found = {}
    for path in sorted((folder / "results").rglob("*")):
        name = path.relative_to(folder / "results").as_posix()
        if not path.is_file() or name.startswith(("logs/", "timing/", "provenance.json")) or "/." in f"/{name}":
            continue
        content = path.read_bytes()
        if path.name == "log.jsonl":
            rows = [json.loads(line) | {"tokens_per_s": None} for line in content.decode().splitlines()]
            content = json.dumps(rows).encode()
        found[name] = hashlib.sha256(content).hexdigest()
    return found
