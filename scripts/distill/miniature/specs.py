"""The --spec of each script that makes a source of the miniature."""

from distill.base.settings import Settings

_SEED = "miniature/seed"
_ITEMS = {"type": "object", "additionalProperties": {"type": "integer", "minimum": 1}}  # of each benchmark
TOKENIZER = Settings(_SEED, required=("seed",))
QUESTIONS = Settings(_SEED, "$defs/source/items", required=("seed", "items"))
BASE = Settings(_SEED, "$defs/source/texts", "$defs/source/planted", benchmarks=_ITEMS, required=("seed", "texts", "benchmarks"))
TRACES = Settings(
    _SEED,
    *(f"$defs/source/{key}" for key in ("rows", "clean", "steps")),
    benchmarks=_ITEMS,
    required=("seed", "rows", "clean", "steps", "benchmarks"),
)
