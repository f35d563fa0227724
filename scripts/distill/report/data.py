"""The data: what the filter kept and why it dropped the rest, benchmark questions found in it, and what training does to the rows."""

from collections.abc import Sequence

from distill.base.files import Row
from distill.data.agreement import Agreement, in_words
from distill.data.audit import COUNTED
from distill.report.markdown import block, clip, code, shorten, table, text
from distill.report.names import Names, ShownDataset
from distill.report.results import Results
from distill.report.words import MINUS, NOT_MEASURED, gap, join, listed, number, percent, share

_CONTAMINATION_NOTE = """\
A row holds an item where its question is the same or shares a run of words with it; the table above shows how many rows were dropped for
that. Rows with the same words but other numbers are counted and kept."""
_AUDIT_NOTE = """\
Counted with the tokenizer, chat template and packing of the training: a column for each setting with which a model trains on the rows."""

# The parts of a row that a cut can lose, as audit.json calls them.
_PARTS = {"boxed_answer": "boxed answer", "closing_tag": "closing tag", "eos": "end-of-sequence token"}


def section(names: Names, results: Results, funnel_figure: str | None, lengths_figure: str | None) -> str | None:
    """None where no model was trained here: the section on training says so."""
    if not names.datasets:
        return None
    return join(
        funnel(names, results),
        funnel_figure,
        "### Benchmark questions in the data",
        contamination(names, results),
        "### Lengths and warnings",
        audit(names, results),
        lengths_figure,
        masks(names, results),
    )


def _missing(what: str, datasets: Sequence[ShownDataset]) -> str | None:
    """One line for all datasets that have no such file."""
    return gap(f"{what} of {listed([text(dataset.label) for dataset in datasets])}") if datasets else None


def funnel(names: Names, results: Results) -> str:
    """A column per dataset; the reasons in the order in which the filter checks them."""
    found = [(dataset, results.funnel(dataset.name)) for dataset in names.datasets]
    there = [(dataset, row) for dataset, row in found if row]
    missing = _missing("rows kept and dropped (funnel.json)", [dataset for dataset, row in found if not row])
    if not there:
        return missing or gap("data sets")
    checked = list(dict.fromkeys(reason for _, row in there for reason in row["dropped"]))
    reasons = [reason for reason in checked if any(row["dropped"].get(reason) for _, row in there)]
    lines = [["rows in", *(f"{row['rows_in']:,}" for _, row in there)]]
    lines += [
        [f"{MINUS} {text(reason.replace('_', ' '))}", *(f"{row['dropped'].get(reason, 0):,}" for _, row in there)] for reason in reasons
    ]
    lines += [
        ["kept", *(f"{row['kept']:,}" for _, row in there)],
        ["share kept", *(share(row["kept"], row["rows_in"]) for _, row in there)],
    ]
    note = "Each dropped row is listed once in dropped.jsonl, under the first reason that applies."
    for dataset, row in there:
        for reason, example in row.get("examples", {}).items():
            where = f"row {text(example['id'])} of {text(dataset.label)}"
            note += f" An example of {text(reason.replace('_', ' '))}: {where}, {text(example['detail'])}."
        note += _judged(dataset, row)
    if none := [text(reason.replace("_", " ")) for reason in checked if reason not in reasons]:
        note += f" Also checked, and found in no row: {', '.join(none)}."
    body = table(["", *(text(dataset.label) for dataset, _ in there)], lines)
    rated = (_pass_rates(dataset, row["pass_rate"], names) for dataset, row in there if row.get("pass_rate"))
    return join(body, note, *rated, *(_parts(dataset, row, results) for dataset, row in there if row.get("parts")), missing)


def _pass_rates(dataset: ShownDataset, rated: Row, names: Names) -> str:
    """How many questions a model answers right how often, of which the filter takes those between two bounds."""
    counts = rated["questions_by_right_answers"]
    samples = len(counts) - 1
    within = [rated["min"] <= int(right) / samples <= rated["max"] for right in counts]
    lines = [
        [f"{right} of {samples}", f"{count:,}", "yes" if keeps else "no"]
        for (right, count), keeps in zip(counts.items(), within, strict=True)
    ]
    low, high = (percent(rated[key]) for key in ("min", "max"))
    about = f"{text(dataset.label)} takes the questions of which {text(names.label(rated['model']))} answers {low} to {high} % right:"
    return join(about, table(["right answers", "questions", "taken"], lines))


def _judged(dataset: ShownDataset, funnel: Row) -> str:
    """What was decided by hand, and what a judge found; where both, how far they agree."""
    note = ""
    if by_hand := funnel.get("by_hand"):
        note += (
            f" Of {text(dataset.label)}, {by_hand['keep']:,} rows were decided by hand to be kept and {by_hand['drop']:,} to be dropped."
        )
    if judge := funnel.get("judge"):
        scores = ", ".join(f"{score}: {count:,}" for score, count in judge["scores"].items())
        note += f" A model judged {judge['rows']:,} rows of {text(dataset.label)}, kept from a score of {judge['keep_at']:g} on ({scores})."
        if agreed := judge.get("agreement"):
            both = Agreement(**{**agreed, "ci95": agreed["ci95"] and tuple(agreed["ci95"])})
            note += f" It agrees with the decisions made by hand on {both.both + both.neither} of {both.rows} rows: {in_words(both)}."
    return note


def _parts(dataset: ShownDataset, funnel: Row, results: Results) -> str:
    """What each part of a mixture gave, and the tokens of that as its first audit counted them."""
    audited = (results.audit(dataset.name) or {}).get("parts", {})
    lines = [
        [
            code(name, in_table=True),
            f"{part['rows_in']:,}",
            *(f"{count:,}" for count in part["dropped"].values()),
            f"{part['kept']:,}",
            f"{number(100 * audited[name]['share_of_tokens'])} %" if name in audited else NOT_MEASURED,
        ]
        for name, part in funnel["parts"].items()
    ]
    head = ["part", "rows", "in an earlier part", "not drawn", "in the mixture", "of its tokens"]
    return join(f"{text(dataset.label)} is mixed from the rows that the filters of its parts kept:", table(head, lines))


def contamination(names: Names, results: Results) -> str:
    """How many rows hold a question of which benchmark, and the words that matched."""
    lines, parts, without = [], [], []
    for dataset in names.datasets:
        found = results.contamination(dataset.name)
        if found is None:
            without.append(dataset)
            continue
        for benchmark, hits in found["benchmarks"].items():
            known = next((known for known in names.benchmarks if known.name.split("@")[0] == benchmark), None)
            label, gated = (known.label, known.gated) if known else (benchmark, False)
            if not hits["items"]:  # an optional benchmark that is not here
                lines.append([text(dataset.label), text(label), "not searched", NOT_MEASURED, NOT_MEASURED])
                continue
            other = hits["other_numbers"]["rows"]
            lines.append(
                [text(dataset.label), text(label), f"{hits['rows_hit']:,}", f"{hits['items_hit']:,} of {hits['items']:,}", f"{other:,}"]
            )
            parts += [f"- {text(label)}, in {text(dataset.label)}: {_match(row)}" for row in _examples(hits["rows"]) if not gated]
    missing = _missing("the search for benchmark questions (contamination.json)", without)
    if not lines:
        return missing or gap("contamination.json")
    body = table(["data set", "benchmark", "rows that hold an item", "items found", "same words, other numbers"], lines, left=2)
    return join(body, _CONTAMINATION_NOTE, "Examples of what matched:\n\n" + "\n".join(parts) if parts else None, missing)


def _examples(rows: list[Row]) -> list[Row]:
    """The first row of each kind of match, with the words that matched."""
    kinds: dict[str, Row] = {}
    for row in rows:
        if row.get("span"):
            kinds.setdefault(row["match"], row)
    return list(kinds.values())


def _match(row: Row) -> str:
    how = {"ngram": "words in common", "exact": "the same question"}.get(row["match"], row["match"])
    return f"{text(how)}, {code(clip(row['span'], 200))} (row {code(clip(str(row['id']), 20))}, item {code(clip(str(row['item_id']), 40))})"


def audit(names: Names, results: Results) -> str:
    """What training does to the rows: warnings first, then lengths and losses."""
    found = [(dataset, way, row) for dataset in names.datasets for way, row in results.audits(dataset)]
    trained = [dataset for dataset in names.datasets if not dataset.prompts]
    missing = _missing("the audit (audit.json)", [dataset for dataset in trained if not results.audit(dataset.name)])
    if not found:
        return missing or ""
    warnings = [f"- **{text(way)}:** {text(warning)}" for _, way, row in found for warning in row["warnings"]]
    vary = [key for key in COUNTED if len({row["settings"].get(key) for _, _, row in found}) > 1]
    columns = [_settings(row, vary) | _lengths(row) for *_, row in found]
    lines = [[name, *(column[name] for column in columns)] for name in columns[0]]
    body = table(["", *(text(dataset.label) for dataset, *_ in found)], lines)
    return join("\n".join(warnings) or "No warnings.", body, _AUDIT_NOTE, missing)


def masks(names: Names, results: Results) -> str:
    """One row of each data set with its loss mask; once for all settings under which it looks the same."""
    shown: list[str] = []
    for dataset in names.datasets:
        samples: dict[str, Row] = {}
        for way, row in results.audits(dataset):
            if row.get("sample") and row["sample"] not in samples.values():
                samples[way] = row["sample"]
        shown += [_mask(way if len(samples) > 1 else dataset.label, sample) for way, sample in samples.items()]
    return join(*shown)


def _settings(row: Row, vary: list[str]) -> dict[str, str]:
    """The settings of an audit; of the tokenizer and its like only what varies between audits."""
    settings = row["settings"]
    counted = {key: "its own" if settings.get(key) is None else code(settings[key], in_table=True) for key in vary}
    return counted | {
        "max_length": f"{settings['max_length']:,}",
        "packing": code(settings["packing"], in_table=True),
        "loss on": settings["loss_on"],
    }


def _lengths(row: Row) -> dict[str, str]:
    tokens, cut, shares = row["tokens"], row["cut"], row["shares"]
    return {
        "rows": f"{row['rows']:,}",
        "tokens": f"{tokens['total']:,}",
        "median tokens per row": f"{tokens['quantiles']['p50']:,}",
        "99th percentile": f"{tokens['quantiles']['p99']:,}",
        "longest": f"{tokens['quantiles']['max']:,}",
        "rows cut": f"{cut['rows']:,}",
        **{f"rows that lose their {_PARTS.get(part, part)}": f"{count:,}" for part, count in cut["rows_that_lose"].items()},
        "tokens cut off": f"{number(100 * shares['tokens_lost'])} %",
        "rows continued without their question": f"{cut['rows_separated']:,}",
        "share of a sequence that is filled": f"{number(100 * row['packing']['efficiency'])} %",
        "tokens that carry loss": f"{number(100 * row['loss_share'])} %",
    }


def _mask(label: str, sample: Row) -> str:
    """One row as training sees it, in pieces with and without loss."""
    pieces = [f"---- {'loss' if piece['loss'] else 'no loss'} ----\n{shorten(piece['text'], 300, 200)}" for piece in sample["pieces"]]
    return join(f"One row of {text(label)} as training sees it:", block("\n".join(pieces)))
