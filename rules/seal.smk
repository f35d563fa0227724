# The seal: the digest of each training set, so that unchanged data trains nothing again; and the input functions that wait for it.
#
# needs  results/data/{dataset}/sft.jsonl and audit.json of each dataset that a model is trained on; sft.jsonl of those whose prompts a
#        distillation answers
# makes  results/data/digests.json   the sha256 of each sft.jsonl, and of the prompts in it that a distillation answers
# costs  seconds
import json
from functools import cache
from pathlib import Path


def after_seal(path):
    """Input function for everything downstream of training; it resolves only after the checkpoint `seal`, when the digests are known.

    Without it Snakemake would run a step on files that a training of the same invocation is about to replace. A dry run runs nothing, so
    there it resolves at once, and `-n` shows the whole plan: all that may follow, as if all data came out different.
    """

    def wait(wildcards):
        if not (workflow.dryrun or never_trained()) and below_seal(wildcards):
            checkpoints.seal.get()
        return path(wildcards) if callable(path) else expand(path, **wildcards)

    return wait


def below_seal(wildcards):
    """Whether a job depends on a training of this configuration: by its model or its dataset; a job with neither depends on all models."""
    if "model" in wildcards.keys():
        return plan.below_seal(wildcards.model)
    return "dataset" not in wildcards.keys() or plan.dataset_below_seal(wildcards.dataset)


def sealed_data(model, name):
    """A file of a model's training set (sealed_file)."""
    return sealed_file(plan.training(model)["dataset"], name)


def sealed_file(dataset, name):
    """A file of a training set, as `ancient`: the set counts by its digest, not by its date.

    A set generated or chosen by a model that is trained here is not sealed, since the seal waits for no training: it counts as any other input.
    In a dry run the rows count as any other input too, so that the plan shows what may follow from them, and the audit, which decides
    nothing about the training, as a file that nothing makes: Snakemake 9.27.1 does not look at the parameters of a job below a stale one.
    So a plan may list a step that its run leaves out, never the other way round.
    """
    path = f"results/data/{dataset}/{name}"
    if workflow.dryrun and not plan.dataset_below_seal(dataset):
        return ancient(before_update(path)) if name == "audit.json" and Path(path).exists() else path
    if not workflow.dryrun:
        checkpoints.seal.get()
    return path if plan.dataset_below_seal(dataset) else ancient(path)


def sealed_digest(dataset):
    """The digest of a training set, or of the prompts of one (prompts_of), in the file that the seal last wrote."""
    try:
        return json.loads(Path("results/data/digests.json").read_bytes()).get(dataset, "not sealed")
    except (OSError, ValueError):
        return "not sealed"


@cache
def never_trained():
    """Whether no model has been trained and no training set sealed in this folder."""
    results = [Path(f"results/models/{name}/manifest.json") for name in plan.made("train", "distill")]
    return not any(path.exists() for path in (*results, Path("results/data/digests.json")))


checkpoint seal:
    input:
        # Everything that train takes as `ancient` must be made before the seal: Snakemake 9.27.1 does not look at a job's parameters while
        # a job that makes one of its ancient inputs is yet to run.
        audits=expand("results/data/{dataset}/audit.json", dataset=plan.sealed()),
        sft=expand("results/data/{dataset}/sft.jsonl", dataset=plan.sealed()),
        prompts=expand("results/data/{dataset}/sft.jsonl", dataset=plan.sealed_prompts()),
    output:
        digests="results/data/digests.json",
    log:
        "results/logs/seal.log",
    benchmark:
        "results/timing/seal.tsv"
    conda:
        "../envs/environment.yaml"
    params:
        code=code("seal.py"),
        sets=lambda w, input: [f"{name}={path}" for name, path in zip(plan.sealed(), input.sft)],
        prompts=lambda w, input: options("prompts", [f"{name}={path}" for name, path in zip(plan.sealed_prompts(), input.prompts)]),
    shell:
        """
        python "$SCRIPTS/seal.py" --output {output.digests:q} {params.prompts:q} {params.sets:q} >{log:q} 2>&1
        """
