"""When two questions are the same: what is compared, which is never what is trained on.

A question is compared without the instruction that a data set puts round each of its questions; where its stem alone counts, without the
lines of its choices.
"""

import re
import unicodedata
from collections.abc import Sequence

# Instructions round the question, as published: Bespoke-Stratos-17k and Sky-T1 (first three), DeepSeek-R1 and OpenR1 (fourth), lighteval
# and simple-evals (next five); the last ones stand in many sets.
_INSTRUCTIONS = (
    r"return your final response within \\boxed\{\}",
    r"generate an executable python function generated from the given prompt\. the function should take stdin as input and print the output"
    r"\. simply call the function after the definition",
    r"generate an executable python function generated from the given prompt\. return the function body without invoking it at the final "
    r"solution",
    r"please reason step by step,? and put your final answer within \\boxed\{\}",
    r"let's think step by step and output the final answer within \\boxed\{\}",
    r"solve the following math problem efficiently and clearly\. the last line of your response should be of the following format: "
    r"'therefore, the final answer is: \$\\boxed\{answer\}\$\. i hope it is correct' \(without quotes\) where answer is just the final "
    r"number or expression that solves the problem\. think step by step before answering",
    r"solve the following math problem step by step\. the last line of your response should be of the form answer: \$answer \(without "
    r"quotes\) where \$answer is the answer to the problem",
    r"remember to put your answer on its own line after \"answer:\", and you do not need to use a \\boxed command",
    r"answer the following multiple choice question\. the last line of your response should be of the following format: 'answer: \$letter' "
    r"\(without quotes\) where letter is one of abcd\. think step by step before answering",
    r"(?:please )?solve (?:the following|this) (?:math |mathematics )?(?:problem|question)(?: step by step| carefully)?",
    r"(?:please |let's )?(?:reason|think) step by step",
    r"(?:please )?(?:show your work|explain your reasoning|justify your answer)",
    r"(?:please )?(?:put|give|return) your (?:final )?answer (?:within|inside|in|as) (?:\\boxed\{\}|an? integer|a fraction|a number)",
)
_LABEL = r"(?:\*\*)?(?:question|problem|q)(?: [0-9]{1,5})?[:.](?:\*\*)?"


def _one_of(patterns: tuple[str, ...]) -> str:
    return "(?:" + "|".join(pattern.replace(" ", r"\s+") for pattern in patterns) + ")"


_LEADING = re.compile(rf"\s*{_one_of((*_INSTRUCTIONS, _LABEL))}[.:]?\s*", re.IGNORECASE)
_TRAILING = re.compile(rf"\s*{_one_of((*_INSTRUCTIONS, 'answer:'))}[.:]?\s*\Z", re.IGNORECASE)
_MOST_TRAILING = 5  # instructions after a question; each costs a copy of it
_CHOICES_HEAD = re.compile(r"\n[ \t]*(?:answer[ \t]+)?choices:", re.IGNORECASE)
_FIRST_CHOICE = re.compile(r"\n[ \t]*\(?A[).:][ \t]")
_SECOND_CHOICE = re.compile(r"\n[ \t]*\(?B[).:][ \t]")
_LAYOUT = re.compile(r"\\(?:left|right|displaystyle|limits)(?![a-z])|\\[,;:!()\[\] ]|\$|~")
_SPACE = re.compile(r"\s")
_FRACTION = re.compile(r"\\[dt]frac(?![a-z])")
_ONE_IN_BRACES = re.compile(r"([\^_])\{(\w|\\[a-z]+)\}")  # x^{2} is x^2
_SUPERSCRIPT = re.compile("[\u00b2\u00b3\u00b9\u2070\u2074-\u2079]")
_NUMBER = re.compile(r"[0-9]+(?:[.,][0-9]+)*")
# Chinese and Japanese write no spaces between words: each character counts as a word.
_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_CJK_CHARACTER = re.compile(f"([{_CJK}])")
_SIGN = re.compile(r"\s*([=<>+-])\s*")
_SHINGLE_WORD = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+|[^\w\s$]")


def strip_instructions(question: str) -> str:
    """The question without instructions before and after it."""
    start = 0
    while leading := _LEADING.match(question, start):
        start = leading.end()
    text = question[start:]
    # Searched for in the tail only: the longest instruction has 300 characters.
    for _ in range(_MOST_TRAILING):
        if not (trailing := _TRAILING.search(text, max(0, len(text) - 600))):
            break
        text = text[: trailing.start()]
    return text.strip()


def question_stem(question: str) -> str:
    """The question without instructions before and after it and without its choices, and what follows them."""
    text = strip_instructions(question)
    choices = _CHOICES_HEAD.search(text)
    if choices is None:
        first = _FIRST_CHOICE.search(text)
        choices = first if first and _SECOND_CHOICE.search(text, first.end()) else None
    return (text[: choices.start()] if choices else text).strip()


def words(text: str) -> list[str]:
    r"""Lower-case words between white space, as in s1 (data/decontaminate_util.py) and open-r1 (scripts/decontaminate.py).

    Beyond these, what is written differently and means the same becomes the same words: no `$`, `\(` and LaTeX layout, `x^{2}` is `x^2`,
    signs stand alone, no punctuation round a word; a Chinese or Japanese character is a word.
    """
    text = _CJK_CHARACTER.sub(r" \1 ", _SIGN.sub(r" \1 ", _plain_math(_LAYOUT.sub(" ", text))))
    return [word for part in text.split() if (word := part.strip(_PUNCTUATION))]


_PUNCTUATION = ".,;:!?\"'`*\u3002\u3001\uff0c\uff1a\uff1b\uff1f"


def is_cjk(text: Sequence[str]) -> bool:
    """Whether most words are single Chinese or Japanese characters."""
    return 2 * sum(_CJK_CHARACTER.fullmatch(word) is not None for word in text) > len(text)


def normalise_text(text: str) -> str:
    r"""Lower case without white space, `$`, LaTeX layout and final punctuation. Operators and digits stay, so x-1 is not x+1."""
    return _SPACE.sub("", _plain_math(_LAYOUT.sub("", text))).rstrip(".?!:\u3002")


def _plain_math(text: str) -> str:
    """Lower case, with one spelling for equal formulas; full-width characters as plain ones."""
    text = _SUPERSCRIPT.sub(lambda digit: "^" + unicodedata.normalize("NFKC", digit[0]), text)
    return _ONE_IN_BRACES.sub(r"\1\2", _FRACTION.sub(r"\\frac", unicodedata.normalize("NFKC", text).lower()))


def numbers(text: str) -> tuple[str, ...]:
    """The numbers of a text in order."""
    return tuple(_NUMBER.findall(text))


def shingles(text: str, masked: bool = False, n: int = 3) -> frozenset[str]:
    """Runs of `n` words and signs in lower case; `masked` replaces each number by 0. A shorter text is one shingle."""
    text = unicodedata.normalize("NFKC", text).lower()
    parts = _SHINGLE_WORD.findall(_NUMBER.sub("0", text) if masked else text)
    return frozenset(" ".join(parts[at : at + n]) for at in range(max(1, len(parts) - n + 1)))
