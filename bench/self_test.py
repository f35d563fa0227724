"""Which graders pass their self-test: each protocol of open-r1's experiment, on real benchmarks, by the programs that a run calls.

Prints a Markdown table: the share of made-up answers that the grader which decides calls right. Wanted: 100 of gold and respelled, 0 of all
others. The benchmarks are in the folder that DISTILL_REAL_DATA names. Where no gpqa_diamond.csv is among them, made-up choice questions
of its form stand in for it. No text of a benchmark is printed.

Example:
    DISTILL_REAL_DATA=../shared/data python bench/self_test.py
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from distill.base.cli import parser, run
from distill.base.errors import InputError
from distill.base.files import read_json, write_jsonl
from distill.benchmarks.items import load_items
from distill.benchmarks.prompts import make_prompt
from distill.config.load import load
from distill.config.plan import Plan

ROOT = Path(__file__).resolve().parents[1]
FILES = {"aime24": "aime24.jsonl", "math_500": "math500.jsonl", "gpqa_diamond": "gpqa_diamond.csv"}
OWN_COLUMNS = {"aime24": {"question": "prompt", "gold": "answer"}}  # of a file that has other columns than the hub's
KINDS = ("gold", "respelled", "echo", "cut", "empty", "wrong", "near_miss", "unread", "worded")  # some of our own grader on math alone


def main() -> None:
    parse = parser(__doc__)
    parse.add_argument("--benchmarks", nargs="+", choices=FILES, default=[*FILES])
    parse.add_argument("--protocols", nargs="+", default=["open_r1", "deepseek", "lighteval_0_13"])
    given = parse.parse_args()
    if not os.environ.get("DISTILL_REAL_DATA"):
        raise InputError("DISTILL_REAL_DATA: not set: name the folder of the real material")
    folder = Path(os.environ["DISTILL_REAL_DATA"]) / "benchmarks"
    plan = planned()
    print("| benchmark | items | protocol | who decides |", " | ".join(KINDS), "|")
    print("|---|---|---|---|" + "---|" * len(KINDS))
    for benchmark in given.benchmarks:
        for protocol in given.protocols:
            with tempfile.TemporaryDirectory() as made:
                summary = tested(plan, f"{benchmark}@{protocol}", folder / FILES[benchmark], Path(made))
            here = benchmark if (folder / FILES[benchmark]).exists() else f"made-up for {benchmark}"
            decides = plan.grade(f"{benchmark}@{protocol}")["grader"]
            rates = " | ".join(f"{100 * rate:.1f}" if (rate := summary["self_test"].get(kind)) is not None else "-" for kind in KINDS)
            print(f"| {here} | {summary['n_items']} | {protocol} | {decides} | {rates} |", flush=True)


def planned() -> Plan:
    return Plan(load(yaml.safe_load((ROOT / "config" / "open_r1.yaml").read_text(encoding="utf-8"))))


def tested(plan: Plan, name: str, file: Path, made: Path) -> dict:
    """The summary of empty responses."""
    benchmark = plan.tasks()[name][0]
    how = plan.prompts(name)
    own = OWN_COLUMNS.get(benchmark, {}) | ({"gold": how["columns"]["gold"]} if benchmark in OWN_COLUMNS else {})
    if not file.exists():
        file = made_up(made / "items.jsonl", plan.config["benchmarks"][benchmark]["columns"])
    prompts = [make_prompt(item, how) for item in load_items(file, own or how["columns"])]
    write_jsonl(made / "prompts.jsonl", prompts)
    write_jsonl(made / "m" / "responses.jsonl", [{"id": row["id"], "sample": 0, "text": ""} for row in prompts])
    files = [f"--prompts={made / 'prompts.jsonl'}", f"--responses={made / 'm' / 'responses.jsonl'}"]
    lighteval = {kind: made / f"lighteval.{kind}" for kind in ("jsonl", "json")}
    outputs = [f"--output={lighteval['jsonl']}", f"--results={lighteval['json']}"]
    program("grade_lighteval.py", *files, f"--spec={json.dumps(plan.grade_lighteval(name))}", f"--work={made / 'work'}", *outputs)
    files += [f"--verdicts=lighteval={lighteval['jsonl']}", f"--self-test=lighteval={lighteval['json']}"]
    outputs = [f"--output={made / 'scores.jsonl'}", f"--summary={made / 'scores.json'}"]
    program("grade.py", *files, f"--spec={json.dumps(plan.grade(name))}", "--workers=2", *outputs)
    return read_json(made / "scores.json")


def made_up(path: Path, columns: dict) -> Path:
    """198 questions with four choices each."""
    rows = [
        {columns["id"]: n, columns["question"]: f"Which one, {n}?", columns["gold"]: f"this {n}"}
        | {column: f"{text} {n}" for column, text in zip(columns["wrong"], ("that", "it", "none"), strict=True)}
        for n in range(198)
    ]
    write_jsonl(path, rows)
    return path


def program(name: str, *arguments: str) -> None:
    done = subprocess.run([sys.executable, str(ROOT / "scripts" / name), *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise InputError(f"{name}: {done.stdout[-2000:]}{done.stderr[-2000:]}")


if __name__ == "__main__":
    run(main)
