"""bench/sft_throughput.py runs at its toy size, and both recipes compute the same loss."""

import re
import subprocess
import sys

import pytest
from checkout import PROJECT


@pytest.mark.slow
def test_the_toy_runs_and_both_recipes_compute_the_same_loss():
    command = [sys.executable, str(PROJECT / "bench/sft_throughput.py"), "--toy", "--steps", "2", "--only", "stock", "ours"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in done.stdout.splitlines() if line.startswith("|")]
    cells = {row[0]: row[1:] for row in table}
    assert cells["packing"] == ["wrapped", "bfd_split"]
    assert cells["loss on the same sequences"][0] == cells["loss on the same sequences"][1]
    assert all(re.fullmatch(r"[\d.]+", cell) for cell in cells["MFU, %"])
    assert "tokens/s as multiples of stock: stock 1.00, ours " in done.stdout
