#!/usr/bin/env bash
# Snakemake 9.27.1: a run lives on after its last job for the timespan of --max-jobs-per-timespan, and a timespan in ms is read as minutes.
#
# The option limits how many jobs start in a timespan, 100/1s unless told otherwise. Each start sets a timer for that timespan, and a process
# ends after its timers: every run that had a job to do ends a second after it, with 100/4s four seconds after it, although the limit was
# never met. A dry run, and a run with nothing to do, set no timer. The help text and the error message name ms among the units, but of
# "500ms" the m is taken alone: 500 minutes.
#
# Seen: less than 2 s with 100/0s, over 4 s with 100/4s; 100/500ms is 30000 seconds.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet snakemake==9.27.1
cd "$work"
cat >Snakefile <<'SMK'
rule one:
    output: "one.txt"
    shell: "echo > {output}"
SMK
lived_on() { # hundredths of a second from the job's end to the run's
    "$work/venv/bin/snakemake" --cores 1 --forceall --max-jobs-per-timespan "$1" >log 2>&1
    local end
    end=$(date +%s%N)
    echo $(((end - $(date -r one.txt +%s%N)) / 10000000))
}
none=$(lived_on 100/0s)
four=$(lived_on 100/4s)
echo "the run lived on for ${none} and ${four} hundredths of a second"
[ "$none" -lt 200 ] && [ "$four" -ge 390 ] || { echo "the behaviour has changed"; exit 1; }
read_as=$("$work/venv/bin/python" -c '
from snakemake.settings.types import MaxJobsPerTimespan
print(*(MaxJobsPerTimespan.parse_choice(limit).timespan for limit in ("100/1s", "100/5m", "100/500ms")))')
echo "1s, 5m and 500ms are $read_as seconds"
[ "$read_as" = "1 300.0 30000.0" ] || [ "$read_as" = "1.0 300.0 30000.0" ] || { echo "the behaviour has changed"; exit 1; }
