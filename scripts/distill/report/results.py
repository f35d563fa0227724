"""A results folder as the report and the figures read it: the content of each file, and None or nothing where there is no such file."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from distill.base.files import Row, read_json, read_jsonl, sha256_file, sha256_text
from distill.data.audit import describe_differences, each_audit
from distill.evaluation.rows import AnswersRow, CurveRow, DifferenceRow, PublishedRow, ScoreRow, read_csv
from distill.report.compute import Cost, from_json
from distill.report.names import ShownDataset


class Results:
    """The files of a results folder, each read at its first use. `used` has the names of those that were looked for, and COSTS."""

    COSTS = "costs"

    def __init__(self, root: str | Path, costs: Mapping[str, Cost] | None = None) -> None:
        """`costs`: of models, for a reader that comes before provenance.json, which has them."""
        self.root, self._given_costs = Path(root), costs
        self.used: set[str] = set()

    @cached_property
    def scores(self) -> list[ScoreRow]:
        return read_csv(ScoreRow, self.root / "comparison.csv") if self.has("comparison.csv") else []

    @cached_property
    def differences(self) -> list[DifferenceRow]:
        return read_csv(DifferenceRow, self.root / "differences.csv") if self.has("differences.csv") else []

    @cached_property
    def published(self) -> list[PublishedRow]:
        return read_csv(PublishedRow, self.root / "published.csv") if self.has("published.csv") else []

    @cached_property
    def curves(self) -> list[CurveRow]:
        return read_csv(CurveRow, self.root / "curves.csv") if self.has("curves.csv") else []

    @cached_property
    def answers(self) -> list[AnswersRow]:
        return read_csv(AnswersRow, self.root / "answers.csv") if self.has("answers.csv") else []

    def curve(self, model: str, benchmark: str, curve: str) -> dict[int, CurveRow]:
        """The points of a curve, by k or by tokens."""
        return {row.at: row for row in self.curves if (row.model, row.benchmark, row.curve) == (model, benchmark, curve)}

    def score(self, model: str, benchmark: str) -> ScoreRow | None:
        return next((row for row in self.scores if (row.model, row.benchmark) == (model, benchmark)), None)

    def difference(self, a: str, b: str, benchmark: str) -> DifferenceRow | None:
        """a minus b, swapped where the file has b minus a."""
        for row in self.differences:
            if row.b_benchmark:
                continue
            if (row.a, row.b, row.benchmark) == (a, b, benchmark):
                return row
            if (row.a, row.b, row.benchmark) == (b, a, benchmark):
                return row.swapped()
        return None

    def under_best_prompt(self, a: str, b: str, benchmark: str) -> DifferenceRow | None:
        """a minus b under the protocol that suits b best; None where that is the one of this benchmark."""
        return next((row for row in self.differences if row.b_benchmark and (row.a, row.b, row.benchmark) == (a, b, benchmark)), None)

    def published_of(self, model: str, benchmark: str) -> list[PublishedRow]:
        """What was published as pass@1 of a model on a benchmark."""
        return [row for row in self.published if (row.model, row.benchmark, row.metric) == (model, benchmark, "pass@1")]

    def unavailable(self, benchmark: str) -> str | None:
        """Why an optional benchmark could not be fetched; None where it was."""
        return (self._json(f"sources/benchmarks/{benchmark.partition('@')[0]}/manifest.json") or {}).get("unavailable")

    def summary(self, model: str, benchmark: str) -> Row | None:
        return self._json(f"scores/{model}/{benchmark}.json")

    def completion(self, model: str, benchmark: str) -> Row | None:
        """How many of a benchmark's questions a model completes."""
        return self._json(f"completions/{model}/{benchmark}.json")

    def verdicts(self, model: str, benchmark: str) -> list[Row]:
        return self._rows(f"scores/{model}/{benchmark}.jsonl")

    def responses(self, model: str, benchmark: str) -> Iterator[Row]:
        """A stream: responses can be gigabytes."""
        return self._stream(f"responses/{model}/{benchmark}.jsonl")

    def prompts(self, benchmark: str) -> list[Row]:
        return self._rows(f"benchmarks/{benchmark}/prompts.jsonl")

    def manifest(self, model: str) -> Row | None:
        return self._json(f"models/{model}/manifest.json")

    def log(self, model: str) -> list[Row]:
        """The rows of a training log that hold a loss, in order of steps."""
        return [row for row in self._rows(f"models/{model}/log.jsonl") if row.get("loss") is not None]

    def funnel(self, dataset: str) -> Row | None:
        return self._json(f"data/{dataset}/funnel.json")

    def contamination(self, dataset: str) -> Row | None:
        return self._json(f"data/{dataset}/contamination.json")

    def audit(self, dataset: str) -> Row | None:
        return self._json(f"data/{dataset}/audit.json")

    def audits(self, dataset: ShownDataset) -> list[tuple[str, Row]]:
        """(label, audit) for each setting with which models train on a dataset; the labels differ where there are several."""
        found = each_audit(found) if (found := self.audit(dataset.name)) else []
        ways = describe_differences([row["settings"] for row in found])
        return [(f"{dataset.label}: {way}" if way else dataset.label, row) for way, row in zip(ways, found, strict=True)]

    @cached_property
    def provenance(self) -> Row | None:
        return self._json("provenance.json")

    def has(self, path: str) -> bool:
        self.used.add(path)
        return (self.root / path).is_file()

    def digest(self, name: str) -> str | None:
        """The sha256 of one of `used`; None for a file that is not there."""
        if name == self.COSTS:
            return sha256_text(repr(self._costs))
        return sha256_file(self.root / name) if self.has(name) else None

    def cost(self, model: str) -> Cost | None:
        self.used.add(self.COSTS)
        return self._costs.get(model)

    @cached_property
    def _costs(self) -> Mapping[str, Cost]:
        return from_json((self.provenance or {}).get("compute") or {}) if self._given_costs is None else self._given_costs

    def _json(self, path: str) -> Any:
        return read_json(self.root / path) if self.has(path) else None

    def _rows(self, path: str) -> list[Row]:
        return list(self._stream(path))

    def _stream(self, path: str) -> Iterator[Row]:
        return read_jsonl(self.root / path) if self.has(path) else iter(())
