# Base model vs R1-Distill vs our student, from downloaded data to a table that can be published.
# `snakemake --cores all results/report.md` makes everything. README.md says how to start, config/README.md what can be changed.
import os
import sys

from snakemake.utils import min_version

min_version("9.27")

sys.path.insert(0, os.path.join(workflow.basedir, "scripts"))


include: "rules/config.smk"
include: "rules/paths.smk"
include: "rules/launch.smk"


experiment_files = choose_experiment()

for not_given in files_to_load(experiment_files):

    configfile: not_given


config = load_config(config)
plan = Plan(config)


wildcard_constraints:
    dataset=one_of(config["datasets"]),
    model=one_of(config["models"]),
    benchmark=one_of(plan.prompted()),


include: "rules/seal.smk"
include: "rules/sources.smk"
include: "rules/miniature.smk"
include: "rules/pass_rate.smk"
include: "rules/data.smk"
include: "rules/judge.smk"
include: "rules/mix.smk"
include: "rules/logits.smk"
include: "rules/train.smk"
include: "rules/distill.smk"
include: "rules/average.smk"
include: "rules/generate.smk"
include: "rules/grade.smk"
include: "rules/completion.smk"
include: "rules/report.smk"
include: "rules/share.smk"
include: "rules/answers.smk"
include: "rules/bundle.smk"
include: "rules/preflight.smk"
include: "rules/cost.smk"


onstart:
    record_experiment(experiment_files)


onsuccess:
    forget_interruptions()


rule all:
    default_target: True
    input:
        "results/report.md",
