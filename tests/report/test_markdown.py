"""Text of models and data sets is shown on a page and never obeyed by it."""

import pytest

from distill.report import markdown

# name, text, what a reader must see of it in one line
HOSTILE = [
    ("emphasis", "**bold** _it_ ~~gone~~", "**bold** _it_ ~~gone~~"),
    ("snake case stays readable", "mini_aime_2024", "mini_aime_2024"),
    ("html", "<script>alert(1)</script>", "<script>alert(1)</script>"),
    ("html comment", "<!-- swallow the rest", "<!-- swallow the rest"),
    ("closing tag", "</details></td>", "</details></td>"),
    ("entity", "&lt;b&gt; &amp; &#42;", "&lt;b&gt; &amp; &#42;"),
    ("link", "[click](javascript:alert(1))", "[click](javascript:alert(1))"),
    ("image", "![x](http://evil.example/p.png)", "![x](http://evil.example/p.png)"),
    ("bare links", "http://evil.example www.evil.example", "http://evil.example www.evil.example"),
    ("autolink", "<http://evil.example>", "<http://evil.example>"),
    ("reference", "[a]: http://evil.example", "[a]: http://evil.example"),
    ("heading", "# Verdict", "# Verdict"),
    ("second heading", "a\n=====", "a ====="),
    ("rule", "---", "---"),
    ("list", "- item", "- item"),
    ("numbered", "1. item", "1. item"),
    ("version is no list", "3.11.9", "3.11.9"),
    ("negative number is no list", "-7", "-7"),
    ("quote", "> said", "> said"),
    ("table", "a | b\n--|--\n1 | 2", "a | b --|-- 1 | 2"),
    ("pipe after backslash", "a \\| b", "a \\| b"),
    ("code span", "`x` ``y``", "`x` ``y``"),
    ("fence", "```\nx\n```", "``` x ```"),
    ("tilde fence", "~~~\nx", "~~~ x"),
    ("math", "$\\boxed{1}$ $$x$$", "$\\boxed{1}$ $$x$$"),
    ("mention", "@someone", "@someone"),
    ("mail", "a@evil.example", "a@evil.example"),
    ("backslashes", "\\\\ \\* \\", "\\\\ \\* \\"),
    ("newlines", "a\r\nb\rc\nd", "a b c d"),
    ("line separators", "a\u2028b\u2029c\x85d\x0be", "a b c d e"),
    ("null and escape", "a\x00b\x1b[31mc\x7f", "a[U+0000]b[U+001B][31mc[U+007F]"),
    ("bidi", "\u202eabc\u2066\u200f", "[U+202E]abc[U+2066][U+200F]"),
    ("zero width", "a\u200bb\ufeff", "a[U+200B]b[U+FEFF]"),
    ("invisible tags", "a\U000e0041", "a[U+E0041]"),
    ("hidden selectors", "a\U000e0100\u2800", "a[U+E0100][U+2800]"),
    ("lone surrogate", "a\ud800b", "a[U+D800]b"),
    ("stacked marks", "e" + "\u0301" * 5, "e" + "\u0301" * 3 + "[U+0301]" * 2),
    ("other scripts", "答案是 ⊗ é ∑", "答案是 ⊗ é ∑"),
]
CASES = pytest.mark.parametrize("said, seen", [case[1:] for case in HOSTILE], ids=[case[0] for case in HOSTILE])


def rendered(page: str) -> list:
    """The page's tokens, as a renderer with HTML, tables, strike-through and links sees them."""
    parser = pytest.importorskip("markdown_it").MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    return parser.parse(page)


def plain(tokens: list) -> str:
    """What inline tokens show. Fails on any that is more than text."""
    kinds = {token.type for token in tokens}
    assert kinds <= {"text", "code_inline", "text_special"}, kinds
    return "".join(token.content for token in tokens)


@CASES
def test_running_text_shows_itself(said, seen):
    opening, inline, closing = rendered(markdown.text(said))
    assert (opening.type, closing.type) == ("paragraph_open", "paragraph_close")
    assert plain(inline.children) == seen


@CASES
def test_running_text_stays_in_its_list_item(said, seen):
    kinds = [token.type for token in rendered(f"- {markdown.text(said)}\n- next")]
    item = ["list_item_open", "paragraph_open", "inline", "paragraph_close", "list_item_close"]
    assert kinds == ["bullet_list_open", *item, *item, "bullet_list_close"]


@CASES
def test_code_span_shows_itself(said, seen):
    inline = rendered(f"before {markdown.code(said)} after")[1]
    assert [token.type for token in inline.children] == ["text", "code_inline", "text"]
    assert inline.children[1].content == seen


@CASES
@pytest.mark.parametrize("write", [markdown.text, lambda said: markdown.code(said, in_table=True)], ids=["text", "code"])
def test_table_cell_holds_its_text(write, said, seen):
    page = markdown.table(["one", "two"], [[write(said), "7"], ["x", "8"]])
    assert len(page.split("\n")) == 4
    cells = [plain(token.children) for token in rendered(page) if token.type == "inline"]
    assert cells[:2] + cells[3:] == ["one", "two", "7", "x", "8"]
    assert cells[2] == seen


@CASES
def test_block_ends_where_it_should(said, seen):
    fence, after = (token for token in rendered(f"{markdown.block(said)}\n\nafter") if token.type in {"fence", "inline"})
    assert after.content == "after"
    assert fence.content.split() == markdown.visible(said.replace("\r\n", "\n").replace("\r", "\n"), keep="\n\t").split()
    assert all(ord(char) >= 32 or char == "\n" for char in fence.content)


def test_block_keeps_lines_and_indentation():
    assert markdown.block("a\n\n\tb\n") == "```text\na\n\n\tb\n```"


def test_empty_text_in_code_is_said_to_be_empty():
    assert markdown.code(" \n ") == "(empty)"


def test_shortening_keeps_both_ends_and_says_how_much_is_gone():
    assert (
        markdown.shorten("a" * 300 + "b" * 1000 + "c" * 200, head=300, tail=200)
        == "a" * 300 + "\n[... 1,000 characters left out ...]\n" + "c" * 200
    )


@pytest.mark.parametrize("length", [0, 1, 100, 500, 580])
def test_what_shortening_would_not_shorten_stays(length):
    assert markdown.shorten("x" * length, head=300, tail=200) == "x" * length


def test_columns_line_up_as_plain_text():
    page = markdown.table(["model", "n"], [["答案", "1,000"], ["x", "2"]])
    assert page.split("\n") == ["| model |     n |", "| ----- | ----: |", "| 答案  | 1,000 |", "| x     |     2 |"]


@pytest.mark.parametrize("said", ["pass@1", "mini_math (MATH-500)", "R1-Distill-Qwen-1.5B", "aime24@deepseek"])
def test_ordinary_labels_are_not_cluttered(said):
    assert markdown.text(said) == said


# GitHub makes links of these by itself, which the renderer above does not.
GITHUB = [
    ("@someone", "\\@someone"),
    ("see http://a.example", "see http\\://a.example"),
    ("www.a.example", "www\\.a.example"),
    ("x@a.example", "x\\@a.example"),
]


@pytest.mark.parametrize("said, written", GITHUB)
def test_what_github_would_link_is_escaped(said, written):
    assert markdown.text(said) == written
