#!/usr/bin/env bash
# Snakemake 9.27.1: `--config rate=0.001` is a number, and `--config 'train={rate: 0.001, steps: 3, shuffle: true}'` is text, text and text: a value
# in braces or brackets is read by YAML's base loader, which knows no types, whatever the configuration file has there. A workflow that
# validates its configuration refuses the number as text; one that does not computes with "0.001", and `if config[...]` takes "false" for true.
#
# Seen by printing the configuration that a Snakefile gets, from a file and from the command line. snakemake/cli.py, parse_config.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet snakemake==9.27.1
cd "$work"
cat >Snakefile <<'SMK'
print("config", config)


rule all:
SMK
printf 'train: {rate: 0.001, steps: 3, shuffle: false}\n' >config.yaml
snakemake() { "$work/venv/bin/snakemake" --dry-run --quiet "$@" 2>/dev/null | grep '^config'; }
"$work/venv/bin/snakemake" --version
echo "from a file:          $(snakemake --configfile config.yaml)"
echo "one value:            $(snakemake --config rate=0.001 steps=3 shuffle=False)"
echo "within braces:        $(snakemake --config 'train={rate: 0.001, steps: 3, shuffle: false}')"
[ "$(snakemake --config rate=0.001 steps=3 shuffle=False)" = "config {'rate': 0.001, 'steps': 3, 'shuffle': False}" ]
[ "$(snakemake --config 'train={rate: 0.001, steps: 3, shuffle: false}')" = "config {'train': {'rate': '0.001', 'steps': '3', 'shuffle': 'false'}}" ]
