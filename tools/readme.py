"""Print the generated parts of the documentation.

From tests/graph/staleness.yaml, the rules, preflight and a finished report to the marked blocks of README.md, docs/staleness.md and
docs/design.md, and from config/schema.yaml to config/README.md. A test fails where they are out of date.

    python tools/readme.py
    python tools/readme.py --results results    # the miniature's table and figure too, from a finished run
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from distill.base.cli import parser, run
from distill.base.errors import InputError
from distill.base.files import atomic_write
from distill.base.paths import PROJECT, SCHEMA, SNAKEFILE
from distill.config.load import load, overlay
from distill.workflow import reruns

EXAMPLES = (  # rows of tests/graph/staleness.yaml
    "a comment, a docstring and the layout of every script and module",
    "title or note",
    "the grader that decides",
    "a raw file of which the same rows are kept",
    "a key of a recipe",
)
# What overlays are laid over, where that is not the miniature or where they have all the parts of a whole configuration.
BELOW = {"beyond_1p5b": "tutorial", "contaminated": "config", "gsm8k_on_policy": "gsm8k"}
CONFIG_HEAD = """# Configuration

`config.yaml` is the miniature and the default. Another experiment is a file and its own folder:
`snakemake --directory runs/guide --configfile config/tutorial.yaml ...`. Of several `--configfile`s the later is laid
over the earlier: mappings merge, lists replace. YAML reads `2e-5` as text: write `2.0e-5`.

Scope says what a change does. A *recipe* key changes results, and the steps that depend on it rerun. A *runtime* key changes only speed,
and nothing reruns. A *label* changes only what people read: figures and report. *Reruns* names the steps that a change of the key reaches
by itself; what is made from their outputs follows, and training only where its data really came out otherwise. Paths are taken from the
folder that Snakemake runs in, else from the project's own.

This page is printed from schema.yaml by `python tools/readme.py`."""


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--results", type=Path, help="folder of a finished run of the miniature, for its table and figure")
    args = options.parse_args()
    for name, parts in BLOCKS.items():
        page = (PROJECT / name).read_text(encoding="utf-8")
        for part, text in parts.items():
            page = block(page, part, text())
        if name == "README.md" and args.results:
            page = block(page, "results", scores((args.results / "report.md").read_text(encoding="utf-8")))
            shutil.copyfile(args.results / "figures" / "scores.png", PROJECT / "docs" / "miniature.png")
        write(name, page)
    write("config/README.md", config_page())


def write(name: str, page: str) -> None:
    with atomic_write(PROJECT / name) as file:
        file.write(page)


def block(page: str, name: str, text: str) -> str:
    """The page with what stands between <!-- name --> and <!-- /name --> replaced."""
    start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    if start not in page or end not in page:
        raise InputError(f"the page has no block {start} ... {end}; put it back")
    before, rest = page.split(start, 1)
    return f"{before}{start}\n{text.strip()}\n{end}{rest.split(end, 1)[1]}"


def staleness() -> str:
    """The whole table of changes and what reruns."""
    table = _staleness()
    short = "; ".join(f"*{name}* stands for {', '.join(rules)}" for name, rules in table["short"].items())
    rows = [f"| {_change(row)} | {_jobs(row['reruns'])} | {_jobs(row.get('also_planned', []), '')} |" for row in table["rows"]]
    return "\n".join([f"In the table {short}.", "", "| what changes | what reruns | what `-n` lists too |", "|---|---|---|", *rows])


def examples_of_staleness() -> str:
    """The rows of the table that README.md shows."""
    table = _staleness()
    rows = {row["change"]: row for row in table["rows"]}
    text = "\n".join(["| what changes | what reruns |", "|---|---|", *(f"| {name} | {_jobs(rows[name]['reruns'])} |" for name in EXAMPLES)])
    for name, rules in table["short"].items():
        text = re.sub(rf"\b{name}\b(?= |$)", ", ".join(rules), text, flags=re.MULTILINE)
    return text


def _staleness() -> dict:
    return yaml.safe_load((PROJECT / "tests" / "graph" / "staleness.yaml").read_text(encoding="utf-8"))


def _change(row: dict) -> str:
    """What a row changes; the keys that it is about, where there are several."""
    keys = [path.rsplit("/", 1)[-1] for part in row.get("each", []) for path in [*part.get("set", {}), *part.get("remove", [])]]
    return row["change"] + (f": {', '.join(f'`{key}`' for key in dict.fromkeys(keys))}" if keys else "")


def _jobs(reruns: list[str], none: str = "nothing") -> str:
    """`rule a,b c` as "rule a, b (c)"."""
    words = [job.replace(",", ", ").split(" ", 1) for job in reruns]
    named = [(rule, *re.split(r"(?<!,) ", rest[0], maxsplit=1)) if rest else (rule,) for rule, *rest in words]
    return "; ".join(" ".join([*job[:2], *(f"({name})" for name in job[2:])]) for job in named) or none


def rulegraph() -> str:
    """The graph of rules of a first run as Snakemake draws it, in Mermaid; in one order, which Snakemake leaves to chance."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(SNAKEFILE), "--rulegraph", "mermaid-js"]
    with tempfile.TemporaryDirectory() as nothing_there:
        drawn = subprocess.run(command, cwd=nothing_there, capture_output=True, text=True, check=True).stdout
    names = dict(re.findall(r"(id\d+)\[(\w+)\]", drawn))
    edges = sorted(f"    {names[one]} --> {names[other]}" for one, other in re.findall(r"(id\d+) --> (id\d+)", drawn))
    return "\n".join(["```mermaid", "flowchart TB", *edges, "```"])


def guide() -> str:
    """What the guide's experiment takes: by its own word, and as preflight counts it where nothing is available."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(SNAKEFILE), "--cores", "1", "results/preflight.json"]
    with tempfile.TemporaryDirectory() as nothing_there:
        subprocess.run(
            [*command, "--configfile", str(PROJECT / "config" / "tutorial.yaml")],
            cwd=nothing_there,
            env={**os.environ, "HF_HUB_OFFLINE": "1"},
            capture_output=True,
            check=True,
        )
        found = json.loads((Path(nothing_there) / "results" / "preflight.json").read_text(encoding="utf-8"))
    (training,), hours = found["trainings"], found["totals"]
    train, respond = hours["train_device_hours"], hours["respond_device_hours"]
    memory = f"{training['memory_gb']['total']:g} GB of each of {training['processes']} in training"
    rows = [
        ("", "by the guide's own word", "by preflight, with nothing fetched and no GPU available"),
        ("---", "---", "---"),
        ("hardware", "8 GPUs of 64 GB", f"{memory} ({training['launch']}, micro batch {training['micro_batch']})"),
        ("hours", "3", f"{train:.1f} device hours of training, {respond:.1f} of generation; at speeds that it assumes and names"),
        ("disk", "", f"{found['disk']['total']:.0f} GB, {found['disk']['checkpoints']:.0f} of them checkpoints"),
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def config_page() -> str:
    """config/README.md: every key with its type, default, scope and meaning."""
    schema = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))
    reached, parts = reruns.steps_by_key(examples(), schema), [CONFIG_HEAD]
    for title, place, entry in _sections(schema):
        rows = [
            _key_row(key, below, reached.get(id(below)) or _steps_elsewhere(title, key, below))
            for key, below in entry.get("properties", {}).items()
            if not _is_section(below)
        ]
        text = entry.get("description", "")
        table = "\n".join(["| key | type | default | scope | reruns | meaning |", "|---|---|---|---|---|---|", *rows])
        parts.append(f"## {title}\n\n" + (f"`{place}` {text}\n\n" if text else f"`{place}`\n\n") + table)
    return "\n\n".join(parts) + "\n"


def _steps_elsewhere(title: str, key: str, entry: dict) -> list[str]:
    """The steps that rerun for a key which no example reaches: none that makes a result, where it is for people."""
    if entry.get("x-scope") == "label":
        return ["figures", "report"] if key == "label" else []
    return reruns.ELSEWHERE.get(title) or reruns.ELSEWHERE.get(title.split(".")[0], [])


def _sections(schema: dict) -> list[tuple[str, str, dict]]:
    """(title, place in the file, part of the schema) of each mapping, in the order of the schema."""
    names = {"model": "models.NAME", "dataset": "datasets.NAME", "benchmark": "benchmarks.NAME", "protocol": "protocols.NAME"}
    names |= {
        "recipe": "models.NAME.train, train_defaults",
        "prepare": "models.NAME.prepare",
        "checkpoint": "models.NAME.checkpoint",
        "average": "models.NAME.average",
        "distill": "models.NAME.distill",
        "push": "models.NAME.push",
        "source": "source: of models, datasets, benchmarks",
    }
    names |= {"sampling": "protocols.NAME.sampling, benchmarks.NAME.sampling.PROTOCOL"}
    top = {key: value for key, value in schema["properties"].items() if not _is_section(value)}
    found = [("Top level", "config.yaml", {"properties": top})]
    for key, entry in schema["properties"].items():
        found += _with_sections_below(key, key, entry) if _is_section(entry) else []
    for key, entry in schema["$defs"].items():
        found += _with_sections_below(key, names.get(key, key), entry)
    return found


def _with_sections_below(title: str, place: str, entry: dict) -> list[tuple[str, str, dict]]:
    found = [(title, place, entry)]
    for key, below in entry["properties"].items():
        found += _with_sections_below(f"{title}.{key}", f"{place}.{key}", below) if _is_section(below) else []
    return found


def _is_section(entry: dict) -> bool:
    return "properties" in entry


def _key_row(key: str, entry: dict, steps: list[str]) -> str:
    if "$ref" in entry or "allOf" in entry or (entry.get("type") == "object" and "x-scope" not in entry):
        return f"| `{key}` | mapping | | | | {entry.get('description', 'see below')} |"
    rerun = "nothing" if entry.get("x-scope") == "runtime" else ", ".join(steps)
    kind = " or ".join(f"`{value}`" for value in entry["enum"]) if "enum" in entry else entry.get("type", "")
    kind = " or ".join(kind) if isinstance(kind, list) else kind
    default = f"`{json.dumps(entry['default'], ensure_ascii=False)}`" if "default" in entry else ""
    return f"| `{key}` | {kind} | {default} | {entry.get('x-scope', '')} | {rerun} | {entry.get('description', '')} |"


def examples() -> list[dict]:
    """The configurations in config/, each with its defaults, an overlay with what it is laid over: the miniature unless BELOW says
    otherwise, and NAME.yaml for NAME_local.yaml."""
    keys = example("schema.yaml")["properties"].keys()
    given = {path.stem: example(path.name) for path in sorted((PROJECT / "config").glob("*.yaml"))}
    return [
        load(
            one
            if {"models", "datasets", "protocols"} <= one.keys() and name not in BELOW
            else overlay(given[BELOW.get(name) or (name.removesuffix("_local") if name.endswith("_local") else "config")], one)
        )
        for name, one in given.items()
        if one.keys() <= keys
    ]


def example(name: str) -> dict:
    return yaml.safe_load((PROJECT / "config" / name).read_text(encoding="utf-8"))


def scores(report: str) -> str:
    """The report's table of scores."""
    found = re.search(r"## Scores\n.*?(\|.*?\n)\n", report, re.DOTALL)
    if not found:
        raise InputError("report.md: holds no table of scores; run `make report` first")
    return found[1]


# {page: {block: what is printed there}}
BLOCKS = {
    "README.md": {"guide": guide, "reruns": examples_of_staleness},
    "docs/staleness.md": {"staleness": staleness},
    "docs/design.md": {"rulegraph": rulegraph},
}


if __name__ == "__main__":
    run(main)
