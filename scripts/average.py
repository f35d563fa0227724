"""Average the weights of models of one architecture; nothing is trained.

From two or more model folders to one that from_pretrained and vLLM load, with a manifest written last. The sum is made in float32. The
tokenizer, the configuration and the precision of the weights are the first model's; the manifest records the digest of each.

    python scripts/average.py --model results/models/ours-at0.5 results/models/ours --spec '{"weights": [1, 3]}' \\
        --output results/models/ours-averaged
"""

from pathlib import Path

from distill.base import manifest
from distill.base.cli import parser, run, spec
from distill.base.errors import InputError
from distill.base.files import atomic_folder, copy_files
from distill.base.settings import Settings
from distill.models.remote_code import KEY, check_weights

SPEC = Settings("$defs/average/of", "$defs/average/weights")


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--model", required=True, nargs="+", type=Path, help="folders of the models to average")
    options.add_argument(
        "--spec", default="{}", help="JSON of weights, one number a model, each counted by its share of their sum; of: their names"
    )
    options.add_argument("--output", required=True, type=Path, help="folder of the averaged model")
    args = options.parse_args()
    parents = [manifest.read(folder) for folder in args.model]
    weights = SPEC.read(spec(args.spec)).get("weights") or [1.0] * len(parents)
    if len(weights) != len(parents):
        raise InputError(f"--spec: weights has {len(weights)} numbers for {len(parents)} models; give one a model")
    for folder, parent in zip(args.model, parents, strict=True):
        check_weights(folder, list(parent["files"]))

    from distill.training.average import average, check_same_architecture

    check_same_architecture(args.model)
    trusted = {KEY: True} if any(parent.get(KEY) for parent in parents) else {}
    with atomic_folder(args.output) as part:
        copy_files(args.model[0], [name for name in parents[0]["files"] if not name.endswith(".safetensors")], part)
        average(args.model, weights, part)
        made = manifest.write(part, made_by="average", parents=[parent["digest"] for parent in parents], weights=weights, **trusted)
    print(f"digest {made['digest'][:12]}")


if __name__ == "__main__":
    run(main)
