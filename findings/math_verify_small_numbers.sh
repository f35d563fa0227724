#!/usr/bin/env bash
# math-verify 0.5.2 compares numbers rounded to six decimals, whatever their size, so that two constants of nature are one answer to it; and an
# equation of two tuples equals any other such equation. A grader of physics questions cannot depend on it alone.
#
# Seen: verify(1.67e-27, 9.1e-31) is True, verify(1.67e27, 9.1e31) is False; verify((x,y)=(1,2), (x,y)=(1,7)) is True.
# Expected by most: False each time, since the mass of the proton is not that of the electron.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet math-verify==0.5.2 latex2sympy2_extended==1.0.6
"$work/venv/bin/python" - <<'PY'
from importlib.metadata import version

from math_verify import parse, verify


def same(gold, answer):
    return verify(parse(f"${gold}$"), parse(f"${answer}$"))


found = {
    "1.67e-27 and 9.1e-31": same(r"1.67\times10^{-27}", r"9.1\times10^{-31}"),
    "1.67e27 and 9.1e31": same(r"1.67\times10^{27}", r"9.1\times10^{31}"),
    "(x,y)=(1,2) and (x,y)=(1,7)": same("(x,y)=(1,2)", "(x,y)=(1,7)"),
}
print("math-verify", version("math-verify"), found)
assert list(found.values()) == [True, False, True], "the behaviour has changed"
PY
