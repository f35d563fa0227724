"""A training set on disk: its rows, and the tokens that TRL makes of them, are mapped into memory and shared by the processes of a machine.

As Python objects 20,000 rows of 20 KB are 2.2 GB in each process, on disk 0.06 GB (docs/scale.md).
"""

from pathlib import Path

from datasets import Dataset, disable_progress_bars

disable_progress_bars()


def training_rows(data: Path, folder: Path) -> Dataset:
    """Prompt and completion of each row of an sft.jsonl, kept in `folder`. Only these two: TRL would take further columns for its own."""
    return Dataset.from_json(str(data), cache_dir=str(folder)).select_columns(["prompt", "completion"])
