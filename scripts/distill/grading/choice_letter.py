"""The letter of a choice that a solution names: stated in words, boxed, or as its last line. In linear time."""

import re
from collections.abc import Iterator, Sequence

from distill.grading.extract import BOX, STATED, STATED_LENGTH, box_content, last_boxed, last_match

_FONT = re.compile(
    r"\\(?:text)?color\s*\{[a-zA-Z]*\}|\\(?:text|math)[a-z]*\b\s*"
    r"|\\(?:rm|bf|it|left|right|displaystyle|boxed|Large|large|quad|[mh]box|underline|emph|bm|boldsymbol)\b|[{}$*~\s]|\\[ ,;!]"
)
_LETTER = re.compile(r"(?:(?i:option|choice|answer):?)?[(\[]?([A-Z])(?:[)\]]?\.?$|[).:\]]).*", re.DOTALL)
_LETTERS = re.compile(r"[(\[]?[A-Z][)\]]?(?:,|;|/|&|and|or)[(\[]?[A-Z](?![A-Za-z])")
_LETTER_THEN_TEXT = re.compile(r"[(\[]?([A-Z])[^A-Za-z0-9]{1,3}(.+)", re.DOTALL)
_NAME = 8  # characters of what an equation in a box gives a value to
_LETTER_ALONE = 8  # characters, as in **(C)**.
_LOWER_LETTER = re.compile(r"(?:(?i:option|choice|answer):?)?[(\[]?([a-z])[)\]]?\.?")
_BEFORE_LETTER = (
    r"(?:\\\()?[\s*_$\"'“`(\[{<【（]{0,8}(?:<[a-z]{1,6}>)?(?:\\(?:text|math)[a-z]{0,6}\{)?"
    r"(?i:option|choice|answer|letter)?[\s*_$\"'“`(\[{]{0,6}"
)
_ARTICLE = (
    r"(?!(?<=\bA)\s+(?!(?:because|since|as|for|with|due|by|which|where|not|and|or|is|was|in|on|at|if|given|but|so|according)\b)[a-z])"
)
_AFTER_LETTER = _ARTICLE + r"(?![A-Za-z]|['’][A-Za-z])(?!\s?[-+=^_](?=\s?\w))(?!\s+(?i:is|was)\s+(?i:wrong|incorrect|false|not)\b)"
# The letter after "answer is", "answer:", "correct choice is": not after "is not".
_ANSWERED = re.compile(
    r"(?:(?i:(?<![A-Za-z])(?:answer|ans|choice|option|selection|selected|solution|result"
    r"|(?:correct|right|best|true)\s+(?:one|statement|response))(?:\s+to\s+(?:this|the)\s+(?:question|problem))?)[\s*_\"'`]{0,6}"
    r"(?:(?i:\bis|\bmust be|\bshould be|\bwould be|\bhas to be)(?![A-Za-z])"
    r"(?i:\s+(?:therefore|thus|clearly|simply|most likely|definitely|probably|likely|certainly|obviously|indeed|actually|then))?"
    r"|[:：=→—-]|[-=]>|⇒)[\s:：>]{0,3}"
    r"|(?i:\bI(?:'d|\s+would|\s+will|'ll)?\s+(?:choose|pick|select|go\s+with))\s+"
    r"|(?i:\bans)\.\s*|(?i:\b(?:correct|final))\s*[:：]\s*"
    r"|(?:答案|正确的?选项)[】\]]?(?:应该?|就)?[\s是为：:选]{0,6}|(?<!不)选择?[\s:：]{0,4}|<answer>\s*)"
    r"(?i:(?:it\s+is|it's|probably|likely|definitely|clearly|most\s+likely)\s+)?"
    rf"{_BEFORE_LETTER}([A-Z]|(?<=\()[a-z](?=\))|[a-z](?=[.)*]{{0,3}}\s*$)){_AFTER_LETTER}"
)
_NOT_BUT = re.compile(r"(?i:\bnot\b)[^.\n]{0,30}(?i:\bbut|,\s*it\s+is|,\s*it's)\s(?i:rather\s|option\s|choice\s)?\(?([A-Z])(?![A-Za-z])")
_IS_RIGHT = re.compile(
    r"(?<![A-Za-z])(?:(?i:option|choice)|选项)?\s?\(?(?<![A-Za-z])([A-Z])\)?"
    r"(?:\s(?i:is)\s(?i:the\s)?(?i:correct|right|best|answer)(?![A-Za-z])|\s?是?正确)"
)
_NAMED = re.compile(rf"(?i:\b(?:answer|choice|option))[\s*_]{{0,6}}[(\[{{]{{0,2}}([A-Z]){_AFTER_LETTER}")
_NEGATED = re.compile(r"(?i)\b(?:not|nor|isn't|than|eliminates?|excludes?|rules? out)\s+(?:the\s+)?[*_]{0,2}$")
_ALSO = re.compile(
    r"[)\]}*_$\s]{0,6}(?:(?i:or|and)\b|[/,&])\s{0,3}(?i:option\s|choice\s|possibly\s|maybe\s|perhaps\s)?[(\[*$]{0,3}[A-Z](?![A-Za-z'’])"
)
_LETTER_AND_TEXT = re.compile(r"[*_(\[]{0,4}([A-Z])[*_)\].:]{1,5}\s*(.{1,300})$")
_CONCLUDED = re.compile(r"\b(?i:thus|hence|therefore|so),?\s\(([A-Z])\)\.?\s*$")
_LAST_LINE = re.compile(r"(?:^|\n)\s*[*_(\[$]{0,4}([A-Z])[)\]*_.$]{0,5}\s*$")


def choice_letter(text: str, choices: tuple[str, ...] = ()) -> str | None:
    """The letter that a solution names: by the last of its readable boxes and of "answer is", "answer:" and the like; else by "B is
    correct", else by the last "option B", else by a last line that is nothing but a letter.

    A box may hold the text of one of `choices` (in the order shown) in place of its letter. A letter beyond `choices` is no answer, nor are
    two letters (`Answer: A or B`).
    """
    decided = [*_answered(text, choices), *_boxed_letters(text, choices), *_stated_choice(text, choices)]
    if decided:
        return max(decided)[1] or None
    for pattern in (_IS_RIGHT, _NAMED):
        named = [
            match
            for match in pattern.finditer(text)
            if _shown(match[1], choices) and not _NEGATED.search(text[max(match.start() - 40, 0) : match.start()])
        ]
        if named:
            return None if _ALSO.match(text, named[-1].end()) else named[-1][1]
    last = text.strip().rpartition("\n")[2]
    if letter := _letter_of_line(last, choices):  # C. 20 m/s; as the end of a list of the choices it is no answer
        listed = {_letter_of_line(line, choices) for line in text.split("\n")} - {None}
        return letter if len(listed) == 1 else None
    line = _CONCLUDED.search(last[-40:]) or (_LAST_LINE.search(text[-40:]) if len(text) <= 40 or "\n" in text[-40:] else None)
    letter = line[1] if line else _plain_letter(last) if len(last) <= _LETTER_ALONE or last.startswith("\\text") else None
    letter = letter or _letter_of_equation(last_boxed(text), choices)
    return letter if letter and _shown(letter, choices) else None


def _letter_of_line(line: str, choices: tuple[str, ...]) -> str | None:
    """The letter of a line that is a choice as it was shown."""
    found = _LETTER_AND_TEXT.match(line.strip()) if choices else None
    return found[1] if found and _letter_of_choice(found[2].strip("*. "), choices) == found[1] else None


def _shown(letter: str, choices: Sequence[str]) -> bool:
    return not choices or ord(letter) - ord("A") < len(choices)


def _answered(text: str, choices: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Where an answer is stated and its letter, "" for two letters."""
    for match in _ANSWERED.finditer(text):
        if _shown(match[1].upper(), choices) and not _NEGATED.search(text[max(match.start() - 40, 0) : match.start()]):
            yield match.start(), "" if _ALSO.match(text, match.end()) else match[1].upper()
    for match in _NOT_BUT.finditer(text):
        if _shown(match[1], choices):
            yield match.start(), match[1]


def _stated_choice(text: str, choices: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    """Where the last stated answer is the text of a choice: The answer is 20 m/s."""
    last = last_match(STATED, text)
    if last is not None and choices:
        letter = _letter_of_choice(text[last.end() :].lstrip().partition("\n")[0][:STATED_LENGTH].rstrip(". "), choices)
        if letter:
            yield last.start(), letter


def _boxed_letters(text: str, choices: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    limit = len(text)
    for box in reversed(list(BOX.finditer(text))):
        found = box_content(text, box.end(), limit)
        limit = box.start()
        if not found:
            continue
        # The text of a choice may begin as a letter does: (R)-butan-2-ol, E. coli.
        of_text = _letter_of_choice(found[0], choices)
        letter = (
            of_text if of_text and len(found[0].strip()) > 1 else _plain_letter(found[0]) or of_text or _letter_with_text(found[0], choices)
        )
        if letter and _shown(letter, choices):
            yield box.start(), letter
            return


def _plain_letter(boxed: str) -> str | None:
    plain = _FONT.sub("", boxed[:1000]).rstrip("\\").strip("\"'`")
    match = None if _LETTERS.match(plain) else _LETTER.fullmatch(plain) or _LOWER_LETTER.fullmatch(plain)
    return match[1].upper() if match else None


def _letter_with_text(boxed: str, choices: tuple[str, ...]) -> str | None:
    """B of B = 15 m/s where that is the text of choice B."""
    lettered = _LETTER_THEN_TEXT.fullmatch(_FONT.sub("", boxed[:1000]))
    return lettered[1] if lettered and _letter_of_choice(lettered[2], choices) == lettered[1] else None


def _letter_of_equation(boxed: str | None, choices: tuple[str, ...]) -> str | None:
    """The choice whose text is what v = 15 m/s gives to v."""
    name, equals, value = _FONT.sub("", (boxed or "")[:1000]).rpartition("=")
    return _letter_of_choice(value, choices) if equals and len(name) <= _NAME else None


def _letter_of_choice(boxed: str, choices: tuple[str, ...]) -> str | None:
    wanted = _FONT.sub("", boxed)
    found = [index for index, choice in enumerate(choices) if _FONT.sub("", choice) == wanted]
    return chr(ord("A") + found[0]) if len(found) == 1 else None
