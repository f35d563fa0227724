"""What training will do to the rows of a training set, before it costs anything: lengths, cuts, what the cuts take away, and the loss mask.

Rows are tokenised as TRL does it (1.16, SFTTrainer, prompt and completion): the completion starts where the prompt with its generation
prompt and the whole chat part.
"""

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import accumulate, islice
from typing import Any

from distill.base.files import Row
from distill.base.settings import Settings
from distill.base.thoughts import THOUGHT
from distill.data.packing import CUTTING, separated, sequences
from distill.data.tokens import ChatTokenizer
from distill.data.trained_text import TemplateCheck
from distill.grading.extract import last_boxed

PERCENTS = (1, 5, 10, 25, 50, 75, 90, 95, 99)
BINS = 20
# Parts of a row that a cut may take away, in the order of the report.
PARTS = ("boxed_answer", "closing_tag", "eos")
# A share above this is worth a warning; what should never happen at all is warned of at once.
WARN_ABOVE = 0.01


WAY = (
    "$defs/dataset/tokenizer",
    "$defs/dataset/thought_style",
    *(f"$defs/recipe/{key}" for key in ("chat_template", "max_length", "packing", "loss_on", "eos_token")),
)
OTHERS = Settings(*WAY)
SPEC = Settings(*WAY, "$defs/dataset/audit/stop_above", others={"type": "array", "items": {"type": "object"}, "default": []})


@dataclass(frozen=True, kw_only=True)
class AuditSpec:
    """The part of a training that decides what becomes of a row, and the shares from which the audit stops the run.

    `tokenizer` and `chat_template` are the names that the configuration has for those that are counted with; None where no name is given,
    or for the model's own template.
    """

    tokenizer: str | None = None
    chat_template: str | None = None
    max_length: int
    packing: str
    thought_style: str
    loss_on: str
    eos_token: str | None = None
    stop_above: Mapping[str, float]

    @classmethod
    def each_of(cls, given: Mapping[str, Any]) -> "list[AuditSpec]":
        """The settings in `given`, and those that it has under `others`; all stop at the same shares."""
        first = SPEC.read(given)
        others = first.pop("others")
        more = [OTHERS.read(other, f"--spec: others.{at}") for at, other in enumerate(others)]
        return [cls(**first), *(cls(**other, stop_above=first["stop_above"]) for other in more)]


@dataclass(frozen=True, slots=True)
class Measure:
    """One row in tokens: all of them, those of the prompt, and how many are needed to hold each of PARTS (None: the row has none)."""

    tokens: int
    prompt: int
    ends: tuple[int | None, ...]
    altered: bool


class Measures:
    """The measures of all rows, in 21 bytes each: a million rows fit next to the tokenizer."""

    def __init__(self, measures: Iterable[Measure]):
        self._columns = [array("I") for _ in range(2 + len(PARTS))]
        self._altered = bytearray()
        for row in measures:
            for column, value in zip(self._columns, (row.tokens, row.prompt, *row.ends), strict=True):
                column.append(value or 0)  # no part ends before the first token
            self._altered.append(row.altered)

    def __len__(self) -> int:
        return len(self._altered)

    def __iter__(self) -> Iterator[Measure]:
        for tokens, prompt, *ends, altered in zip(*self._columns, self._altered, strict=True):
            yield Measure(tokens, prompt, tuple(end or None for end in ends), bool(altered))


def measure(tokenizer: ChatTokenizer, rows: Iterable[Row], spec: AuditSpec) -> Iterator[Measure]:
    """Measures of rows of sft.jsonl, in a stream."""
    eos = tokenizer.id_of(spec.eos_token or tokenizer.eos_token or "")
    check = TemplateCheck(tokenizer)
    rest = iter(rows)
    while batch := list(islice(rest, 64)):
        shown = [tokenizer.text(row["prompt"], add_generation_prompt=True) for row in batch]
        texts = [tokenizer.text(row["prompt"] + row["completion"]) for row in batch]
        encoded = zip(tokenizer.encode(shown), tokenizer.encode_with_starts(texts), strict=True)
        for row, before, text, (prompt, (ids, starts)) in zip(batch, shown, texts, encoded, strict=True):
            content = row["completion"][0]["content"]
            solution = max(text.rfind(content), 0)
            ends = [_box_end(text, solution), _end(text, THOUGHT[spec.thought_style][1], solution)]
            needed = [None if end is None else _tokens_before(starts, end) for end in ends]
            last = len(ids) - 1 - ids[::-1].index(eos) if eos in ids else None
            learned = last is not None and last >= len(prompt)
            altered = check.difference(before, text, content) is not None
            yield Measure(len(ids), _common(prompt, ids), (*needed, last + 1 if learned and last is not None else None), altered)


def _box_end(text: str, start: int) -> int | None:
    boxed = last_boxed(text[start:])
    if boxed is None:
        return None
    at = max(text.rfind("\\boxed"), text.rfind("\\fbox"))
    return text.find(boxed, at) + len(boxed) + 1


def _end(text: str, part: str, start: int) -> int | None:
    at = text.rfind(part, start)
    return None if at < 0 else at + len(part)


def _tokens_before(starts: Sequence[int], end: int) -> int:
    """How many tokens hold the text up to the character `end`."""
    return bisect_left(starts, end)


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    return next((at for at, (left, right) in enumerate(zip(one, other, strict=False)) if left != right), min(len(one), len(other)))


# What is warned of: the name of a share, and what to say of it.
WARNINGS = {
    "altered_by_template": "rows are not trained on as they are, since the chat template adds to them or deletes the thought: "
    "set chat_template to one that does not",
    "without_eos": "rows hold no end of turn that the tokenizer knows as eos, so the student never learns to stop: set eos_token",
    "lose_eos": "rows lose their end of turn to the cut, and teach the student to go on for ever: drop them with filter.max_tokens, raise "
    "max_length or pack with bfd_split",
    "lose_closing_tag": "rows are cut inside of the thought, and teach the student never to come to its solution",
    "lose_boxed_answer": "rows lose their boxed answer to the cut",
    "rows_cut": "rows are longer than max_length and are cut: raise max_length, or drop them with filter.max_tokens",
    "tokens_lost": "tokens are thrown away by the cut",
    "rows_separated": "rows go on in a sequence or document without their question: raise max_length, or drop them with filter.max_tokens",
    "rows_without_loss": "rows carry no loss at all, since their prompt alone fills max_length (packing none leaves them out)",
}
_NEVER = ("altered_by_template", "without_eos", "rows_without_loss")


def audit(measures: Sequence[Measure] | Measures, spec: AuditSpec) -> dict[str, Any]:
    """audit.json without its sample. `shares` holds what warnings and `stop_above` are about; shares are of rows, tokens_lost of tokens."""
    lengths = array("I", (row.tokens for row in measures))
    most = spec.max_length if spec.packing in CUTTING else max(lengths)
    # With packing none TRL 1.16 drops rows that max_length leaves without a label (SFTTrainer, "Dropping fully masked examples").
    silent = bytearray(spec.loss_on == "completion" and row.prompt >= min(row.tokens, most) for row in measures)
    dropped = silent if spec.packing == "none" else bytearray(len(silent))
    kept = array("I", (0 if drop else min(length, most) for length, drop in zip(lengths, dropped, strict=True)))
    total, cuts = sum(lengths), array("I", (length - left for length, left in zip(lengths, kept, strict=True)))
    lost = {
        part: sum(not drop and (row.ends[at] or 0) > left for row, left, drop in zip(measures, kept, dropped, strict=True))
        for at, part in enumerate(PARTS)
    }
    without = {part: sum(row.ends[at] is None for row in measures) for at, part in enumerate(PARTS)}
    counts = {
        "altered_by_template": sum(row.altered for row in measures),
        "without_eos": without["eos"],
        **{f"lose_{part}": lost[part] for part in reversed(PARTS)},
        "rows_cut": sum(cut > 0 for cut in cuts),
        "rows_separated": sum(separated(lengths, spec.max_length, spec.packing)),
        "rows_without_loss": sum(silent),
    }
    shares = {name: count / len(measures) for name, count in counts.items()} | {"tokens_lost": sum(cuts) / total}
    carrying = sum(left - min(row.prompt, left) if spec.loss_on == "completion" else left for row, left in zip(measures, kept, strict=True))
    filled = sequences([length for length, drop in zip(lengths, dropped, strict=True) if not drop], spec.max_length, spec.packing)
    return {
        "rows": len(measures),
        "settings": {entry.name: getattr(spec, entry.name) for entry in fields(spec) if entry.name != "stop_above"},
        "tokens": {
            "total": total,
            "mean": round(total / len(measures), 1),
            "quantiles": _quantiles(lengths),
            "histogram": _histogram(lengths),
        },
        "cut": {"rows": counts["rows_cut"], "tokens": sum(cuts), "rows_that_lose": lost, "rows_separated": counts["rows_separated"]},
        "rows_without": without,
        "altered_by_template": counts["altered_by_template"],
        "packing": {"sequences": len(filled), "efficiency": round(sum(filled) / max(len(filled) * spec.max_length, 1), 4)},
        "loss_share": round(carrying / max(sum(kept), 1), 4),
        "shares": {name: round(shares[name], 6) for name in WARNINGS},
        "warnings": [f"{name}: {shares[name]:.1%} of {text}" for name, text in _due(shares)],
    }


def by_part(measures: Iterable[Measure], parts: Mapping[str, int]) -> dict[str, dict[str, Any]]:
    """Rows and tokens of each part of a mixture; `parts`: how many rows each has, in their order."""
    rest = iter(measures)
    tokens = {name: sum(row.tokens for row in islice(rest, count)) for name, count in parts.items()}
    total = max(sum(tokens.values()), 1)
    return {name: {"rows": parts[name], "tokens": tokens[name], "share_of_tokens": round(tokens[name] / total, 4)} for name in parts}


def _due(shares: Mapping[str, float]) -> Iterator[tuple[str, str]]:
    for name, text in WARNINGS.items():
        if shares[name] > (0 if name in _NEVER else WARN_ABOVE):
            yield name, text


def stops(shares: Mapping[str, float], stop_above: Mapping[str, float]) -> list[str]:
    """What to say of each share that is above its threshold."""
    over = {name: limit for name, limit in stop_above.items() if shares[name] > limit}
    return [f"{name}: {shares[name]:.1%} (stop_above: {limit:.1%}) of {WARNINGS[name]}" for name, limit in sorted(over.items())]


def _quantiles(lengths: Iterable[int]) -> dict[str, int]:
    """p90 is the smallest length that 90 % of the rows do not exceed."""
    ordered, counts = zip(*sorted(Counter(lengths).items()), strict=True)
    ends = list(accumulate(counts))

    def at_rank(rank: int) -> int:
        return ordered[bisect_left(ends, rank)]

    percents = {f"p{percent}": at_rank(-(-percent * ends[-1] // 100)) for percent in PERCENTS}
    return {"min": ordered[0], **percents, "max": ordered[-1]}


def _histogram(lengths: Sequence[int]) -> list[dict[str, int]]:
    """Rows in bins of equal width, `from` included and `to` not."""
    width = max(1, -(-(max(lengths) + 1) // BINS))
    counts = [0] * BINS
    for length in lengths:
        counts[length // width] += 1
    return [{"from": at * width, "to": (at + 1) * width, "rows": count} for at, count in enumerate(counts)]


def sample(tokenizer: ChatTokenizer, row: Row, spec: AuditSpec) -> dict[str, Any]:
    """A row as training sees it up to max_length: its pieces, each with whether it carries loss."""
    (ids,) = tokenizer.encode([tokenizer.text(row["prompt"] + row["completion"])])
    (prompt,) = tokenizer.encode([tokenizer.text(row["prompt"], add_generation_prompt=True)])
    start = _common(prompt, ids) if spec.loss_on == "completion" else 0
    pieces = [{"loss": False, "text": tokenizer.decode(ids[: min(start, spec.max_length)])}] if start else []
    if len(ids[start : spec.max_length]):
        pieces.append({"loss": True, "text": tokenizer.decode(ids[start : spec.max_length])})
    return {"id": row["id"], "tokens": len(ids), "pieces": pieces}


COUNTED = ("tokenizer", "chat_template", "eos_token")  # settings that a row's tokens depend on


def each_audit(found: Row) -> list[Row]:
    """All audits of the file: the first stands in it itself, the rest under `others`."""
    return [found, *found.get("others", [])]


def audit_of(found: Row | None, way: Mapping[str, Any]) -> Row | None:
    """The audit of these settings; None where there is none."""
    return next((audit for audit in each_audit(found) if _named(audit["settings"]) == _named(way)), None) if found else None


def describe_differences(settings: Sequence[Mapping[str, Any]]) -> list[str]:
    """For each of several ways what tells it from the others, as "packing bfd, max_length 1024"; of one way nothing."""
    keys = [key for key in dict.fromkeys(key for way in settings for key in way) if len({way.get(key) for way in settings}) > 1]
    return [", ".join(_describe_setting(key, way.get(key)) for key in keys) for way in settings]


def _describe_setting(key: str, value: Any) -> str:
    """A tokenizer has its own template and end of turn, where nothing else is named."""
    return f"own {key}" if value is None else f"{key} {value:,}" if isinstance(value, int) else f"{key} {value}"


def _named(way: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in way.items() if value is not None}
