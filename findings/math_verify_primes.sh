#!/usr/bin/env bash
# math-verify drops the primes of a derivative: f'(x), f''(x) and f(x) are one answer to it, and so are y' and y. A question that asks for a
# differential equation, or for which derivative is positive, cannot be graded with it.
#
# Seen (0.5.2 and 0.9.0): verify(f'(x), f(x)) and verify(f''(x), f'(x)) are True.
# Expected by most: False, as with \dot{x} and x.
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


def same(gold, answer):
    return verify(parse(f"${gold}$"), parse(f"${answer}$"))


found = {pair: same(*pair) for pair in [("f'(x)", "f(x)"), ("f''(x)", "f'(x)"), ("y'=2y", "y=2y"), ("f(x)", "g(x)")]}
print("math-verify", version("math-verify"), found)
print({text: str(parse(f"${text}$")) for text in ("f'(x)", "f''(x)")})
assert list(found.values())[:2] == [True, True] and not found["f(x)", "g(x)"], "the behaviour has changed"
PY
done
