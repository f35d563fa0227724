# Generation: from a model and a benchmark to responses. Grading is in grade.smk: a change of the grader generates nothing again.
#
# needs  results/models/{model}/, results/sources/benchmarks/{name}/, and the files of models that are given as recorded responses
# makes  results/benchmarks/{benchmark}/prompts.jsonl   the prompts, the same bytes for every model
#        results/responses/{model}/{benchmark}.jsonl    one response a line
# costs  respond: seconds in the miniature, minutes to hours on a GPU; a killed job resumes from work/responses/. The rest: seconds


rule prompts:
    input:
        source=lambda w: f"results/sources/benchmarks/{plan.prompted()[w.benchmark][0]}/manifest.json",
    output:
        prompts="results/benchmarks/{benchmark}/prompts.jsonl",
    log:
        "results/logs/prompts/{benchmark}.log",
    benchmark:
        "results/timing/prompts/{benchmark}.tsv"
    priority: 10  # before filter, so that the seal comes last, and what follows it depends on the content of the prompts too
    conda:
        "../envs/environment.yaml"
    params:
        spec=lambda w: spec(plan.prompts(w.benchmark)),
        code=code("prompts.py"),
        folder=lambda w, input: folder_of(input.source),
    shell:
        """
        python "$SCRIPTS/prompts.py" \
            --benchmark {params.folder:q} \
            --spec {params.spec:q} \
            --output {output.prompts:q} >{log:q} 2>&1
        """


rule respond:
    input:
        model=after_seal("results/models/{model}/manifest.json"),
        prompts=after_seal("results/benchmarks/{benchmark}/prompts.jsonl"),
    output:
        responses="results/responses/{model}/{benchmark}.jsonl",
    log:
        "results/logs/respond/{model}/{benchmark}.log",
    benchmark:
        "results/timing/respond/{model}/{benchmark}.tsv"
    wildcard_constraints:
        model=one_of(plan.local()),
    conda:
        conda_file(config["runtime"]["respond_gpus"])
    resources:
        gpu=config["runtime"]["respond_gpus"],
        mem_mb=lambda w, input: respond_memory(w.model),
    params:
        spec=lambda w: spec(plan.respond(w.benchmark)),
        code=lambda w: code("respond.py", f"distill/generation/engines/{plan.respond(w.benchmark)['engine']}.py"),
        folder=lambda w, input: folder_of(input.model),
        runtime=lambda w, output: spec(config["runtime"]),
        start=lambda w, output: command_prefix(config["runtime"]["respond_gpus"]),
        siblings=lambda w, output: spec(plan.siblings(w.model)),
        preflight=lambda w, output: preflight_spec(w.model, train=False),
    shell:
        """
        python "$SCRIPTS/preflight.py" --check --plan {params.preflight:q} >{log:q} 2>&1
        {params.start:q} python "$SCRIPTS/respond.py" \
            --model {params.folder:q} \
            --prompts {input.prompts:q} \
            --spec {params.spec:q} \
            --runtime {params.runtime:q} \
            --siblings {params.siblings:q} \
            --work work/responses \
            --output {output.responses:q} >>{log:q} 2>&1
        """


rule respond_endpoint:
    input:
        prompts=after_seal("results/benchmarks/{benchmark}/prompts.jsonl"),
    output:
        responses="results/responses/{model}/{benchmark}.jsonl",
    log:
        "results/logs/respond_endpoint/{model}/{benchmark}.log",
    benchmark:
        "results/timing/respond_endpoint/{model}/{benchmark}.tsv"
    wildcard_constraints:
        model=one_of(plan.made("endpoint")),
    conda:
        "../envs/environment.yaml"
    params:
        spec=lambda w: spec(plan.ask(w.model, w.benchmark)),
        code=code("respond.py", "distill/generation/engines/openai.py"),
        runtime=lambda w, output: spec(plan.endpoint_of(w.model)),
    shell:
        """
        python "$SCRIPTS/respond.py" \
            --prompts {input.prompts:q} \
            --spec {params.spec:q} \
            --runtime {params.runtime:q} \
            --work work/responses \
            --output {output.responses:q} >{log:q} 2>&1
        """


rule import_responses:
    input:
        responses=after_seal(lambda w: recorded_files(w.model, w.benchmark)),
        tokenizer=after_seal(lambda w: plan.counted_by(w.model)),
        prompts=after_seal("results/benchmarks/{benchmark}/prompts.jsonl"),
        source=lambda w: f"results/sources/benchmarks/{plan.tasks()[w.benchmark][0]}/manifest.json",
    output:
        responses="results/responses/{model}/{benchmark}.jsonl",
    log:
        "results/logs/import_responses/{model}/{benchmark}.log",
    benchmark:
        "results/timing/import_responses/{model}/{benchmark}.tsv"
    wildcard_constraints:
        model=one_of(plan.made("responses")),
    conda:
        "../envs/environment.yaml"
    params:
        spec=lambda w: spec(plan.import_responses(w.model, w.benchmark)),
        code=code("import_responses.py"),
        folder=lambda w, input: folder_of(input.source),
        tokenizer=lambda w: options("tokenizer", unique(map(folder_of, plan.counted_by(w.model)))),
    shell:
        """
        python "$SCRIPTS/import_responses.py" \
            --responses {input.responses:q} --prompts {input.prompts:q} \
            --benchmark {params.folder:q} \
            --spec {params.spec:q} \
            --output {output.responses:q} {params.tokenizer:q} >{log:q} 2>&1
        """
