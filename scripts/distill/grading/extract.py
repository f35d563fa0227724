"""Where an answer stands in a response: the thought cut off, the last box, the letter of a choice. Linear time on any text."""

import re
from collections import deque
from collections.abc import Sequence

# Bespoke-Stratos and Sky-T1 tags are also published with spaces inside: < | end_of_thought | >
_OPEN = r"<think>|<\s?\|\s?begin_of_thought\s?\|\s?>"
_CLOSE = r"</think>|<\s?\|\s?end_of_thought\s?\|\s?>"
_TAG = re.compile(f"(?P<open>{_OPEN})|(?P<close>{_CLOSE})")
_SOLUTION_BEGIN = re.compile(r"<\s?\|\s?begin_of_solution\s?\|\s?>")
_SOLUTION_END = re.compile(r"<\s?\|\s?end_of_solution\s?\|\s?>")

_BOX = re.compile(r"\\(?:boxed|fbox)(?![A-Za-z])\s*")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_BARE = re.compile(r"-?\d+(?:[.,/]\d+)*|[A-Za-z](?![A-Za-z_])")
# What may stand between two boxes that are one answer, as math-verify 0.5.2 has it (latex2sympy2_extended, VALID_SEPARATOR_PATTERN), and
# what changes from formula to text and back: \boxed{1}$ and $\boxed{2}, \boxed{1} \quad \text{or} \quad \boxed{2}.
_SEPARATOR = re.compile(r",|;|,?and|,?or")
_FILLING = re.compile(r"[\s$}]|\\[()\[\] ,;]|\\q?quad(?![a-z])|\\(?:text|mathrm)\s*\{")
_SEPARATOR_LENGTH = 80

_FONT = re.compile(r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mathit|rm|bf)\b\s*|\\(?:left|right)\b|[{}$*\s]|\\[ ,;!]")
_LETTER = re.compile(r"\(?([A-Z])(?:\)?$|[).:]).*", re.DOTALL)
_LETTER_ALONE = 8  # characters, as in **(C)**.
_LOWER_LETTER = re.compile(r"\(?([a-z])\)?\.?")
_NAMED = re.compile(
    r"(?i:\b(?:answer|choice|option))(?i:\s+is)?\s{0,3}:?[\s*$\"'“]{0,6}(?:\\(?:text|textbf|mathrm)\{)?\(?([A-Z])(?![A-Za-z])"
)


def cut_thought(text: str, prefilled: bool = False) -> tuple[str, str]:
    """The solution of a response and the state of its thought.

    The state is `closed` (the solution is what follows the last closing tag; the opening tag may have stood in the prompt), `unclosed`
    (opened after the last closing tag, so that there is no solution: "") or `none` (no tag: all of it is solution). With `prefilled` the
    prompt ended in the opening tag, so that a response without a closing one is `unclosed`.
    """
    last = _last(_TAG, text)
    if last is None:
        return ("", "unclosed") if prefilled else (_unwrap(text), "none")
    if last["open"]:
        return "", "unclosed"
    return _unwrap(text[last.end() :]), "closed"


def open_thought(text: str, tags: Sequence[tuple[str, str]]) -> str:
    """A response with its opening tag put back where that stood in the prompt, for a grader that cuts only what has both tags."""
    for opening, closing in tags:
        if closing in text and opening not in text.partition(closing)[0]:
            return opening + text
    return text


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    return next(iter(deque(pattern.finditer(text), maxlen=1)), None)


def _unwrap(text: str) -> str:
    """A solution without its tags and without what a model writes after the closing one."""
    begin = _SOLUTION_BEGIN.search(text)
    if begin:
        text = text[begin.end() :]
    end = _SOLUTION_END.search(text)
    return (text[: end.start()] if end else text).strip()


def last_boxed(text: str) -> str | None:
    r"""What stands in the last `\boxed{..}` or `\fbox{..}` (also `\boxed 7`), or None. A last box that never closes is no answer."""
    last = _last(_BOX, text)
    found = last and _content(text, last.end(), len(text))
    return found[0] if found else None


def before_box(text: str) -> str | None:
    """A solution up to its first box, or None where it has no box."""
    box = _BOX.search(text)
    return text[: box.start()] if box else None


def boxed_answer(text: str) -> str | None:
    r"""The last box, with the boxes before it where only `,`, `and` or `or` stands between: `\boxed{2} or \boxed{3}` is `2,3`."""
    boxes = list(_BOX.finditer(text))
    parts: list[str] = []
    limit = len(text)
    for box in reversed(boxes):
        found = _content(text, box.end(), limit)
        if not found:
            break
        if parts and not _side_by_side(text[found[1] : limit]):
            break
        parts.append(found[0])
        limit = box.start()
    return ",".join(reversed(parts)) if parts else None


def _side_by_side(between: str) -> bool:
    return len(between) <= _SEPARATOR_LENGTH and _SEPARATOR.fullmatch(_FILLING.sub("", between)) is not None


def _content(text: str, start: int, limit: int) -> tuple[str, int] | None:
    """The content of a box whose command ends at `start`, and where the box ends: at most `limit`. Escaped braces do not count."""
    if not text.startswith("{", start):
        bare = _BARE.match(text, start, limit)
        return (bare[0], bare.end()) if bare else None
    depth = 0
    for brace in _BRACE.finditer(text, start, limit):
        if brace[0] == "{":
            depth += 1
        elif brace[0] == "}":
            depth -= 1
            if depth == 0:
                return text[start + 1 : brace.start()].strip(), brace.end()
    return None


def choice_letter(text: str, choices: tuple[str, ...] = ()) -> str | None:
    """The letter that a solution names: in its last box, else after its last "answer is", "answer:", "choice" or "option", else where
    it is nothing but a letter.

    A box may hold the text of one of `choices` (in the order shown) in place of its letter. A letter beyond `choices` is no answer.
    """
    boxed = last_boxed(text)
    if boxed is None:
        letter = _named_letter(text) or (_plain_letter(text) if len(text.strip()) <= _LETTER_ALONE else None)
    else:
        # The text of a choice may begin as a letter does: (R)-butan-2-ol, E. coli.
        of_text = _letter_of_choice(boxed, choices)
        letter = of_text if of_text and len(boxed.strip()) > 1 else _plain_letter(boxed) or of_text
    if letter and choices and ord(letter) - ord("A") >= len(choices):
        return None
    return letter


def _plain_letter(boxed: str) -> str | None:
    plain = _FONT.sub("", boxed[:1000])
    match = _LETTER.fullmatch(plain) or _LOWER_LETTER.fullmatch(plain)
    return match[1].upper() if match else None


def _letter_of_choice(boxed: str, choices: tuple[str, ...]) -> str | None:
    wanted = _FONT.sub("", boxed)
    found = [index for index, choice in enumerate(choices) if _FONT.sub("", choice) == wanted]
    return chr(ord("A") + found[0]) if len(found) == 1 else None


def _named_letter(text: str) -> str | None:
    last = _last(_NAMED, text)
    return last[1] if last else None
