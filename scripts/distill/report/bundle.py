"""The bundle: one zip file with all that the numbers of a report are computed from, so that they can be checked elsewhere.

No weights and no training set. Of a gated benchmark no text, neither of its questions nor of the answers to them; ids, verdicts and lengths
stay.
"""

import hashlib
import zipfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Any

from distill.base.errors import InputError
from distill.base.files import Row, dumps, read_json, read_jsonl
from distill.evaluation import compare
from distill.evaluation.published import read_published
from distill.evaluation.summary import Summary
from distill.grading.extract import cut_thought
from distill.report import page
from distill.report.estimates import WEIGHTS, weights_of
from distill.report.results import Results

SPEC, SUMS, PUBLISHED = "bundle.json", "SHA256SUMS", "config/published.csv"
TABLES = ("comparison.csv", "differences.csv", "published.csv", "curves.csv", "answers.csv")  # which `check` computes again
_THE_EPOCH = (1980, 1, 1, 0, 0, 0)  # the oldest time that a zip file can hold


def files(results: Path, spec: Mapping[str, Any], others: Mapping[str, Path]) -> dict[str, Path | Iterator[str]]:
    """What goes into the bundle: name there -> file or lines. `others` are files from outside the results folder: published scores, locks.

    Only what belongs to the models and benchmarks of `spec`: leftovers of an earlier configuration stay out.
    """
    models, tasks, datasets = ([entry["name"] for entry in spec["report"][key]] for key in ("models", "benchmarks", "datasets"))
    gated = {entry["name"] for entry in spec["report"]["benchmarks"] if entry.get("gated")}
    as_it_is = [
        "report.md",
        "report.html",
        *TABLES,
        "comparison.tex",
        "data/digests.json",
        *(path.relative_to(results).as_posix() for path in results.glob("figures/*.*")),
    ]
    as_it_is += [f"data/{dataset}/{name}.json" for dataset in datasets for name in ("funnel", "contamination", "audit")]
    as_it_is += [f"models/{model}/{name}.json" for model in models for name in ("manifest", "config")]
    as_it_is += [f"scores/{model}/{task}.json" for model in models for task in tasks]
    as_it_is += [f"completions/{model}/{entry['name']}.json" for model in models for entry in spec["report"].get("completions", ())]
    changed: dict[str, Callable[[Row], Row]] = {
        "provenance.json": partial(without, {"made_at"}),
        **{f"models/{model}/log.jsonl": partial(without, {"tokens_per_s", "mfu"}) for model in models},
        **{f"data/{dataset}/dropped.jsonl": partial(without, {"detail"}) for dataset in datasets},
    }
    for task in tasks:
        prefilled = bool(spec["grade"].get(task, {}).get("prefilled_thought"))
        texts = {f"benchmarks/{task}/prompts.jsonl": prompt}
        texts |= {f"scores/{model}/{task}.jsonl": verdict for model in models}
        texts |= {f"responses/{model}/{task}.jsonl": partial(response, prefilled) for model in models}
        as_it_is, changed = (as_it_is, changed | texts) if task in gated else ([*as_it_is, *texts], changed)
    found: dict[str, Path | Iterator[str]] = {name: results / name for name in as_it_is if (results / name).is_file()}
    found |= {name: _changed(results / name, change) for name, change in changed.items() if (results / name).is_file()}
    sizes = {f"models/{model}/{WEIGHTS}": weights_of(results / "models" / model) for model in models}
    found |= {name: iter([dumps(size) + "\n"]) for name, size in sizes.items() if size}
    return {f"results/{name}": source for name, source in found.items()} | dict(others)


def _changed(path: Path, change: Callable[[Row], Row]) -> Iterator[str]:
    rows = read_jsonl(path) if path.suffix == ".jsonl" else [read_json(path)]
    return (dumps(change(row)) + "\n" for row in rows)


def without(keys: set[str], row: Row) -> Row:
    """Without a time or a speed, which differ between equal runs, or the detail of a dropped row, which can be text of a benchmark."""
    return {name: value for name, value in row.items() if name not in keys}


def prompt(row: Row) -> Row:
    return {"id": row["id"], "kind": row["kind"]}


def verdict(row: Row) -> Row:
    """A letter says nothing about the question, but a number could be the gold: its digest takes its place."""
    answer = row["answer"]
    return {**row, "answer": answer if answer is None or len(answer) == 1 else hashlib.sha256(answer.encode()).hexdigest()[:16]}


def response(prefilled: bool, row: Row) -> Row:
    return {**row, "text": None, "unclosed_thought": unclosed(row, prefilled)}


def unclosed(row: Row, prefilled: bool) -> bool:
    return row["unclosed_thought"] if row["text"] is None else cut_thought(row["text"], prefilled)[1] == "unclosed"


def write(path: Path, found: Mapping[str, Path | Iterator[str]]) -> None:
    """A zip file of the same bytes for the same files: sorted, without dates. SHA256SUMS in it is for `sha256sum -c`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        _write(part, found)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _write(path: Path, found: Mapping[str, Path | Iterator[str]]) -> None:
    sums = {}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, source in sorted(found.items()):
            digest = hashlib.sha256()
            with made.open(_entry(name), "w", force_zip64=True) as member:
                for block in _blocks(source):
                    member.write(block)
                    digest.update(block)
            sums[name] = digest.hexdigest()
        made.writestr(_entry(SUMS), "".join(f"{digest}  {name}\n" for name, digest in sums.items()))


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _THE_EPOCH)
    entry.compress_type, entry.external_attr, entry.create_system = zipfile.ZIP_DEFLATED, 0o644 << 16, 3
    return entry


def _blocks(source: Path | Iterator[str]) -> Iterator[bytes]:
    if not isinstance(source, Path):
        yield from (line.encode("utf-8", "surrogatepass") for line in source)
        return
    with open(source, "rb") as file:
        while block := file.read(1 << 20):
            yield block


def extract(bundle: Path, folder: Path) -> None:
    """Unpack a bundle and compare each file with its digest. Raises InputError for a file that is damaged, missing or not listed."""
    if not bundle.is_file():
        raise InputError(f"{bundle}: no such file: make it with snakemake --cores 1 results/bundle.zip, or fix the path")
    try:
        with zipfile.ZipFile(bundle) as packed:
            packed.extractall(folder)  # keeps every name inside the folder
    except (zipfile.BadZipFile, OSError) as error:
        raise InputError(f"{bundle}: no zip file that can be read ({error}): make it again with scripts/bundle.py") from None
    if not (folder / SUMS).is_file():
        raise InputError(f"{bundle}: holds no {SUMS}: it was not made by scripts/bundle.py")
    listed = dict(reversed(line.split("  ", 1)) for line in (folder / SUMS).read_text(encoding="utf-8").splitlines())
    there = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    there.pop(SUMS)
    for name in sorted({*listed, *there}):
        if name not in there or name not in listed:
            raise InputError(f"{bundle}: {name} is {'missing' if name in listed else f'not in {SUMS}'}: ask for the bundle again")
        if hashlib.sha256(there[name].read_bytes()).hexdigest() != listed[name]:
            raise InputError(f"{bundle}: {name} is not what {SUMS} says: it was changed after the bundle was made")


def check(folder: Path) -> Iterator[tuple[str, str | None]]:
    """(file, what is wrong with it or None): each summary, the tables and the report, computed again."""
    spec, results = read_json(folder / SPEC), folder / "results"
    for path in sorted(results.glob("scores/*/*.jsonl")):
        yield f"results/{path.relative_to(results).with_suffix('.json').as_posix()}", _summary(path, results, spec)
    published = read_published(folder / PUBLISHED)
    made = compare.tables(results / "scores", _with_paths(spec["compare"], folder), published, results / "responses")
    yield from ((f"results/{name}", _differs(results / name, made[name])) for name in TABLES)
    yield "results/report.md", _differs(results / "report.md", page.render(spec["report"], Results(results)))


def _with_paths(spec: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
    """With the scores from elsewhere where the bundle has them."""
    return {
        **spec,
        "models": [{**model, "results": str(folder / model["results"])} if "results" in model else model for model in spec["models"]],
    }


def _summary(path: Path, results: Path, spec: Mapping[str, Any]) -> str | None:
    """Counts the verdicts again. The verdicts themselves and the self-test of their grader are not checked."""
    model, task = path.parent.name, path.stem
    grading, recorded = spec["grade"].get(task, {}), read_json(path.with_suffix(".json"))
    summary = Summary(grading.get("max_new_tokens"))
    for row, response in zip_longest(read_jsonl(path), read_jsonl(results / f"responses/{model}/{task}.jsonl"), fillvalue={}):
        if (row.get("id"), row.get("sample")) != (response.get("id"), response.get("sample")):
            return f"verdicts and responses differ from item {row.get('id') or response.get('id')!r} on"
        summary.add(row, response, unclosed=unclosed(response, bool(grading.get("prefilled_thought"))))
    made = summary.result(recorded["self_test"], recorded["flags"])
    wrong = [f"{key} is {recorded.get(key)} and should be {value}" for key, value in made.items() if recorded.get(key) != value]
    return "; ".join(wrong) or None


def _differs(path: Path, made: str) -> str | None:
    try:
        recorded = path.read_bytes().decode("utf-8")
    except OSError:
        return "is missing"
    if recorded == made:
        return None
    for number, (there, here) in enumerate(zip_longest(recorded.split("\n"), made.split("\n")), 1):
        if there != here:
            return f"line {number} is {there!r} and should be {here!r}"
