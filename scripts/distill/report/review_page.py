"""results/data/NAME/review.html: a sample of traces to judge by hand, on one page that works offline and saves decisions.jsonl.

The traces are data in the page and are shown as text only, so that nothing that one says can run or load anything.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from distill.base.files import Row, sha256_text
from distill.data.judge import JudgeVerdict
from distill.data.review import Decision
from distill.report.offline import json_in_html, read_template

TEMPLATE = Path(__file__).with_suffix(".html")


def page(
    dataset: str,
    traces: Iterable[Row],
    dropped: Mapping[str, tuple[str, str]],
    verdicts: Mapping[str, JudgeVerdict],
    decisions: Mapping[str, Decision],
    keep_at: float,
) -> Iterator[str]:
    """The page in pieces. `dropped` has reason and detail of the rows that the filter drops."""
    before, after = read_template(TEMPLATE, "/*DATA*/")
    rows = [_shown(row, dropped, verdicts, decisions) for row in traces]
    # What the browser remembers of an unfinished review belongs to this sample and its decisions alone.
    draw = sha256_text(json.dumps([dataset, [[row["id"], row["decision"], row["note"]] for row in rows]]))[:16]
    yield before
    yield json_in_html({"dataset": dataset, "draw": draw, "keep_at": keep_at, "rows": rows})
    yield after


def _shown(
    row: Row, dropped: Mapping[str, tuple[str, str]], verdicts: Mapping[str, JudgeVerdict], decisions: Mapping[str, Decision]
) -> Row:
    name = row["id"]
    reason, detail = dropped.get(name, ("", ""))
    verdict, decision = verdicts.get(name), decisions.get(name)
    made = "" if decision is None or decision.keep is None else "keep" if decision.keep else "drop"
    return {
        **{key: row[key] for key in ("id", "source", "question", "gold", "thought", "solution")},
        **{"reason": reason, "detail": detail, "decision": made, "note": decision.note if decision else ""},
        **({"score": verdict.score, "why": verdict.reason} if verdict else {}),
    }
