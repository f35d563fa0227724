# Grading: from responses to verdicts, scores and the comparison of models. No GPU.
#
# needs  results/benchmarks/{benchmark}/prompts.jsonl, results/responses/{model}/{benchmark}.jsonl, the table of published scores
# makes  results/lighteval/{model}/{benchmark}.jsonl,json   lighteval's verdicts on the same responses; its self-test, where it decides
#        results/scores/{model}/{benchmark}.jsonl,json      a verdict for each response, and their summary
#        results/comparison.csv                             one row for each model and benchmark
#        results/differences.csv                            one row for each pair of models and benchmark
#        results/published.csv                              one row for each published score: reproduced or not, or undecidable here
#        results/curves.csv, results/answers.csv            pass@k, maj@k, the score by token budget; lengths and agreement
# costs  seconds, of which importing lighteval takes ten: so that step grades responses of other models, too; grade uses runtime.workers cores


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
    params:
        spec=lambda w: spec(plan.grade_lighteval(w.benchmark, w.model)),
        code=code("grade_lighteval.py"),
        others=lambda w, output: spec_file(plan.evaluations()),
    shell:
        """
        python "$SCRIPTS/grade_lighteval.py" \
            --prompts {input.prompts:q} \
            --responses {input.responses:q} \
            --spec {params.spec:q} \
            --others {params.others:q} \
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
    params:
        spec=lambda w: spec(plan.grade(w.benchmark, w.model)),
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


rule compare:
    input:
        scores=after_seal(all_evaluations("results/scores/{model}/{benchmark}.jsonl")),
        summaries=after_seal(all_evaluations("results/scores/{model}/{benchmark}.json")),
        responses=after_seal(all_evaluations("results/responses/{model}/{benchmark}.jsonl")),
        elsewhere=imported_scores(),
        published=project_path(config["published"]),
    output:
        comparison=in_report("results/comparison.csv", "Scores"),
        differences=in_report("results/differences.csv", "Scores"),
        published="results/published.csv",
        curves=in_report("results/curves.csv", "Scores"),
        answers=in_report("results/answers.csv", "Scores"),
    log:
        "results/logs/compare.log",
    benchmark:
        "results/timing/compare.tsv"
    conda:
        "../envs/environment.yaml"
    params:
        spec=lambda w: spec(plan.compare(project_path)),
        code=code("compare.py"),
    shell:
        """
        python "$SCRIPTS/compare.py" \
            --spec {params.spec:q} \
            --scores-dir results/scores \
            --responses-dir results/responses \
            --published {input.published:q} \
            --comparison {output.comparison:q} \
            --differences {output.differences:q} \
            --published-checks {output.published:q} \
            --curves {output.curves:q} \
            --answers {output.answers:q} >{log:q} 2>&1
        """
