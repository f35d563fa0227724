# The end of a dry run: what it would train and generate, with reason and estimated time; and Snakemake's reasons in words.
# A helper file: it makes nothing, and costs the estimate of preflight in each dry run (a fraction of a second).
from snakemake.logging import logger


def say_cost():
    """Log the table of trainings and generations of the plan that Snakemake holds."""
    from distill.preflight import estimate, facts
    from distill.workflow import cost, snakemake_api

    try:
        part = facts.join_tasks(preflight_part.of(plan, project_path))
        estimated = estimate.estimate(part, facts.gather(part, Path("results")))
    except InputError as error:
        logger.info(f"No times: {error}")
        estimated = dict.fromkeys(("trainings", "distillations", "evaluations", "attempts", "logits"), ())
    logger.info(cost.table(cost.steps(snakemake_api.planned(workflow), config, estimated, Path("results/timing"))))


def changed_parameters(jobid):
    """What changed of the parameters of a job, in words."""
    from distill.workflow import changes, snakemake_api

    return changes.parameter_causes(snakemake_api.with_parameters(workflow, jobid), config)


if workflow.is_main_process:
    from distill.workflow.cost import AtTheEnd, InWords

    for handler in [handler for handler in logger.handlers if handler.name == AtTheEnd.NAME]:
        logger.removeHandler(handler)  # of another plan in this process, as tools/why.py makes them
    for words in [words for words in logger.filters if isinstance(words, InWords)]:
        logger.removeFilter(words)
    logger.addHandler(AtTheEnd(say_cost))
    logger.addFilter(InWords(changed_parameters))
