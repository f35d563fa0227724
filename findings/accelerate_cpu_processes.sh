#!/usr/bin/env bash
# accelerate 1.15.0, torch 2.13.0: `accelerate launch --cpu --num_processes 2` starts one process, without an error or a warning about it.
#
# So does a configuration file with distributed_type MULTI_CPU and num_processes 2, which is what `accelerate config` writes for two processes on
# a CPU. No RANK and no WORLD_SIZE is set, the script trains alone, with half the global batch that was meant, and ends with exit code 0.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet torch==2.13.0 accelerate==1.15.0
cd "$work"
"$work/venv/bin/pip" list 2>/dev/null | grep -E "^(accelerate|torch) "
cat > process.py <<'PY'
import os

print("a process: rank", os.environ.get("RANK"), "of", os.environ.get("WORLD_SIZE"))
PY
cat > cpu.yaml <<'YAML'
compute_environment: LOCAL_MACHINE
distributed_type: MULTI_CPU
machine_rank: 0
mixed_precision: 'no'
num_machines: 1
num_processes: 2
use_cpu: true
YAML
for arguments in "--cpu --num_processes 2" "--config_file cpu.yaml"; do
    # shellcheck disable=SC2086
    CUDA_VISIBLE_DEVICES="" "$work/venv/bin/accelerate" launch $arguments process.py >out 2>err
    echo "accelerate launch $arguments: $(cat out)"
    [ "$(cat out)" = "a process: rank None of None" ] || { echo "the behaviour has changed"; exit 1; }
    ! grep -qi "num_processes.*2" err || { echo "it says something about the processes now"; cat err; exit 1; }
done
