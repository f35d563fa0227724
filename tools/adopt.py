"""Adopt an existing checkpoint or existing responses as results, so that they are not made again.

From a folder with config.json, safetensors and a tokenizer to results/models/MODEL, with a manifest that says that it was adopted; or from
a responses file (JSON Lines: id, sample, text, finish_reason, prompt_tokens, completion_tokens) to results/responses/MODEL/BENCHMARK.jsonl.
Everything that it depends on must be up to date. See docs/operating.md.

    python tools/adopt.py results/models/ours --from ~/checkpoints/ours
    python tools/adopt.py results/responses/ours/mini_math.jsonl --from ~/answers.jsonl --configfile config/config.yaml my.yaml
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from distill.base.cli import parser, run
from distill.workflow.adopt import adopt


def main() -> None:
    options = parser(__doc__)
    options.add_argument("target", type=Path, help="results/models/MODEL or results/responses/MODEL/BENCHMARK.jsonl")
    options.add_argument("--from", dest="source", required=True, type=Path, help="checkpoint folder, or responses file")
    options.add_argument("--configfile", nargs="+", default=[], type=Path, metavar="YAML", help="as Snakemake takes it")
    options.add_argument("--replace", action="store_true", help="replace existing results")
    options.add_argument("--directory", default=".", type=Path, help="where Snakemake was started (default: here)")
    args = options.parse_args()
    source, configfiles = args.source.absolute(), [path.absolute() for path in args.configfile]
    os.chdir(args.directory)
    for line in adopt(args.target, source, configfiles, args.replace):
        print(line)


if __name__ == "__main__":
    run(main)
