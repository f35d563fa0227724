"""Push a finished model to the Hugging Face hub in one commit: its files, its manifest and log, and its card as README.md.

From a model folder whose files match its manifest to a repository, created as private without --public, and a JSON file about the push.
The token is read from HF_TOKEN in the environment only; HF_ENDPOINT names another hub.

    HF_TOKEN=... python scripts/push.py --model results/models/ours --card results/cards/ours/README.md --repository me/ours \\
        --output results/pushed/ours.json
"""

import os
from pathlib import Path

from distill.base import cli
from distill.base.errors import InputError
from distill.base.files import write_json
from distill.models.push import push


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--model", required=True, type=Path, help="folder of the model")
    parser.add_argument("--card", required=True, type=Path, help="its model card")
    parser.add_argument("--repository", nargs="?", help="owner/name on the hub")
    parser.add_argument("--public", action="store_true", help="create the repository as public, if it does not exist")
    parser.add_argument("--output", required=True, help="JSON file about what was pushed")
    args = parser.parse_args()
    if not args.repository:
        raise InputError(f"models.{args.model.name}.push: missing; write push: {{repository: owner/name}}")
    token = os.environ.get("HF_TOKEN")
    if not token:
        raise InputError("HF_TOKEN: not set; put a token that may write to the hub into the environment")
    pushed = push(args.model, args.card, args.repository, token, private=not args.public)
    write_json(args.output, pushed)
    print(f"{pushed['url']}: commit {pushed['commit'][:12]}")


if __name__ == "__main__":
    cli.run(main)
