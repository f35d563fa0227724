# From scores to what people read.
#
# needs  results/scores/, results/responses/, results/data/, results/models/, the table of published scores
# makes  results/comparison.csv    one row a model and benchmark
#        results/differences.csv   one row a pair of models and benchmark
#        results/published.csv     one row a published score: reproduced, not reproduced, or undecidable here
#        results/figures/, results/provenance.json
#        results/report.md, and report.html, the same page for a browser
#        results/comparison.tex    the scores as a table for a paper
# costs  seconds on one core


report: "captions/workflow.rst"


rule compare:
    input:
        scores=after_seal(all_runs("results/scores/{model}/{benchmark}.jsonl")),
        summaries=after_seal(all_runs("results/scores/{model}/{benchmark}.json")),
        elsewhere=[file for name in plan.made("results") for file in files_of({"path": config["models"][name]["results"]})],
        published=local(config["published"]),
    output:
        comparison=told("results/comparison.csv", "Scores"),
        differences=told("results/differences.csv", "Scores"),
        published="results/published.csv",
    log:
        "results/logs/compare.log",
    benchmark:
        "results/timing/compare.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=1000,
    params:
        spec=lambda w: spec(plan.compare(local)),
        code=code("compare.py"),
    shell:
        """
        python "$SCRIPTS/compare.py" \
            --spec {params.spec:q} \
            --scores-dir results/scores \
            --published {input.published:q} \
            --comparison {output.comparison:q} \
            --differences {output.differences:q} \
            --published-checks {output.published:q} >{log:q} 2>&1
        """


rule figures:
    input:
        comparison=after_seal("results/comparison.csv"),
        published=after_seal("results/published.csv"),
        scores=after_seal(all_runs("results/scores/{model}/{benchmark}.jsonl")),
        responses=after_seal(all_runs("results/responses/{model}/{benchmark}.jsonl")),
        logs=after_seal(expand("results/models/{model}/log.jsonl", model=plan.students())),
        data=after_seal(expand("results/data/{dataset}/{name}.json", dataset=plan.trained_on(), name=["funnel", "audit"])),
    output:
        **drawn(),
        svg=expand("results/figures/{name}.svg", name=plan.drawn()),
    log:
        "results/logs/figures.log",
    benchmark:
        "results/timing/figures.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=1000,
    params:
        spec=lambda w: spec(plan.figures()),
        code=code("figures.py"),
        folder=lambda w, output: folder(output.scores),
        names=lambda w, output: list(plan.drawn()),
    shell:
        """
        python "$SCRIPTS/figures.py" \
            --spec {params.spec:q} \
            --results results \
            --output-dir {params.folder:q} \
            --figure {params.names} >{log:q} 2>&1
        """


rule provenance:
    input:
        comparison=after_seal("results/comparison.csv"),
        # What may change without a score that changes with it.
        sources=after_seal([f"results/sources/{source}/manifest.json" for source in plan.sources_used()]),
        seal=after_seal("results/data/digests.json") if plan.sealed() else [],
    output:
        provenance="results/provenance.json",
    log:
        "results/logs/provenance.log",
    benchmark:
        "results/timing/provenance.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=500,
    params:
        spec=lambda w: spec(plan.provenance()),
        code=code("provenance.py"),
        command=lambda w, output: made_again(),
    shell:
        """
        python "$SCRIPTS/provenance.py" \
            --spec {params.spec:q} \
            --command {params.command:q} \
            --results results \
            --output {output.provenance:q} >{log:q} 2>&1
        """


rule report:
    input:
        comparison=after_seal(
            [
                "results/comparison.csv",
                "results/differences.csv",
                "results/published.csv",
            ]
        ),
        scores=after_seal(all_runs("results/scores/{model}/{benchmark}.jsonl")),
        summaries=after_seal(all_runs("results/scores/{model}/{benchmark}.json")),
        responses=after_seal(all_runs("results/responses/{model}/{benchmark}.jsonl")),
        prompts=expand("results/benchmarks/{benchmark}/prompts.jsonl", benchmark=plan.runs()),
        data=after_seal(expand("results/data/{dataset}/{name}.json", dataset=plan.trained_on(), name=["funnel", "contamination", "audit"])),
        models=after_seal(expand("results/models/{model}/manifest.json", model=plan.with_weights())),
        logs=after_seal(expand("results/models/{model}/log.jsonl", model=plan.students())),
        figures=after_seal(expand("results/figures/{name}.{kind}", name=plan.drawn(), kind=["png", "svg"])),
        provenance=after_seal("results/provenance.json"),
    output:
        report="results/report.md",
        html=told("results/report.html", "Report"),
        tex="results/comparison.tex",
    log:
        "results/logs/report.log",
    benchmark:
        "results/timing/report.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=500,
    params:
        spec=lambda w: spec(plan.report()),
        code=code("report.py"),
    shell:
        """
        python "$SCRIPTS/report.py" \
            --spec {params.spec:q} \
            --results results \
            --output {output.report:q} \
            --html {output.html:q} \
            --tex {output.tex:q} >{log:q} 2>&1
        """
