#!/usr/bin/env bash
# Snakemake 9.27.1: two parameters of a rule exchange their values, or two named inputs their files, and nothing runs again.
#
# Snakemake notices changed parameters and changed inputs since version 7.8, and compares each as a set of values without their names. After
# `--config alpha=2 beta=1` in place of `alpha=1 beta=2`, or with student and teacher exchanged, the old output counts as up to date, while a new
# value anywhere runs the job again. One parameter that holds both (a dictionary, a line of JSON) is seen.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet snakemake==9.27.1
cd "$work"
cat >Snakefile <<'SMK'
first, second = config.get("first", "a"), config.get("second", "b")
alpha, beta = config.get("alpha", 1), config.get("beta", 2)

rule all:
    input: "parameters.txt", "inputs.txt", "together.txt"

rule parameters:
    output: "parameters.txt"
    params: alpha=alpha, beta=beta
    shell: "echo alpha {params.alpha}, beta {params.beta} > {output}"

rule inputs:
    input: student=f"{first}.txt", teacher=f"{second}.txt"
    output: "inputs.txt"
    shell: "echo student {input.student}, teacher {input.teacher} > {output}"

rule together:
    output: "together.txt"
    params: both={"alpha": alpha, "beta": beta}
    shell: "echo {params.both} > {output}"
SMK
echo a >a.txt
echo b >b.txt
snakemake() { "$work/venv/bin/snakemake" --cores 1 "$@" >log 2>&1; }
snakemake
snakemake --config alpha=2 beta=1 first=b second=a
cat parameters.txt inputs.txt together.txt
[ "$(cat parameters.txt)" = "alpha 1, beta 2" ] || { echo "the behaviour has changed"; exit 1; }
[ "$(cat inputs.txt)" = "student a.txt, teacher b.txt" ] || { echo "the behaviour has changed"; exit 1; }
grep -q "alpha: 2" together.txt || grep -q "'alpha': 2" together.txt || { echo "the behaviour has changed"; exit 1; }
