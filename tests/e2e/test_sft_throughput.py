"""bench/sft_throughput.py runs at its toy size, all recipes compute the same loss, and what fails is a column that says so."""

import importlib.util
import re
import subprocess
import sys

import pytest
from checkout import PROJECT

BENCH = PROJECT / "bench/sft_throughput.py"


def run(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(BENCH), *options], capture_output=True, text=True, timeout=600, check=False)


def table(output: str) -> dict[str, list[str]]:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in output.splitlines() if line.startswith("|")]
    return {row[0]: row[1:] for row in rows}


@pytest.fixture(scope="module")
def bench():
    spec = importlib.util.spec_from_file_location("sft_throughput", BENCH)
    module = importlib.util.module_from_spec(spec)
    sys.modules["sft_throughput"] = module  # dataclasses look it up
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_the_toy_runs_and_all_recipes_compute_the_same_loss(tmp_path):
    done = run("--toy", "--steps", "2", "--only", "stock", "ours", "135M", "--profile", str(tmp_path / "profiles"))
    assert done.returncode == 0, done.stderr[-3000:]
    cells = table(done.stdout)
    assert cells["packing"] == ["wrapped", "bfd_split", "bfd_split"]
    assert cells["loss on the same sequences"][0] == cells["loss on the same sequences"][1]
    assert all(re.fullmatch(r"[\d.]+", cell) for cell in cells["MFU, %"])
    assert cells["compiled graphs"] == cells["of them while timed"] == ["0", "0", "0"]
    assert "tokens/s as multiples of stock: stock 1.00, ours " in done.stdout
    for name in ("stock", "ours", "135M"):
        assert "Self CPU time total" in (tmp_path / "profiles" / f"{name}.txt").read_text(encoding="utf-8")


def test_an_experiment_that_takes_too_long_is_a_column_that_says_so():
    done = run("--toy", "--only", "stock", "ours", "--limit", "0.2")
    assert done.returncode == 1
    assert "nothing was measured" in done.stdout
    assert table(done.stdout)["tokens/s"] == ["took more than 0.2 s", "took more than 0.2 s"]


def measured(bench, tokens_per_s: float, mfu: float, loss: float = 6.25) -> dict:
    found = {key: 1 for _, key, _ in bench.ROWS}
    return found | {"device": "a card", "versions": "torch 3", "tokens_per_s": tokens_per_s, "mfu": mfu, "loss": loss}


def test_what_fails_leaves_the_other_columns_and_their_goals(bench, capsys):
    found = {
        "stock": measured(bench, 1000, 20),
        "ours": {"failed": "out of memory", "seconds": 9.0},
        "compiled": measured(bench, 1950, 51.5, loss=6.25001),
        "80 GB": measured(bench, 1800, 44.9),
    }
    bench.print_table(found, toy=False)
    out = capsys.readouterr().out
    cells = table(out)
    assert cells["tokens/s"] == ["1,000", "out of memory", "1,950", "1,800"]
    assert cells["seconds in all"] == ["1", "9", "1", "1"]
    assert "tokens/s as multiples of stock: stock 1.00, compiled 1.95, 80 GB 1.80" in out
    assert "largest difference of the losses at 4096 tokens: 1.0e-05" in out
    assert [line for line in out.splitlines() if line.startswith("goal")] == [
        "goal (a) tokens/s as a multiple of stock, at least 1.9: 1.95, met",
        "goal (b) MFU, %, at least 50: 51.50, met",
        "goal (c) MFU within 80 GB, %, at least 45: 44.90, not met",
        "goal (d) tokens/s of 135M, at least 165,000: not measured",
    ]


def test_goals_without_stock_or_without_a_known_peak_are_not_measured(bench):
    found = {"ours": measured(bench, 1000, None)}
    assert [line.rsplit(": ", 1)[1] for line in bench.goals(found)] == ["not measured"] * 4
