"""A hub with one small model, and how its files are fetched without waiting."""

from pathlib import Path

from distill.base import manifest
from distill.base.retry import RetryPolicy

QUICK = RetryPolicy(max_failures=2, max_attempts=10, first_wait_s=0.01, longest_wait_s=0.05, timeout_s=0.2)
WEIGHTS = bytes(range(256)) * 40
MODEL = {
    "config.json": b'{"model_type": "qwen2"}',
    "tokenizer.json": b"{}",
    "model.safetensors": WEIGHTS,
    "pytorch_model.bin": b"pickle",
    "consolidated.safetensors": b"again",
    "onnx/config.json": b"{}",
    ".gitattributes": b"*",
    "README.md": b"# A model",
    "manifest.json": b"not ours",
}
SOURCE = {"hub": "owner/model", "repo_type": "model"}


def held(folder: Path) -> dict[str, bytes]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != manifest.NAME)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
