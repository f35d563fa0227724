"""Answers to look at: of each model one right and one wrong a benchmark, word for word but for the middle of long ones."""

from distill.base.files import Row
from distill.report.markdown import block, clip, code, shorten, text
from distill.report.names import Benchmark, Model, Names
from distill.report.results import Results
from distill.report.words import gap, join

Key = tuple[str, int]


def section(names: Names, results: Results) -> str:
    parts = []
    for benchmark in names.benchmarks:
        parts.append(f"### {text(names.benchmark_label(benchmark.name))}")
        if benchmark.gated:
            parts.append("_This benchmark is gated: none of its text is shown._")
            continue
        prompts = {row["id"]: row for row in results.prompts(benchmark.name)}
        if not prompts:
            parts.append(gap("its questions (prompts.jsonl)"))
            continue
        parts += [_model(model, benchmark, prompts, results) for model in names.models]
    return join(*parts)


def _model(model: Model, benchmark: Benchmark, prompts: dict[str, Row], results: Results) -> str:
    verdicts = [row for row in results.verdicts(model.name, benchmark.name) if row["id"] in prompts]
    if not verdicts:
        return gap(f"answers of {text(model.label)}")
    picked = {"right": first(verdicts, correct=True), "wrong": first(verdicts, correct=False)}
    wanted = {key(row) for row in picked.values() if row}
    responses = {key(row): row for row in results.responses(model.name, benchmark.name) if key(row) in wanted}
    parts = []
    for word, verdict in picked.items():
        head = f"**{text(model.label)}, {word}:**"
        if verdict is None:
            parts.append(f"{head} none of {len(verdicts):,} answers.")
        elif key(verdict) not in responses:
            parts.append(f"{head} its text is not on file.")
        else:
            parts.append(_show(head, prompts[verdict["id"]], responses[key(verdict)], verdict))
    return join(*parts)


def key(row: Row) -> Key:
    return row["id"], row["sample"]


def first(verdicts: list[Row], correct: bool) -> Row | None:
    """The first of a benchmark's answers, in its own order, that is right (or wrong): nobody has chosen it."""
    return next((row for row in verdicts if row["correct"] is correct), None)


def _show(head: str, prompt: Row, response: Row, verdict: Row) -> str:
    asked = "\n".join(str(message["content"]) for message in prompt["messages"] if message["role"] == "user")
    taken = verdict.get("answer")
    facts = [
        f"item {_short(prompt['id'])}",
        f"gold {_short(prompt['gold'])}",
        f"taken as its answer: {_short(taken)}" if taken is not None else "no answer found",
        f"verdict {text(str(verdict['reason']).replace('_', ' '))}",
    ]
    if (tokens := response.get("completion_tokens")) is not None:
        facts.append(f"{tokens:,} tokens")
    body = f"{shorten(asked, 500, 200)}\n\n---- answer ----\n\n{shorten(str(response['text']), 500, 300)}"
    return join(f"{head} {', '.join(facts)}", block(body))


def _short(value: object) -> str:
    return code(clip(str(value)))
