"""Tokens and keys come from the environment and go nowhere: no file, no output, no process's arguments holds one."""

import threading
from pathlib import Path

from checkout import checkout

PLANTED = {
    "HF_TOKEN": "hf_plantedPlantedPlantedPlanted0001",
    "HUGGING_FACE_HUB_TOKEN": "hf_plantedPlantedPlantedPlanted0002",
    "OPENAI_API_KEY": "sk-planted-planted-planted-planted-0003",
    "FARM_KEY": "planted-planted-planted-planted-0004",
    "WANDB_API_KEY": "planted-planted-planted-planted-0005",
    "AWS_SECRET_ACCESS_KEY": "planted-planted-planted-planted-0006",
}


def test_planted_secrets_are_found_nowhere(warm_python, tmp_path, monkeypatch):
    for name, value in PLANTED.items():
        monkeypatch.setenv(name, value)
    here = checkout("small", tmp_path / "project", warm_python)
    here.config["runtime"]["endpoints"] = {"farm": {"base_url": "http://localhost:1/v1", "key_variable": "FARM_KEY"}}
    arguments: set[bytes] = set()
    ended = threading.Event()
    watcher = threading.Thread(target=watch, args=(arguments, ended))
    watcher.start()
    done = here.snakemake("--cores", "2", "--verbose", "--printshellcmds")
    ended.set()
    watcher.join()
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    assert any(b"respond.py" in line for line in arguments), "the watcher saw no step"
    files = [path for path in here.folder.rglob("*") if path.is_file()]
    assert {"provenance.json", "report.md"} <= {path.name for path in files}
    for name, value in PLANTED.items():
        secret = value.encode()
        assert [path for path in files if secret in path.read_bytes()] == [], name
        assert value not in done.stdout + done.stderr, name
        assert [line for line in arguments if secret in line] == [], name


def watch(arguments: set[bytes], ended: threading.Event) -> None:
    """Gather the command lines of all processes while a run goes on."""
    while not ended.wait(0.02):
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                arguments.add(path.read_bytes())
            except OSError:
                continue
