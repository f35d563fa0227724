# All answers to look at, each file only when it is named: snakemake --cores 1 results/answers.html
#
# needs  results/responses/, results/scores/, the prompts
# makes  results/answers.html                        one page that works offline; of gated benchmarks no text
#        results/inspect/{model}/{benchmark}.eval    a log for `inspect view --log-dir results/inspect`
# costs  seconds on one core


rule answers:
    input:
        scores=after_seal(all_evaluations("results/scores/{model}/{benchmark}.jsonl")),
        responses=after_seal(all_evaluations("results/responses/{model}/{benchmark}.jsonl")),
        prompts=expand("results/benchmarks/{benchmark}/prompts.jsonl", benchmark=plan.tasks()),
        template=project_path("scripts/distill/report/answers_page.html"),
    output:
        page="results/answers.html",
    log:
        "results/logs/answers.log",
    benchmark:
        "results/timing/answers.tsv"
    conda:
        "../envs/environment.yaml"
    params:
        # An installed KaTeX changes the page.
        spec=lambda w: spec({**report_part.labels(plan), "katex": version_of("sphinxcontrib-katex")}),
        code=code("answers.py"),
    shell:
        """
        python "$SCRIPTS/answers.py" \
            --spec {params.spec:q} \
            --results results \
            --output {output.page:q} >{log:q} 2>&1
        """


rule inspect_log:
    input:
        scores=after_seal("results/scores/{model}/{benchmark}.jsonl"),
        responses=after_seal("results/responses/{model}/{benchmark}.jsonl"),
        prompts="results/benchmarks/{benchmark}/prompts.jsonl",
    output:
        log="results/inspect/{model}/{benchmark}.eval",
    log:
        "results/logs/inspect_log/{model}/{benchmark}.log",
    benchmark:
        "results/timing/inspect_log/{model}/{benchmark}.tsv"
    conda:
        "../envs/environment.yaml"
    params:
        spec=lambda w: spec(report_part.labels(plan)),
        code=code("inspect_log.py"),
    shell:
        """
        python "$SCRIPTS/inspect_log.py" \
            --spec {params.spec:q} \
            --results results \
            --model {wildcards.model:q} \
            --benchmark {wildcards.benchmark:q} \
            --output {output.log:q} >{log:q} 2>&1
        """
