"""A baseline, a reference and a student with scores, as grade.py writes them."""

from pathlib import Path

from distill.base.files import write_json, write_jsonl
from distill.evaluation.evaluations import ComparedBenchmark, ComparedModel, Evaluation

BASE, REFERENCE, STUDENT = (
    ComparedModel(name, role, name) for name, role in (("base", "baseline"), ("r1", "reference"), ("ours", "student"))
)
BENCHMARK = ComparedBenchmark("math_500", "MATH-500", "deepseek")


def summary(p: float, n: int = 500, samples: int = 1, sampling: tuple[float, float] | None = None, **more) -> dict:
    return {"pass@1": p, "n_items": n, "n_samples": samples, "ci95": [p - 0.01, p + 0.01], "ci95_sampling": sampling, **more}


def score(
    folder: Path, model: ComparedModel, right: int, n: int = 100, flags: tuple[str, ...] = (), benchmark: ComparedBenchmark = BENCHMARK
) -> Evaluation:
    path = folder / model.name / f"{benchmark.name}.jsonl"
    write_jsonl(path, ({"id": f"q{item}", "sample": 0, "correct": item < right} for item in range(n)))
    write_json(path.with_suffix(".json"), summary(right / n, n))
    return Evaluation(model, benchmark, summary(right / n, n), path, list(flags))
