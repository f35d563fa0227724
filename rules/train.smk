# Models: from a source, or from another model, to a folder that from_pretrained and vLLM load.
#
# needs  results/sources/models/{model}/ of each base, the sealed training sets
# makes  results/models/{model}/   weights, tokenizer, configs; log.jsonl for trained ones; manifest.json last
#        clean_work: a list of work folders that this configuration cannot go on from; with --config remove=True it removes them
# costs  prepare_base: a copy of the weights. train: the one expensive step; 1.5B on 17k traces of 4096 tokens is some 24 device hours
#        by the guide's own count. It keeps checkpoints under work/train/ and resumes there after a kill.


rule prepare_base:
    input:
        base=after_seal(lambda w: plan.parent_manifest(w.model)),
        template=lambda w: template_of(config["models"][w.model].get("prepare", {})),
    output:
        manifest="results/models/{model}/manifest.json",
    log:
        "results/logs/prepare_base/{model}.log",
    benchmark:
        "results/timing/prepare_base/{model}.tsv"
    wildcard_constraints:
        model=one_of(plan.made("source") + plan.made("prepare")),
    # As prompts: before the seal.
    priority: 10
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=1000,
    params:
        spec=lambda w: spec(plan.prepare(w.model)),
        code=code("prepare_base.py"),
        base=lambda w, input: folder(input.base),
        folder=lambda w, output: folder(output.manifest),
    shell:
        """
        python "$SCRIPTS/prepare_base.py" \
            --base {params.base:q} \
            --spec {params.spec:q} \
            --chat-template {input.template:q} \
            --output {params.folder:q} >{log:q} 2>&1
        """


rule train:
    input:
        base=after_seal(lambda w: plan.parent_manifest(w.model)),
        data=lambda w: sealed_data(w.model, "sft.jsonl"),
        audit=lambda w: sealed_data(w.model, "audit.json"),
        template=lambda w: template_of(plan.training(w.model)),
        keeper=lambda w: ancient(plan.whole_training(w.model)),
    output:
        manifest="results/models/{model}/manifest.json",
        log="results/models/{model}/log.jsonl",
    log:
        "results/logs/train/{model}.log",
    benchmark:
        "results/timing/train/{model}.tsv"
    wildcard_constraints:
        model=one_of(plan.made("train") + plan.made("checkpoint")),
    # A training that was told to stop, or was killed, goes on where it was. What each attempt printed is kept in work/train/.
    retries: config["runtime"]["train_retries"]
    conda:
        environment(config["runtime"]["train_gpus"])
    threads: 1
    resources:
        **machines(config["runtime"]),
        mem_mb=3000,
    params:
        spec=lambda w: spec(plan.recipe(w.model)),
        code=code("train.py"),
        data=lambda w: sealed_digest(w.model),
        base=lambda w, input: folder(input.base),
        folder=lambda w, output: folder(output.manifest),
        accelerate=lambda w, output: local(config["runtime"]["accelerate"]),
        start=lambda w, output, threads, resources: started(
            config["runtime"]["train_gpus"], config["runtime"]["train_nodes"], resources.get("cpus_per_task", threads)
        ),
        launch=lambda w, output: launch_options(config["runtime"]),
        runtime=lambda w, output: spec(config["runtime"]),
        save=lambda w, output: plan.training(w.model)["save"],
        preflight=lambda w, output: spec(preflight_part.of(plan, local, w.model, respond=False)),
    # exec: a shell would die of Slurm's SIGTERM, and Slurm end the job with it before the training has saved its checkpoint.
    shell:
        """
        python "$SCRIPTS/preflight.py" --check --plan {params.preflight:q} >{log:q} 2>&1
        exec {params.start:q} python "$SCRIPTS/launch.py" \
            --accelerate {params.accelerate:q} {params.launch:q} "$SCRIPTS/train.py" \
            --base {params.base:q} \
            --data {input.data:q} \
            --spec {params.spec:q} \
            --chat-template {input.template:q} \
            --runtime {params.runtime:q} \
            --save {params.save} \
            --work work/train \
            --output {params.folder:q} >>{log:q} 2>&1
        """


rule clean_work:
    log:
        "results/logs/clean_work.log",
    localrule: True
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=500,
    params:
        spec=lambda w: spec(resumable()),
        how="--remove" if config["remove"] else "",
    shell:
        """
        python "$SCRIPTS/clean_work.py" \
            --spec {params.spec:q} \
            {params.how} 2>&1 | tee {log:q}
        """
