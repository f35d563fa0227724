"""Where an answer stands in a response: the thought cut off, the last box, a stated answer, the letter of a choice. In linear time."""

import re
from collections import Counter, deque
from collections.abc import Iterator, Sequence

from distill.base.thoughts import TAGS

_TAG = re.compile(f"(?P<open>{'|'.join(opening for opening, _ in TAGS)})|(?P<close>{'|'.join(closing for _, closing in TAGS)})")
# What looks like the tag of a thought and is none of these: such responses are graded whole, and counted.
_TAG_LIKE = re.compile(
    r"[<\[◁]\|?/?(?:[a-z]+[:_-])?(?:think|thought|reason|reflect|scratchpad|monologue|cot)[a-z_]{0,12}\|?[>\]▷]", re.IGNORECASE
)
_SOLUTION_BEGIN = re.compile(r"<\s?\|\s?begin_of_solution\s?\|\s?>")
_SOLUTION_END = re.compile(r"<\s?\|\s?end_of_solution\s?\|\s?>|<\|return\|>|<\|end\|>")

_BOX = re.compile(r"\\(?:boxed|fbox)(?![A-Za-z])\s*")
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
_STATED = re.compile(
    r"####[ \t]*|<answer>\s*|答案\s*(?:是|为|：|:)\s*"
    r"|(?i:\b(?:final|correct|right)?[ \t*_]{0,4}\banswer[ \t*_]{0,4}"
    r"(?:(?:is|are|would be|must be|should be)(?![A-Za-z])(?:\s+(?:therefore|thus|simply))?|[:：=→]|->)[ \t*_:：]{0,8})"
)
_FORMULA = re.compile(
    r"\s{0,3}(?:\$\$(?P<display>[^$]+)\$\$|\$(?P<inline>[^$]+)\$|\\\((?P<round>.+?)\\\)|\\\[(?P<square>.+?)\\\]|\*\*(?P<bold>[^*\n]+)\*\*)",
    re.DOTALL,
)
_STATED_LENGTH = 300
_SENTENCE_END = re.compile(r"\n|</answer>|[.!?](?=\s|$)|(?<=[^\d\s]),?\s+(?:because|since|as|which|where)\s|。")

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


def unknown_tags(text: str) -> Counter[str]:
    """What looks like the tag of a thought in a solution and is not known as one."""
    return Counter(match[0] for match in _TAG_LIKE.finditer(text))


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
    """The boxes of `boxed_parts` with commas between them, or None."""
    return ",".join(boxed_parts(text)) or None


def boxed_parts(text: str) -> list[str]:
    r"""The last box, with the boxes before it where only `,`, `and` or `or` stands between: of `\boxed{2} or \boxed{3}` 2 and 3.

    A box that is empty or quotes the format is passed over, and `\boxed{5} and \boxed{5}` is one answer.
    """
    parts: list[str] = []
    limit = len(text)
    for box in reversed(list(_BOX.finditer(text))):
        found = _content(text, box.end(), limit)
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
    last = _last(_STATED, text)
    if last is None:
        return None
    rest = text[last.end() : last.end() + 2 * _STATED_LENGTH].lstrip()
    formula = _FORMULA.match(rest)
    if formula:
        found = next(filter(None, formula.groups()), "")
    else:
        end = _SENTENCE_END.search(rest)
        found = rest[: end.start()] if end else rest
    found = found.strip().strip("*_").strip()
    return found if found and len(found) <= _STATED_LENGTH and not _PLACEHOLDER.fullmatch(found) else None


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
    last = _last(_STATED, text)
    if last is not None and choices:
        letter = _letter_of_choice(text[last.end() :].lstrip().partition("\n")[0][:_STATED_LENGTH].rstrip(". "), choices)
        if letter:
            yield last.start(), letter


def _boxed_letters(text: str, choices: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    limit = len(text)
    for box in reversed(list(_BOX.finditer(text))):
        found = _content(text, box.end(), limit)
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
