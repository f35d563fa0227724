"""Answers to look at: of each model one right and one wrong per benchmark, word for word except for the middle of long ones."""

from distill.base.files import Row
from distill.report.markdown import block, clip, code, shorten, text
from distill.report.names import Names, ShownBenchmark, ShownModel
from distill.report.results import Results
from distill.report.words import gap, join, listed

Key = tuple[str, int]


def section(names: Names, results: Results) -> str | None:
    """None where there are no scores at all, which the verdict says."""
    parts: list[str | None] = []
    without = []
    for benchmark in names.benchmarks:
        label = text(names.benchmark_label(benchmark.name))
        if benchmark.gated:
            parts.append(join(f"### {label}", "_This benchmark is gated: none of its text is shown._"))
        elif prompts := {row["id"]: row for row in results.prompts(benchmark.name)}:
            parts.append(join(f"### {label}", _benchmark(benchmark, prompts, names, results)))
        else:
            without.append(label)
    if without and results.scores:
        parts.append(gap(f"questions of {listed(without)} (prompts.jsonl)"))
    return join(*parts)


def _benchmark(benchmark: ShownBenchmark, prompts: dict[str, Row], names: Names, results: Results) -> str:
    parts, without = [], []
    for model in names.models:
        verdicts = [row for row in results.verdicts(model.name, benchmark.name) if row["id"] in prompts]
        if verdicts:
            parts.append(_model(model, benchmark, verdicts, prompts, results))
        else:
            without.append(text(model.label))
    return join(*parts, gap(f"answers of {listed(without)}") if without else None)


def _model(model: ShownModel, benchmark: ShownBenchmark, verdicts: list[Row], prompts: dict[str, Row], results: Results) -> str:
    picked = {"right": first(verdicts, correct=True), "wrong": first(verdicts, correct=False)}
    keys = {key(row) for row in picked.values() if row}
    responses = {key(row): row for row in results.responses(model.name, benchmark.name) if key(row) in keys}
    parts = []
    for word, verdict in picked.items():
        head = f"**{text(model.label)}, {word}:**"
        if verdict is None:
            parts.append(f"{head} none of {len(verdicts):,} answers.")
        elif key(verdict) not in responses:
            parts.append(f"{head} its text is not in the results folder.")
        else:
            parts.append(_show(head, prompts[verdict["id"]], responses[key(verdict)], verdict))
    return join(*parts)


def key(row: Row) -> Key:
    return row["id"], row["sample"]


def first(verdicts: list[Row], correct: bool) -> Row | None:
    """The first right (or wrong) answer in the order of the benchmark, so that nobody has chosen it."""
    return next((row for row in verdicts if row["correct"] is correct), None)


def _show(head: str, prompt: Row, response: Row, verdict: Row) -> str:
    *examples, question = [str(message["content"]) for message in prompt["messages"] if message["role"] == "user"]
    if examples:
        question = f"[{len(examples)} solved example{'s' if len(examples) > 1 else ''} left out]\n\n{question}"
    answer = verdict.get("answer")
    facts = [
        f"item {_short(prompt['id'])}",
        f"gold {_short(prompt['gold'])}",
        f"graded answer {_short(answer)}" if answer is not None else "no answer found",
        f"verdict {text(str(verdict['reason']).replace('_', ' '))}",
    ]
    if shown := response.get("shown"):
        facts.append(f"choices shown to it in the order {code(shown)}")
    if (tokens := response.get("completion_tokens")) is not None:
        facts.append(f"{tokens:,} tokens")
    body = f"{shorten(question, 500, 200)}\n\n---- answer ----\n\n{shorten(str(response['text']), 500, 300)}"
    return join(f"{head} {', '.join(facts)}", block(body))


def _short(value: object) -> str:
    return code(clip(str(value)))
