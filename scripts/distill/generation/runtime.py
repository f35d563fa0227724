"""The --runtime of the steps that generate. It decides no answer, so nothing that an engine imports is in here."""

from collections.abc import Mapping
from typing import Any

from distill.base.settings import Settings

# The whole `runtime` of the configuration, of which an engine uses a part.
LOCAL = Settings("runtime/*")
# An endpoint. model: its name at this address, where that is another. extra: more fields of each request.
ENDPOINT = Settings("$defs/endpoint/*", model={"type": "string"}, extra={"type": "object"})


def read_runtime(engine: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """A --runtime with its defaults. Raises InputError for the first error."""
    return (ENDPOINT if engine == "openai" else LOCAL).read(given, "--runtime")
