"""Recorded responses as the files of this and of other programs hold them: a reader for each format, and what yields its rows.

What a file says of the answers' worth is not read: they are graded here like any other.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from distill.generation.recorded_files import Rows, evalchemy_rows, inspect_rows, opencompass_rows, table_rows
from distill.generation.recorded_lighteval import lighteval
from distill.generation.recorded_messages import answer_text, user_text
from distill.generation.recorded_row import RecordedAnswer, RowReader

COLUMNS = ("id", "question", "response", "sample", "finish_reason", "prompt_tokens", "completion_tokens")


def distill(row: RowReader, _: Mapping[str, str]) -> Iterator[RecordedAnswer]:
    """results/responses/{model}/{benchmark}.jsonl, of this project."""
    sample = row.count(row.cell("sample"), "sample")
    if sample is None:
        raise row.wrong(": 'sample' is empty: number the answers to an item from 0")
    tokens = {name: row.count(row.row.get(name), name) for name in ("prompt_tokens", "completion_tokens")}
    finish = row.finish(row.row.get("finish_reason"))
    known = {"id": row.name(row.cell("id"), "id"), "sample": sample, "finish_reason": finish, "shown": str(row.row.get("shown") or "")}
    yield row.recorded(row.cell("text"), "text", **known, **tokens)


def table(row: RowReader, columns: Mapping[str, str]) -> Iterator[RecordedAnswer]:
    """A row an answer; or a row an item, whose response is a list. A column that `columns` names must be there."""
    named = {key: columns.get(key, key) for key in COLUMNS}
    cells = {key: row.cell(name) if key in columns else row.row.get(name) for key, name in named.items()}
    known = {
        "id": row.name(cells["id"], named["id"]),
        "question": row.name(cells["question"], named["question"]),
        "sample": row.count(cells["sample"], named["sample"]),
        "finish_reason": row.finish(cells["finish_reason"]),
        **{key: row.count(cells[key], named[key]) for key in ("prompt_tokens", "completion_tokens")},
    }
    if known["id"] is None and known["question"] is None:
        raise row.wrong(" has neither id nor question: name the column of one of them (columns:)")
    response = row.cell(named["response"])
    if isinstance(response, list) and known["sample"] is not None:
        raise row.wrong(f": {named['response']!r} is a list, whose order is that of the samples: leave the column sample out")
    for text in response if isinstance(response, list) else [response]:
        yield row.recorded(text, named["response"], **known)


def evalscope(row: RowReader, _: Mapping[str, str]) -> Iterator[RecordedAnswer]:
    """reviews/{model}/{benchmark}_{subset}.jsonl of EvalScope (evalscope/api/evaluator/cache.py, ReviewResult); a repeat is its own row.

    From 1.7 on `messages` hold question and answer, where the thought is a separate part that `prediction` lacks; before, `input` holds
    the question (text, in 1.0 chat messages).
    """
    scored = row.cell("sample_score")
    score = scored.get("score") if isinstance(scored, dict) else None
    messages = row.row.get("messages")
    if messages is None:
        messages = row.cell("input")
    question = messages if isinstance(messages, str) else user_text(messages)
    if not isinstance(question, str) or not isinstance(score, dict):
        raise row.wrong(" is not as EvalScope 1.x writes reviews: give it as a table (format: table)")
    answers = [one for one in messages if isinstance(one, dict) and one.get("role") == "assistant"] if "messages" in row.row else []
    perf = (answers[-1].get("perf_metrics") if answers else None) or {}
    yield row.recorded(
        answer_text(answers[-1]) if answers else score.get("prediction"),
        "sample_score.score.prediction",
        question=question,
        sample=row.count(scored.get("generation_index"), "generation_index"),
        prompt_tokens=row.count(perf.get("input_tokens"), "input_tokens") or None,
        completion_tokens=row.count(perf.get("output_tokens"), "output_tokens") or None,
    )


def evalchemy(row: RowReader, _: Mapping[str, str]) -> Iterator[RecordedAnswer]:
    """An entry of results.{TASK}.examples in evalchemy's results_{date}.json (eval/chat_benchmarks/*/eval_instruct.py): the benchmark's own
    columns and model_output, or model_outputs with an entry a repetition."""
    question = next((row.row[name] for name in ("problem", "question", "Question") if isinstance(row.row.get(name), str)), None)
    if question is None:
        raise row.wrong(" has no problem and no question: give it as a table (format: table)")
    if isinstance(options := row.row.get("multiple_choice_string"), str):
        question = f"{question}\n{options}"
    texts = row.row["model_outputs"] if "model_outputs" in row.row else [row.cell("model_output")]
    for text in texts if isinstance(texts, list) else [texts]:
        yield row.recorded(text, "model_outputs", question=question)


def opencompass(row: RowReader, _: Mapping[str, str]) -> Iterator[RecordedAnswer]:
    """An entry of predictions/{model}/{dataset}.json of OpenCompass (openicl/icl_inferencer/icl_base_inferencer.py): origin_prompt (text,
    or turns of HUMAN and BOT), prediction (text, or a list of samples), and res_length where it was asked for."""
    prompt, texts, lengths = row.cell("origin_prompt"), row.cell("prediction"), row.row.get("res_length")
    texts = texts if isinstance(texts, list) else [texts]
    lengths = lengths if isinstance(lengths, list) else [lengths]
    question = prompt if isinstance(prompt, str) else user_text(prompt)
    if question is None:
        raise row.wrong(": 'origin_prompt' is neither text nor turns: give it as a table (format: table)")
    counts = lengths if len(lengths) == len(texts) else [None] * len(texts)
    for text, count in zip(texts, counts, strict=True):
        yield row.recorded(text, "prediction", question=question, completion_tokens=row.count(count, "res_length"))


def inspect(row: RowReader, _: Mapping[str, str]) -> Iterator[RecordedAnswer]:
    """A sample of a log of Inspect (inspect_ai/log/_log.py, EvalSample): the user's messages, output, and the epoch from 1."""
    output = row.cell("output")
    choices = output.get("choices") if isinstance(output, dict) else None
    if not choices:
        raise row.wrong(" has no output, as a sample that failed: evaluate it again, or take it in with items: answered")
    given = row.cell("messages") or row.cell("input")
    usage, stop = output.get("usage") or {}, choices[0].get("stop_reason")
    yield row.recorded(
        answer_text(choices[0].get("message") or {}),
        "output",
        question=given if isinstance(given, str) else user_text(given),
        sample=(row.count(row.cell("epoch"), "epoch") or 1) - 1,
        finish_reason={"stop": "stop", "max_tokens": "length", "model_length": "length"}.get(stop),
        prompt_tokens=row.count(usage.get("input_tokens"), "input_tokens") or None,
        completion_tokens=row.count(usage.get("output_tokens"), "output_tokens") or None,
    )


@dataclass(frozen=True)
class RecordedFormat:
    """`answers` reads a row; `rows` yields the rows of a file with their places in it, those of one task where it holds several."""

    answers: Callable[[RowReader, Mapping[str, str]], Iterator[RecordedAnswer]]
    rows: Callable[[Path, str | None], Rows] = table_rows


FORMATS = {
    "distill": RecordedFormat(distill),
    "lighteval_details": RecordedFormat(lighteval),
    "evalscope": RecordedFormat(evalscope),
    "evalchemy": RecordedFormat(evalchemy, evalchemy_rows),
    "opencompass": RecordedFormat(opencompass, opencompass_rows),
    "inspect": RecordedFormat(inspect, inspect_rows),
    "table": RecordedFormat(table),
}
