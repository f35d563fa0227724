"""Markdown that shows any text as it is: nothing in what a model, a data set or a config says can format, link, break or inject.

Written for CommonMark with GitHub's tables and autolinks (https://github.github.com/gfm/), and readable as plain text too.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence

# Other, control | format (bidi marks, zero width, tags) | surrogate | private use, and the line and paragraph separators.
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
# What looks like a space or like nothing: some blanks, and the variation selectors that can carry hidden text.
_BLANK = {*"\u00a0\u034f\u115f\u1160\u2800\u3164\uffa0", *map(chr, range(0xE0100, 0xE01F0))}
# What can open or close something inside a line. "_" and "@" within a word cannot (an address apart).
_INLINE = re.compile(r"[\\`*\[\]<>|#~$&]|(?<!\w)_|_(?!\w)|:(?=//)|(?<=www)\.|(?<!\w)@|@(?=[\w-]+\.)")
_LINE_START = re.compile(r"^([-+](?=\s|$)|[-=](?=[-=\s]*$))|^(\d+)(?=[.)](?:\s|$))")
_MARKS = 3  # combining marks on one letter; more are drawn over the lines above and below


def visible(value: object, keep: str = "") -> str:
    """Text in which each character that is not visible by itself (control, bidi, zero width, surrogate) is written as [U+XXXX].

    Characters in `keep` stay as they are.
    """
    marks, out = 0, []
    for char in str(value):
        kind = unicodedata.category(char)
        marks = marks + 1 if kind in {"Mn", "Me"} else 0
        unseen = kind in _UNSEEN or char in _BLANK or marks > _MARKS
        out.append(f"[U+{ord(char):04X}]" if unseen and char not in keep else char)
    return "".join(out)


def text(value: object) -> str:
    """One line of running text: line breaks become spaces, and nothing in it is Markdown, HTML, math or a link."""
    line = visible(" ".join(re.split(r"[\s\u2028\u2029]+", str(value).strip())))
    line = _INLINE.sub(lambda found: "\\" + found[0], line)
    return _LINE_START.sub(lambda found: f"\\{found[1]}" if found[1] else f"{found[2]}\\", line)


def code(value: object, in_table: bool = False) -> str:
    """A code span of one line; an empty text is said to be empty.

    In a table a pipe needs a backslash even inside code, elsewhere it must have none.
    """
    line = visible(" ".join(re.split(r"[\s\u2028\u2029]+", str(value).strip())))
    if not line:
        return "(empty)"
    fence = "`" * (_longest_run(line) + 1)
    pad = " " if line[0] == "`" or line[-1] == "`" else ""
    span = f"{fence}{pad}{line}{pad}{fence}"
    return span.replace("|", "\\|") if in_table else span


def block(value: object, language: str = "text") -> str:
    """A fenced block that shows a text of several lines as it is."""
    body = visible(re.sub(r"\r\n?", "\n", str(value)), keep="\n\t").strip("\n")
    fence = "`" * max(3, _longest_run(body) + 1)
    return f"{fence}{language}\n{body}\n{fence}"


def _longest_run(line: str) -> int:
    return max((len(run) for run in re.findall("`+", line)), default=0)


def shorten(value: str, head: int = 700, tail: int = 500) -> str:
    """The beginning and the end of a long text, with the number of characters left out between them."""
    left_out = len(value) - head - tail
    if left_out <= 80:  # the note itself takes about as much room
        return value
    return f"{value[:head]}\n[... {left_out:,} characters left out ...]\n{value[-tail:]}"


def anchor(heading: str) -> str:
    """The name by which a link reaches a heading, as GitHub makes it: lower case, dashes for blanks, no punctuation."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def clip(value: str, length: int = 120) -> str:
    """The beginning of a text that is to stand in a line."""
    return value if len(value) <= length else f"{value[:length]} ..."


def table(head: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> str:
    """A table whose columns line up as plain text; the first `left` columns are set left, the others right.

    Cells come ready: made by `text`, `code` or from numbers.
    """
    lines = [list(head), *(list(row) for row in rows)]
    widths = [max(3, *(_width(line[column]) for line in lines)) for column in range(len(head))]
    rule = ["-" * width if column < left else "-" * (width - 1) + ":" for column, width in enumerate(widths)]
    return "\n".join(
        "| " + " | ".join(_pad(cell, width, column < left) for column, (cell, width) in enumerate(zip(line, widths, strict=True))) + " |"
        for line in (lines[0], rule, *lines[1:])
    )


def _width(cell: str) -> int:
    """Columns in a fixed-width font: wide East Asian characters take two, combining marks none."""
    return sum(0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in cell)


def _pad(cell: str, width: int, left: bool) -> str:
    fill = " " * (width - _width(cell))
    return cell + fill if left else fill + cell
