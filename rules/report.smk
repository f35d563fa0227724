# From scores to what people read.
#
# needs  results/scores/, results/responses/, results/data/, results/models/, the table of published scores
# makes  results/comparison.csv    one row a model and benchmark
#        results/differences.csv   one row a pair of models and benchmark
#        results/published.csv     one row a published score: reproduced, not reproduced, or undecidable here
#        results/figures/, results/provenance.json, results/report.md
# costs  seconds on one core


rule compare:
    input:
        scores=after_seal(all_runs("results/scores/{model}/{benchmark}.jsonl")),
        summaries=after_seal(all_runs("results/scores/{model}/{benchmark}.json")),
        published=local(config["published"]),
    output:
        comparison="results/comparison.csv",
        differences="results/differences.csv",
        published="results/published.csv",
    log:
        "results/logs/compare.log",
    benchmark:
        "results/timing/compare.tsv"
    params:
        spec=lambda w: spec(compared()),
        code=code("compare.py"),
    threads: 1
    resources:
        mem_mb=1000,
    shell:
        """
        python {scripts}/compare.py \
            --spec {params.spec:q} \
            --scores-dir results/scores \
            --published {input.published:q} \
            --comparison {output.comparison:q} \
            --differences {output.differences:q} \
            --published-checks {output.published:q} > {log:q} 2>&1
        """


rule figures:
    input:
        comparison=after_seal("results/comparison.csv"),
        published=after_seal("results/published.csv"),
        logs=after_seal(lambda w: expand("results/models/{model}/log.jsonl", model=evaluated_and_trained())),
    output:
        scores=report("results/figures/scores.png", category="Scores"),
        loss=report("results/figures/loss.png", category="Training"),
    log:
        "results/logs/figures.log",
    benchmark:
        "results/timing/figures.tsv"
    params:
        spec=lambda w: spec({**shown(), "labels": config["figures"]}),
        code=code("figures.py"),
        folder=lambda w, output: folder(output.scores),
    threads: 1
    resources:
        mem_mb=1000,
    shell:
        """
        python {scripts}/figures.py \
            --spec {params.spec:q} \
            --results results \
            --output-dir {params.folder:q} \
            --figure scores loss > {log:q} 2>&1
        """


rule provenance:
    input:
        comparison=after_seal("results/comparison.csv"),
    output:
        provenance="results/provenance.json",
    log:
        "results/logs/provenance.log",
    benchmark:
        "results/timing/provenance.tsv"
    params:
        spec=lambda w: spec({"config": results_config()}),
        code=code("provenance.py"),
    threads: 1
    resources:
        mem_mb=500,
    shell:
        """
        python {scripts}/provenance.py \
            --spec {params.spec:q} \
            --results results \
            --output {output.provenance:q} > {log:q} 2>&1
        """


rule report:
    input:
        comparison=after_seal(["results/comparison.csv", "results/differences.csv", "results/published.csv"]),
        scores=after_seal(all_runs("results/scores/{model}/{benchmark}.jsonl")),
        summaries=after_seal(all_runs("results/scores/{model}/{benchmark}.json")),
        responses=after_seal(all_runs("results/responses/{model}/{benchmark}.jsonl")),
        funnels=after_seal(expand("results/data/{dataset}/funnel.json", dataset=trained_on())),
        models=after_seal(expand("results/models/{model}/manifest.json", model=evaluated())),
        figures=after_seal(["results/figures/scores.png", "results/figures/loss.png"]),
        provenance=after_seal("results/provenance.json"),
    output:
        report="results/report.md",
    log:
        "results/logs/report.log",
    benchmark:
        "results/timing/report.tsv"
    params:
        spec=lambda w: spec({"title": config["title"], "note": config["note"], **shown()}),
        code=code("report.py"),
    threads: 1
    resources:
        mem_mb=500,
    shell:
        """
        python {scripts}/report.py \
            --spec {params.spec:q} \
            --results results \
            --output {output.report:q} > {log:q} 2>&1
        """
