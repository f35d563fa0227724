# Base model vs R1-Distill vs our student, from downloaded data to a table that can be published.
# `snakemake --cores all results/report.md` makes everything. README.md says how to start, config/README.md what can be changed.
import os
import sys

from snakemake.utils import min_version

min_version("9.27")
sys.path.insert(0, os.path.join(workflow.basedir, "scripts"))

# Helper functions.
for helpers in ("config", "paths", "launch"):

    include: f"rules/{helpers}.smk"


experiment_files = choose_experiment()
for not_given in files_to_load(experiment_files):

    configfile: not_given


config = load_config(config)
plan = Plan(config)


wildcard_constraints:
    dataset=one_of(config["datasets"]),
    model=one_of(config["models"]),
    benchmark=one_of(plan.prompted()),


# One rule file a stage, in the order in which data flows.
for stage in (
    "seal sources miniature pass_rate data judge mix logits "
    "train distill average generate grade completion "
    "report share answers bundle preflight cost"
).split():

    include: f"rules/{stage}.smk"


# What other steps wait for comes first, then answers, then grading: no core is idle while a training is left for the end, and lighteval is
# imported once for many responses.
for step in workflow.rules:
    step.priority += {"respond": 1, "grade_lighteval": 0, "grade": 0}.get(step.name, 2)


onstart:
    record_experiment(experiment_files)


onsuccess:
    forget_interruptions()


rule all:
    default_target: True
    input:
        "results/report.md",
