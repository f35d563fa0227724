r"""From an answer as people and models write it to plain LaTeX: one spelling of signs, spaces, fonts and sizes. Linear time on any text.

What comes out is still text: `２½` is `2\frac{1}{2}`, `$\displaystyle\mathbf{x}≥3$.` is `x\ge 3`, and `29,\!322` is `29{,}322`.
"""

import re
from collections.abc import Callable, Sequence

from distill.grading.tokens import FUNCTIONS

_SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿⁱ", "0123456789+-()ni", strict=True))
_SUBSCRIPTS = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋₍₎", "0123456789+-()", strict=True))
_FRACTIONS = "½1/2 ⅓1/3 ⅔2/3 ¼1/4 ¾3/4 ⅕1/5 ⅖2/5 ⅗3/5 ⅘4/5 ⅙1/6 ⅚5/6 ⅛1/8 ⅜3/8 ⅝5/8 ⅞7/8 ⅐1/7 ⅑1/9 ⅒1/10"
_GREEK = (
    "αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΦΨΩϕϵϑ",
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau"
    " upsilon phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega phi epsilon theta",
)
# LaTeX, and the characters that stand for it.
_SIGNS = r"""
- −–—‐‑﹣－   \times ×   \cdot ⋅·∙   / ÷⁄∕／   \pm ±   \mp ∓   \le ≤≦⩽   \ge ≥≧⩾   \ne ≠   \approx ≈   \equiv ≡   \infty ∞
\cup ∪   \cap ∩   \in ∈   \notin ∉   \subset ⊂   \subseteq ⊆   \supset ⊃   \supseteq ⊇   \emptyset ∅   \setminus ∖
\mathbb{R} ℝ   \mathbb{Z} ℤ   \mathbb{N} ℕ   \mathbb{Q} ℚ   \mathbb{C} ℂ   ^{\circ} °º˚   ' ′’‘   '' ″   " ”“   \parallel ∥
\perp ⊥   \mid ∣   \to →   \Rightarrow ⇒   \sum ∑   \prod ∏   \int ∫   \angle ∠   \triangle △   \sim ∼   ( （   ) ）   [ ［【
] ］】   \{ ｛   \} ｝   , ，、   ; ；   : ：   . 。．   % ％   = ＝   + ＋   < ＜   > ＞   * ＊   | ｜
^ ＾   ~ ～   _ ＿   $ ＄   \langle ⟨
\rangle ⟩   \lfloor ⌊   \rfloor ⌋   \lceil ⌈   \rceil ⌉   \ldots …⋯   \Leftrightarrow ⇔   \wedge ∧   \vee ∨   l ℓ   \mu µ
\Delta ∆   \circ ∘   \yen ¥   \euro €   \pounds £   cents ¢   ^{\circ}C ℃
"""
_SPACES = "\u00a0\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_NOTHING = "\u200b\u200c\u200d\u2060\ufeff\u2061\u2062\u2063\u00ad"
_CHINESE = {"或者": " or ", "或": " or ", "以及": " and ", "和": " and ", "与": " and ", "及": " and ", "且": " and "}


def _characters() -> dict[str, str]:
    """What stands for each character: commands end in a blank, so that no letter behind them joins them."""
    pairs = [entry.rsplit(" ", 1) for entry in re.split(r"\s{2,}|\n", _SIGNS.strip())]
    found = {sign: f"{latex} " if latex[-1:].isalpha() else latex for latex, signs in pairs for sign in signs}
    found |= {sign: rf"\{name} " for sign, name in zip(_GREEK[0], _GREEK[1].split(), strict=True)}
    fractions = [(entry[0], *entry[1:].split("/")) for entry in _FRACTIONS.split()]
    found |= {sign: rf"\frac{{{above}}}{{{below}}}" for sign, above, below in fractions}
    wide = [*range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B)]  # full-width digits and letters
    return found | {chr(place): chr(place - 0xFEE0) for place in wide} | dict.fromkeys(_SPACES, " ") | dict.fromkeys(_NOTHING, "")


_CHARACTERS = _characters()
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_RAISED = re.compile(f"[{re.escape(''.join(_SUPERSCRIPTS))}]+")
_LOWERED = re.compile(f"[{re.escape(''.join(_SUBSCRIPTS))}]+")
_ROOT = re.compile(r"([√∛∜])\s*(\d+(?:\.\d+)?|[A-Za-zπ]|(?=[({\\]))")
_ROOTS = {"√": r"\sqrt", "∛": r"\sqrt[3]", "∜": r"\sqrt[4]"}
_CHINESE_WORD = re.compile("|".join(_CHINESE))
_OVERLINED = re.compile(r"((?:\d\u0305)+)")

# A command or sign, and the commands that are the same.
_SYNONYMS_TABLE = r"""
frac dfrac,tfrac,cfrac,sfrac,nicefrac   binom dbinom,tbinom   le leq,leqslant,leqq   ge geq,geqslant,geqq   ne neq,not=
< lt,textless   > gt,textgreater   \{ lbrace   \} rbrace   [ lbrack   ] rbrack   ( lparen   ) rparen   | vert,lvert,rvert
\| lVert,rVert,Vert   emptyset varnothing   ^{\circ} degree,degrees,textdegree   wedge land   vee lor   * ast   cdot bullet
infty infin   setminus backslash,smallsetminus   phi varphi   epsilon varepsilon   : colon   / div
ldots dots,cdots,dotsc,dotsb   theta vartheta   to rightarrow   Rightarrow implies,Longrightarrow   Leftrightarrow iff
cup bigcup   cap bigcap   \$ textdollar,dollar   mid divides   nmid nmid   \% percent   arccot arcctg   tan tg   cot ctg
\mathbb{R} R   \mathbb{Z} Z   \mathbb{N} N   \mathbb{Q} Q   \mathbb{C} C   pi textpi   hat widehat   tilde widetilde
overline bar   vec overrightarrow   lim lim   ' textquotesingle   euro euros   arccosh arcosh
"""
_SYNONYMS = {name: entry.split()[0] for entry in re.split(r"\s{2,}|\n", _SYNONYMS_TABLE.strip()) for name in entry.split()[1].split(",")}
_ASCII = {"<=": r"\le ", ">=": r"\ge ", "!=": r"\ne ", "=>": r"\Rightarrow ", "<=>": r"\Leftrightarrow ", "==": "="}

_COMMAND = re.compile(r"\\([A-Za-z]+)")
_DELIMITERS = re.compile(r"(?<!\\)\\[()\[\]]|(?<!\\)\$+")
_QUOTED = re.compile(r"""(\*{1,3}|__|`{1,3}|"|')([^*`"']+)\1""")
_POWER = re.compile(r"(?<=[A-Za-z0-9)])\*\*(?=[A-Za-z0-9({-])")
_SPACE = re.compile(
    r"(?<!\\)\\[ ,;:>]|\\(?:quad|qquad|enspace|enskip|thinspace|medspace|thickspace|nbsp|nobreakspace)(?![A-Za-z])"
    r"|\\hspace\*?\{[^{}]{0,20}\}|~|\\\n|\s+"
)
_END = re.compile(r"[\s~.,;:]+$")
_NEGATED = {"=": r"\ne ", r"\in": r"\notin ", r"\mid": r"\nmid "}
_START_OF_NUMBER = r"(?<![\d.])(?<!\d[,.])"
_FUNCTION = "|".join(sorted(FUNCTIONS))
_BOLD_LETTER = r"\\(?:mathbf|boldsymbol|bm)\s*(?:\{\s*([A-Za-z])\s*\}|([A-Za-z]))"
_UNIT = r"\s*(\\text\{[^{}]*\}(?:\^\{?\d\}?)?)\s*"
_MOLECULE = re.compile(r"(?:\\text\{(?:[A-Z][a-z]?\d?)+\}|[A-Z][a-z]?|_\{?\d+\}?|\^\{?\d?[+-]\}?|[()\s])+")
_FONT = (
    r"\\(?:math(?:rm|bf|it|sf|tt|cal|frak|normal|scr)|boldsymbol|bm|pmb|operatorname\*?|ensuremath|boxed|fbox|phantom|mathop|mathrel|mathbin"
    r"|rm|bf|it|sf|tt|cal|bfseries|itshape|displaystyle|textstyle|scriptstyle|scriptscriptstyle|limits|nolimits|normalsize|small|large|Large"
    r"|LARGE|huge|Huge|tiny|left|right|middle|[bB]ig{1,2}[lrm]?|displaylimits|hfill|noindent|centering|strut|protect)(?![A-Za-z])\s*\.?(?<![.])"
)

Replacement = str | Callable[[re.Match[str]], str]


def _digits(match: re.Match[str]) -> str:
    return re.sub(r"\D", "", match[0])


def _synonym(match: re.Match[str]) -> str:
    other = _SYNONYMS.get(match[1])
    if other is None:
        return match[0]
    return f"\\{other}" if other.isalpha() else f"{other} " if other.startswith("\\") and other[1:].isalpha() else other


def _rules(*rows: tuple[str, str, Replacement]) -> list[tuple[str, re.Pattern[str], Replacement]]:
    return [(needle, re.compile(pattern), replacement) for needle, pattern, replacement in rows]


# What must stand in the text (one test that saves a search), what is replaced, and by what: in this order.
_ANYWHERE = _rules(
    ("*", r"\*\*", ""),  # bold; the power of Python has gone before
    ("__", r"__(?=\S)", ""),
    # 1st, 22nd, 11th
    ("", r"(?<!\d)(\d*(?:(?<!1)1(?=st)|(?<!1)2(?=nd)|(?<!1)3(?=rd)|[04-9](?=th)|1[123](?=th)))(?:st|nd|rd|th)(?![A-Za-z])", r"\1"),
    ("^", r"(?<=\d)\s*[xX]\s*(?=10\s*\^)", r"\\times "),  # 5 x 10^3
    ("(", r"(?<![\d.])(\d+\.|0\.\d+)\((\d{1,40})\)(?!\d)", r"\1\\overline{\2}"),  # 0.(3), 0.1(6)
    (">", r"^<([^<>]*,[^<>]*)>$", r"\\langle \1\\rangle "),
    ("...", r"(?<=\d)\.{3,}", r"\\ldots "),  # 0.333...
    ("\\", r"\\checkmark(?![A-Za-z])|\\tag\*?\{[^{}]{0,40}\}|\\label\{[^{}]{0,40}\}", ""),
    ("=", r"<=>|<=|>=|(?<=\s)!=|=>|==", lambda match: _ASCII[match[0]]),
    # a command behind two backslashes
    ("\\", r"\\\\(?=(?:frac|dfrac|tfrac|sqrt|pi|le|ge|leq|geq|left|right|text|mathrm|infty|cup|cdot|times|in)(?![A-Za-z]))", r"\\"),
)
# 25{,}000, 25{\,}000, 29,\!322 and 29, \!322 are one number; a blank or a thin space between groups of three digits, too; 1'000'000.
_GROUPS_OF_DIGITS = _rules(
    ("\\", _START_OF_NUMBER + r"\d{1,3}(?:(?:\{,\}|\{\\[,;: ]\}|,\s?\\!\s?|\\!,?|\\[,;:])\s?\d{3})+(?!\d)", _digits),
    ("{", _START_OF_NUMBER + r"\d{1,3}(?:\{,\}\s?\d{3})+(?!\d)", _digits),
    ("", _START_OF_NUMBER + r"[1-9]\d{0,2}(?:(?:~|\\ |\s)\d{3})+(?![\d/])(?!\s+\d)", _digits),
    ("'", _START_OF_NUMBER + r"\d{1,3}(?:'\d{3})+(?![\d'])", _digits),
)
_IN_LATEX = _rules(
    ("\\", r"^\s*\\(?:therefore|Rightarrow|implies|Longrightarrow|because)(?![A-Za-z])", ""),
    (
        "\\not",
        r"\\not\s*(=|\\(?:in|equiv|mid|subset|parallel)(?![A-Za-z]))",
        lambda match: _NEGATED.get(match[1], rf"\not{match[1][1:]} "),
    ),
    ("\\mu", r"(?<=[\d}\s,;:])\\mu\s*(?:\\text|\\mathrm)\s*\{\s*(?=[a-zA-Z])", r"\\text{micro"),
    ("\\Omega", r"(?<=\d)((?:\\[,;: ]|\s|~)*)\\Omega(?![A-Za-z])", r"\1\\text{ ohm}"),
    # Bold letters are fonts, but for vectors that are multiplied, where the order counts.
    (
        "\\times",
        rf"{_BOLD_LETTER}(?=\s*\\times)|(?<=\\times)\s*{_BOLD_LETTER}",
        lambda match: rf"\vec{{{next(filter(None, match.groups()))}}}",
    ),
    # Names of functions in letters: \operatorname{lcm}, and \text{lcm}, \mathrm{max} where an argument follows.
    (
        "\\",
        rf"\\operatorname\*?\s*\{{\s*({_FUNCTION})\s*\}}"
        rf"|\\(?:text|mathrm)\s*\{{\s*({_FUNCTION})\s*\}}(?=\s*(?:\\left\s*)?(?:[(_^\[]|\\\{{))",
        lambda match: rf"\{match[1] or match[2]} ",
    ),
    # Cases that are written as an array.
    ("\\right", r"\\left\s*(?:\\\{|\\lbrace)\s*(?=\\begin\s*\{(?:array|aligned|align|matrix|gathered|cases)\b)", ""),
    ("{,}", r"(?<=\d)\{,\}(?=\d)", "."),
    ("{", r"(?<!\\)\{([:=<>+*/;])\}", r"\1"),
    ("\\", r"(?<!\\)\\!|\\negthinspace(?![A-Za-z])", ""),
    (
        "color",
        r"\\(?:textcolor|colorbox)\s*\{[^{}]{0,40}\}\s*|\\color\s*(?:\[[^\[\]]{0,20}\])?\{[^{}]{0,40}\}\s*",
        "",
    ),
    (
        "\\",
        r"\\(?:mathbb|Bbb|mathbf)\s*\{?\s*([RZNQC])\s*\}?(?=[^A-Za-z]|$)",
        lambda match: rf"\mathbb{{{match[1]}}}",
    ),
    ("\\\\", r"(?<=\\\\)\s*\[-?[\d.]+\s?(?:pt|em|ex|mm|cm)\]", ""),
)
_LOOKS = _rules(
    ("\\", r"\\(?:left|right)\s*\.(?!\d)", ""),
    ("\\", _FONT, ""),  # an argument keeps its braces, as a group
    ("\\", _COMMAND.pattern, _synonym),
    ("\\", r"\\(?:text(?:bf|it|rm|sf|tt|sc|up|normal|md|sl)?|mbox|hbox|textnormal|emph|underline)\s*\{", r"\\text{"),
)
_GROUPS = _rules(
    ("\\overline", r"\\overline\s*\{\s*([A-Z]{2,})\s*\}", r"{\1}"),  # the segment AB, and its length
    ("(", r"\(\s*\\text\s*\{\s*([A-J])\s*\}\s*\)", r"(\1)"),
    ("\\text", rf"\\frac\s*\{{{_UNIT}\}}\s*\{{{_UNIT}\}}", r" \1/\2"),  # of \text{m} and \text{s}^2
)
_NESTED_TEXT = re.compile(r"\\text\{\\text\{([^{}]*)\}\}")


def plain(text: str) -> str:
    """An answer without fonts, sizes, colours and delimiters, its signs in LaTeX's spelling, and a full stop after it cut off."""
    text = unicode_to_latex(text.strip())
    while (quoted := _QUOTED.fullmatch(text)) is not None:
        text = quoted[2].strip()
    if "**" in text and not text.startswith("**") and " **" not in text:
        text = _POWER.sub("^", text)  # x**2 of Python; **5** is bold
    if "&" in text and "\\begin" not in text:
        text = re.sub(r"\s\\?&(?=\s)", " and ", text)
    text = _rewritten(text, _ANYWHERE)
    if "\\" in text or "$" in text:
        text = _without_dollars(text)
    text = _rewritten(text, _GROUPS_OF_DIGITS)
    if "\\" in text or "{" in text:
        text = _rewritten(text, _IN_LATEX)
        if "\\right." in text and text.count("(") == text.count(")") + 1:
            text = text.replace("(", "", 1)  # \left( 3 \right.
        text = _rewritten(text, _LOOKS)
        while "\\text{\\text{" in text and _NESTED_TEXT.search(text):
            text = _NESTED_TEXT.sub(r"\\text{\1}", text)
        text = _rewritten(text, _GROUPS)
        if "_" in text and "\\text" in text and _MOLECULE.fullmatch(text):
            text = re.sub(r"\\text\{([^{}]*)\}", r"\1", text)
    return without_end(_SPACE.sub(" ", text))


def _rewritten(text: str, rules: Sequence[tuple[str, re.Pattern[str], Replacement]]) -> str:
    for needle, pattern, replacement in rules:
        if needle in text:
            text = pattern.sub(replacement, text)
    return text


def without_end(text: str) -> str:
    """Without the full stop, comma or blank that ends a sentence, and without a backslash that ends nothing."""
    text = _END.sub("", text.strip())
    while text.endswith("\\") and not text.endswith("\\\\"):
        text = _END.sub("", text[:-1])
    return text


def unicode_to_latex(text: str) -> str:
    """Signs of Unicode, such as those of powers, roots and Chinese words of an answer, as LaTeX; other characters stay."""
    if text.isascii():
        return text
    text = _OVERLINED.sub(lambda match: rf"\overline{{{match[1].replace(chr(0x305), '')}}}", text)
    text = _ROOT.sub(lambda match: _ROOTS[match[1]] + (f"{{{match[2]}}}" if match[2] else ""), text)
    text = _RAISED.sub(lambda match: "^{" + "".join(map(_SUPERSCRIPTS.__getitem__, match[0])) + "}", text)
    text = _LOWERED.sub(lambda match: "_{" + "".join(map(_SUBSCRIPTS.__getitem__, match[0])) + "}", text)
    text = _CHINESE_WORD.sub(lambda match: _CHINESE[match[0]], text)
    return _NOT_ASCII.sub(lambda match: _CHARACTERS.get(match[0], match[0]), text)


def _without_dollars(text: str) -> str:
    r"""Math delimiters go; `\$` stays, and so does one dollar in front of a number, which is money."""
    if text.count("$") - text.count("\\$") == 1 and "\\(" not in text:
        return text
    return _DELIMITERS.sub(" ", text)
