"""Check the attention kernels of this machine on packed sequences: from a model's config.json to a table of kernels.

For each kernel, without and with gradient checkpointing: the largest difference of a document's loss in a packed sequence from its loss
alone, that of the gradients, and the effect of a changed document on the others. Ends with the kernel that training would use here.

    python tools/check_attention.py --base results/models/base --dtype bfloat16
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from distill.base.cli import parser, run
from distill.base.errors import InputError


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--base", required=True, type=Path, help="folder of a model; only its config.json is read")
    options.add_argument("--dtype", default="float32", choices=["float32", "bfloat16"], help="dtype of the training")
    options.add_argument("--device", default="auto", help="cpu, cuda, ... (default: cuda if available)")
    args = options.parse_args()

    import torch
    from transformers import AutoConfig

    from distill.training.kernels import candidates, choose, prove

    if not (args.base / "config.json").is_file():
        raise InputError(f"--base: {args.base} has no config.json; name a model's folder")
    config = AutoConfig.from_pretrained(args.base)
    device = torch.device(args.device if args.device != "auto" else "cuda" if torch.cuda.is_available() else "cpu")
    print(f"{device.type}, {args.dtype}, torch {torch.__version__}")
    print("kernel             checkpointing  loss gap  gradient gap      leak  seconds  holds")
    for name in candidates(device, args.dtype, packed=True):
        for checkpointing in (False, True):
            try:
                proof = prove(config, name, device, args.dtype, checkpointing)
            except Exception as error:  # kernels raise all kinds
                print(f"{name:18} {checkpointing!s:13}  {type(error).__name__}: {str(error).splitlines()[0]}")
                continue
            numbers = f"{proof.gap:8.1e}  {proof.gradient_gap:12.1e}  {proof.leak:8.1e}  {proof.seconds:7.3f}"
            print(f"{name:18} {checkpointing!s:13}  {numbers}  {'yes' if proof.holds(args.dtype) else 'NO'}")
    print(choose(config, device, args.dtype, packed=True)[1])


if __name__ == "__main__":
    run(main)
