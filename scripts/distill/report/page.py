"""The report: one page of Markdown, the same bytes whenever the same results are reported."""

from collections.abc import Mapping
from typing import Any

from distill.report import (
    budget,
    captions,
    completions,
    curves,
    data,
    estimates,
    graders,
    learning,
    origin,
    samples,
    study,
    tables,
    training,
    verdict,
)
from distill.report import names as naming
from distill.report.markdown import anchor, text
from distill.report.results import Results
from distill.report.words import join

DEFAULT_COMMAND = "snakemake --cores all results/report.md"


def render(spec: Mapping[str, Any], results: Results) -> str:
    """The report of a results folder. A section with nothing to say is left out; why something is missing is said once.

    `spec`: title, note (the first line), models [{name, role, label, curve}], benchmarks [{name, label, protocol, gated}] and
    datasets [{name, label}]; audited {student: the settings of its audit}; study [{label, models, seeds}] where there is one;
    completions [{name, label, share, published_after}] where a protocol is of kind completion.
    """
    names, continued = naming.names(spec), spec.get("completions") or ()
    by_tokens, curve = _figure(results, "score_vs_tokens", "Scores against tokens trained on"), learning.section(names, results)
    sections = {
        "Verdict": verdict.section(names, results, completions.caution(continued, names, results)),
        "Scores": join(
            tables.scores(names, results),
            _figure(results, "scores", "Scores with 95 % intervals"),
            tables.details(names, results),
            tables.published(names, results),
        ),
        "Paired differences": tables.differences(names, results),
        "How the answers came out": join(
            tables.outcomes(names, results),
            _figure(results, "answer_length", "Lengths of right and of wrong answers"),
        ),
        "Samples and tokens": curves.section(
            names,
            results,
            budget_figure=_figure(results, "token_budget", "Score against the token budget"),
            samples_figure=_figure(results, "pass_at_k", "pass@k and maj@k against k"),
        ),
        "Seen before": completions.section(continued, names, results),
        "Learning curve": join(curve, by_tokens) if curve else None,
        "Study": study.section(spec.get("study") or (), names, results),
        "Data": data.section(
            names,
            results,
            funnel_figure=_figure(results, "funnel", "Rows kept and dropped"),
            lengths_figure=_figure(results, "lengths", "Tokens per row against max_length"),
        ),
        "Training": join(
            training.section(names, results),
            _figure(results, "loss", "Training loss against tokens"),
            _figure(results, "on_policy", "Entropy, length and share cut of the completions by step"),
            None if curve else by_tokens,
        ),
        "Compute": budget.section(names, results, _figure(results, "score_vs_compute", "Scores against compute")),
        "Estimates": estimates.section(names, results, spec.get("audited") or {}),
        "The graders": graders.section(names, results),
        "Sample answers": samples.section(names, results),
        "Provenance": origin.section(names, results, (results.provenance or {}).get("command") or DEFAULT_COMMAND),
    }
    sections = {head: body for head, body in sections.items() if body}
    note, title = spec.get("note"), spec.get("title") or "Reasoning distillation"
    contents = "\n".join(f"- [{head}](#{anchor(head)})" for head in sections)
    body = [f"## {head}\n\n{section}" for head, section in sections.items()]
    return join(f"> {text(note)}" if note else None, f"# {text(title)}", contents, *body) + "\n"


def _figure(results: Results, name: str, alternative: str) -> str | None:
    """The figure with its caption, where it has been drawn; `alternative` is for those who do not see it."""
    if not results.has(f"figures/{name}.png"):
        return None
    return join(f"![{alternative}](figures/{name}.png)", f"*{captions.caption(name)}*")
