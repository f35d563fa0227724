# Evaluation: from a model and a benchmark to scores. respond needs the accelerator, the rest a CPU core; a change in grading answers nothing again.
#
# needs  results/models/{model}/, results/sources/benchmarks/{name}/, and the files of models that are given as recorded responses
# makes  results/benchmarks/{benchmark}/prompts.jsonl      frozen, so that every model answers the same bytes
#        results/responses/{model}/{benchmark}.jsonl       what the model wrote, kept; of a recorded model, taken in
#        results/lighteval/{model}/{benchmark}.jsonl,json  lighteval's verdicts on the same text, its self-test where it decides
#        results/scores/{model}/{benchmark}.jsonl,json     a verdict an answer, and their summary
# costs  respond: seconds in the miniature, minutes to hours on a GPU (its answers are kept in work/responses/ as they come). grade: seconds


rule prompts:
    input:
        source=lambda w: f"results/sources/benchmarks/{plan.runs()[w.benchmark][0]}/manifest.json",
    output:
        prompts="results/benchmarks/{benchmark}/prompts.jsonl",
    log:
        "results/logs/prompts/{benchmark}.log",
    benchmark:
        "results/timing/prompts/{benchmark}.tsv"
    # Ahead of filter, so that the seal comes last and what follows it is decided by the content of the prompts too.
    priority: 10
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=500,
    params:
        spec=lambda w: spec(plan.prompts(w.benchmark)),
        code=code("prompts.py"),
        folder=lambda w, input: folder(input.source),
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
        model=one_of(plan.made("source") + plan.made("prepare") + plan.made("train") + plan.made("checkpoint")),
    # Ahead of grading, so that one import of lighteval finds all answers of a model.
    priority: 5
    conda:
        environment(config["runtime"]["respond_gpus"])
    threads: 1
    resources:
        mem_mb=2000,
        gpu=config["runtime"]["respond_gpus"],
    params:
        spec=lambda w: spec(plan.respond(w.benchmark)),
        code=lambda w: code("respond.py", f"distill/generation/engines/{plan.respond(w.benchmark)['engine']}.py"),
        folder=lambda w, input: folder(input.model),
        runtime=lambda w, output: spec(config["runtime"]),
        start=lambda w, output: started(config["runtime"]["respond_gpus"]),
        siblings=lambda w, output: spec(plan.siblings(w.model)),
        preflight=lambda w, output: spec(preflight_part.of(plan, local, w.model, train=False)),
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
    threads: 1
    resources:
        mem_mb=1000,
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
        responses=after_seal(lambda w: recorded(w.model, w.benchmark)),
        prompts=after_seal("results/benchmarks/{benchmark}/prompts.jsonl"),
        source=lambda w: f"results/sources/benchmarks/{plan.runs()[w.benchmark][0]}/manifest.json",
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
    threads: 1
    resources:
        mem_mb=2000,
    params:
        spec=lambda w: spec(plan.import_responses(w.model, w.benchmark)),
        code=code("import_responses.py"),
        folder=lambda w, input: folder(input.source),
    shell:
        """
        python "$SCRIPTS/import_responses.py" \
            --responses {input.responses:q} \
            --prompts {input.prompts:q} \
            --benchmark {params.folder:q} \
            --spec {params.spec:q} \
            --output {output.responses:q} >{log:q} 2>&1
        """


rule grade_lighteval:
    input:
        prompts=after_seal("results/benchmarks/{benchmark}/prompts.jsonl"),
        responses=after_seal("results/responses/{model}/{benchmark}.jsonl"),
    output:
        verdicts="results/lighteval/{model}/{benchmark}.jsonl",
        results="results/lighteval/{model}/{benchmark}.json",
    log:
        "results/logs/grade_lighteval/{model}/{benchmark}.log",
    benchmark:
        "results/timing/grade_lighteval/{model}/{benchmark}.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=2000,
    params:
        spec=lambda w: spec(plan.grade_lighteval(w.benchmark)),
        code=code("grade_lighteval.py"),
        siblings=lambda w, output: spec(plan.siblings(w.model)),
    shell:
        """
        python "$SCRIPTS/grade_lighteval.py" \
            --prompts {input.prompts:q} \
            --responses {input.responses:q} \
            --spec {params.spec:q} \
            --siblings {params.siblings:q} \
            --work work/lighteval \
            --output {output.verdicts:q} \
            --results {output.results:q} >{log:q} 2>&1
        """


rule grade:
    input:
        prompts=after_seal("results/benchmarks/{benchmark}/prompts.jsonl"),
        responses=after_seal("results/responses/{model}/{benchmark}.jsonl"),
        lighteval=after_seal("results/lighteval/{model}/{benchmark}.jsonl"),
        lighteval_results=after_seal("results/lighteval/{model}/{benchmark}.json"),
    output:
        scores="results/scores/{model}/{benchmark}.jsonl",
        summary="results/scores/{model}/{benchmark}.json",
    log:
        "results/logs/grade/{model}/{benchmark}.log",
    benchmark:
        "results/timing/grade/{model}/{benchmark}.tsv"
    conda:
        "../envs/environment.yaml"
    threads: config["runtime"]["workers"]
    resources:
        mem_mb=2000,
    params:
        spec=lambda w: spec(plan.grade(w.benchmark)),
        code=code("grade.py"),
        workers=lambda w, threads: threads,
    shell:
        """
        python "$SCRIPTS/grade.py" \
            --prompts {input.prompts:q} \
            --responses {input.responses:q} \
            --verdicts lighteval={input.lighteval:q} \
            --self-test lighteval={input.lighteval_results:q} \
            --spec {params.spec:q} \
            --workers {params.workers} \
            --output {output.scores:q} \
            --summary {output.summary:q} >{log:q} 2>&1
        """
