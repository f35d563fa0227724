"""bench/sft_throughput.py runs at its toy size, and both recipes compute the same loss."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench/sft_throughput.py"


@pytest.mark.slow
def test_the_toy_runs_and_both_recipes_agree_on_the_loss():
    command = [sys.executable, str(BENCH), "--toy", "--steps", "2", "--max-length", "4096"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    cells = {line[:34].strip(): line[34:].split() for line in done.stdout.splitlines()}
    assert cells["packing"] == ["wrapped", "bfd_split"]
    assert float(cells["difference of the losses"][0]) < 1e-5
    assert all(re.fullmatch(r"[\d.]+", cell) for cell in cells["MFU, %"])
