# Pass rates: how often a model answers the questions of a training set right, for datasets.NAME.filter.pass_rate.
#
# needs  results/data/{dataset}/traces.jsonl, results/models/{model}/
# makes  results/data/{dataset}/questions.jsonl           each question that has a gold, once, in the form of prompts.jsonl
#        results/attempts/{model}/{dataset}.jsonl         the model's answers to them, in the form of results/responses/
#        results/pass_rates/{model}/{dataset}.jsonl,json  their verdicts, in the form of results/scores/, where rule filter reads them
# costs  attempt: the tokens that the model generates; a killed job resumes from work/responses/. The rest: seconds, no GPU


rule training_questions:
    input:
        traces=after_seal("results/data/{dataset}/traces.jsonl"),
    output:
        questions="results/data/{dataset}/questions.jsonl",
    log:
        "results/logs/training_questions/{dataset}.log",
    benchmark:
        "results/timing/training_questions/{dataset}.tsv"
    wildcard_constraints:
        dataset=one_of(plan.rated()),
    conda:
        "../envs/environment.yaml"
    params:
        spec=lambda w: filter_spec(w.dataset, plan.training_questions),
        code=code("training_questions.py"),
    shell:
        """
        python "$SCRIPTS/training_questions.py" \
            --traces {input.traces:q} \
            --spec {params.spec:q} \
            --output {output.questions:q} >{log:q} 2>&1
        """


rule attempt:
    input:
        model=after_seal("results/models/{model}/manifest.json"),
        questions=after_seal("results/data/{dataset}/questions.jsonl"),
    output:
        attempts="results/attempts/{model}/{dataset}.jsonl",
    log:
        "results/logs/attempt/{model}/{dataset}.log",
    benchmark:
        "results/timing/attempt/{model}/{dataset}.tsv"
    wildcard_constraints:
        model=one_of(plan.raters()),
        dataset=one_of(plan.rated()),
    conda:
        conda_file(config["runtime"]["respond_gpus"])
    resources:
        gpu=config["runtime"]["respond_gpus"],
        mem_mb=lambda w, input: model_memory(input.model),
    params:
        spec=lambda w: spec(plan.attempt(w.dataset)),
        code=lambda w: code("respond.py", f"distill/generation/engines/{plan.attempt(w.dataset)['engine']}.py"),
        folder=lambda w, input: folder_of(input.model),
        runtime=lambda w, output: spec(config["runtime"]),
        start=lambda w, output: command_prefix(config["runtime"]["respond_gpus"]),
    shell:
        """
        {params.start:q} python "$SCRIPTS/respond.py" \
            --model {params.folder:q} \
            --prompts {input.questions:q} \
            --spec {params.spec:q} \
            --runtime {params.runtime:q} \
            --work work/responses \
            --output {output.attempts:q} >{log:q} 2>&1
        """


rule pass_rate:
    input:
        questions=after_seal("results/data/{dataset}/questions.jsonl"),
        attempts=after_seal("results/attempts/{model}/{dataset}.jsonl"),
    output:
        verdicts="results/pass_rates/{model}/{dataset}.jsonl",
        summary="results/pass_rates/{model}/{dataset}.json",
    log:
        "results/logs/pass_rate/{model}/{dataset}.log",
    benchmark:
        "results/timing/pass_rate/{model}/{dataset}.tsv"
    wildcard_constraints:
        model=one_of(plan.raters()),
        dataset=one_of(plan.rated()),
    conda:
        "../envs/environment.yaml"
    threads: config["runtime"]["workers"]
    params:
        spec=lambda w: spec(plan.grade_attempts(w.dataset)),
        code=code("grade.py"),
        workers=lambda w, threads: threads,
    shell:
        """
        python "$SCRIPTS/grade.py" \
            --prompts {input.questions:q} \
            --responses {input.attempts:q} \
            --spec {params.spec:q} \
            --workers {params.workers} \
            --output {output.verdicts:q} \
            --summary {output.summary:q} >{log:q} 2>&1
        """
