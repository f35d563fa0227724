# On-policy distillation: from a student, a teacher and the prompts of a dataset to a model.
#
# needs  results/models/{model}/ of student and teacher, results/data/{dataset}/sft.jsonl
# makes  results/models/{model}/   weights, tokenizer, configs; log.jsonl; manifest.json, written last
# costs  some 2 minutes of one core in the miniature. A step is a generation of its completions, a training step and a forward pass of the
#        teacher. It keeps checkpoints in work/distill/ and resumes from there after a kill


rule distill:
    input:
        student=after_seal(lambda w: plan.parent_manifest(w.model)),
        teacher=after_seal(lambda w: plan.teacher_manifest(w.model)),
        prompts=lambda w: sealed_file(plan.distillation(w.model)["prompts"], "sft.jsonl"),
        template=lambda w: chat_template(plan.distillation(w.model)),
    output:
        manifest="results/models/{model}/manifest.json",
        log="results/models/{model}/log.jsonl",
    log:
        "results/logs/distill/{model}.log",
    benchmark:
        "results/timing/distill/{model}.tsv"
    wildcard_constraints:
        model=one_of(plan.made("distill")),
    retries: config["runtime"]["train_retries"] if config["runtime"]["train_nodes"] > 1 else 0  # as train
    conda:
        conda_file(config["runtime"]["train_gpus"])
    resources:
        **train_resources(config["runtime"]),
        mem_mb=lambda w, input: distill_memory(w.model),
    params:
        spec=lambda w: spec(plan.distill(w.model)),
        code=lambda w: code("distill_model.py", *rollout_modules(plan.distill(w.model))),
        prompts=lambda w: sealed_digest(prompts_of(plan.distillation(w.model)["prompts"])),
        # In one value: Snakemake 9.27.1 does not see that two exchange theirs (findings/snakemake_exchanged_parameters.sh).
        pair=lambda w: spec(only(plan.distillation(w.model), "student", "teacher")),
        student=lambda w, input: folder_of(input.student),
        teacher=lambda w, input: folder_of(input.teacher),
        folder=lambda w, output: folder_of(output.manifest),
        watch=lambda w, output: spec(plan.watch(w.model)),
        least=lambda w, output: plan.distillation(w.model)["min_headroom"],
        accelerate=lambda w, output: project_path(config["runtime"]["accelerate"]),
        alone=lambda w, output: command_prefix(min(config["runtime"]["train_gpus"], 1)),
        start=lambda w, output, threads, resources: train_prefix(resources, threads),
        launch=lambda w, output: launch_options(config["runtime"]),
        runtime=lambda w, output: spec(config["runtime"]),
        preflight=lambda w, output: preflight_spec(w.model, respond=False),
    # The check of headroom stands outside of what decides the weights: another grader distills nothing again. exec: as in train.
    shell:
        """
        python "$SCRIPTS/preflight.py" --check --plan {params.preflight:q} >{log:q} 2>&1
        {params.alone:q} python "$SCRIPTS/headroom.py" \
            --student {params.student:q} \
            --teacher {params.teacher:q} \
            --prompts {input.prompts:q} \
            --spec {params.spec:q} \
            --chat-template {input.template:q} \
            --min-headroom {params.least} \
            --runtime {params.runtime:q} \
            --output work/headroom/{wildcards.model}.json >>{log:q} 2>&1
        exec {params.start:q} python "$SCRIPTS/launch.py" \
            --accelerate {params.accelerate:q} {params.launch:q} --lock work/launch/{wildcards.model} "$SCRIPTS/distill_model.py" \
            --student {params.student:q} \
            --teacher {params.teacher:q} \
            --prompts {input.prompts:q} \
            --spec {params.spec:q} \
            --chat-template {input.template:q} \
            --watch {params.watch:q} \
            --headroom work/headroom/{wildcards.model}.json \
            --runtime {params.runtime:q} \
            --work work/distill \
            --output {params.folder:q} >>{log:q} 2>&1
        """
