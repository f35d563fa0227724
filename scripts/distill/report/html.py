"""The report as one HTML file that needs no other: for a browser, and for Snakemake's report, which does not show Markdown."""

import base64
from collections.abc import Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from distill.report.markdown import anchor
from distill.report.results import Results

# A table wider than the screen scrolls in its own box. The box shows that: a shadow lies over each side on which there is more, under white
# covers that scroll with the table, after https://lea.verou.me/2012/04/background-attachment-local/.
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
h1 + ul {{ columns: 14rem; padding-left: 1.25em }}
div.wide {{
  overflow-x: auto;
  background:
    linear-gradient(to right, #fff 30%, rgba(255, 255, 255, 0)) left / 3rem 100%,
    linear-gradient(to left, #fff 30%, rgba(255, 255, 255, 0)) right / 3rem 100%,
    linear-gradient(to right, rgba(0, 0, 0, .3), rgba(0, 0, 0, 0)) left / 1rem 100%,
    linear-gradient(to left, rgba(0, 0, 0, .3), rgba(0, 0, 0, 0)) right / 1rem 100%;
  background-repeat: no-repeat;
  background-attachment: local, local, scroll, scroll;
}}
table {{ border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums }}
th, td {{ padding: .25em .75em; border-bottom: 1px solid #ddd; text-align: left; white-space: nowrap }}
img {{ max-width: 100%; height: auto }}
p.caption {{ margin-top: 0; font-size: .875rem; color: #555 }}
pre {{ padding: .75em; background: #f6f6f6; overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere }}
code {{ font: .8125rem/1.4 ui-monospace, monospace; overflow-wrap: anywhere }}
</style>
</head>
<body>
"""


def page(markdown: str, results: Results) -> str:
    """The page with the figures of the results folder inside it. HTML in the text is shown as text."""
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    reader.add_render_rule("table_open", _table_tag)
    reader.add_render_rule("table_close", _table_tag)
    tokens = reader.parse(markdown)
    for image in (child for token in tokens for child in token.children or () if child.type == "image"):
        if results.has(str(image.attrs["src"])):
            drawn = (results.root / str(image.attrs["src"])).read_bytes()
            image.attrs["src"] = f"data:image/png;base64,{base64.b64encode(drawn).decode()}"
    for place, token in enumerate(tokens):
        if token.type == "heading_open" and token.tag == "h2":
            token.attrSet("id", anchor(tokens[place + 1].content))
        if token.type == "paragraph_open" and _is_figure(tokens, place - 3):
            token.attrSet("class", "caption")
    title = next((tokens[place + 1].content for place, token in enumerate(tokens) if token.tag == "h1"), "Report")
    return _HEAD.format(title=reader.renderInline(title)) + reader.renderer.render(tokens, reader.options, {}) + "</body>\n</html>\n"


def _is_figure(tokens: Sequence[Token], place: int) -> bool:
    """Whether the paragraph that opens at a place holds nothing but an image; its caption is the next."""
    return place >= 0 and tokens[place].type == "paragraph_open" and [child.type for child in tokens[place + 1].children or ()] == ["image"]


def _table_tag(renderer: Any, tokens: Sequence[Token], place: int, options: Any, env: Any) -> str:
    """A table in a box that scrolls, by keyboard too."""
    return '<div class="wide" tabindex="0"><table>' if tokens[place].nesting == 1 else "</table></div>"
