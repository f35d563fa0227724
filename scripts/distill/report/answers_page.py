"""results/answers.html: every answer of a run on one page that works offline, to filter, read and link to.

The answers are data in the page and are shown as text only, so that nothing that a model or a question says can run or load anything. Of
gated benchmarks there are verdicts and lengths, and no text. The page holds first what its list needs, so that it is drawn before the texts
have arrived; the texts stay JSON until an answer is opened.
"""

from collections.abc import Iterator
from importlib import metadata
from itertools import count, islice
from pathlib import Path
from typing import Any

from distill.base.errors import InputError
from distill.base.files import Row
from distill.report.answer_spans import span_of
from distill.report.names import Names, ShownBenchmark
from distill.report.offline import json_in_html, read_template
from distill.report.results import Results

TEMPLATE = Path(__file__).with_suffix(".html")
KATEX = ("sphinxcontrib-katex", "sphinxcontrib/katex.min.js")  # a package that holds KaTeX, and the file in it
_MARKS = ("/*KATEX*/", "/*HEAD*/", "/*ROWS*/", "/*TEXTS*/")
_TOGETHER = 64  # texts in one block, which is parsed as a whole


def katex() -> str | None:
    """KaTeX as a script, or None where no package that holds it is installed. Nothing in it can end the element that it stands in."""
    try:
        file = next((file for file in metadata.files(KATEX[0]) or () if str(file) == KATEX[1]), None)
    except metadata.PackageNotFoundError:
        return None
    if file is None:
        raise InputError(f"{KATEX[0]}: holds no {KATEX[1]}: install the version of envs/requirements-katex.txt")
    return Path(str(file.locate())).read_text(encoding="utf-8").replace("</", "<\\/")


def page(names: Names, results: Results, formulas: str | None = None) -> Iterator[str]:
    """The page in pieces. `formulas`: KaTeX as a script; without it formulas are shown as they are written."""
    start, head, rows, texts, end = read_template(TEMPLATE, *_MARKS)
    yield start + (formulas or "")
    labels = {
        "models": [model.label for model in names.models],
        "benchmarks": [names.benchmark_label(one.name) for one in names.benchmarks],
        "together": _TOGETHER,
    }
    yield head + json_in_html(labels)
    yield rows
    for place, benchmark in enumerate(names.benchmarks):
        prompts = {row["id"]: row for row in results.prompts(benchmark.name)}
        for number, model in enumerate(names.models):
            if found := list(_rows(results, model.name, benchmark, prompts)):
                rules = list(dict.fromkeys(row[-1] for row in found))
                coded = [[*row[:-1], rules.index(row[-1])] for row in found]
                yield _block("rows", {"benchmark": place, "model": number, "rules": rules, "rows": coded})
    yield texts
    for place, benchmark in enumerate(names.benchmarks):
        questions = {row["id"]: [row["messages"][-1]["content"], str(row["gold"])] for row in results.prompts(benchmark.name)}
        yield _block(f"questions-{place}", {} if benchmark.gated else questions)
        for number, model in enumerate(names.models if not benchmark.gated else ()):
            said = _texts(results, model.name, benchmark.name)
            for block in count():
                if not (some := list(islice(said, _TOGETHER))):
                    break
                yield _block(f"texts-{place}-{number}-{block}", some)
    yield end


def _graded(results: Results, model: str, benchmark: str) -> Iterator[tuple[Row, Row]]:
    """(response, verdict) of each answer that has both."""
    verdicts = {(row["id"], row["sample"]): row for row in results.verdicts(model, benchmark)}
    for row in results.responses(model, benchmark) if verdicts else ():
        if (verdict := verdicts.get((row["id"], row["sample"]))) is not None:
            yield row, verdict


def _texts(results: Results, model: str, benchmark: str) -> Iterator[str]:
    return (row["text"] for row, _ in _graded(results, model, benchmark))


def _rows(results: Results, model: str, benchmark: ShownBenchmark, prompts: dict[str, Row]) -> Iterator[list[Any]]:
    """[item, sample, answer, reason, right, graders disagree, truncated, tokens, where the answer starts and ends, where the solution
    begins, rule] of each answer."""
    for row, verdict in _graded(results, model, benchmark.name):
        flags = [int(verdict["correct"]), int(len(set(verdict["verdicts"].values())) > 1), int(row.get("finish_reason") == "length")]
        answer, place = None, [0, 0, 0, ""]
        if not benchmark.gated and row["id"] in prompts:
            answer, span = verdict["answer"], span_of(row["text"], prompts[row["id"]], verdict, row.get("shown", ""))
            place = [span.start, span.end, span.solution, span.rule]
        yield [row["id"], row["sample"], answer, verdict["reason"], *flags, row.get("completion_tokens"), *place]


def _block(name: str, value: object) -> str:
    """Data with an id, but for rows, of which there are many; a script of another type is never run."""
    key = 'class="rows"' if name == "rows" else f'id="{name}"'
    return f'<script type="application/json" {key}>{json_in_html(value)}</script>\n'
