"""What a source on a hub stands for now: its commit, and the digest that its manifest will have."""

import shutil
from pathlib import Path
from typing import Any

from distill import manifest
from distill.download import Patience, Refused
from distill.fetching import bring, download_all, taken, work_folder
from distill.files import sha256_file
from distill.hub import Repository
from distill.runs import locked

Part = dict[str, Any]


def resolved(source: Part, work: Path, patience: Patience | None = None) -> tuple[str | None, str]:
    """The commit that a source (with repo_type) stands for now, and the digest that its manifest will have.

    Of a repository on the hub only the small files are downloaded: it tells the sha256 of the large ones.
    """
    patience = patience or Patience()
    if "modelscope" in source:
        scratch = work / "locking"
        made = bring(source, scratch, work, patience=patience)
        shutil.rmtree(scratch)
        return None, made["digest"]
    repository = Repository(source["hub"], source["repo_type"])
    there = repository.snapshot(source.get("revision", "main"), patience)
    files = taken(there, source, repository)
    content = {name: file for name, file in files.items() if name not in manifest.NOT_CONTENT}
    small = {file.key: repository.file(name, there.commit, file) for name, file in content.items() if not file.sha256}
    folder = work_folder(work, source, "hub")
    with locked(folder, wait=True):
        small = {key: wanted for key, wanted in small.items() if not wanted.content.fits(folder / "files" / key)}
        try:
            download_all(small, folder, patience)
        except Refused as refused:
            raise repository.refusal(refused.status, refused.code, there.commit) from None
        digests = {name: file.sha256 or sha256_file(folder / "files" / file.key) for name, file in content.items()}
    return there.commit, manifest.digest_of(digests)
