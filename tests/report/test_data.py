"""What the report says of data that others were made to: the parts of a mixture, and the questions that pass rates chose."""

import pytest
import results_tree

from distill.base.files import read_json, write_json
from distill.data.mixture import funnel
from distill.report import data
from distill.report.names import names
from distill.report.results import Results

NAMES = names(results_tree.SPEC)


def cells(part: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in part.split("\n")]


@pytest.mark.parametrize(("audited", "shares"), [(True, ["75.0 %", "25.0 %"]), (False, ["–", "–"])])
def test_a_mixture_has_a_table_of_its_parts(tree, audited, shares):
    write_json(tree / "data/traces/funnel.json", funnel([("short", 900, 0, 600), ("long", 500, 20, 200)]))
    if audited:
        audit = read_json(tree / "data/traces/audit.json")
        parts = {"short": {"share_of_tokens": 0.75}, "long": {"share_of_tokens": 0.25}}
        write_json(tree / "data/traces/audit.json", {**audit, "parts": parts})
    head, table = data.funnel(NAMES, Results(tree)).split("\n\n")[2:4]
    assert head == "Stratos is mixed from the rows that the filters of its parts kept:"
    first, _, *rows = cells(table)
    assert first == ["part", "rows", "in an earlier part", "not drawn", "in the mixture", "of its tokens"]
    assert rows == [["`short`", "900", "0", "300", "600", shares[0]], ["`long`", "500", "20", "280", "200", shares[1]]]


@pytest.mark.parametrize(("model", "label"), [("ours", "Ours"), ("another", "another")])
def test_pass_rates_have_a_table_of_questions_by_right_answers(tree, model, label):
    """Of a model that the report does not show, its name."""
    counts = {"0": 1200, "1": 300, "2": 40}
    found = read_json(tree / "data/traces/funnel.json")
    write_json(
        tree / "data/traces/funnel.json",
        {**found, "pass_rate": {"model": model, "min": 0, "max": 0.5, "questions_by_right_answers": counts}},
    )
    head, table = data.funnel(NAMES, Results(tree)).split("\n\n")[2:4]
    assert head == f"Stratos takes the questions of which {label} answers 0.0 to 50.0 % right:"
    assert cells(table)[2:] == [["0 of 2", "1,200", "yes"], ["1 of 2", "300", "yes"], ["2 of 2", "40", "no"]]
