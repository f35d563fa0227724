"""The plan of a run, on a checkout where nothing has run and without the libraries that only steps need."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from checkout import checkout

# Not pandas: Snakemake loads all executor plugins that are installed, and Slurm's imports it.
HEAVY = ("torch", "transformers", "trl", "lighteval", "datasets", "accelerate", "vllm", "matplotlib")


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    return checkout("tiny", tmp_path_factory.mktemp("clone") / "project").folder


def plan(clone: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """`snakemake -n` in a Python that cannot import any heavy library."""
    blocked = clone / "blocked"
    blocked.mkdir(exist_ok=True)
    for name in HEAVY:
        (blocked / f"{name}.py").write_text(f"raise ImportError('{name} is not to be imported')\n", encoding="utf-8")
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(blocked), *filter(None, [os.environ.get("PYTHONPATH")])])}
    return subprocess.run(
        [sys.executable, "-m", "snakemake", "-n", *args], cwd=clone, env=env, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize(
    ("configfiles", "jobs"),
    [
        ((), {"train": 2, "respond": 9, "filter": 2, "report": 1}),
        (("config/tutorial.yaml",), {"train": 1, "respond": 18, "fetch": 6, "report": 1}),
        # Twelve students, one reference, one base: what they share is made once.
        (
            ("config/config.yaml", "config/study.yaml"),
            {"train": 13, "respond": 42, "grade": 42, "filter": 3, "miniature_base": 1, "miniature_questions": 3, "prompts": 3, "seal": 1},
        ),
    ],
)
def test_a_first_plan_is_whole_and_needs_no_heavy_library(clone, configfiles, jobs):
    done = plan(clone, *(["--configfile", *configfiles] if configfiles else []))
    assert done.returncode == 0, done.stderr[-2000:]
    counts = dict(line.split() for line in done.stdout.splitlines() if len(line.split()) == 2 and line.split()[1].isdigit())
    assert {name: int(counts[name]) for name in jobs} == jobs


def test_each_audit_has_its_tokenizer_and_its_template_in_the_same_place(clone):
    """A template may be the model's own, and the path of another may hold a space."""
    (clone / "my chat.jinja").write_text("", encoding="utf-8")
    recipe = {"base": "base", "dataset": "mini_stratos"}
    models = {"templated": {"role": "student", "train": {**recipe, "chat_template": "my chat.jinja"}}}
    (clone / "templated.yaml").write_text(yaml.safe_dump({"models": models}), encoding="utf-8")
    configs = ("config/config.yaml", "templated.yaml")
    done = plan(clone, "-p", "--configfile", *configs, "--", "results/data/mini_stratos/audit.json")
    (command,) = (line for line in done.stdout.splitlines() if "audit.py" in line)
    words = shlex.split(command)
    at = {option: words.index(option) for option in ("--tokenizer", "--chat-template", "--spec")}
    assert words[at["--tokenizer"] + 1 : at["--chat-template"]] == ["results/sources/models/base"] * 2
    assert words[at["--chat-template"] + 1 : at["--spec"]] == ["-", "my chat.jinja"]


@pytest.mark.parametrize(
    ("overlay", "answer"),
    [
        (
            {"models": {"ours": {"train": {"learning_rte": 1.0}}}},
            "config: models.ours.train.learning_rte: unknown key; did you mean learning_rate?",
        ),
        ({"models": {"ours": {"train": {"base": "bsae"}}}}, "config: models.ours.train.base: 'bsae' does not exist; did you mean base?"),
    ],
)
def test_a_mistake_in_the_configuration_is_one_line_and_no_traceback(clone, overlay, answer):
    (clone / "mistake.yaml").write_text(yaml.safe_dump(overlay), encoding="utf-8")
    done = plan(clone, "--configfile", "config/config.yaml", "mistake.yaml")
    assert done.returncode != 0
    assert [line for line in (done.stdout + done.stderr).splitlines() if not line.startswith("Using workflow specific profile")] == [answer]
