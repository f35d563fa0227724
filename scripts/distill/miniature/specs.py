"""What a --spec of the miniature's scripts must hold."""

from typing import Any

from distill.base.errors import InputError


def fields(spec: dict[str, Any], **types: type) -> dict[str, Any]:
    """The named fields of a spec. Raises InputError for one that is missing, unknown or of another type."""
    for name in spec.keys() - types.keys():
        raise InputError(f"--spec: {name!r} is unknown: give {', '.join(types)}")
    for name, kind in types.items():
        if name not in spec:
            raise InputError(f"--spec: {name!r} is missing: give {', '.join(types)}")
        if type(spec[name]) is not kind:
            raise InputError(f"--spec: {name}: {spec[name]!r} is no {kind.__name__}")
    return {name: spec[name] for name in types}
