"""The report tells what the results folder holds, in the order of a reader's questions, and nothing that a model says can change it."""

import base64
import json
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
import results_tree

from distill.base.errors import InputError
from distill.base.files import read_json, read_jsonl, write_json, write_jsonl
from distill.evaluation.rows import ScoreRow, read_csv
from distill.report import captions, graders, html, tables, tex, verdict, words
from distill.report.markdown import anchor
from distill.report.names import names
from distill.report.page import render
from distill.report.results import Results

SCRIPT = Path(__file__).parents[2] / "scripts" / "report.py"
SECTIONS = [
    "Verdict",
    "Scores",
    "Paired differences",
    "How the answers came out",
    "Samples and tokens",
    "Data",
    "Training",
    "The graders",
    "Sample answers",
    "Provenance",
]


@pytest.fixture(scope="module")
def page(built) -> str:
    return render(results_tree.SPEC, Results(built))


def section(page: str, name: str) -> str:
    return re.search(rf"^## {name}\n\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)[1]


def headings(page: str) -> list[str]:
    """Level-two headings as a Markdown renderer sees them: a line in a fenced block is none."""
    tokens = pytest.importorskip("markdown_it").MarkdownIt("commonmark").enable("table").parse(page)
    return [tokens[place + 1].content for place, token in enumerate(tokens) if token.type == "heading_open" and token.tag == "h2"]


def test_first_line_is_the_note(page):
    assert page.split("\n")[0] == "> This is a fixture: every number is made up."


def test_sections_come_in_the_order_of_a_readers_questions(page):
    assert headings(page) == SECTIONS


def test_what_more_samples_and_tokens_buy(page):
    passed, majority, *rest = [part for part in section(page, "Samples and tokens").split("\n\n") if part.startswith("|")]
    assert rows_of(passed)[0] == ["benchmark", "model", "pass@1", "pass@2"]
    assert rows_of(passed)[-1] == ["mini_gpqa (GPQA-Diamond)", "Ours", "50.0 ± 5.0", "60.0 ± 6.0"]
    assert rows_of(majority)[0][2:] == ["maj@1", "maj@2"]
    assert [rows_of(table)[0][2:] for table in rest] == [
        ["100", "320"],
        ["right: median", "90 %", "wrong: median", "agreement", "where right", "answers"],
    ]
    assert rows_of(rest[0])[-1][2:] == ["25.0", "50.0"]
    assert rows_of(rest[1])[2][2:] == ["80", "99", "–", "62.5", "75.0", "1.5"]  # R1-Distill has no wrong answer


def rows_of(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in table.split("\n") if not row.startswith("| -")]


def test_the_contents_lead_to_each_section(page, tree):
    listed = re.findall(r"^- \[(.*)\]\(#(.*)\)$", page, re.MULTILINE)
    assert [head for head, _ in listed] == headings(page)
    seen = Seen()
    seen.feed(html.page(page, Results(tree)))
    assert [href for tag, href in seen.sources if href.startswith("#")] == [f"#{name}" for name in seen.ids]
    assert seen.ids == [target for _, target in listed]


def test_verdict_has_a_sentence_for_each_question(page):
    harness, base, reference = section(page, "Verdict").strip().split("\n")
    assert harness == "- **Harness check: passed.** R1-Distill has 99.0 on mini_math (MATH-500) (98.5 published): reproduced."
    assert "**better** on both benchmarks (mini_math (MATH-500) +58.9 and mini_gpqa (GPQA-Diamond) +25.0 points; each p < 0.001)" in base
    assert "**worse** on 1 of 2 (mini_math (MATH-500) −27.6 points; p < 0.001)" in reference
    assert "**no detectable difference** on 1 of 2 (mini_gpqa (GPQA-Diamond) −2.0 points; p = 0.800)" in reference
    assert reference.endswith(
        " A true difference of 6.1 (mini_math (MATH-500)) or 6.1 (mini_gpqa (GPQA-Diamond)) points would be detected four times out"
        " of five."
    )


def test_many_students_with_the_same_verdicts_share_a_sentence(tmp_path):
    spec = results_tree.students(results_tree.build(tmp_path), 6)
    said = section(render(spec, Results(tmp_path)), "Verdict")
    _, alike, worse, last, _ = said.strip().split("\n")
    who = "Student 0, Student 1 and 3 more students against "
    assert alike.startswith(
        f"- {who}Base: **better** on both benchmarks (mini_math (MATH-500) +54.9 to +58.9 and mini_gpqa (GPQA-Diamond) +25.0"
    )
    assert worse.startswith(f"- {who}R1-Distill: **worse** on 1 of 2 (mini_math (MATH-500) −31.6 to −27.6 points; ")
    assert last.startswith("- Student 5 against Base: **better** on 1 of 2")
    assert verdict.grouped(*(names(spec), Results(tmp_path)), names(spec).of_role("student")[:3]) == [
        [one] for one in names(spec).models[2:5]
    ]


def test_many_models_are_rows(tmp_path):
    spec = results_tree.students(results_tree.build(tmp_path), 5)
    table = section(render(spec, Results(tmp_path)), "Scores").split("\n\n")[0].split("\n")
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in table]
    assert cells[0] == ["model", "mini_math (MATH-500)", "mini_gpqa (GPQA-Diamond)"]
    assert [row[0] for row in cells[2:]] == ["Base", "R1-Distill", *(f"Student {place}" for place in range(5)), "n"]
    assert cells[-1][1:] == ["500", "500"]
    assert cells[-2][1] == "67.4 ± 3.5"
    lines = tex.table(names(spec), Results(tmp_path)).split("\n")
    assert lines[2] == r"\begin{tabular}{lrr}"
    assert lines[-5:-3] == [r"Student 4 & $67.4 \pm 3.5$ & $50.0 \pm 3.5$ \\", r"$n$ & 500 & 500 \\"]


def test_the_harness_check_says_where_in_the_range_of_evaluators_we_lie(tmp_path):
    spec = {"models": results_tree.SPEC["models"], "benchmarks": [{"name": "A", "label": "A"}]}
    row = results_tree.published("r1", "A", 0.6, 0.61, "reproduced")
    among = {"evaluators": 9, "evaluators_below": 4, "evaluators_mean_share": 0.6, "evaluators_spread_share": 0.017}
    results_tree.write_table(tmp_path / "published.csv", [replace(row, **among, range_low_share=0.56, range_high_share=0.64)])
    said = verdict.harness(names(spec), Results(tmp_path))
    where = "61.0 on A (60.0 published; above 4 of 9 evaluators, of whom 95 % are expected from 56.0 to 64.0): reproduced."
    assert said.endswith(where)
    table = tables.published(names(spec), Results(tmp_path)).split("\n\n")[1]
    assert rows_of(table)[1][-4:] == ["9", "60.0 ± 1.7", "56.0 to 64.0", "4"]


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ("better", "**better** on A, DeepSeek (Base has 45.0 under Boxed: +4.0 points; p = 0.030)."),
        ("no detectable difference", "points; p = 0.030). **The gain on A, DeepSeek is gone** under Base's best prompt."),
    ],
)
def test_the_student_is_held_against_the_baseline_under_its_best_prompt(found, said, tmp_path):
    protocols = [{"name": f"A@{name}", "label": "A", "protocol": label} for name, label in (("deepseek", "DeepSeek"), ("boxed", "Boxed"))]
    spec = {"models": results_tree.SPEC["models"], "benchmarks": protocols}
    same = results_tree.difference("ours", "base", "A@deepseek", 0.2, 0.001, "better")
    best = replace(results_tree.difference("ours", "base", "A@deepseek", 0.04, 0.015, found), b_benchmark="A@boxed")
    results_tree.write_table(tmp_path / "differences.csv", [same, best])
    rates = (("base", "deepseek", 0.29), ("base", "boxed", 0.45), ("ours", "deepseek", 0.49))
    scores = [ScoreRow(model, "", f"A@{protocol}", protocol, rate) for model, protocol, rate in rates]
    results_tree.write_table(tmp_path / "comparison.csv", scores)
    lines = verdict.section(names(spec), Results(tmp_path)).split("\n")
    assert lines[1].startswith("- Ours against Base: **better** on the one benchmark (A, DeepSeek +20.0")
    assert lines[2].startswith("- Ours against Base under the prompt that suits Base best: ")
    assert lines[2].endswith(said)
    assert "| A, DeepSeek (Base under Boxed) |" in tables.differences(names(spec), Results(tmp_path))


def test_the_report_says_which_benchmarks_are_younger_than_a_model():
    dated = [{"name": name, "label": name, "published_after": day} for name, day in (("A", "2024-01-31"), ("B", "2025-02-01"))]
    models = [{"name": "base", "role": "baseline", "label": "Base", "released": "2024-09-19"}, {"name": "ours", "label": "Ours"}]
    said = tables.ages(names({"models": models, "benchmarks": [*dated, {"name": "C"}]}))
    assert said.split("\n")[2:] == [
        "- Base, released 2024-09-19: no item of B is older than the model; items of A are, and may have been in what it was trained on."
    ]
    assert tables.ages(names(results_tree.SPEC)) is None


HARNESS = [
    ([], "no published score of a reference to compare with; instead, there is no self-test of the grader either."),
    (["reproduced"], "passed"),
    (["reproduced", "undecidable"], "passed.** R1-Distill has 50.0 on A (60.0 published): reproduced; 1 more undecidable"),
    (["reproduced", "not reproduced"], "failed.** R1-Distill has 50.0 on B"),
    (["undecidable"], "undecided"),
    (["not compared"], "not passed.** R1-Distill has 50.0 on A (60.0 published): flagged below, so not checked (0 of 1 published"),
    (["reproduced", "not compared"], "not passed.** R1-Distill has 50.0 on B (60.0 published): flagged below, so not checked (1 of 2"),
    (["not reproduced", "not compared"], "failed.** R1-Distill has 50.0 on A (60.0 published): not reproduced; R1-Distill has 50.0 on B"),
]


@pytest.mark.parametrize("verdicts, said", HARNESS, ids=lambda value: "+".join(value) if isinstance(value, list) else "")
def test_harness_check(verdicts, said, tmp_path):
    spec = {"models": results_tree.SPEC["models"], "benchmarks": [{"name": name, "label": name} for name in "AB"]}
    rows = [results_tree.published("r1", name, 0.6, 0.5, verdict) for name, verdict in zip("AB", verdicts, strict=False)]
    if rows:
        results_tree.write_table(tmp_path / "published.csv", rows)
    assert said in verdict.harness(names(spec), Results(tmp_path))


SELF_TESTED = [
    ({}, "instead, the grader's self-test passed on both benchmarks."),
    ({"mini_gpqa": {"gold": 0.4}}, "the grader's self-test **failed** on mini_gpqa (GPQA-Diamond), so believe no score there."),
]


@pytest.mark.parametrize("changed, said", SELF_TESTED)
def test_where_nothing_is_published_the_self_test_is_the_harness_check(changed, said, tree):
    (tree / "published.csv").unlink()
    for benchmark, found in changed.items():
        write_json(tree / f"scores/base/{benchmark}.json", {"self_test": found})
    assert verdict.harness(names(results_tree.SPEC), Results(tree)).endswith(said)


def test_of_many_benchmarks_the_least_and_the_most_detectable_difference_is_named(tree):
    spec = {**results_tree.SPEC, "benchmarks": [{"name": name, "label": name} for name in "ABCD"]}
    rows = [
        results_tree.difference("ours", "r1", name, 0.01, 0.9, "no detectable difference", limit)
        for name, limit in zip("ABCD", (0.3, 0.1, 0.2, 0.25), strict=True)
    ]
    results_tree.write_table(tree / "differences.csv", rows)
    said = render(spec, Results(tree)).split("\n## Scores")[0].strip()
    assert said.endswith(" A true difference of 10.0 (B) to 30.0 (A) points would be detected four times out of five.")


def test_checkpoints_are_a_curve_and_no_columns(tree, page):
    assert "## Learning curve" not in page
    results_tree.checkpoint(tree, "ours-100", 100_000, 0.4)
    results_tree.checkpoint(tree, "ours-200", 200_000, 0.6)
    earlier = [{"name": f"ours-{step}", "label": f"Step {step}", "curve": "ours"} for step in (200, 100)]
    made = render({**results_tree.SPEC, "models": [*results_tree.SPEC["models"], *earlier]}, Results(tree))
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section(made, "Learning curve").split("\n")[2:6]]
    assert [row[:3] for row in rows] == [
        ["Base", "0", "12.5 ± 3.5"],
        ["Step 100", "100,000", "40.0 ± 3.5"],
        ["Step 200", "200,000", "60.0 ± 3.5"],
        ["Ours", "460,000", "71.4 ± 3.5"],
    ]
    assert section(made, "Scores").split("\n")[0] == section(page, "Scores").split("\n")[0]


def test_the_first_source_decides_the_harness_check(tmp_path):
    rows = [
        results_tree.published("r1", "mini_math", 0.09, 0.5, "not reproduced", metric="maj@64"),
        results_tree.published("r1", "mini_math", 0.51, 0.5, "reproduced"),
        results_tree.published("r1", "mini_math", 0.7, 0.5, "not reproduced"),
    ]
    results_tree.write_table(tmp_path / "published.csv", rows)
    said = verdict.harness(names(results_tree.SPEC), Results(tmp_path))
    assert said == "**Harness check: passed.** R1-Distill has 50.0 on mini_math (MATH-500) (51.0 published): reproduced."


def test_a_difference_reads_the_same_from_either_side(tree):
    results = Results(tree)
    there, back = results.difference("ours", "base", "mini_math"), results.difference("base", "ours", "mini_math")
    assert (there.difference, there.ci95_low, there.ci95_high) == pytest.approx((0.589, 0.549, 0.629))
    assert (back.difference, back.ci95_low, back.ci95_high) == pytest.approx((-0.589, -0.629, -0.549))
    assert (there.verdict, back.verdict) == ("better", "worse")


def test_table_has_models_as_columns_and_benchmarks_as_rows(page):
    head, _, math, gpqa = section(page, "Scores").split("\n")[:4]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in (head, math, gpqa)]
    assert cells == [
        ["benchmark", "Base", "R1-Distill", "Ours", "n"],
        ["mini_math (MATH-500)", "12.5 ± 3.5", "99.0 +1.0 −3.0 (98.5: reproduced)", "71.4 ± 3.5 (80.0: not reproduced)", "500"],
        ["mini_gpqa (GPQA-Diamond)", "25.0 ± 3.5", "97.0 ± 3.0", "50.0 ± 3.5", "500"],
    ]


def test_each_protocol_has_its_own_table_and_its_name_where_benchmarks_would_be_mixed_up(tree):
    benchmarks = [
        {"name": "mini_math", "label": "Math", "protocol": "greedy"},
        {"name": "mini_gpqa", "label": "Math", "protocol": "sampled"},
    ]
    page = render({**results_tree.SPEC, "benchmarks": benchmarks}, Results(tree))
    assert "### Protocol greedy\n\n| benchmark |" in page and "### Protocol sampled\n\n| benchmark |" in page
    assert "better** on both benchmarks (Math, greedy +58.9 and Math, sampled +25.0 points" in page


def test_outcomes_make_a_hundred(page):
    table = section(page, "How the answers came out")
    for line in table.split("\n")[2:8]:
        right, wrong, none = (float(cell) for cell in line.split("|")[3:6])
        assert right + wrong + none == pytest.approx(100)


def test_a_model_that_answered_some_items_only_is_named(tree):
    path = tree / "scores/base/mini_math.json"
    write_json(path, {**read_json(path), "n_items_in_benchmark": 500})
    scores = section(render(results_tree.SPEC, Results(tree)), "Scores")
    assert f"- Base on mini_math (MATH-500): {Results(tree).score('base', 'mini_math').n_items} of 500 items." in scores


def test_flagged_scores_are_named(tree):
    path = tree / "comparison.csv"
    path.write_text(path.read_text(encoding="utf-8").replace(",\n", ",golds are all one letter\n", 1), encoding="utf-8")
    scores = section(render(results_tree.SPEC, Results(tree)), "Scores")
    assert "- Base on mini_math (MATH-500): golds are all one letter" in scores


def test_funnel_adds_up_and_names_what_was_asked_in_vain(page):
    data = section(page, "Data")
    column = [int(line.split("|")[2].strip().replace(",", "")) for line in data.split("\n")[2:9]]
    assert column[0] == sum(column[1:]) == 5000
    assert "found in no row: no answer." in data


def test_a_judge_and_decisions_by_hand_are_told_with_their_agreement(tree):
    path = tree / "data/traces/funnel.json"
    agreed = {"both": 20, "first": 3, "second": 2, "neither": 5, "kappa": 0.56, "ci95": [0.2, 0.81]}
    judge = {"rows": 40, "keep_at": 3.0, "scores": {"1": 8, "5": 31, "none": 1}, "agreement": agreed}
    more = {"by_hand": {"keep": 22, "drop": 8, "of_other_rows": 0}, "judge": judge}
    write_json(path, {**read_json(path), **more, "examples": {"judged": {"id": "t9", "detail": "score 1, at least 3: <b>It</b> jumps."}}})
    data = section(render(results_tree.SPEC, Results(tree)), "Data")
    assert "Of Stratos, 22 rows were decided by hand to be kept and 8 to be dropped." in data
    assert "A model judged 40 rows of Stratos, kept from a score of 3 on (1: 8, 5: 31, none: 1)." in data
    assert "on 25 of 30 rows: Cohen's kappa 0.56, 95 % interval 0.20 to 0.81." in data
    assert "An example of judged: row t9 of Stratos, score 1, at least 3: " in data and "<b>" not in data


def test_contamination_shows_one_span_a_kind_of_match(page):
    data = section(page, "Data")
    assert data.count("the same question, `what is 1 1`") == 1
    assert data.count("words in common, ") == 1
    assert "not shown" not in data


def test_training_names_recipe_loss_and_parent(page):
    training = section(page, "Training")
    assert re.search(r"\| learning_rate +\| +`0.0015` \| +`0.0015` \|", training)
    assert re.search(r"\| tokens seen +\| +1,300,000 \| +460,000 \|", training)
    assert re.search(r"\| trained from +\| +Base \| +Base \|", training)
    assert re.search(r"\| eos_token +\| +`<\\\|im_end\\\|>` \|", training)


def test_samples_are_one_right_and_one_wrong_of_each_model(page):
    samples = section(page, "Sample answers")
    assert re.findall(r"^\*\*(.*?)\*\*", samples, re.MULTILINE) == [
        "Base, right:",
        "Base, wrong:",
        "R1-Distill, right:",
        "R1-Distill, wrong:",
        "Ours, right:",
        "Ours, wrong:",
    ]
    assert "**R1-Distill, wrong:** none of 8 answers." in samples


def test_of_a_few_shot_prompt_the_question_is_shown(tree):
    path = tree / "benchmarks/mini_math/prompts.jsonl"
    example = [{"role": "user", "content": "Solved before?"}, {"role": "assistant", "content": "Yes."}]
    write_jsonl(path, [{**row, "messages": [*example, *row["messages"]]} for row in list(read_jsonl(path))])
    samples = section(render(results_tree.SPEC, Results(tree)), "Sample answers")
    assert "[1 solved example left out]\n\nWhat is 0 + 0?" in samples and "Solved before?" not in samples


def test_no_text_of_a_gated_benchmark_is_shown(tree):
    for model in ("base", "r1", "ours"):
        path = tree / f"responses/{model}/mini_gpqa.jsonl"
        write_jsonl(path, [{**row, "text": "CANARY " + row["text"]} for row in list(read_jsonl(path))])
    path = tree / "data/traces/contamination.json"
    found = json.loads(path.read_text(encoding="utf-8"))
    found["benchmarks"]["mini_gpqa"]["rows"][0]["span"] = "CANARY"
    write_json(path, found)
    page = render(results_tree.SPEC, Results(tree))
    assert "CANARY" not in page
    assert "### mini_gpqa (GPQA-Diamond)\n\n_This benchmark is gated: none of its text is shown._" in page


def test_hostile_text_is_shown_and_not_obeyed(page):
    parser = pytest.importorskip("markdown_it").MarkdownIt("commonmark", {"html": True}).enable("table")
    tokens = [inner for token in parser.parse(page) for inner in [token, *(token.children or [])]]
    assert not {token.type for token in tokens} & {"html_block", "html_inline"}
    links = {token.attrGet("href") for token in tokens if token.type == "link_open"}
    assert links == {"provenance.json", *(f"#{anchor(head)}" for head in SECTIONS)}
    assert not [token for token in tokens if token.type == "image"]
    assert any("<script>alert(1)</script>" in token.content for token in tokens if token.type == "fence")
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", page)


def test_the_page_for_a_browser_needs_no_other_file_and_obeys_no_text(tree):
    (tree / "figures").mkdir()
    (tree / "figures/loss.png").write_bytes(b"drawn")
    made = html.page(render(results_tree.SPEC, Results(tree)), Results(tree))
    seen = Seen()
    seen.feed(made)
    assert [src for tag, src in seen.sources if tag == "img"] == ["data:image/png;base64," + base64.b64encode(b"drawn").decode()]
    assert {href for tag, href in seen.sources if tag == "a" and not href.startswith("#")} == {"provenance.json"}
    assert not seen.tags & {"script", "iframe", "object", "link"}
    assert not {name for name in seen.attributes if name.startswith("on")}
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in made and "<title>A tiny world</title>" in made


class Seen(HTMLParser):
    """What a browser would see in a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.sources: list[tuple[str, str]] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.ids += [value for name, value in attrs if name == "id"]
        self.sources += [(tag, value) for name, value in attrs if name in ("src", "href")]


def test_figures_are_shown_with_a_caption_where_they_have_been_drawn(tree):
    assert "figures/" not in render(results_tree.SPEC, Results(tree))
    (tree / "figures").mkdir()
    for name in ("loss", "answer_length"):
        (tree / f"figures/{name}.png").write_bytes(b"")
    page = render(results_tree.SPEC, Results(tree))
    assert re.findall(r"!\[.*?\]\((figures/.*?)\)\n\n\*\w", page) == ["figures/answer_length.png", "figures/loss.png"]
    assert "whiskers reach from the 5th to the 95th percentile" in page
    assert html.page(page, Results(tree)).count('<p class="caption"><em>') == 2


@pytest.mark.parametrize("name", ["scores", "score_vs_tokens", "answer_length"])
def test_a_caption_says_what_whiskers_are(name):
    assert re.search("[Ww]hiskers (are|reach)", captions.caption(name))


NOTES = [
    ("maj@n", "maj@n: "),
    ("95 % over samples", "Over samples: "),
    ("by context", "By context: "),
    ("unclosed thought", "Unclosed thought: "),
    ("grader timeout", "Grader timeout: "),
]


@pytest.mark.parametrize("column, note", NOTES)
def test_a_column_is_explained_only_where_it_is_there(column, note, tree):
    """None of these columns has a number at first, but for the thoughts."""
    path = tree / "comparison.csv"
    rows = [replace(row, unclosed_thought=None) for row in read_csv(ScoreRow, path)]
    results_tree.write_table(path, rows)
    without = render(results_tree.SPEC, Results(tree))
    assert f" {column} " not in without and note not in without
    more = {"n_samples": 4, "maj_at_n": 0.5, "ci95_sampling_low": 0.1, "ci95_sampling_high": 0.9, "capped": 0.1, "grader_timeout": 0.1}
    results_tree.write_table(path, [replace(row, unclosed_thought=0.1, **more) for row in rows])
    page = render(results_tree.SPEC, Results(tree))
    assert f" {column} " in page and page.count(note) == 1


def test_what_is_not_in_a_table_is_not_in_its_note(tree):
    note = section(render(results_tree.SPEC, Results(tree)), "Scores").split("\n\n")[1]
    assert "In brackets: a published score" in note and "samples" not in note
    (tree / "published.csv").unlink()
    assert "In brackets" not in render(results_tree.SPEC, Results(tree))


def test_a_wide_table_scrolls_in_a_box_that_shows_it(page, tree):
    made = html.page(page, Results(tree))
    assert made.count('<div class="wide" tabindex="0"><table>') == made.count("<table>") > 5
    assert re.search(
        r"div\.wide \{[^}]*overflow-x: auto;[^}]*linear-gradient[^}]*background-attachment: local, local, scroll, scroll;", made
    )


def test_nothing_depends_on_time_or_place(tree, page):
    assert "2001-02-03" not in page
    assert str(tree) not in page
    assert render(results_tree.SPEC, Results(tree)) == page


def test_audit_warnings_come_before_its_numbers(page):
    data = section(page, "Data")
    warning = data.index("- **Stratos:** lose_boxed_answer: 22.4% of rows lose their boxed answer to the cut")
    assert warning < data.index("| rows cut")
    assert re.search(r"\| rows that lose their boxed answer +\| +112 \|", data)
    assert "---- no loss ----\n<|im_start|>user\n---- loss ----\n| a | b |\n" in data


def test_each_way_in_which_a_data_set_is_taken_has_a_column_and_its_own_warnings(tmp_path):
    file = results_tree.build(tmp_path) / "data/traces/audit.json"
    first = read_json(file)
    long = {**first, "settings": {**first["settings"], "max_length": 8192}, "warnings": ["rows_cut: 9.0% of rows"], "rows": 77}
    write_json(file, {**first, "others": [long]})
    data = section(render(results_tree.SPEC, Results(tmp_path)), "Data")
    assert "- **Stratos: max_length 4,096:** lose_boxed_answer: 22.4%" in data and "- **Stratos: max_length 8,192:** rows_cut: 9.0%" in data
    assert re.search(r"\| max_length +\| +4,096 \| +8,192 \|", data)
    assert re.search(r"\| rows +\| +500 \| +77 \|", data)
    assert "| tokenizer " not in data, "nothing is said of what all are counted with"
    assert data.count("One row of Stratos as training sees it:") == 1
    write_json(file, {**first, "others": [{**long, "settings": {**long["settings"], "tokenizer": "base"}, "sample": SAMPLE}]})
    data = section(render(results_tree.SPEC, Results(tmp_path)), "Data")
    assert re.search(r"\| tokenizer +\| +its own \| +`base` \|", data)
    assert re.findall("One row of (.*) as training sees it:", data) == [
        "Stratos: own tokenizer, max_length 4,096",
        "Stratos: tokenizer base, max_length 8,192",
    ]


SAMPLE = {"id": "0", "tokens": 9, "pieces": [{"loss": True, "text": "Hm."}]}


GAPS = [
    ("comparison.csv", "_Missing: scores (comparison.csv)._"),
    ("differences.csv", "_Missing: paired differences (differences.csv)._"),
    ("data/traces/funnel.json", "_Missing: rows kept and dropped (funnel.json) of Stratos._"),
    ("data/traces/contamination.json", "_Missing: the search for benchmark questions (contamination.json) of Stratos and R1 traces._"),
    ("data/traces/audit.json", "_Missing: the audit (audit.json) of Stratos and R1 traces._"),
    ("models/ours/manifest.json", "_Missing: the manifest of Ours._"),
    ("benchmarks/mini_math/prompts.jsonl", "_Missing: questions of mini_math (MATH-500) (prompts.jsonl)._"),
    ("scores/base/mini_math.jsonl", "_Missing: answers of Base._"),
    ("provenance.json", "_Missing: versions, commit and machine (provenance.json)._"),
]


def test_the_command_is_that_of_the_run(tree, page):
    assert "```sh\nsnakemake --cores all results/report.md\n```" in page
    found = json.loads((tree / "provenance.json").read_text(encoding="utf-8"))
    write_json(tree / "provenance.json", {**found, "command": "snakemake results/report.md --configfile mine.yaml"})
    assert "```sh\nsnakemake results/report.md --configfile mine.yaml\n```" in render(results_tree.SPEC, Results(tree))


def test_trainings_and_answers_of_another_machine_are_named(tree):
    found = read_json(tree / "provenance.json")
    keys = ("hardware", "packages", "vllm_variables")
    here = {"steps": ["respond base"], "machine": {key: found[key] for key in keys if key in found}}
    write_json(tree / "provenance.json", {**found, "made_on": [here]})
    assert "another machine" not in render(results_tree.SPEC, Results(tree))
    away = {
        "hardware": {"cpu": "Xeon", "cores": 16, "memory_gib": 128, "gpus": [{"name": "NVIDIA H200"}]},
        "packages": {"torch": "2.11.0", "deepspeed": None},
        "vllm_variables": {"VLLM_USE_FLASHINFER_SAMPLER": "0"},
    }
    write_json(tree / "provenance.json", {**found, "made_on": [here, {"steps": ["respond ours", "train ours"], "machine": away}]})
    rows = [line for line in section(render(results_tree.SPEC, Results(tree)), "Provenance").splitlines() if "NVIDIA H200" in line]
    cells = [cell.strip().replace("\\", "") for cell in rows[0].strip("|").split("|")]
    packages = "torch 2.11.0, VLLM_USE_FLASHINFER_SAMPLER=0"
    assert (len(rows), cells) == (1, ["respond ours, train ours", "NVIDIA H200", "Xeon, 16 cores, 128 GiB", packages])


@pytest.mark.parametrize("path, said", GAPS, ids=[path for path, _ in GAPS])
def test_a_missing_file_is_named_once(path, said, tree):
    (tree / path).unlink()
    page = render(results_tree.SPEC, Results(tree))
    assert page.split("\n").count(said) == 1
    assert page.count(f"({Path(path).name})._") <= 1
    assert set(headings(page)) <= set(SECTIONS)


def test_an_empty_folder_says_once_what_is_missing_and_has_no_empty_section(tmp_path):
    page = render(results_tree.SPEC, Results(tmp_path))
    missing = re.findall("^_Missing: .*", page, re.MULTILINE)
    assert len(missing) == len(set(missing)) == 6
    assert headings(page) == ["Verdict", "Data", "Training", "Sample answers", "Provenance"]
    assert "\n\n\n" not in page and not re.search(r"^(##+) .*\n\n\1 ", page, re.MULTILINE)


def test_where_nothing_was_trained_one_sentence_says_so(tmp_path):
    models = [{"name": "theirs", "role": "student", "weights": False}]
    page = render({**results_tree.SPEC, "models": models, "datasets": []}, Results(tmp_path))
    assert "Data" not in headings(page)
    assert section(page, "Training").strip().split("\n\n") == [
        "_No model of this report was trained here._",
        "Without weights here, known only by answers or scores from elsewhere: theirs.",
    ]


SELF_TESTS = [
    ({"gold": 1.0, "echo": 0.0}, []),
    ({"gold": 0.995, "echo": 0.01}, []),
    ({"gold": 0.99, "echo": 0.0}, ["only 99.0 % of golds count as right"]),
    ({"gold": 1.0, "echo": 0.064}, ["6.4 % of echo count as right"]),
    ({"gold": 0.5, "empty": 1.0}, ["only 50.0 % of golds count as right", "100.0 % of empty count as right"]),
]


@pytest.mark.parametrize("test, said", SELF_TESTS)
def test_a_bad_grader_is_called_bad(test, said):
    assert graders.failures(test) == said


NUMBERS = [
    (words.number, 3.26, "3.3"),
    (words.number, -0.04, "0.0"),
    (words.number, None, "–"),
    (words.number, 12345.67, "12,345.7"),
    (words.percent, 0.0326, "3.3"),
    (words.percent, None, "–"),
    (words.points, 0.0326, "+3.3"),
    (words.points, -0.0326, "−3.3"),
    (words.points, 0.0, "0.0"),
    (words.p_value, 0.00099, "< 0.001"),
    (words.p_value, 0.001, "0.001"),
    (words.p_value, 1.0, "1.000"),
]
INTERVALS = [
    ((0.714, 0.672, 0.752), "71.4 ± 4.0"),
    ((0.003, 0.001, 0.019), "0.3 +1.6 −0.2"),
    ((0.0, 0.0, 0.242), "0.0 +24.2 −0.0"),
    ((1.0, 0.992, 1.0), "100.0 +0.0 −0.8"),
    ((0.5, None, None), "50.0"),
    ((1.0, 1.0, 1.0), "100.0 ± 0.0"),
]
P_VALUES = [
    (([0.0001], True), "p < 0.001"),
    (([0.03], True), "p = 0.030"),
    (([0.03, 0.0001], True), "each p ≤ 0.030"),
    (([0.0002, 0.0001], True), "each p < 0.001"),
    (([0.3, 0.8], False), "each p ≥ 0.300"),
    (([1.0, 1.0], False), "each p = 1.000"),  # not "≥": no p value is greater
    (([0.9996, 1.0], False), "each p = 1.000"),
    (([0.03, 0.03], True), "each p = 0.030"),
]


@pytest.mark.parametrize("write, value, written", NUMBERS)
def test_numbers(write, value, written):
    assert write(value) == written


@pytest.mark.parametrize("score, written", INTERVALS)
def test_lopsided_intervals_show_both_arms(score, written):
    assert words.plus_minus(*score) == written


@pytest.mark.parametrize("tests, said", P_VALUES)
def test_one_test_speaks_for_all(tests, said):
    assert words.p_clause(*tests) == said


BAD_SPECS = [
    ({"models": [{"role": "student"}]}, "models.0.name: missing"),
    ({"benchmarks": [{"name": "a", "lable": "A"}]}, "benchmarks.0.lable: unknown key; did you mean label"),
    ({"titel": "Ours"}, "titel: unknown key; did you mean title"),
    ({"models": "ours"}, "models: 'ours' is not a list"),
    ({"audit": {}}, "audit: unknown key; did you mean audited"),
    ({"models": [{"name": "a", "role": "teacher"}]}, "models.0.role: 'teacher' is not known; write one of baseline, reference, student"),
    ({"completions": [{"name": "aime@completion", "label": "AIME"}]}, "completions.0.share: missing"),
    ({"study": [{"label": "Ours", "model": "ours"}]}, "study.0.model: unknown key; did you mean models"),
]


@pytest.mark.parametrize("spec, said", BAD_SPECS)
def test_a_mistaken_spec_is_named(spec, said):
    with pytest.raises(InputError, match=said):
        names(spec)


def test_a_table_with_a_broken_number_is_named(tree):
    path = tree / "comparison.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("0.125", "many", 1), encoding="utf-8")
    with pytest.raises(InputError, match=r"comparison.csv: column 'pass@1' holds 'many'"):
        render(results_tree.SPEC, Results(tree))


def test_script_writes_the_page(tree, tmp_path, page):
    output = tmp_path / "report.md"
    command = [sys.executable, str(SCRIPT), "--spec", json.dumps(results_tree.SPEC), "--results", str(tree), "--output", str(output)]
    subprocess.run([*command, "--tex", str(tmp_path / "table.tex"), "--html", str(tmp_path / "report.html")], check=True)
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == html.page(page, Results(tree))
    assert output.read_text(encoding="utf-8") == page
    assert (tmp_path / "table.tex").read_text(encoding="utf-8") == tex.table(names(results_tree.SPEC), Results(tree))
