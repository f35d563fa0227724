"""What a model writes after the beginning of a benchmark's question: whether it is the rest, word for word, and how much of it (ROUGE-L).

A model that has never seen a question does not know how it ends. Wu et al. (2025, arXiv:2507.10532) gave Qwen2.5-Math-7B the first 60 % of
MATH-500's questions and got 54.6 % of the rests word for word, and none of a benchmark that is younger than the model.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from distill.base.errors import InputError
from distill.base.files import Row
from distill.evaluation import stats


def is_continued(rest: str, text: str) -> bool:
    """Whether a text begins with the rest of a question, white space aside, and not in the middle of a word or number."""
    rest, text = (" ".join(one.split()) for one in (rest, text))
    return bool(rest) and text.startswith(rest) and not re.match(r"\w", text[len(rest) :] if rest[-1].isalnum() else "")


def rouge_l(rest: str, text: str) -> float:
    """ROUGE-L (F measure, Lin 2004) of a text against the rest of a question, over as many of its words as the rest has.

    Words are those of rouge_score 0.1.2 without stemming: runs of a to z and digits in lower case; where the rest has none, characters.
    """
    expected = _words(rest)
    found = _words(text)[: len(expected)]
    if not expected:
        expected = list("".join(rest.split()))
        found = list("".join(text.split()))[: len(expected)]
    common = _longest_common_subsequence(expected, found)
    return 2 * common / (len(expected) + len(found)) if common else 0.0


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())


def _longest_common_subsequence(a: Sequence[str], b: Sequence[str]) -> int:
    row = [0] * (len(b) + 1)
    for left in a:
        before = 0
        for place, right in enumerate(b, 1):
            before, row[place] = row[place], before + 1 if left == right else max(row[place], row[place - 1])
    return row[-1]


def rows(prompts: Iterable[Row], responses: Mapping[str, Row], source: str = "") -> Iterator[Row]:
    """A row an item: id, word_for_word, rouge_l. Raises InputError where an item has no response."""
    for prompt in prompts:
        if prompt["id"] not in responses:
            raise InputError(f"{source}: no response to item {prompt['id']!r}: generate again, which fills in only what is missing")
        text = responses[prompt["id"]]["text"]
        yield {
            "id": prompt["id"],
            "word_for_word": is_continued(prompt["gold"], text),
            "rouge_l": round(rouge_l(prompt["gold"], text), 12),
        }


def summary(found: Sequence[Row]) -> Row:
    """The shares over all items, with Wilson's 95 % interval of those that came out word for word; only n_items without any."""
    if not found:
        return {"n_items": 0}
    share = sum(row["word_for_word"] for row in found) / len(found)
    low, high = stats.wilson(share, len(found), stats.Z95)
    return {
        "n_items": len(found),
        "word_for_word": round(share, 12),
        "ci95": [round(low, 12), round(high, 12)],
        "rouge_l": round(sum(row["rouge_l"] for row in found) / len(found), 12),
    }
