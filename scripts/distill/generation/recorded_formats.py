"""Recorded responses as the files of this and of other programs hold them: a reader for each format, and what yields its rows.

What a file says of the answers' worth is not read: they are graded here like any other.
"""

import ast
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distill.base.errors import InputError
from distill.base.tables import OversizeRow, read_rows
from distill.base.thoughts import completion
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


def lighteval(row: RowReader, _: Mapping[str, str]) -> Iterator[RecordedAnswer]:
    """details_{task}_{date}.parquet of lighteval (logging/info_loggers.py, Detail), an item a row: doc and model_response from 0.11 on,
    example, predictions and cont_tokens before; up to 0.7 each cell is Python's text of its value."""
    if "doc" in row.row or "predictions" not in row.row:
        yield from _lighteval_doc(row)
    else:
        yield from _lighteval_columns(row)


def _lighteval_doc(row: RowReader) -> Iterator[RecordedAnswer]:
    """A thought that its endpoint returned apart (`reasonings`) is put back in front."""
    doc, response = row.cell("doc"), row.cell("model_response")
    if not isinstance(doc, dict) or not isinstance(response, dict) or not isinstance(doc.get("query"), str):
        raise row.wrong(" is not as lighteval 0.6 to 0.13 writes details: give it as a table (format: table)")
    texts = response.get("text") or []
    if not texts:
        raise row.wrong(" holds no text, as in a task of log-likelihoods: take a task that generates")
    tokens, thoughts = (response.get(name) or [] for name in ("output_tokens", "reasonings"))
    longest = doc.get("generation_size")
    for place, text in enumerate(texts):
        count = len(tokens[place]) if len(tokens) == len(texts) and tokens[place] else None
        yield row.recorded(
            _with_thought(thoughts[place] if len(thoughts) == len(texts) else None, text),
            "model_response.text",
            question=doc["query"],
            finish_reason=("length" if count >= longest else "stop") if count and longest else None,
            prompt_tokens=len(response.get("input_tokens") or []) or None,
            completion_tokens=count,
        )


def _lighteval_columns(row: RowReader) -> Iterator[RecordedAnswer]:
    """0.6 to 0.10. `predictions` holds an entry a request, which is the list of its samples, or a pair of this list and log-probabilities;
    0.6 to 0.10 flatten the lists of a task without log-probabilities. How long an answer may be, these files do not say."""
    question, found = row.cell("example"), _literal(row, "predictions")
    texts = [text for entry in found for text in _texts(entry)] if isinstance(found, list) else []
    if not texts or not all(isinstance(text, str) for text in texts):
        raise row.wrong(" holds no text, as in a task of log-likelihoods: take a task that generates")
    lengths = _lengths(_literal(row, "cont_tokens"), len(texts))
    tokens = _literal(row, "input_tokens")
    prompt = len(tokens[0]) if isinstance(tokens, list) and tokens and isinstance(tokens[0], list) else 0
    for text, count in zip(texts, lengths, strict=True):
        yield row.recorded(
            text, "predictions", question=row.text(question, "example"), prompt_tokens=prompt or None, completion_tokens=count
        )


def _literal(row: RowReader, column: str) -> Any:
    """A cell's value, which up to lighteval 0.7 is Python's text of it (logging/evaluation_tracker.py: str(v))."""
    value = row.row.get(column)
    if not isinstance(value, str):
        return value
    try:
        return ast.literal_eval(value)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise row.wrong(f": {column!r} is no Python list: fix the row, or give it as a table (format: table)") from None


def _texts(entry: Any) -> list[Any]:
    """The samples of a prediction: itself, its list, or the first of its pair of samples and log-probabilities."""
    if isinstance(entry, tuple) or (isinstance(entry, list) and entry and isinstance(entry[0], list)):
        entry = entry[0]
    return entry if isinstance(entry, list) else [entry]


def _lengths(tokens: Any, n: int) -> list[int | None]:
    """Tokens of each of n samples, from lists of token ids that are nested once or twice; None where they do not fit."""
    while isinstance(tokens, list) and len(tokens) == 1 and isinstance(tokens[0], list) and tokens[0] and isinstance(tokens[0][0], list):
        tokens = tokens[0]
    if not isinstance(tokens, list) or len(tokens) != n or not all(isinstance(ids, list) for ids in tokens):
        return [None] * n
    return [len(ids) or None for ids in tokens]


def evalscope(row: RowReader, _: Mapping[str, str]) -> Iterator[RecordedAnswer]:
    """reviews/{model}/{benchmark}_{subset}.jsonl of EvalScope (evalscope/api/evaluator/cache.py, ReviewResult); a repeat is its own row.

    From 1.7 on `messages` hold question and answer, where the thought is a part of its own that `prediction` lacks; before, `input` holds
    the question (text, in 1.0 chat messages).
    """
    scored = row.cell("sample_score")
    score = scored.get("score") if isinstance(scored, dict) else None
    messages = row.row.get("messages")
    if messages is None:
        messages = row.cell("input")
    question = messages if isinstance(messages, str) else _user_text(messages)
    if not isinstance(question, str) or not isinstance(score, dict):
        raise row.wrong(" is not as EvalScope 1.x writes reviews: give it as a table (format: table)")
    answers = [one for one in messages if isinstance(one, dict) and one.get("role") == "assistant"] if "messages" in row.row else []
    perf = (answers[-1].get("perf_metrics") if answers else None) or {}
    yield row.recorded(
        _answer(answers[-1]) if answers else score.get("prediction"),
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
    question = prompt if isinstance(prompt, str) else _user_text(prompt)
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
        _answer(choices[0].get("message") or {}),
        "output",
        question=given if isinstance(given, str) else _user_text(given),
        sample=(row.count(row.cell("epoch"), "epoch") or 1) - 1,
        finish_reason={"stop": "stop", "max_tokens": "length", "model_length": "length"}.get(stop),
        prompt_tokens=row.count(usage.get("input_tokens"), "input_tokens") or None,
        completion_tokens=row.count(usage.get("output_tokens"), "output_tokens") or None,
    )


def _user_text(messages: Any) -> str | None:
    """What the user says in chat messages (role, content), or in OpenCompass' turns (role, prompt)."""
    if not isinstance(messages, list):
        return None
    said = [one for one in messages if isinstance(one, dict) and str(one.get("role")).lower() in ("user", "human")]
    return "\n".join(_content(one) for one in said) or None


def _content(message: Mapping[str, Any]) -> str:
    """A chat message's text; its content is a text, or a list of parts."""
    content = message.get("content") or message.get("prompt") or ""
    return (
        content
        if isinstance(content, str)
        else "\n".join(str(part["text"]) for part in content if isinstance(part, dict) and part.get("text"))
    )


def _answer(message: Mapping[str, Any]) -> str:
    """A model's message, with the thought that is a part of its own put back in front."""
    content = message.get("content")
    parts = content if isinstance(content, list) else []
    thought = "\n".join(str(part.get("reasoning") or "") for part in parts if isinstance(part, dict) and part.get("type") == "reasoning")
    return _with_thought(thought, _content(message))


def _with_thought(thought: str | None, text: Any) -> Any:
    return completion(thought, text, "think") if thought else text


Rows = Iterator[tuple[str, Mapping[str, Any]]]


def _table_rows(path: Path, task: str | None) -> Rows:
    for number, row in enumerate(read_rows(path), 1):
        place = f"row {number}"
        if isinstance(row, OversizeRow):
            raise InputError(f"{path}: {place} is longer than a row may be: split it")
        yield place, row


def _document(path: Path, what: str) -> Mapping[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (ValueError, RecursionError, OSError) as error:
        raise InputError(f"{path}: not {what} ({error}): check the file") from None
    if not isinstance(found, dict):
        raise InputError(f"{path}: not {what} (no JSON object): check the file")
    return found


def _evalchemy_rows(path: Path, task: str | None) -> Rows:
    results = _document(path, "a results file of evalchemy").get("results")
    tasks = {
        name: one["examples"]
        for name, one in (results.items() if isinstance(results, dict) else ())
        if isinstance(one, dict) and isinstance(one.get("examples"), list)
    }
    name = _one_task(path, list(tasks), task)
    for number, row in enumerate(tasks[name], 1):
        yield f"{name} example {number}", row if isinstance(row, dict) else {}


def _one_task(path: Path, names: list[str], task: str | None) -> str:
    """The one task of a file; of several, that of the benchmark's name."""
    alike = [name for name in names if task and plain(name) == plain(task)]
    if len(found := alike or names) == 1:
        return found[0]
    if not names:
        raise InputError(
            f"{path}: holds no examples (results: {{task: {{examples: [..]}}}}): take the results_*.json that evalchemy writes"
        )
    raise InputError(f"{path}: none of its tasks {', '.join(names)} has the name {task}: set published: of the benchmark to one of them")


def plain(name: str) -> str:
    """A task's name as all programs would write it: aime24, AIME24; gpqa:diamond, GPQADiamond, gpqa_diamond."""
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _opencompass_rows(path: Path, task: str | None) -> Rows:
    found = _document(path, "predictions of OpenCompass")
    if not found or not all(key.isdecimal() and isinstance(row, dict) for key, row in found.items()):
        raise InputError(
            f"{path}: not predictions of OpenCompass ({{'0': {{origin_prompt, prediction}}, ..}}): take predictions/MODEL/DATASET.json"
        )
    for key in sorted(found, key=int):
        yield f"entry {key}", found[key]


def _inspect_rows(path: Path, task: str | None) -> Rows:
    """Inspect's own reader: its zip files are compressed with zstd, which Python 3.11's zipfile does not know (inspect_ai 0.3.285)."""
    from inspect_ai.log import read_eval_log, read_eval_log_samples

    try:
        if path.suffix == ".json":
            samples: Iterator[Any] = iter(read_eval_log(str(path), resolve_attachments=True).samples or [])
        else:
            samples = read_eval_log_samples(str(path), all_samples_required=False, resolve_attachments=True)
        for sample in samples:
            yield f"sample {sample.id} epoch {sample.epoch}", sample.model_dump(include={"input", "messages", "output", "epoch"})
    except Exception as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise InputError(f"{path}: not a log of Inspect ({reason[0]}): give the .eval or .json that inspect eval writes") from None


@dataclass(frozen=True)
class Format:
    """`answers` reads a row; `rows` yields the rows of a file with their places in it, those of one task where it holds several."""

    answers: Callable[[RowReader, Mapping[str, str]], Iterator[RecordedAnswer]]
    rows: Callable[[Path, str | None], Rows] = _table_rows


FORMATS = {
    "distill": Format(distill),
    "lighteval_details": Format(lighteval),
    "evalscope": Format(evalscope),
    "evalchemy": Format(evalchemy, _evalchemy_rows),
    "opencompass": Format(opencompass, _opencompass_rows),
    "inspect": Format(inspect, _inspect_rows),
    "table": Format(table),
}
