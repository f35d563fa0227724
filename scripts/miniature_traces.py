"""Write a set of the miniature teacher's traces, clean or with the defects of real sets.

From a seed and sizes to a source folder: traces.jsonl (rows of the Bespoke-Stratos schema: system, conversations; and the gold answer)
and manifest.json. `steps` is the longest problem of the set; `benchmarks` the items of each benchmark: a raw set holds some of them.

    python scripts/miniature_traces.py --output results/sources/datasets/mini_stratos --spec \\
        '{"seed": 1, "rows": 5000, "clean": false, "steps": 5, "benchmarks": {"aime": 300, "math": 500, "gpqa": 400}}'
"""

from pathlib import Path

from distill.base import cli, manifest
from distill.base.files import write_jsonl
from distill.miniature import traces
from distill.miniature.specs import TRACES


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--spec", required=True, type=cli.spec, help="JSON, as above")
    parser.add_argument("--output", required=True, type=Path, help="folder to write")
    args = parser.parse_args()

    spec = traces.TraceSetSpec(**TRACES.read(args.spec))
    count = write_jsonl(args.output / "traces.jsonl", traces.rows(spec))
    manifest.write(args.output)
    print(f"{args.output}: {count} traces")


if __name__ == "__main__":
    cli.run(main)
