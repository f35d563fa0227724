#!/usr/bin/env bash
# Snakemake 9.27.1: a job fails whose output is marked update(); its previous version is put back, as documented, and the parameters of the
# failed attempt are recorded for it. The same command again, its error fixed, says that nothing is to be done: the file counts as made with
# parameters that it was never made with. An ordinary output next to it, which is missing after a failure, makes up for that.
#
# Seen: model.txt holds "rate 1" after `--config rate=2` failed, was fixed and was given again; exit code 0, "Nothing to be done".
# Expected by most: the job runs again, as it does for an output without update().
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet snakemake==9.27.1
cd "$work"
cat >Snakefile <<'SMK'
rule train:
    output: update("model.txt")
    params: rate=config.get("rate", 1)
    shell: "echo rate {params.rate} > {output}; test {params.rate} = 1 || test -e fixed"
SMK
snakemake() { "$work/venv/bin/snakemake" --cores 1 "$@" 2>&1; }
snakemake >/dev/null
snakemake --config rate=2 >failed.log && exit 1
grep "Restored previous version" failed.log
touch fixed
snakemake --config rate=2 | grep "Nothing to be done"
cat model.txt
grep -q "rate 1" model.txt  # or the behaviour has changed
