"""Makes a bundle's numbers again from its verdicts, and says which of them do not come out as they stand in it."""

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any

from distill import bundle, comparison, report
from distill.files import read_json, read_jsonl
from distill.published import read_published
from distill.results import Results
from distill.scoring import Summary

TABLES = ("comparison.csv", "differences.csv", "published.csv")


def check(folder: Path) -> Iterator[tuple[str, str | None]]:
    """(what was made again, what is wrong with it or None): each summary, the tables, the report."""
    spec, results = read_json(folder / bundle.SPEC), folder / "results"
    for path in sorted(results.glob("scores/*/*.jsonl")):
        yield f"results/{path.relative_to(results).with_suffix('.json').as_posix()}", _summary(path, results, spec)
    published = read_published(folder / bundle.PUBLISHED)
    made = comparison.tables(results / "scores", _placed(spec["compare"], folder), published)
    yield from ((f"results/{name}", _differs(results / name, made[name])) for name in TABLES)
    yield "results/report.md", _differs(results / "report.md", report.render(spec["report"], Results(results)))


def _placed(spec: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
    """Scores that came from elsewhere are in the bundle too."""
    return {
        **spec,
        "models": [{**model, "results": str(folder / model["results"])} if "results" in model else model for model in spec["models"]],
    }


def _summary(path: Path, results: Path, spec: Mapping[str, Any]) -> str | None:
    """Counts the verdicts again. The verdicts themselves, and the self-test of who made them, are taken as they stand."""
    model, run = path.parent.name, path.stem
    how, stands = spec["grade"].get(run, {}), read_json(path.with_suffix(".json"))
    summary = Summary(how.get("max_new_tokens"))
    for row, response in zip_longest(read_jsonl(path), read_jsonl(results / f"responses/{model}/{run}.jsonl"), fillvalue={}):
        if (row.get("id"), row.get("sample")) != (response.get("id"), response.get("sample")):
            return f"verdicts and responses do not go together from item {row.get('id') or response.get('id')!r} on"
        summary.add(row, response, unclosed=bundle.unclosed(response, bool(how.get("prefilled_thought"))))
    made = summary.made(stands["self_test"], stands["flags"])
    wrong = [f"{key} is {stands.get(key)} and should be {value}" for key, value in made.items() if stands.get(key) != value]
    return "; ".join(wrong) or None


def _differs(path: Path, made: str) -> str | None:
    try:
        stands = path.read_bytes().decode("utf-8")
    except OSError:
        return "is missing"
    if stands == made:
        return None
    for number, (there, here) in enumerate(zip_longest(stands.split("\n"), made.split("\n")), 1):
        if there != here:
            return f"line {number} is {there!r} and should be {here!r}"
