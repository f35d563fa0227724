"""The rules hand out complete specs: every default that can change a result is in them, for no digest of code sees config/schema.yaml."""

from copy import deepcopy
from pathlib import Path

import average
import bundle
import provenance
import pytest
import readme

from distill.base.errors import InputError
from distill.benchmarks import prompts
from distill.config import report_part
from distill.config.plan import Plan
from distill.data import audit, filter_rules, normalise
from distill.evaluation import compare, scoring
from distill.generation import collect, import_recorded, responses, runtime, teacher
from distill.models import prepare
from distill.report import card, names
from distill.sources import fetch
from distill.training.recipe import DISTILLATION, RECIPE
from distill.workflow import clean_work

CONFIGS = readme.examples()
# What the configuration has no key for, or leaves out where it changes nothing: the recipe's floor of a schedule that has none, the weight
# of a loss that has none, the items of a model that answers all of them, the endpoints of a local teacher, the title and note of a figure.
LEFT_TO_THE_STEP = {
    *("prefilled_thought", "answer_form", "trust_remote_code", "min_lr_rate", "kl_weight", "boxed", "items", "endpoints", "title", "note")
}


def specs(plan):
    """(the keys of a step, a spec that a rule hands out to it)."""
    tasks = plan.tasks()
    yield from ((RECIPE, plan.recipe(model)) for model in plan.made("train") + plan.made("checkpoint"))
    yield from ((DISTILLATION, plan.distill(model)) for model in plan.made("distill"))
    yield from ((fetch.SPEC, plan.fetch(source)) for source in plan.fetched())
    yield from ((audit.SPEC, plan.audit(dataset)) for dataset in plan.trained_on())
    yield from ((filter_rules.SPEC, plan.filter(dataset)) for dataset in plan.filtered())
    yield from ((normalise.SPEC, plan.normalise(dataset)) for dataset in plan.filtered())
    yield from ((filter_rules.SPEC, plan.judge_prompts(dataset)) for dataset in plan.judged())
    yield from ((collect.JUDGE, plan.judge(dataset)) for dataset in plan.judged())
    yield from ((teacher.SPEC, plan.teacher(dataset)) for dataset in plan.teacher_datasets())
    yield from ((prepare.SPEC, plan.prepare(model)) for model in plan.made("source") + plan.made("prepare"))
    yield from ((average.SPEC, plan.average(model)) for model in plan.made("average"))
    yield from ((prompts.SPECS[spec["kind"]], spec) for spec in map(plan.prompts, plan.prompted()))
    yield from ((responses.SPEC, plan.respond(task)) for task in tasks)
    yield from ((responses.SPEC, plan.ask(model, task)) for model in plan.made("endpoint") for task in tasks)
    yield from ((import_recorded.SPEC, plan.import_responses(model, task)) for model in plan.made("responses") for task in tasks)
    yield from ((runtime.ENDPOINT, plan.endpoint_of(model)) for model in plan.made("endpoint"))
    yield runtime.LOCAL, plan.config["runtime"]
    asked = [*map(plan.judge_runtime, plan.judged()), *map(plan.teacher_runtime, plan.teacher_datasets())]
    yield from ((runtime.ENDPOINT if "base_url" in given else runtime.LOCAL, given) for given in asked)
    yield from ((scoring.SPEC, plan.grade(task)) for task in tasks)
    yield compare.SPEC, plan.compare()
    yield bundle.SPEC, {"compare": plan.compare(), "report": report_part.report(plan), "grade": {task: plan.grade(task) for task in tasks}}
    yield provenance.SPEC, report_part.provenance(plan)
    yield clean_work.SPEC, clean_work.planned_work(plan, lambda model: None)
    yield from ((card.SPEC, report_part.card(plan, model)) for way in ("train", "checkpoint", "distill") for model in plan.made(way))
    yield names.SPEC, {**report_part.labels(plan), "katex": None}  # of answers.py, where it is not installed
    yield from ((names.SPEC, part(plan)) for part in (report_part.report, report_part.figures, report_part.labels))


def filled_in(filled, given, where=""):
    """Keys that were filled in."""
    if isinstance(filled, dict):
        for key, value in filled.items():
            if key not in given:
                yield f"{where}{key}"
            else:
                yield from filled_in(value, given[key], f"{where}{key}.")
    elif isinstance(filled, list):
        for one, other in zip(filled, given, strict=True):
            yield from filled_in(one, other, where)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: Path(config.get("title", "")).name)
def test_no_default_is_left_to_a_step(config):
    for settings, spec in specs(Plan(config)):
        assert {key.rpartition(".")[2] for key in filled_in(settings.read(spec), spec)} <= LEFT_TO_THE_STEP


def test_sizes_of_a_source_of_the_miniature_are_none_of_a_path_that_an_overlay_puts_in_its_place():
    config = deepcopy(CONFIGS[0])
    source = config["datasets"]["mini_stratos"]["source"]
    source["path"] = f"given/{source.pop('miniature')}"
    assert source.keys() & {"rows", "steps"} and Plan(config).fetch("datasets/mini_stratos") == {}


@pytest.mark.parametrize(("engine", "given"), [("openai", {"base_url": "http://h/v1", "extra": {"n": 1}}), ("vllm", {"gpu_memory": 0.5})])
def test_what_an_engine_may_be_told_by_hand_is_read(engine, given):
    assert given.items() <= runtime.read_runtime(engine, given).items()


@pytest.mark.parametrize(
    ("engine", "given", "said"),
    [
        ("openai", {"base_url": "http://h/v1", "gpu_memory": 0.5}, "gpu_memory: unknown key"),
        ("openai", {}, "base_url"),
        ("vllm", {"base_url": "http://h/v1"}, "base_url: unknown key"),
    ],
)
def test_a_runtime_of_another_engine_is_refused(engine, given, said):
    with pytest.raises(InputError, match=f"--runtime: .*{said}"):
        runtime.read_runtime(engine, given)


def test_a_report_has_no_model_that_is_not_evaluated():
    with pytest.raises(InputError, match=r"role.*baseline, reference, student$"):
        names.names({"models": [{"name": "a", "role": "none"}]})
