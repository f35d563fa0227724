"""Plans of the guide's experiment on machines that are described, and what preflight estimates of them."""

import json
import os
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import yaml

from distill.base.files import write_json
from distill.config import preflight_part
from distill.config.load import load
from distill.config.plan import Plan
from distill.data.audit import WARNINGS
from distill.preflight import facts
from distill.preflight.estimate import estimate

PROJECT = Path(__file__).resolve().parents[2]
KNOWN = yaml.safe_load((PROJECT / "config" / "known.yaml").read_text(encoding="utf-8"))
TUTORIAL = yaml.safe_load((PROJECT / "config" / "tutorial.yaml").read_text(encoding="utf-8"))
MINIATURE = yaml.safe_load((PROJECT / "config" / "config.yaml").read_text(encoding="utf-8"))
ONE = {"distributed_type": "NO", "num_processes": 1}
ZERO3 = {"distributed_type": "DEEPSPEED", "num_processes": 8, "deepspeed_config": {"zero_stage": 3}}
ZERO2_OFFLOADED = {
    "distributed_type": "DEEPSPEED",
    "num_processes": 1,
    "deepspeed_config": {"zero_stage": 2, "offload_optimizer_device": "cpu"},
}

# The counts of parameters that the repositories publish with their safetensors.
PUBLISHED = {
    "Qwen/Qwen2.5-Math-1.5B": 1_543_714_304,
    "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B": 1_777_088_000,
    "Qwen/Qwen2.5-Math-7B": 7_615_616_512,
    "deepseek-ai/DeepSeek-R1-Distill-Qwen-14B": 14_770_033_664,
    "deepseek-ai/DeepSeek-R1-Distill-Qwen-32B": 32_763_876_352,
    "deepseek-ai/DeepSeek-R1-Distill-Llama-8B": 8_030_261_248,
    "HuggingFaceTB/SmolLM2-360M-Instruct": 361_821_120,
}
NOTHING_LOST = {"shares": dict.fromkeys(WARNINGS, 0.0), "warnings": []}


def planned(accelerate: dict, folder: Path, config: dict = TUTORIAL, **runtime) -> dict:
    """The plan of a configuration with these runtime keys, on a machine on which nothing was fetched."""
    path = folder / "accelerate.yaml"
    path.write_text(yaml.safe_dump(accelerate), encoding="utf-8")
    processes = {"train_gpus": accelerate["num_processes"]} if config is TUTORIAL else {}
    given = {**config, "runtime": {**config.get("runtime", {}), **processes, **runtime, "accelerate": str(path)}}
    return facts.join_tasks(preflight_part.of(Plan(load(deepcopy(given)))))


def found(given: dict, folder: Path) -> dict:
    return estimate(given, facts.gather(given, folder / "results"))


def fetched(folder: Path, source: str, hub: str) -> None:
    """The manifest that scripts/fetch.py leaves with the files of a source."""
    write_json(folder / f"results/sources/{source}/manifest.json", {"made_by": "fetch", "asked": {"hub": hub}, "files": {}})


def with_lora(lora: dict | None, hub: str = "Qwen/Qwen2.5-Math-1.5B", **recipe) -> dict:
    config = deepcopy(TUTORIAL)
    config["models"]["base"]["source"]["hub"] = hub
    config["models"]["ours"]["train"] |= {**({"lora": lora} if lora else {}), **recipe}
    return config


def script(folder: Path, given: dict, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    asked = {**given, "evaluations": given["evaluations"]}
    command = [sys.executable, PROJECT / "scripts/preflight.py", "--plan", json.dumps(asked), "--results", folder / "results", *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=os.environ | env, check=False)
