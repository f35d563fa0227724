#!/usr/bin/env bash
# inspect_ai 0.3.285: a log in its default format (.eval) is a zip file whose members are compressed with Zstandard (method 93). The zipfile
# module of Python 3.11, 3.12 and 3.13 lists them and cannot read them: "That compression method is not supported". `import inspect_ai.log` in
# the same process adds the method to zipfile, so that a script works or fails by what it happens to import first. A reader of its own needs
# inspect_ai.log.read_eval_log, or logs written with --log-format json.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet inspect_ai==0.3.285
cd "$work"
"$work/venv/bin/python" - <<'PY'
from importlib.metadata import version

from inspect_ai.log import EvalConfig, EvalDataset, EvalLog, EvalSample, EvalSpec, write_eval_log

print("inspect_ai", version("inspect_ai"))
spec = EvalSpec(created="2026-01-01T00:00:00+00:00", task="t", dataset=EvalDataset(samples=1, sample_ids=[1]), model="m", config=EvalConfig())
write_eval_log(EvalLog(status="success", eval=spec, samples=[EvalSample(id=1, epoch=1, input="1+1?", target="2")]), "log.eval")
PY
"$work/venv/bin/python" - <<'PY'
import sys
import zipfile

print("Python", sys.version.split()[0])
assert sys.version_info < (3, 14), "zipfile of Python 3.14 has Zstandard: run this with an older one"
with zipfile.ZipFile("log.eval") as log:
    print("members:", ", ".join(log.namelist()))
    assert {info.compress_type for info in log.infolist()} == {93}, "the behaviour has changed"
    try:
        log.read("header.json")
    except NotImplementedError as error:
        print("before inspect_ai is imported:", error)
    else:
        raise SystemExit("the behaviour has changed")
    import inspect_ai.log  # noqa: F401

    print("after:", log.read("header.json")[:40])
PY
