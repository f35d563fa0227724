"""The report as one HTML file that needs no other: for a browser, and for Snakemake's report, which shows no Markdown."""

import base64
from collections.abc import Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from distill.report.results import Results

_HEAD = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; color: #222; background: #fff; max-width: 62rem; margin: 0 auto; padding: 1rem }}
h1, h2, h3 {{ line-height: 1.2; margin: 1.5em 0 .5em }}
blockquote {{ margin: 0; padding: .1em 1em; border-left: 4px solid #56a8dc; background: #f3f8fc }}
div.wide {{ overflow-x: auto }}
table {{ border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums }}
th, td {{ padding: .25em .75em; border-bottom: 1px solid #ddd; text-align: left; white-space: nowrap }}
img {{ max-width: 100%; height: auto }}
pre {{ padding: .75em; background: #f6f6f6; overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere }}
code {{ font: .8125rem/1.4 ui-monospace, monospace; overflow-wrap: anywhere }}
</style>
</head>
<body>
"""


def page(markdown: str, results: Results) -> str:
    """The page with the figures of the results folder inside it. HTML in the text is shown and not obeyed."""
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    reader.add_render_rule("table_open", _wide)
    reader.add_render_rule("table_close", _wide)
    tokens = reader.parse(markdown)
    for image in (child for token in tokens for child in token.children or () if child.type == "image"):
        if results.has(str(image.attrs["src"])):
            drawn = (results.root / str(image.attrs["src"])).read_bytes()
            image.attrs["src"] = f"data:image/png;base64,{base64.b64encode(drawn).decode()}"
    title = next((tokens[place + 1].content for place, token in enumerate(tokens) if token.tag == "h1"), "Report")
    return _HEAD.format(title=reader.renderInline(title)) + reader.renderer.render(tokens, reader.options, {}) + "</body>\n</html>\n"


def _wide(renderer: Any, tokens: Sequence[Token], place: int, options: Any, env: Any) -> str:
    """A table in a box of its own, so that on a narrow screen it scrolls and the page does not."""
    return '<div class="wide"><table>' if tokens[place].nesting == 1 else "</table></div>"
