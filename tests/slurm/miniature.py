"""The smallest part of the miniature that has every step: one student, one benchmark. Files laid over each other, to the last one."""

import sys
from pathlib import Path

import yaml


def laid(below: dict, above: dict) -> dict:
    """Mappings merge, all else replaces."""
    both = {key: laid(below[key], above[key]) if isinstance(below[key], dict) else above[key] for key in below.keys() & above.keys()}
    return {**below, **above, **both}


def main() -> None:
    *files, output = map(Path, sys.argv[1:])
    config: dict = {}
    for file in files:
        config = laid(config, yaml.safe_load(file.read_text(encoding="utf-8")))
    for part, names in {"models": ("base", "ours"), "datasets": ("mini_stratos",), "benchmarks": ("mini_math",)}.items():
        config[part] = {name: config[part][name] for name in names}
    config["train_defaults"]["max_steps"] = 150
    config["runtime"] = {"train_gpus": 1, "respond_gpus": 1, "save_steps": 5, "device": "cpu", "train_retries": 0}
    output.write_text(yaml.safe_dump(config), encoding="utf-8")


if __name__ == "__main__":
    main()
