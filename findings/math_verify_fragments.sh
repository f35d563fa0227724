#!/usr/bin/env bash
# math-verify, given a box whose content it cannot parse, goes on to look for something that it can parse inside that box, and takes the last
# fraction for the whole answer: one half star one third equals one third.
#
# Seen (0.5.2 with latex2sympy2_extended 1.0.6, and 0.9.0 with 1.11.0): parse(\boxed{\frac{1}{2}\star\frac{1}{3}}) has the value 1/3, and
# verify calls it equal to 1/3. With extraction_mode="first_match" there is no value, and it is not equal.
# Expected by most: no value, since the box is one answer; or its text.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for versions in "0.5.2 1.0.6" "0.9.0 1.11.0"; do
  read -r math_verify latex2sympy2 <<<"$versions"
  python3 -m venv "$work/$math_verify"
  "$work/$math_verify/bin/pip" install --quiet "math-verify==$math_verify" "latex2sympy2_extended==$latex2sympy2"
  "$work/$math_verify/bin/python" - <<'PY'
from importlib.metadata import version

from math_verify import parse, verify

GOLD = parse(r"\boxed{\frac{1}{3}}")


def judged(answer, **how):
    found = parse(rf"\boxed{{{answer}}}", **how)
    return str(found[0]), verify(GOLD, found)


found = {
    "a half star a third": judged(r"\frac{1}{2}\star\frac{1}{3}"),
    "the same, first match only": judged(r"\frac{1}{2}\star\frac{1}{3}", extraction_mode="first_match"),
}
print("math-verify", version("math-verify"), found)
assert found["a half star a third"] == ("1/3", True), "the behaviour has changed"
assert found["the same, first match only"][1] is False, "the behaviour has changed"
PY
done
