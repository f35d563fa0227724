# Models: from a source, or from another model, to a folder that from_pretrained and vLLM load.
#
# needs  results/sources/models/{model}/ of each base, the training sets
# makes  results/models/{model}/   weights, tokenizer, configs; log.jsonl for trained ones; manifest.json, written last
#        clean_work: lists the work folders that this configuration cannot resume from; with --config remove=True removes them
# costs  prepare_base: a copy of the weights. train: the one expensive step; 1.5B on 17,000 traces of 4096 tokens is some 24 device hours
#        by the guide's own count. It keeps checkpoints in work/train/ and resumes from there after a kill


rule prepare_base:
    input:
        base=after_seal(lambda w: plan.parent_manifest(w.model)),
        template=lambda w: chat_template(config["models"][w.model].get("prepare", {})),
    output:
        manifest="results/models/{model}/manifest.json",
    log:
        "results/logs/prepare_base/{model}.log",
    benchmark:
        "results/timing/prepare_base/{model}.tsv"
    wildcard_constraints:
        model=one_of(plan.made("source") + plan.made("prepare")),
    priority: 10  # before the seal, as prompts
    conda:
        "../envs/environment.yaml"
    params:
        spec=lambda w: spec(plan.prepare(w.model)),
        code=code("prepare_base.py"),
        base=lambda w, input: folder_of(input.base),
        folder=lambda w, output: folder_of(output.manifest),
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
        template=lambda w: chat_template(plan.training(w.model)),
        logits=after_seal(lambda w: plan.logits_of(w.model)),
        keeper=lambda w: ancient(plan.whole_training(w.model)),
    output:
        manifest="results/models/{model}/manifest.json",
        log="results/models/{model}/log.jsonl",
    log:
        "results/logs/train/{model}.log",
    benchmark:
        "results/timing/train/{model}.tsv"
    wildcard_constraints:
        model=one_of(plan.made("train", "checkpoint")),
    # On one node scripts/launch.py retries, which knows what no retry cures; nodes that fail apart are started together again.
    retries: config["runtime"]["train_retries"] if config["runtime"]["train_nodes"] > 1 else 0
    conda:
        conda_file(config["runtime"]["train_gpus"])
    resources:
        **train_resources(config["runtime"]),
        mem_mb=lambda w, input: train_memory(w.model),
    params:
        spec=lambda w: spec(plan.recipe(w.model)),
        code=code("train.py"),
        data=lambda w: sealed_digest(plan.training(w.model)["dataset"]),
        base=lambda w, input: folder_of(input.base),
        folder=lambda w, output: folder_of(output.manifest),
        accelerate=lambda w, output: project_path(config["runtime"]["accelerate"]),
        start=lambda w, output, threads, resources: train_prefix(resources, threads),
        launch=lambda w, output: launch_options(config["runtime"]),
        logits=lambda w, input: options("logits", map(folder_of, input.logits)),
        runtime=lambda w, output: spec(config["runtime"]),
        save=lambda w, output: plan.training(w.model)["save"],
        preflight=lambda w, output: preflight_spec(w.model, respond=False),
    # exec: a shell would die of Slurm's SIGTERM, and Slurm would end the job before the training has saved its checkpoint.
    shell:
        """
        python "$SCRIPTS/preflight.py" --check --plan {params.preflight:q} >{log:q} 2>&1
        exec {params.start:q} python "$SCRIPTS/launch.py" \
            --accelerate {params.accelerate:q} {params.launch:q} --lock work/launch/{wildcards.model} "$SCRIPTS/train.py" \
            --base {params.base:q} \
            --data {input.data:q} \
            --spec {params.spec:q} \
            --chat-template {input.template:q} \
            {params.logits:q} \
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
    params:
        spec=lambda w: work_spec(),
        how="--remove" if config["remove"] else "",
    shell:
        """
        python "$SCRIPTS/clean_work.py" \
            --spec {params.spec:q} \
            {params.how} 2>&1 | tee {log:q}
        """
