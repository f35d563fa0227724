"""The table of scores for a paper: LaTeX with booktabs, turned as the report's is."""

import unicodedata

from distill.evaluation.rows import PublishedRow, ScoreRow
from distill.report.names import Names
from distill.report.results import Results
from distill.report.tables import WIDE
from distill.report.words import arms, number, percent, times

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "[": "{[}",  # else an option of the line's end before it
    "*": "{*}",
    "–": "--",
    "—": "---",
    "×": r"$\times$",
    "±": r"$\pm$",
    "−": r"$-$",
}
_HEAD = """\
% pass@1 in percent with the 95 % interval over items: half its width, or both arms where it is lopsided.{published}
% Needs \\usepackage[T1]{{fontenc}} and \\usepackage{{booktabs}}.
"""


def escape(value: object) -> str:
    """Text that LaTeX sets as it is: no command, no comment, no line break; "?" for what its fonts do not hold."""
    line = " ".join(str(value).split())
    return "".join(_SPECIAL.get(char) or (char if char.isascii() and char.isprintable() else _plain(char)) for char in line)


def _plain(char: str) -> str:
    """A letter without its accents, where there is one."""
    base = unicodedata.normalize("NFKD", char)[0]
    return base if base.isascii() and base.isprintable() and base not in _SPECIAL else "?"


def table(names: Names, results: Results) -> str:
    """A tabular environment, to be \\input into a paper."""
    rows = [["Benchmark", *(escape(model.label) for model in names.models), "$n$"]]
    for benchmark in names.benchmarks:
        found = [results.score(model.name, benchmark.name) for model in names.models]
        cells = [cell(score, results.published_of(score.model, score.benchmark)) if score else "--" for score in found]
        sizes = dict.fromkeys(escape(times(score.n_items, score.n_samples)) for score in found if score)
        rows.append([escape(names.benchmark_label(benchmark.name)), *cells, " / ".join(sizes) or "--"])
    if len(names.models) > WIDE:
        rows[0][0] = "Model"
        rows = [[*column] for column in zip(*rows, strict=True)]
    head, *body = (" & ".join(row) + r" \\" for row in rows)
    begin = rf"\begin{{tabular}}{{l{'r' * (len(rows[0]) - 1)}}}"
    published = any(results.published_of(model.name, benchmark.name) for model in names.models for benchmark in names.benchmarks)
    comment = _HEAD.format(published=" In brackets: the published score." if published else "")
    return comment + "\n".join([begin, r"\toprule", head, r"\midrule", *body, r"\bottomrule", r"\end{tabular}"]) + "\n"


def cell(score: ScoreRow, published: list[PublishedRow]) -> str:
    """A score with its interval (as words.plus_minus) and the first published score."""
    reach = arms(score.pass_at_1, score.ci95_low, score.ci95_high)
    if reach is None:
        interval = ""
    elif reach[0] == reach[1]:
        interval = rf" \pm {number(reach[1])}"
    else:
        interval = f"^{{+{number(reach[1])}}}_{{-{number(reach[0])}}}"
    return f"${percent(score.pass_at_1)}{interval}$" + (f" ({percent(published[0].published_share)})" if published else "")
