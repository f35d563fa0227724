# Base model vs R1-Distill vs our student, from downloaded data to a table that can be published.
# `snakemake --cores all results/report.md` makes everything; README.md says how, config/README.md what can be changed.
import os
import sys
import tempfile

from snakemake.utils import min_version

min_version("9.27")

sys.path.insert(0, os.path.join(workflow.basedir, "scripts"))
# Jobs find this project's scripts, and run under the interpreter that runs Snakemake, whatever stands first on PATH. Temporary files, of
# Snakemake's scheduler too, go where Python finds room.
os.environ.update(
    SCRIPTS=os.path.join(workflow.basedir, "scripts"),
    PATH=os.path.dirname(sys.executable) + os.pathsep + os.environ.get("PATH", ""),
    TMPDIR=tempfile.gettempdir(),
)

if "models" not in config:

    configfile: os.path.join(workflow.basedir, "config", "config.yaml")


include: "rules/common.smk"


config = checked(config)
plan = Plan(config)


wildcard_constraints:
    dataset=one_of(config["datasets"]),
    model=one_of(config["models"]),
    benchmark=one_of(plan.runs()),


include: "rules/data.smk"
include: "rules/miniature.smk"
include: "rules/train.smk"
include: "rules/evaluate.smk"
include: "rules/report.smk"
include: "rules/share.smk"
include: "rules/bundle.smk"
include: "rules/preflight.smk"


rule all:
    default_target: True
    input:
        "results/report.md",
