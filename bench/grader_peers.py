"""Other graders' rules for two answers, for bench/grader_agreement.py: Hendrycks' and Minerva's, and math-verify in any version.

hendrycks: what modeling/math_equivalence.py of hendrycks/math (08e65fc) does, in our own words: a few spellings are made one, then texts
are compared. minerva: the normalisation of appendix D of Lewkowycz et al. 2022 (lm-evaluation-harness, minerva_math/utils.py, 0348ed9),
then texts are compared; the harness asks sympy in addition. math-verify: `verify(parse(gold), parse(answer))`, both in a box, by an
interpreter that has it.
"""

import json
import re
import subprocess
import sys
from collections.abc import Sequence

Pairs = Sequence[tuple[str, str]]
MATH_VERIFY = """
import json, sys
from math_verify import parse, verify
def same(gold, answer):
    try:
        return bool(verify(parse("\\\\boxed{" + gold + "}"), parse("\\\\boxed{" + answer + "}")))
    except Exception:
        return False
json.dump([same(*pair) for pair in json.load(sys.stdin)], sys.stdout)
"""


def math_verify(pairs: Pairs, python: str = sys.executable) -> list[bool]:
    done = subprocess.run([python, "-c", MATH_VERIFY], input=json.dumps(pairs), capture_output=True, text=True, check=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


def hendrycks(gold: str, answer: str) -> bool:
    return _hendrycks(gold) == _hendrycks(answer)


def _hendrycks(text: str) -> str:
    for old, new in (("\n", ""), ("\\!", ""), ("\\\\", "\\"), ("tfrac", "frac"), ("dfrac", "frac"), ("\\left", ""), ("\\right", "")):
        text = text.replace(old, new)
    for mark in ("^{\\circ}", "^\\circ", "\\$"):
        text = text.replace(mark, "")
    text = text.split("\\text{ ")[0].replace("\\%", "").replace("%", "").replace(" .", " 0.").replace("{.", "{0.")
    text = "0" + text if text.startswith(".") else text
    sides = text.split("=")
    if len(sides) == 2 and len(sides[0]) <= 2:
        text = sides[1]
    text = re.sub(r"\\sqrt([^{])", r"\\sqrt{\1}", text).replace(" ", "")
    text = re.sub(r"\\frac([^{])([^{])", r"\\frac{\1}{\2}", text)
    text = re.sub(r"\\frac([^{])\{", r"\\frac{\1}{", text)
    if text == "0.5":
        return "\\frac{1}{2}"
    whole = re.fullmatch(r"(-?\d+)/(-?\d+)", text)
    return f"\\frac{{{whole[1]}}}{{{whole[2]}}}" if whole else text


_MINERVA_REPLACED = (("an ", ""), ("a ", ""), (".$", "$"), ("\\$", ""), (r"\ ", ""), (" ", ""), ("mbox", "text"))
_MINERVA_JOINED = ((",\\text{and}", ","), ("\\text{and}", ","), ("\\text{m}", "\\text{}"))
_MINERVA_UNITS = (
    "square ways integers dollars mph inches ft hours km units \\ldots sue points feet minutes digits cents degrees cm gm pounds"
)
_MINERVA_MORE = "meters meals edges students childrentickets multiples \\text{s} \\text{.} \\text{}^2 \\text{}^3 \\text{} \\mathrm{th}"
_MINERVA_SIGNS = '^\\circ ^{\\circ} \\; ,\\! {,} " \\dots'


def minerva(gold: str, answer: str) -> bool:
    return _minerva(gold) == _minerva(answer)


def _minerva(text: str) -> str:
    text = text.split("=")[-1]
    for old, new in (*_MINERVA_REPLACED, *_MINERVA_JOINED):
        text = text.replace(old, new)
    for removed in (*_MINERVA_UNITS.split(), *_MINERVA_MORE.split(), *_MINERVA_SIGNS.split()):
        text = text.replace(removed, "")
    text = re.sub(r"(.*?)\$(.*?)\$(.*)", r"$\2$", text)
    for command in ("text", "textbf", "overline"):
        text = re.sub(rf"\\{command}\{{(.*?)\}}", r"\1", text)
    text = re.sub(r"\\boxed\{(.*)\}", r"\1", text)
    text = re.sub(r"frac([^{])(.)", r"frac{\1}{\2}", text)
    text = re.sub(r"sqrt([^{])", r"sqrt{\1}", text).replace("$", "")
    return text.replace(",", "") if text.replace(",", "").isdigit() else text
