# All answers to look at: snakemake --cores 1 results/answers.html
#
# needs  results/responses/, results/scores/, the prompts
# makes  results/answers.html   one page that works offline; of gated benchmarks no text
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
        spec=lambda w: spec(plan.shown()),
        code=code("answers.py"),
    shell:
        """
        python "$SCRIPTS/answers.py" \
            --spec {params.spec:q} \
            --results results \
            --output {output.page:q} >{log:q} 2>&1
        """
