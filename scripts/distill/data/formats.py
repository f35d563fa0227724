"""Published shapes of trace sets, one function each: a source row in, its raw responses out.

A raw response is not parsed here (traces.parse_response does that), and no function guesses: a row of another shape raises FormatMismatch.
Columns as in the data set cards of 2025-10. A plain table, whose columns are named in the configuration, is in table_format.py.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from distill.base.files import Row
from distill.base.thoughts import THOUGHT
from distill.data.raw_response import Columns, FormatMismatch, RawResponse, as_rows, read_cell, read_optional, read_text
from distill.data.table_format import read_table
from distill.grading.extract import last_boxed


@dataclass(frozen=True)
class TraceFormat:
    """`needs`: the columns without which a file is not of this format, alternatives in a tuple. `read` raises FormatMismatch for a row, and
    gives it in place of a response that is none."""

    needs: tuple[str | tuple[str, ...], ...]
    read: Callable[[Row, Columns], Iterator[RawResponse | FormatMismatch]]

    def missing(self, row: Row, columns: Columns) -> str | None:
        """The first needed column (after renaming) that a row does not have."""
        for need in self.needs:
            names = [columns.get(name, name) for name in ((need,) if isinstance(need, str) else need)]
            if not any(name in row for name in names):
                return " or ".join(map(repr, names))
        return None


def _turns(turns: Any, role: str, content: str) -> dict[str, str]:
    """The system text, the one user turn and the one assistant turn of a conversation, by role."""
    turns = as_rows(turns)
    if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
        raise FormatMismatch("the conversation is no list of turns")
    found: dict[str, str] = {}
    for turn in turns:
        name = _ROLES.get(str(turn.get(role)))
        if name is None or not isinstance(turn.get(content), str):
            raise FormatMismatch(f"a turn by {turn.get(role)!r}, or without text")
        if name in found:
            raise FormatMismatch(f"more than one {name} turn")
        found[name] = turn[content]
    if list(found)[-2:] != ["user", "assistant"]:
        raise FormatMismatch(f"turns are {', '.join(found) or 'missing'}")
    return found


_ROLES = {"system": "system", "user": "user", "human": "user", "assistant": "assistant", "gpt": "assistant"}


def _conversation(row: Row, columns: Columns) -> Iterator[RawResponse]:
    """`system`, `conversations` [{from, value}]: Bespoke-Stratos-17k of bespokelabs, Sky-T1_data_17k, OpenThoughts-114k.

    HuggingFaceH4's copy of Bespoke-Stratos-17k adds `messages` [{role, content}], which lack the system text, and
    open-r1/OpenThoughts-114k-math adds `messages` that hold a worked solution of another source.
    """
    if row.get("conversations") is not None:
        found = _turns(row["conversations"], "from", "value")
    else:
        found = _turns(row.get("messages"), "role", "content")
    yield RawResponse(
        found["user"],
        found["assistant"],
        gold=read_optional(row, "gold"),
        origin=read_optional(row, "source"),
        finish_reason=read_optional(row, "finish_reason"),
        system=found.get("system") or read_optional(row, "system"),
    )


def _mixture_of_thoughts(row: Row, columns: Columns) -> Iterator[RawResponse]:
    """open-r1/Mixture-of-Thoughts: `messages`, `num_tokens`, `source`; thoughts in <think> tags."""
    yield from _conversation({key: row.get(key) for key in ("messages", "source", "system", "gold", "finish_reason")}, columns)


def _openthoughts(row: Row, columns: Columns) -> Iterator[RawResponse]:
    """open-thoughts/OpenThoughts-114k: the default subset, or `metadata` (`problem`, `deepseek_reasoning`, `deepseek_solution`,
    `ground_truth_solution`), which has golds, as has the `solution` of open-r1/OpenThoughts-114k-math."""
    if "deepseek_reasoning" not in row:
        solution = read_optional(row, "solution")
        yield from (replace(raw, gold=raw.gold or (solution and _short_answer(solution))) for raw in _conversation(row, columns))
        return
    worked = read_optional(row, "ground_truth_solution")
    yield RawResponse(
        read_text(row, "problem"),
        read_text(row, "deepseek_solution"),
        reasoning=read_text(row, "deepseek_reasoning"),
        gold=worked and _short_answer(worked),
        origin=read_optional(row, "source"),
    )


def _openr1_math(row: Row, columns: Columns) -> Iterator[RawResponse | FormatMismatch]:
    """open-r1/OpenR1-Math-220k: `problem`, `answer`, and lists with an entry a generation: `generations`, `finish_reasons`,
    `is_reasoning_complete`. The lists of verdicts (correctness_*) are left aside: the filter grades each answer itself."""
    generations = row["generations"]
    if not isinstance(generations, list):
        raise FormatMismatch("'generations' is no list")
    for at, generation in enumerate(generations):
        if not isinstance(generation, str):
            yield FormatMismatch(f"generation {at + 1} is no text")
            continue
        yield RawResponse(
            read_text(row, "problem"),
            generation,
            gold=read_optional(row, "answer"),
            origin=read_optional(row, "source"),
            finish_reason=read_cell(_entry(row, "finish_reasons", at), "finish_reasons"),
            complete=_entry(row, "is_reasoning_complete", at) is not False,
        )


def _entry(row: Row, column: str, at: int) -> Any:
    values = row.get(column)
    return values[at] if isinstance(values, list) and at < len(values) else None


def _s1k(row: Row, columns: Columns) -> Iterator[RawResponse]:
    """simplescaling/s1K (`thinking_trajectories`, `attempt`) and s1K-1.1 (`deepseek_*`, `gemini_*`: two teachers a question).

    `solution` is a final answer in some rows and a worked solution in others: the gold is its last box, else all of it if that is one
    short line.
    """
    question, worked = read_text(row, "question"), read_optional(row, "solution")
    found = False
    for thought, attempt in _S1K_TEACHERS:
        if row.get(thought) is None or row.get(attempt) is None:
            continue
        found = True
        trajectories = row[thought] if isinstance(row[thought], list) else [row[thought]]
        thoughts = [read_cell(trajectory, thought) or "" for trajectory in trajectories]
        yield RawResponse(
            question,
            read_text(row, attempt),
            reasoning="\n".join(thoughts),
            gold=worked and _short_answer(worked),
            origin=thought.split("_")[0],
        )
    if not found:
        raise FormatMismatch("no thought with an attempt")


_S1K_TEACHERS = (
    ("thinking_trajectories", "attempt"),
    ("deepseek_thinking_trajectory", "deepseek_attempt"),
    ("gemini_thinking_trajectory", "gemini_attempt"),
)
_SHORT = 60  # characters; a sentence of a proof is longer


def _short_answer(text: str) -> str | None:
    boxed = last_boxed(text)
    if boxed:
        return boxed
    line = text.strip()
    return line if "\n" not in line and len(line) <= _SHORT else None


_GSM8K_MARK = re.compile(r"<<[^<>]*>>")  # a calculator's input, such as <<48/2=24>>


def _gsm8k(row: Row, columns: Columns) -> Iterator[RawResponse]:
    """openai/gsm8k: `question`, and `answer`, whose last line is `#### ` and the gold. The worked solution before it, without calculator
    marks, is the thought; commas within the gold go, as in the benchmark."""
    worked, mark, last = read_text(row, "answer").rpartition("####")
    gold = last.strip().replace(",", "")
    if not mark or not gold:
        raise FormatMismatch("no gold after '####' in column 'answer'")
    yield RawResponse(
        read_text(row, "question"), f"The answer is \\boxed{{{gold}}}.", reasoning=_GSM8K_MARK.sub("", worked).strip(), gold=gold
    )


def _deepmath(row: Row, columns: Columns) -> Iterator[RawResponse]:
    """zwhe99/DeepMath-103K: `question`, `final_answer`, and three responses, `r1_solution_1` to `_3`, each with a lone `</think>`."""
    for name in _DEEPMATH_RESPONSES:
        if row.get(name) is not None:
            yield RawResponse(
                read_text(row, "question"),
                read_text(row, name),
                gold=read_optional(row, "final_answer"),
                origin=read_optional(row, "topic"),
            )


_DEEPMATH_RESPONSES = ("r1_solution_1", "r1_solution_2", "r1_solution_3")
_ANSWER_TAGS = re.compile(r"\s*<answer>\s*(.*?)\s*</answer>\s*", re.DOTALL)


def _am_distilled(row: Row, columns: Columns) -> Iterator[RawResponse]:
    """a-m-team/AM-DeepSeek-R1-Distilled-1.4M: `messages` with an `info` each; the user's has `source` and `reference_answer`.

    The solution stands in <answer> tags behind the thought; they are removed, since no student is trained to write them.
    """
    (raw,) = _conversation({"messages": row.get("messages")}, columns)
    info = next((turn["info"] for turn in row["messages"] if turn.get("role") == "user" and isinstance(turn.get("info"), dict)), {})
    thought, closing, solution = raw.response.partition(THOUGHT["think"][1])
    inner = _ANSWER_TAGS.fullmatch(solution)
    response = f"{thought}{closing}\n\n{inner[1]}" if inner else raw.response
    gold = read_optional(info, "reference_answer")
    yield replace(raw, response=response, gold=gold and _short_answer(gold), origin=read_optional(info, "source"))


def _distill(row: Row, columns: Columns) -> Iterator[RawResponse]:
    """Rows of a traces.jsonl: ids and sources stay as they are."""
    yield RawResponse(
        read_text(row, "question"),
        read_text(row, "solution"),
        reasoning=read_text(row, "thought"),
        gold=read_optional(row, "gold"),
        origin=read_optional(row, "source"),
        finish_reason=read_optional(row, "finish_reason"),
        system=read_optional(row, "system"),
        id=read_optional(row, "id"),
    )


def _messages(row: Row, columns: Columns) -> Iterator[RawResponse]:
    """`messages` [{role, content}], whatever else there is: how most sets of today are published."""
    yield from _conversation({**row, "conversations": None}, columns)


def _sharegpt(row: Row, columns: Columns) -> Iterator[RawResponse]:
    """`conversations` [{from, value}], of human and gpt, as ShareGPT exported them."""
    yield from _conversation(row, columns)


_CONVERSATION = TraceFormat((("conversations", "messages"),), _conversation)
FORMATS = {
    "messages": TraceFormat(("messages",), _messages),
    "sharegpt": TraceFormat(("conversations",), _sharegpt),
    "bespoke_stratos": _CONVERSATION,
    "sky_t1": _CONVERSATION,
    "openthoughts": TraceFormat((("conversations", "messages", "deepseek_reasoning"),), _openthoughts),
    "openr1_math": TraceFormat(("problem", "generations"), _openr1_math),
    "mixture_of_thoughts": TraceFormat(("messages",), _mixture_of_thoughts),
    "s1k": TraceFormat(("question", tuple(attempt for _, attempt in _S1K_TEACHERS)), _s1k),
    "gsm8k": TraceFormat(("question", "answer"), _gsm8k),
    "deepmath": TraceFormat(("question", _DEEPMATH_RESPONSES), _deepmath),
    "am_distilled": TraceFormat(("messages",), _am_distilled),
    "table": TraceFormat(("question", "response"), read_table),
    "distill": TraceFormat(("id", "question", "thought", "solution", "source"), _distill),
}
