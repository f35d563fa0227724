"""Pages that work offline: what their templates begin with, and data in them. Nothing that a page shows can load or run anything."""

import json
from pathlib import Path

_MARK = "<!--OFFLINE-->"
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_HEAD = f"""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">"""


def read_template(path: Path, *marks: str) -> list[str]:
    """The text of a template before, between and after the marks, each of which it has once and in this order."""
    parts = [path.read_text(encoding="utf-8").replace(_MARK, _HEAD, 1)]
    for mark in marks:
        parts += parts.pop().split(mark)
    return parts


def json_in_html(value: object) -> str:
    """JSON that cannot end the element that it stands in; lone surrogates stay escaped."""
    return json.dumps(value, ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c")
