#!/usr/bin/env bash
# lighteval 0.13.0, torch 2.13.0: `import lighteval.pipeline` turns gradients off for the whole process.
#
# A module that it imports calls torch.set_grad_enabled(False) at its top level. A program that trains and evaluates in one process, or that only
# imports lighteval's classes for its types, gets "element 0 of tensors does not require grad" from a later backward(), far from the import.
# The metrics alone (lighteval.metrics.metrics) leave gradients on.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet torch==2.13.0 lighteval==0.13.0
cd "$work"
HF_HUB_OFFLINE=1 CUDA_VISIBLE_DEVICES="" "$work/venv/bin/python" - <<'PY' 2>"$work/errors" || { tail -n 20 "$work/errors"; exit 1; }
from importlib.metadata import version

import torch

print(", ".join(f"{name} {version(name)}" for name in ("torch", "lighteval")))
weight = torch.nn.Linear(2, 1)
seen = {"before": torch.is_grad_enabled()}
import lighteval.metrics.metrics  # noqa: E402, F401

seen["after lighteval.metrics.metrics"] = torch.is_grad_enabled()
import lighteval.pipeline  # noqa: E402, F401

seen["after lighteval.pipeline"] = torch.is_grad_enabled()
print("gradients:", seen)
assert list(seen.values()) == [True, True, False], "the behaviour has changed"
try:
    weight(torch.ones(2)).sum().backward()
except RuntimeError as error:
    print("backward():", error)
else:
    raise SystemExit("the behaviour has changed")
PY
