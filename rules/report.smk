# The report: figures, provenance and the page.
#
# needs  results/comparison.csv and the other tables, results/scores/, results/responses/, results/data/, results/models/
# makes  results/figures/              each figure as png and svg
#        results/provenance.json       versions, commit, hardware, configuration, digests
#        results/report.md, .html      the page, also for a browser
#        results/comparison.tex        the scores as a table for a paper
# costs  seconds on one core


report: "captions/workflow.rst"


rule figures:
    input:
        comparison=after_seal("results/comparison.csv"),
        published=after_seal("results/published.csv"),
        curves=after_seal("results/curves.csv"),
        scores=after_seal(all_evaluations("results/scores/{model}/{benchmark}.jsonl")),
        responses=after_seal(all_evaluations("results/responses/{model}/{benchmark}.jsonl")),
        logs=after_seal(expand("results/models/{model}/log.jsonl", model=plan.students())),
        data=after_seal(expand("results/data/{dataset}/funnel.json", dataset=plan.learned_from())),
        audits=after_seal(expand("results/data/{dataset}/audit.json", dataset=plan.trained_on())),
    output:
        **figure_outputs(),
        svg=expand("results/figures/{name}.svg", name=report_part.drawable_figures(plan)),
    log:
        "results/logs/figures.log",
    benchmark:
        "results/timing/figures.tsv"
    conda:
        "../envs/environment.yaml"
    params:
        spec=lambda w: spec(report_part.figures(plan)),
        code=code("figures.py"),
        folder=lambda w, output: folder_of(output.scores),
        names=lambda w, output: list(report_part.drawable_figures(plan)),
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
        # These may change without a change of any score.
        sources=after_seal(expand("results/sources/{source}/manifest.json", source=plan.sources_used())),
        seal=after_seal("results/data/digests.json") if plan.sealed() or plan.sealed_prompts() else [],
    output:
        provenance="results/provenance.json",
    log:
        "results/logs/provenance.log",
    benchmark:
        "results/timing/provenance.tsv"
    conda:
        "../envs/environment.yaml"
    params:
        spec=lambda w: spec(report_part.provenance(plan)),
        code=code("provenance.py"),
        command=lambda w, output: report_command(),
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
                "results/curves.csv",
                "results/answers.csv",
            ]
        ),
        scores=after_seal(all_evaluations("results/scores/{model}/{benchmark}.jsonl")),
        summaries=after_seal(all_evaluations("results/scores/{model}/{benchmark}.json")),
        responses=after_seal(all_evaluations("results/responses/{model}/{benchmark}.jsonl")),
        prompts=expand("results/benchmarks/{benchmark}/prompts.jsonl", benchmark=plan.tasks()),
        completions=after_seal([f"results/completions/{model}/{task}.json" for model, task in plan.completed()]),
        data=after_seal(expand("results/data/{dataset}/{name}.json", dataset=plan.learned_from(), name=["funnel", "contamination"])),
        audits=after_seal(expand("results/data/{dataset}/audit.json", dataset=plan.trained_on())),
        models=after_seal(expand("results/models/{model}/manifest.json", model=plan.with_weights())),
        logs=after_seal(expand("results/models/{model}/log.jsonl", model=plan.students())),
        figures=after_seal(expand("results/figures/{name}.{kind}", name=report_part.drawable_figures(plan), kind=["png", "svg"])),
        captions=[project_path(f"rules/captions/{name}.rst") for name in report_part.drawable_figures(plan)],
        provenance=after_seal("results/provenance.json"),
    output:
        report="results/report.md",
        html=in_report("results/report.html", "Report"),
        tex="results/comparison.tex",
    log:
        "results/logs/report.log",
    benchmark:
        "results/timing/report.tsv"
    conda:
        "../envs/environment.yaml"
    params:
        spec=lambda w: spec(report_part.report(plan)),
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
