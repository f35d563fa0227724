"""Things that take long to make, made once for all workers of a run (`pytest -n 2`), and how the workers share out the tests.

What tests import is in tests/helpers.
"""

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from checkout import Checkout, checkout, configuration
from given import write_given
from shared import make_once, start_guard
from warm import start_warm_python

from distill.base.files import dumps, sha256_text

# Files by the time that they take, longest first, so that no worker is left alone with a long one at the end. Decides nothing but the time.
LONGEST = (
    *("e2e/test_killed.py", "e2e/test_batches.py", "e2e/test_launch.py", "e2e/test_vllm.py", "e2e/test_distill.py", "e2e/test_resume.py"),
    *("e2e/test_retry.py", "e2e/test_lora.py", "e2e/test_train.py", "e2e/test_gated.py", "graph/test_staleness.py"),
)
APART = ("graph/test_staleness.py",)  # files whose tests need not run in the same worker
# What is made for `all` besides the report. A tiny model teaches nothing that could be trained on.
ALSO = {
    "wider": [
        "results/sources/datasets/written/manifest.json",
        "results/data/weighed/sft.jsonl",
        "results/data/harder/sft.jsonl",
        "results/models/scored/manifest.json",
    ]
}


os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported: a worker a core, and threads that wait in busy loops
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # container images set it, and each of thousands of steps would compile the project again


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        # A shell has it ignored in the background, and so would all that tests start.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        start_guard()


def pytest_sessionstart(session: pytest.Session) -> None:
    """In a run of all tests, start the warm Python while the workers collect them: the first that they run need it."""
    config = session.config
    if config.args_source is config.ArgsSource.TESTPATHS and getattr(config.option, "numprocesses", None):
        folder = config._tmp_path_factory.getbasetemp() / "warm"
        threading.Thread(target=make_once, args=(folder, start_warm_python), daemon=True).start()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def rank(item: pytest.Item) -> int:
        file = item.nodeid.split("::")[0].removeprefix("tests/")
        return LONGEST.index(file) if file in LONGEST else len(LONGEST)

    items.sort(key=rank)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes have no place in the name of a test: compressed ones hold the time, and each worker must find the same names."""
    return argname if isinstance(val, bytes) else None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """`-n auto`: one more than the cores that this process may use, since tests also wait; up to 8: each and what it starts takes 2 GB."""
    return min(len(os.sched_getaffinity(0)) + 1, 8)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log):
    """A worker takes a whole file at a time, since its tests share fixtures, in the order of LONGEST."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.split("::")[0]
            return nodeid if file.endswith(APART) else file

    config.option.loadscopereorder = False
    return ByFile(config, log)


@pytest.fixture(scope="session")
def common(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of this run see.

    While working on a test, DISTILL_TESTS_SHARE may name a folder for it, so that the next run finds what this one has made.
    """
    if "DISTILL_TESTS_SHARE" in os.environ:
        return Path(os.environ["DISTILL_TESTS_SHARE"])
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def warm_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that starts in milliseconds, for tests that run Snakemake and its steps many times.

    While working on a test, DISTILL_WARM may name the folder of one that runs already: python tests/helpers/warm.py FOLDER.
    """
    if "DISTILL_WARM" in os.environ:
        return Path(os.environ["DISTILL_WARM"]) / "bin" / "python"
    own = tmp_path_factory.getbasetemp()
    return make_once((own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "warm", start_warm_python) / "bin" / "python"


@pytest.fixture(scope="session")
def finished_run(common: Path, warm_python: Path) -> Callable[[str], Checkout]:
    """finished_run(name): a checkout in which an experiment (checkout.EXPERIMENTS) has run. Tests must not change it: they take a copy."""

    def finished_run(name: str) -> Checkout:
        def run(folder: Path) -> None:
            here = checkout(name, folder, warm_python)
            if name in ("world", "wider"):
                write_given(here)
            here.jobs("--cores", str(os.cpu_count()), "all", *ALSO.get(name, []))

        return Checkout(make_once(common / name / "project", run), configuration(name), warm_python)

    return finished_run


@pytest.fixture(scope="session")
def finished(finished_run: Callable[[str], Checkout]) -> Checkout:
    """A checkout in which the tiny miniature has run."""
    return finished_run("tiny")


@pytest.fixture(scope="session")
def tiny_world(common: Path) -> Path:
    """A folder with base/ and sft.jsonl, for trainings of seconds. Tests must not change it."""
    import tiny_training as tiny

    def make(folder: Path) -> None:
        folder.mkdir()
        tiny.base(folder / "base")
        tiny.data(folder / "sft.jsonl")

    return make_once(common / "tiny_world", make)


@pytest.fixture(scope="session")
def trained(common: Path, tiny_world: Path, warm_python: Path) -> Callable[..., Path]:
    """trained(launcher, processes, **recipe): the folder of a model; next to it are its work folder and, as out.txt, what it printed."""
    import tiny_training as tiny

    def trained(launcher: str = "single", processes: int = 1, **recipe: Any) -> Path:
        def make(folder: Path) -> None:
            folder.mkdir()
            out = tiny.end(tiny.start(tiny_world, folder / "model", launcher, processes, python=warm_python, **recipe))
            (folder / "out.txt").write_text(out)

        differs = f"-{sha256_text(dumps(recipe))[:8]}" if recipe else ""
        return make_once(common / f"trained-{launcher}-{processes}{differs}", make) / "model"

    return trained
