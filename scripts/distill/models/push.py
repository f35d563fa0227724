"""Push a model folder to the Hugging Face hub in one commit."""

from pathlib import Path
from typing import Any

from distill.base import manifest
from distill.base.errors import InputError
from distill.base.files import sha256_file


def push(model: Path, card: Path, repository: str, token: str, private: bool) -> dict[str, Any]:
    """Commit a model's files and its card in one commit. Returns {url, commit, digest, files}.

    Raises InputError where a file does not match the manifest, and where the hub refuses. Files that the hub has are not sent again.
    """
    import httpx
    from huggingface_hub import CommitOperationAdd, HfApi, constants
    from huggingface_hub.errors import HfHubHTTPError

    made = manifest.read(model)
    for name, digest in made["files"].items():
        if sha256_file(model / name) != digest:
            raise InputError(f"{model / name}: does not match {manifest.NAME}; make the model again before it is pushed")
    extra = [name for name in (manifest.NAME, "log.jsonl") if (model / name).is_file()]
    files = {name: model / name for name in (*made["files"], *extra)} | {"README.md": card}
    api = HfApi(endpoint=constants.ENDPOINT, token=token)
    try:
        there = api.create_repo(repository, private=private, exist_ok=True)
        done = api.create_commit(
            repository,
            [CommitOperationAdd(name, str(file)) for name, file in files.items()],
            commit_message=f"Model {made['digest'][:12]}",
        )
    except HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else 0
        raise InputError(f"{repository}: {constants.ENDPOINT} refuses ({status}): {_advice(status)}") from None
    except httpx.HTTPError as error:
        raise InputError(
            f"{repository}: {constants.ENDPOINT} cannot be reached ({error}): run again; what has arrived is not sent twice"
        ) from None
    return {"url": str(there), "commit": done.oid, "digest": made["digest"], "files": sorted(files)}


def _advice(status: int) -> str:
    if status in (401, 403):
        return "check that HF_TOKEN may write there and that the repository's owner is yours"
    return "run again; what has arrived is not sent twice"
