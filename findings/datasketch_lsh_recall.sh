#!/usr/bin/env bash
# datasketch 2.0.0: MinHashLSH(threshold=t) finds 31 to 56 % of the pairs whose similarity is t (0.5, 0.8, 0.9). Its bands are chosen to weigh false
# positives and false negatives alike over all similarities, so the threshold is where the curve is steep and not where it begins.
# A filter of near-duplicates "from 0.8 on" finds 4 in 10 of those at 0.8.
#
# Seen, by the bands (b, r) that it picks at num_perm=128 and the formula 1 - (1 - t^r)^b, and by pairs of MinHashes at that similarity.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet datasketch==2.0.0
"$work/venv/bin/python" - <<'PY'
from importlib.metadata import version

from datasketch import MinHash, MinHashLSH

TRIES = 400
print("datasketch", version("datasketch"))
for threshold, shared, alone in ((0.5, 100, 50), (0.8, 160, 20), (0.9, 180, 10)):  # shared / (shared + 2 * alone) is the similarity
    found = 0
    for number in range(TRIES):
        lsh, pair = MinHashLSH(threshold=threshold, num_perm=128), []
        for side in "ab":
            made = MinHash(num_perm=128)
            made.update_batch([f"{number} {word}".encode() for word in [*range(shared), *(f"{side}{word}" for word in range(alone))]])
            pair.append(made)
        lsh.insert("a", pair[0])
        found += bool(lsh.query(pair[1]))
    by_formula = 1 - (1 - threshold**lsh.r) ** lsh.b
    print(f"similarity {threshold}: {lsh.b} bands of {lsh.r}; found {found / TRIES:.0%} of {TRIES} pairs, {by_formula:.0%} by the formula")
    assert by_formula < 0.6 and abs(found / TRIES - by_formula) < 0.1, "the behaviour has changed"
PY
