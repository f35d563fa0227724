"""The self-test of a grader on a benchmark: what it makes of answers whose worth is known, and whether its scores can be believed.

The one that decides is tested: our own grader here, lighteval by scripts/grade_lighteval.py.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from distill.base.thoughts import THOUGHT, completion
from distill.evaluation.scoring import Grading, PromptItem
from distill.grading import respell
from distill.grading.extract import before_box, last_boxed
from distill.grading.grader import same

GOLD, RESPELLED, UNREAD, WORDED, NEAR_MISS = "gold", "respelled", "unread", "worded", "near_miss"
LEAST = {GOLD: 0.995, RESPELLED: 0.97}  # the share that a grader must call right
MOST = {UNREAD: 0.05, WORDED: 0.05}  # the largest share of golds that no rule reads, or that are numbers with words behind them
OTHERS_RIGHT = 0.01  # of every other kind the largest share that it may call right
_FEW = 3  # golds that one way of spelling must be wrong on to be called a fault of that way
_MANY = 10  # choice questions of one letter that are no accident: a chance of 4 * (1/4)^10


@dataclass(frozen=True)
class SelfTestAnswer:
    """An answer to an item. A grader must call a `gold` right, and an `echo`, `cut`, `empty` or `wrong` one not."""

    kind: str
    item: PromptItem
    text: str


def probes(items: Mapping[str, PromptItem], how: Grading) -> list[SelfTestAnswer]:
    """For each item the gold in the protocol's form, the question, a solution that breaks off before its answer, nothing, and the gold of
    another item."""
    listed = list(items.values())
    close = f"\n{THOUGHT['think'][1]}\n\n" if how.prefilled_thought else ""  # where a thought is open already, these solutions close it

    def written(gold: str) -> str:
        return close + how.answer_form.replace("{answer}", gold)

    texts = {
        "gold": [written(_answer(item)) for item in listed],
        "echo": [close + item.prompt for item in listed],
        "cut": [completion(f"I get \\boxed{{{_answer(item)}}}.", _broken_off(item), "think") for item in listed],
        "empty": ["" for _ in listed],
        "wrong": [written(_other_gold(listed, place)) for place in range(len(listed))],
    }
    return [SelfTestAnswer(kind, item, text) for kind, answers in texts.items() for item, text in zip(listed, answers, strict=True)]


def rates(probed: Sequence[SelfTestAnswer], right: Iterable[bool]) -> dict[str, float]:
    """The share that a grader calls right, by kind of probe."""
    verdicts: dict[str, list[bool]] = {}
    for probe, verdict in zip(probed, right, strict=True):
        verdicts.setdefault(probe.kind, []).append(verdict)
    return {kind: sum(found) / len(found) for kind, found in verdicts.items()}


def of_ours(items: Mapping[str, PromptItem], how: Grading) -> dict[str, float]:
    """What our own grader makes of the probes."""
    probed = probes(items, how)
    tasks = (probe.item.task(probe.text, how.prefilled_thought) for probe in probed)
    return rates(probed, (verdict.correct for verdict in how.verdicts(tasks))) | of_golds(items)


def of_golds(items: Mapping[str, PromptItem]) -> dict[str, float]:
    """What the golds of math questions say before anything is answered: the shares of their respellings and of their near misses that our
    grader calls right, of golds that no rule reads, and of those that are a number with words behind it. Starts no process."""
    golds = [_answer(item) for item in items.values() if item.kind == "math"]
    if not golds:
        return {}
    respelled, near = (_by_way(golds, ways) for ways in (respell.respelled, respell.near_misses))
    return {
        RESPELLED: _mean([right for found in respelled.values() for right in found]),
        NEAR_MISS: _mean([right for found in near.values() for right in found]),
        UNREAD: _mean(list(map(respell.is_unread, golds))),
        WORDED: _mean(list(map(respell.is_worded, golds))),
        **{f"{RESPELLED} ({way})": _mean(found) for way, found in respelled.items() if _fails(RESPELLED, found)},
        **{f"{NEAR_MISS} ({way})": _mean(found) for way, found in near.items() if _fails(NEAR_MISS, found)},
    }


def _by_way(golds: Iterable[str], ways: Callable[[str], Iterable[tuple[str, str]]]) -> dict[str, list[bool]]:
    """By the way of spelling or missing a gold, whether each such answer counts as right."""
    found: dict[str, list[bool]] = {}
    for gold in golds:
        for way, text in ways(gold):
            found.setdefault(way, []).append(same(gold, text))
    return found


def _fails(kind: str, found: Sequence[bool]) -> bool:
    """Whether one way alone, such as reordered lists, misses the bar of its kind, and not by a gold or two."""
    missed = found.count(kind != RESPELLED)
    return missed >= _FEW and is_missed(kind, _mean(found))


def is_missed(name: str, rate: float) -> bool:
    """Whether a rate of the self-test, `respelled` or `respelled (decimal)`, misses its bar."""
    kind = name.partition(" (")[0]
    return rate < LEAST[kind] if kind in LEAST else rate > MOST.get(kind, OTHERS_RIGHT)


def _mean(found: Sequence[bool]) -> float:
    return sum(found) / len(found) if found else 0.0


def _answer(item: PromptItem) -> str:
    """What a response should end in: the gold, or the last box of one that is a whole solution."""
    return last_boxed(item.gold) or item.gold


def _broken_off(item: PromptItem) -> str:
    """A solution without its end: of a gold that is a whole solution its own, else the question again and half a sentence."""
    solution = before_box(item.gold)
    return f"{item.prompt}\nSo the answer is" if solution is None else solution


def _other_gold(items: Sequence[PromptItem], place: int) -> str:
    """The gold of the next item whose gold is another; the next letter for a choice; a number that nobody asks for where all are alike."""
    item = items[place]
    if item.kind == "choice":
        return chr(ord("A") + (ord(item.gold) - ord("A") + 1) % max(len(item.choices), 2))
    later = (_answer(items[(place + step) % len(items)]) for step in range(1, len(items)))
    return next((gold for gold in later if gold.strip().lstrip("0") != _answer(item).strip().lstrip("0")), "-987654321")


def flags_of(items: Mapping[str, PromptItem], tested: Mapping[str, float]) -> list[str]:
    """Why no score on these items can be believed, in words: a shuffle that puts all golds in one place, a grader that fails its test."""
    flags = []
    letters = {item.gold for item in items.values() if item.kind == "choice"}
    if len(letters) == 1 and len(items) >= _MANY:
        flags.append(f"the gold of all {len(items)} choice questions is {letters.pop()}")
    return flags + [flag for name, rate in tested.items() if (flag := _flag(name, rate, items))]


def _flag(name: str, rate: float, items: Mapping[str, PromptItem]) -> str:
    """What is wrong with a rate of the self-test, in words, or nothing."""
    if not is_missed(name, rate):
        return ""
    kind, _, way = name.partition(" (")
    if kind in LEAST:
        what = "golds" if kind == GOLD else f"golds in other spellings{' (' + way if way else ''}"
        return f"the grader calls {rate:.1%} of the {what} right (at least {LEAST[kind]:.1%} wanted)"
    if kind in MOST:
        is_bad, what = {UNREAD: (respell.is_unread, "cannot be read"), WORDED: (respell.is_worded, "are a number with words behind it")}[
            kind
        ]
        example = next((gold for item in items.values() if item.kind == "math" and is_bad(gold := _answer(item))), "")
        return f"{rate:.1%} of the golds {what} (at most {MOST[kind]:.0%} wanted), such as {example[:60]!r}"
    return f"the grader calls {rate:.1%} right where all are wrong ({name}; at most {OTHERS_RIGHT:.0%} wanted)"
