"""One folder, one experiment: no command replaces, or goes on with, the results of another configuration."""

import json
import re
import shutil
import subprocess
from functools import reduce
from pathlib import Path

import pytest
import yaml
from checkout import PROJECT, WORLDS, Checkout, checkout, jobs_in, merged
from shrunk import hub_of, shrunk, write_local

BASE, TUTORIAL = "config/config.yaml", "config/tutorial.yaml"
# Every configuration of config/: whole, or laid over the one that its first lines name.
CONFIGURATIONS = [
    (BASE,),
    (TUTORIAL,),
    (TUTORIAL, "config/benchmarks.yaml"),
    (TUTORIAL, "config/beyond_1p5b.yaml"),
    ("config/open_r1.yaml",),
    ("config/gsm8k.yaml",),
    ("config/gsm8k.yaml", "config/gsm8k_on_policy.yaml"),
    *(
        (BASE, f"config/{name}.yaml")
        for name in ("study", "replay", "miniature_teacher", "miniature_on_policy", "beyond", "contaminated", "doubts")
    ),
]
FROM_FILES = ("config/gsm8k.yaml", "config/gsm8k_local.yaml")  # stops without the files that it names
PAGE = (PROJECT / "README.md").read_text(encoding="utf-8")
# `make report`, as its comment has it, and the rest.
COMMANDS = [line.split("#")[0].split() for line in re.findall(r"^(?:make report .*)?((?:snakemake|python) .*)$", PAGE, re.MULTILINE)]
README = [line.split("#")[0].split() for line in re.findall(r"^snakemake .*$", PAGE, re.MULTILINE)]
CHEAP = "results/sources/benchmarks/mini_aime/manifest.json"


@pytest.fixture(scope="module")
def clone(tmp_path_factory, warm_python):
    """A checkout in which nothing has run, and a small configuration that is laid over the miniature."""
    here = checkout("tiny", tmp_path_factory.mktemp("experiments") / "project", warm_python)
    (here.folder / "mine.yaml").write_text("models: {ours: {train: {learning_rate: 0.002}}}\ntitle: Mine\n", encoding="utf-8")
    return here


def run(here, program: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `snakemake WORDS` or `python WORDS`."""
    command = [str(here.python), *(["-m", "snakemake"] if program == "snakemake" else []), *words]
    return subprocess.run(command, cwd=here.folder, capture_output=True, text=True, timeout=600, check=False)


def snakemake(here, *words: str) -> subprocess.CompletedProcess[str]:
    return run(here, "snakemake", *words)


def write_experiment(folder: Path, *files: str) -> None:
    (folder / "results").mkdir(exist_ok=True)
    (folder / "results/experiment.json").write_text(json.dumps({"title": "Theirs", "configfiles": files}), encoding="utf-8")


def said_by(done: subprocess.CompletedProcess[str]) -> list[str]:
    lines = (done.stdout + done.stderr).splitlines()
    return [line for line in lines if not line.startswith("Using workflow specific profile")]


def test_the_table_of_configurations_holds_each_of_config():
    files = {f"config/{path.name}" for path in (PROJECT / "config").glob("*.yaml")} - {"config/schema.yaml", "config/known.yaml"}
    assert {name for names in (*CONFIGURATIONS, FROM_FILES) for name in names} == files


@pytest.mark.parametrize(
    "files", [pytest.param(files, marks=pytest.mark.slow if at > 1 else ()) for at, files in enumerate(CONFIGURATIONS)]
)
def test_after_any_configuration_a_command_without_one_goes_on_with_it_and_another_one_stops(files, clone):
    write_experiment(clone.folder, *files)
    for command in [words[1:] for words in README if "--directory" not in words]:
        named, plain = snakemake(clone, *command, "-n", "--configfile", *files), snakemake(clone, *command, "-n")
        assert (named.returncode, plain.returncode) == (0, 0), said_by(plain)
        assert jobs_in(plain.stdout + plain.stderr) == jobs_in(named.stdout + named.stderr)
    lines = [line for line in said_by(plain) if line.startswith("Configuration of the results in this folder:")]
    assert lines == ([] if files == (BASE,) else [f"Configuration of the results in this folder: {' '.join(files)}"])
    done = snakemake(
        clone, "--cores", "1", "results/report.md", "--configfile", "config/open_r1.yaml" if files[0] == TUTORIAL else TUTORIAL
    )
    (line,) = said_by(done)
    assert done.returncode != 0 and line.startswith(f"config: results/ holds another experiment, 'Theirs' ({' '.join(files)})")
    assert json.loads((clone.folder / "results/experiment.json").read_bytes())["configfiles"] == list(files)
    assert [path.name for path in (clone.folder / "results").iterdir()] == ["experiment.json"]


def test_only_a_run_that_makes_something_makes_the_folder_its_own(clone, tmp_path):
    here = clone.copy(tmp_path / "project")
    record = here.folder / "results/experiment.json"
    record.unlink(missing_ok=True)
    given = ("--configfile", BASE, "mine.yaml")
    for words in (["-n", CHEAP], ["--lint"], ["--rulegraph"], ["--unlock"], ["--cores", "1", "preflight"], ["--cores", "1", "clean_work"]):
        snakemake(here, *words, *given)
        assert not record.exists(), words
    done = snakemake(here, "--cores", "1", CHEAP, *given)
    assert done.returncode == 0, said_by(done)
    assert json.loads(record.read_bytes()) == {"title": "Mine", "configfiles": [BASE, "mine.yaml"]}

    stopped = snakemake(here, "--cores", "1", CHEAP, "--configfile", TUTORIAL)
    assert stopped.returncode != 0 and "--directory runs/tutorial" in said_by(stopped)[-1]
    over = snakemake(here, "-n", "--configfile", TUTORIAL, "--config", "takeover=true")
    assert over.returncode == 0 and json.loads(record.read_bytes())["configfiles"] == [BASE, "mine.yaml"]
    assert snakemake(here, "--cores", "1", CHEAP, "--force", "--configfile", BASE, "--config", "takeover=true").returncode == 0
    assert json.loads(record.read_bytes())["configfiles"] == [BASE]


def test_a_value_on_the_command_line_is_laid_over_the_configuration_of_the_folder(clone):
    write_experiment(clone.folder, TUTORIAL)
    done = snakemake(clone, "-n", "--config", "title=Another")
    assert done.returncode == 0 and "fetch models/base" in jobs_in(done.stdout + done.stderr)


def test_a_run_in_a_folder_of_its_own_leaves_this_one_alone(clone):
    write_experiment(clone.folder, BASE)
    done = snakemake(clone, "--cores", "1", "--directory", "runs/mine", CHEAP, "--configfile", BASE, "mine.yaml")
    assert done.returncode == 0, said_by(done)
    own = clone.folder / "runs/mine/results"
    assert json.loads((own / "experiment.json").read_bytes())["configfiles"] == [BASE, "mine.yaml"]
    assert (own.parent / CHEAP).exists() and not (clone.folder / CHEAP).exists()
    again = snakemake(clone, "-n", "--directory", "runs/mine")
    assert again.returncode == 0 and "train ours" in jobs_in(again.stdout + again.stderr)
    for tool in ("why.py", "status.py", "times.py", "unlock.py"):
        done = run(clone, "python", f"tools/{tool}", "--directory", "runs/mine")
        assert done.returncode == 0, done.stderr
    assert json.loads((clone.folder / "results/experiment.json").read_bytes())["configfiles"] == [BASE]


def run_to_the_report(here: Checkout, *files: str) -> None:
    words = ("--configfile", *files, "--config", "takeover=true")
    made = snakemake(here, "--cores", "2", "--keep-going", "results/report.md", *words)
    assert made.returncode == 0, said_by(made)[-40:]


def files_of(here: Checkout) -> dict[str, tuple[int, bytes]]:
    """Each file under results/ and work/, when it was last written, and its content."""
    found = [path for name in ("results", "work") for path in (here.folder / name).rglob("*") if path.is_file()]
    return {str(path.relative_to(here.folder)): (path.stat().st_mtime_ns, path.read_bytes()) for path in found}


def check_that_the_commands_of_the_readme_lose_nothing(here: Checkout) -> None:
    before = files_of(here)
    for command in (*COMMANDS, *COMMANDS[::-1]):  # each comes before each other one, and after it
        guide = ["-n"] if "--directory" in command else []  # it needs GPUs, in a folder of its own
        done = run(here, *command, *guide)
        assert done.returncode == 0, (command, said_by(done))
        assert guide or set(jobs_in(done.stdout + done.stderr)) <= {"bundle"}, command
    after = files_of(here)
    assert [name for name in before if after.get(name) != before[name]] == []
    assert {Path(name).stem for name in after.keys() - before.keys()} == {"bundle"}


@pytest.mark.parametrize("overlay", ["mine.yaml", "config/replay.yaml"])
def test_the_commands_of_the_readme_in_either_order_lose_nothing(overlay, finished, tmp_path):
    """bundle.zip, without --configfile, once trained the default recipe over the model of an overlay."""
    here = finished.copy(tmp_path / "here")
    shutil.copy(WORLDS / "tiny.yaml", here.folder)
    (here.folder / "mine.yaml").write_text("models: {ours: {train: {learning_rate: 0.002}}}\n", encoding="utf-8")
    run_to_the_report(here, BASE, overlay, "tiny.yaml")
    check_that_the_commands_of_the_readme_lose_nothing(here)


@pytest.mark.slow
@pytest.mark.parametrize("files", [*CONFIGURATIONS, FROM_FILES], ids=lambda files: Path(files[-1]).stem)
def test_nor_after_any_configuration_of_config_which_really_runs_in_small(files, finished, warm_python, tmp_path, monkeypatch):
    """Its models, rules and protocols with few rows, steps, items and tokens (helpers/shrunk.py).

    What comes from the hub comes from a server that speaks its protocol, with tiny models under the names of Qwen's and DeepSeek's and
    GPQA-Diamond behind its gate. The sizes, GPUs and vLLM of these configurations are only planned, by the test of each above.
    """
    here = finished.copy(tmp_path / "here") if files[0] == BASE else checkout("tiny", tmp_path / "here", warm_python)
    config = reduce(merged, (yaml.safe_load((PROJECT / name).read_text(encoding="utf-8")) for name in files))
    (here.folder / "small.yaml").write_text(yaml.safe_dump(shrunk(config)), encoding="utf-8")
    if files == FROM_FILES:
        write_local(finished, here.folder / "local")
    with hub_of(finished).running() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
        for name in ("HF_TOKEN", "HF_HUB_OFFLINE"):
            monkeypatch.delenv(name, raising=False)
        run_to_the_report(here, *files, "small.yaml")
        check_that_the_commands_of_the_readme_lose_nothing(here)


def test_the_readme_gives_another_experiment_a_folder_of_its_own():
    given = [words for words in README if "--configfile" in words]
    assert given and all("--directory" in words for words in given)
