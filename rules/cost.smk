# The end of a dry run: what it would train and generate, and what may follow once the seal has run, with reason and estimated time.
# A helper file: it makes nothing, and costs the estimate of preflight in each dry run (a fraction of a second).
from snakemake.logging import logger


def expected_parameters(step, model, run):
    """The parameters by which Snakemake knows the training of a model, or its responses."""
    if step == "train":
        return spec(plan.recipe(model)), code("train.py")
    if step == "distill":
        return spec(plan.distill(model)), code("distill_model.py")
    asked = plan.respond(run)
    return spec(asked), code("respond.py", f"distill/generation/engines/{asked['engine']}.py")


def say_cost():
    """Log the table of trainings and generations of the plan that Snakemake holds."""
    from distill.preflight import estimate, facts
    from distill.workflow import cost, snakemake_api

    records = cost.Records(lambda path: Path(path).exists(), lambda step, path: snakemake_api.recorded_parameters(workflow, step, path))
    found = cost.steps(plan, snakemake_api.planned(workflow), records, expected_parameters)
    try:
        part = facts.joined(preflight_part.of(plan, project_path))
        estimated = estimate.estimate(part, facts.gather(part, Path("results")))
    except InputError as error:
        logger.info(f"No times: {error}")
        estimated = {"trainings": [], "distillations": [], "evaluations": []}
    logger.info(cost.table(found, estimated))


def last_line():
    """How the last line of Snakemake's own dry run begins."""
    waits = any(job.is_checkpoint for job in workflow.dag.needrun_jobs(exclude_finished=False))
    return "The run involves checkpoint" if waits else "This was a dry-run"


if workflow.is_main_process:
    from distill.workflow.cost import AtTheEnd

    for handler in [handler for handler in logger.handlers if handler.name == AtTheEnd.NAME]:
        logger.removeHandler(handler)  # of another plan in this process, as tools/why.py makes them
    logger.addHandler(AtTheEnd(last_line, say_cost))
