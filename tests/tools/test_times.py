"""What a run took is printed from the times that Snakemake left."""

import subprocess
import sys
from pathlib import Path

import times

HEAD = "s\th:m:s\tmax_rss\tcpu_time\n"


def test_each_step_and_their_sum(tmp_path):
    for name, row in {"train/ours": "51.9\t0:00:51\t1347.2\t98.7", "seal": "0.1\t0:00:00\t-\t0.00"}.items():
        path = tmp_path / "timing" / f"{name}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{HEAD}{row}\n", encoding="utf-8")
    done = subprocess.run([sys.executable, times.__file__, "--results", str(tmp_path)], capture_output=True, text=True, check=True)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in done.stdout.strip().split("\n")[2:]]
    assert rows == [
        ["seal", "0.1", "0.0", "0"],
        ["train/ours", "51.9", "98.7", "1,347"],
        ["all, one after the other", "52.0", "98.7", "1,347"],
    ]


def test_a_folder_without_times_is_named(tmp_path):
    done = subprocess.run([sys.executable, times.__file__, "--results", str(tmp_path)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (
        2,
        f"error: {Path(tmp_path, 'timing')}: has no times: make results/report.md first\n",
    )
