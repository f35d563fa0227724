"""Has a model seen the benchmarks? What it writes after the beginning of each question, next to benchmarks younger than the model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from distill.base.files import Row
from distill.report.markdown import table, text
from distill.report.names import Names, ShownModel
from distill.report.results import Results
from distill.report.words import NOT_MEASURED, interval, join, listed, percent


@dataclass(frozen=True)
class ShownCompletion:
    """`name`: benchmark@protocol, as in paths; `share`: of each question, which the model is shown."""

    name: str
    label: str
    share: float
    published_after: str | None = None

    def is_control(self, model: ShownModel) -> bool:
        """Whether the benchmark is younger than the model, which cannot have seen it."""
        return bool(model.released and self.published_after and self.published_after > model.released)


def section(shown: Sequence[Mapping[str, Any]], names: Names, results: Results) -> str | None:
    """The part of the page on completions of benchmark items; None where no model has any."""
    completions = [ShownCompletion(**entry) for entry in shown]
    models = [model for model in names.models if any(_summary(results, model, one) for one in completions)]
    if not models:
        return None
    rows = [[text(one.label), *(_cell(one, model, _summary(results, model, one)) for model in models)] for one in completions]
    share = listed([f"{100 * share:g}" for share in dict.fromkeys(one.share for one in completions)])
    note = (
        f"Each question's first {share} %, without a chat template, continued greedily: the percentage of items whose rest comes out word "
        "for word, with its 95 % interval, and ROUGE-L of the rest. Control: younger than the model, which cannot have seen it."
    )
    sentences = [_sentence(model, *_compared(model, completions, results)) for model in models]
    return join("\n".join(f"- {one}" for one in sentences), table(["benchmark", *(text(model.label) for model in models)], rows), note)


def caution(shown: Sequence[Mapping[str, Any]], names: Names, results: Results) -> str | None:
    """For the verdict: which models have seen which benchmarks, those with the same ones together; None where none has seen any."""
    completions = [ShownCompletion(**entry) for entry in shown]
    models: dict[tuple[str, ...], list[str]] = {}
    for model in names.models:
        _, seen = _compared(model, completions, results)
        if seen:
            models.setdefault(tuple(text(one.label) for one, _ in seen), []).append(text(model.label))
    clauses = [f"{listed(who)} {'has' if len(who) == 1 else 'have'} seen {listed(list(what))}" for what, who in models.items()]
    return f"**Seen before:** {'; '.join(clauses)}, so that a score there may be memory." if clauses else None


def _summary(results: Results, model: ShownModel, one: ShownCompletion) -> Row | None:
    found = results.completion(model.name, one.name)
    return found if found and found["n_items"] else None


def _cell(one: ShownCompletion, model: ShownModel, found: Row | None) -> str:
    if found is None:
        return NOT_MEASURED
    control = ", control" if one.is_control(model) else ""
    return f"{percent(found['word_for_word'])} ({interval(*found['ci95'])}); {found['rouge_l']:.2f}{control}"


Completed = Sequence[tuple[ShownCompletion, Row]]


def _compared(model: ShownModel, completions: Sequence[ShownCompletion], results: Results) -> tuple[Completed, Completed]:
    """A model's controls, and what it has seen: the benchmarks of which it completes more than of any control, beyond both intervals."""
    found = [(one, summary) for one in completions if (summary := _summary(results, model, one))]
    controls = [(one, summary) for one, summary in found if one.is_control(model)]
    most = max((summary["ci95"][1] for _, summary in controls), default=1.0)
    return controls, [(one, summary) for one, summary in found if not one.is_control(model) and summary["ci95"][0] > most]


def _sentence(model: ShownModel, controls: Completed, seen: Completed) -> str:
    label = text(model.label)
    if not controls:
        return f"{label}: no benchmark younger than it is among these, so that there is no control (released, published_after)."
    against, clauses = (
        listed([f"{percent(summary['word_for_word'])} % of {text(one.label)}" for one, summary in some]) for some in (controls, seen)
    )
    if not seen:
        return f"{label} completes no benchmark more often than those that are younger than it ({against})."
    named = listed([text(one.label) for one, _ in seen])
    return f"**{label} has seen {named}:** it completes {clauses} word for word, and {against}, which it cannot have seen."
