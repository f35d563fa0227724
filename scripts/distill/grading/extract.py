"""Where an answer stands in a response: the thought cut off, the last box, an answer stated in words. In linear time."""

import re
from collections import Counter, deque
from collections.abc import Sequence

from distill.base.thoughts import STRATOS, TAGS

_TAG = re.compile(f"(?P<open>{'|'.join(opening for opening, _ in TAGS)})|(?P<close>{'|'.join(closing for _, closing in TAGS)})")
# What looks like the tag of a thought and is none of these: such responses are graded whole, and counted.
_TAG_LIKE = re.compile(
    r"[<\[◁]\|?/?(?:[a-z]+[:_-])?(?:think|thought|reason|reflect|scratchpad|monologue|cot)[a-z_]{0,12}\|?[>\]▷]", re.IGNORECASE
)
_SOLUTION_BEGIN = re.compile(STRATOS.format("begin", "solution"))
_SOLUTION_END = re.compile(STRATOS.format("end", "solution") + r"|<\|return\|>|<\|end\|>")

BOX = re.compile(r"\\(?:boxed|fbox)(?![A-Za-z])\s*")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_BARE = re.compile(r"-?\d+(?:[.,/]\d+)*|[A-Za-z](?![A-Za-z_])")
# A box that is empty or quotes the format: \boxed{}, \boxed{answer}, \boxed{...}.
_PLACEHOLDER = re.compile(
    r"(?:\\text\{|\\phantom\{[^{}]*\}|[\s{}.…?_$<\[]|\\[_ ,;]|\\[lc]?dots|\\square|\\cdot|\\$)*"
    r"(?:(?:your|the|insert)\s+)?(?:final\s+)?(?:answer|result|solution)?"
    r"(?:\s+here)?[\s{}.…?_$>\]]*",
    re.IGNORECASE,
)
# What may stand between two boxes that are one answer, as math-verify 0.5.2 has it (latex2sympy2_extended, VALID_SEPARATOR_PATTERN), and
# what changes from formula to text and back: \boxed{1}$ and $\boxed{2}, \boxed{1} \quad \text{or} \quad \boxed{2}.
_SEPARATOR = re.compile(r",|;|,?and|,?or")
_FILLING = re.compile(r"[\s$}]|\\[()\[\] ,;]|\\q?quad(?![a-z])|\\(?:text|mathrm)\s*\{")
_SEPARATOR_LENGTH = 80

# Answers in words, of which the last counts: #### 72 (GSM8K), the answer is .., Answer: .., <answer>..</answer>, 答案：..
STATED = re.compile(
    r"####[ \t]*|<answer>\s*|答案\s*(?:是|为|：|:)\s*"
    r"|(?i:\b(?:final|correct|right)?[ \t*_]{0,4}\banswer[ \t*_]{0,4}"
    r"(?:(?:is|are|would be|must be|should be)(?![A-Za-z])(?:\s+(?:therefore|thus|simply))?|[:：=→]|->)[ \t*_:：]{0,8})"
)
_FORMULA = re.compile(
    r"\s{0,3}(?:\$\$(?P<display>[^$]+)\$\$|\$(?P<inline>[^$]+)\$|\\\((?P<round>.+?)\\\)|\\\[(?P<square>.+?)\\\]|\*\*(?P<bold>[^*\n]+)\*\*)",
    re.DOTALL,
)
STATED_LENGTH = 300
_SENTENCE_END = re.compile(r"\n|</answer>|[.!?](?=\s|$)|(?<=[^\d\s]),?\s+(?:because|since|as|which|where)\s|。")


def cut_thought(text: str, prefilled: bool = False) -> tuple[str, str]:
    """The solution of a response and the state of its thought.

    The state is `closed` (the solution is what follows the last closing tag; the opening tag may have stood in the prompt), `unclosed`
    (opened after the last closing tag, so that there is no solution: "") or `none` (no tag: all of it is solution). With `prefilled` the
    prompt ended in the opening tag, so that a response without a closing one is `unclosed`.
    """
    last = last_match(_TAG, text)
    if last is None:
        return ("", "unclosed") if prefilled else (_unwrap(text), "none")
    if last["open"]:
        return "", "unclosed"
    return _unwrap(text[last.end() :]), "closed"


def unknown_tags(text: str) -> Counter[str]:
    """What looks like the tag of a thought in a solution and is not known as one."""
    return Counter(match[0] for match in _TAG_LIKE.finditer(text))


def open_thought(text: str, tags: Sequence[tuple[str, str]]) -> str:
    """A response with its opening tag put back where that stood in the prompt, for a grader that cuts only what has both tags."""
    for opening, closing in tags:
        if closing in text and opening not in text.partition(closing)[0]:
            return opening + text
    return text


def last_match(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
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
    last = last_match(BOX, text)
    found = last and box_content(text, last.end(), len(text))
    return found[0] if found else None


def before_box(text: str) -> str | None:
    """A solution up to its first box, or None where it has no box."""
    box = BOX.search(text)
    return text[: box.start()] if box else None


def boxed_answer(text: str) -> str | None:
    """The boxes of `boxed_parts` with commas between them, or None."""
    return ",".join(boxed_parts(text)) or None


def boxed_parts(text: str) -> list[str]:
    r"""The last box, with the boxes before it where only `,`, `and` or `or` stands between: of `\boxed{2} or \boxed{3}` 2 and 3.

    A box that is empty or quotes the format is passed over, and `\boxed{5} and \boxed{5}` is one answer.
    """
    parts: list[str] = []
    limit = len(text)
    for box in reversed(list(BOX.finditer(text))):
        found = box_content(text, box.end(), limit)
        if not found:
            break
        if not parts and _PLACEHOLDER.fullmatch(found[0][:200]):
            limit = box.start()
            continue
        if parts and (_PLACEHOLDER.fullmatch(found[0][:200]) or not _side_by_side(text[found[1] : limit])):
            break
        if found[0] not in parts:
            parts.append(found[0])
        limit = box.start()
    return parts[::-1]


def stated_answer(text: str) -> str | None:
    """The last answer that is stated in words: `#### 72`, `the answer is 72.`, `Answer: $72$`; a formula whole, else up to the end of
    the sentence."""
    last = last_match(STATED, text)
    if last is None:
        return None
    rest = text[last.end() : last.end() + 2 * STATED_LENGTH].lstrip()
    formula = _FORMULA.match(rest)
    if formula:
        found = next(filter(None, formula.groups()), "")
    else:
        end = _SENTENCE_END.search(rest)
        found = rest[: end.start()] if end else rest
    found = found.strip().strip("*_").strip()
    return found if found and len(found) <= STATED_LENGTH and not _PLACEHOLDER.fullmatch(found) else None


def _side_by_side(between: str) -> bool:
    return len(between) <= _SEPARATOR_LENGTH and _SEPARATOR.fullmatch(_FILLING.sub("", between)) is not None


def box_content(text: str, start: int, limit: int) -> tuple[str, int] | None:
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
