#!/usr/bin/env bash
# math-verify takes the members of a sequence for one constant: it does not see that the k of a_k is the k that a sum runs over. A sum of a_1 to
# a_3 equals one of a_2 to a_4, a sum of n members is n times one of them, and a limit does not depend on where n goes. Answers about general
# sequences cannot be compared with it.
#
# Seen (0.5.2 and 0.9.0): verify(\sum_{k=1}^{3}a_k, \sum_{k=2}^{4}a_k), verify(\sum_{k=1}^{n}a_k, n a_k) and
# verify(\lim_{n\to\infty}a_n, \lim_{n\to0}a_n) are True.
# Expected by most: False, since a_1 + a_2 + a_3 is a_2 + a_3 + a_4 for few sequences.
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


found = {
    "a_1 + a_2 + a_3 and a_2 + a_3 + a_4": same(r"\sum_{k=1}^{3}a_k", r"\sum_{k=2}^{4}a_k"),
    "a_1 + .. + a_n and n a_k": same(r"\sum_{k=1}^{n}a_k", "n a_k"),
    "lim a_n at infinity and at 0": same(r"\lim_{n\to\infty}a_n", r"\lim_{n\to0}a_n"),
    "the sums of k and of k^2 (is seen)": same(r"\sum_{k=1}^{n}k", r"\sum_{k=1}^{n}k^2"),
}
print("math-verify", version("math-verify"), found)
assert list(found.values()) == [True, True, True, False], "the behaviour has changed"
PY
done
