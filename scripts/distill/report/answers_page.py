"""results/answers.html: every answer of a run on one page that works offline, to filter, read and link to.

The answers are data in the page and are shown as text only, so that nothing that a model or a question says can run or load anything. Of
gated benchmarks there are verdicts and lengths, and no text.
"""

from collections.abc import Iterator
from pathlib import Path

from distill.report.names import Names
from distill.report.results import Results
from distill.report.review_page import json_in_html

TEMPLATE = Path(__file__).with_suffix(".html")
_MARK = "/*DATA*/"


def page(names: Names, results: Results) -> Iterator[str]:
    """The page in pieces: what precedes the data, a piece for each evaluation, the rest."""
    before, after = TEMPLATE.read_text(encoding="utf-8").split(_MARK)
    yield before
    yield json_in_html(
        {"models": [model.label for model in names.models], "benchmarks": [names.benchmark_label(one.name) for one in names.benchmarks]}
    )
    for place, benchmark in enumerate(names.benchmarks):
        prompts = {row["id"]: row for row in results.prompts(benchmark.name)}
        questions = {key: [row["messages"][-1]["content"], str(row["gold"])] for key, row in prompts.items()}
        yield _block({"benchmark": place, "gated": benchmark.gated, "questions": {} if benchmark.gated else questions})
        for number, model in enumerate(names.models):
            if rows := list(_rows(results, model.name, benchmark.name, benchmark.gated)):
                yield _block({"benchmark": place, "model": number, "rows": rows})
    yield after


def _rows(results: Results, model: str, benchmark: str, gated: bool) -> Iterator[list]:
    """[item, sample, text, answer, reason, right, graders disagree, truncated, tokens] of each answer."""
    verdicts = {(row["id"], row["sample"]): row for row in results.verdicts(model, benchmark)}
    for row in results.responses(model, benchmark) if verdicts else ():
        verdict = verdicts.get((row["id"], row["sample"]))
        if verdict is not None:
            text, answer = (None, None) if gated else (row["text"], verdict["answer"])
            flags = [int(verdict["correct"]), int(len(set(verdict["verdicts"].values())) > 1), int(row.get("finish_reason") == "length")]
            yield [row["id"], row["sample"], text, answer, verdict["reason"], *flags, row.get("completion_tokens")]


def _block(value: object) -> str:
    return f'</script>\n<script type="application/json" class="block">{json_in_html(value)}'
