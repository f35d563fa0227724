# All numbers in one file: snakemake --cores 1 results/bundle.zip
#
# needs  the report and what it is made from
# makes  results/bundle.zip   enough to check each number: python scripts/bundle.py --check results/bundle.zip
# costs  seconds on one core


rule bundle:
    input:
        report=after_seal(["results/report.md", "results/report.html", "results/comparison.tex"]),
        tables=after_seal(expand("results/{name}.csv", name=["comparison", "differences", "published", "curves", "answers"])),
        scores=after_seal(all_evaluations("results/scores/{model}/{benchmark}.jsonl")),
        summaries=after_seal(all_evaluations("results/scores/{model}/{benchmark}.json")),
        responses=after_seal(all_evaluations("results/responses/{model}/{benchmark}.jsonl")),
        prompts=expand("results/benchmarks/{benchmark}/prompts.jsonl", benchmark=plan.tasks()),
        data=after_seal(expand("results/data/{dataset}/{name}.json", dataset=plan.learned_from(), name=["funnel", "contamination"])),
        audits=after_seal(expand("results/data/{dataset}/audit.json", dataset=plan.trained_on())),
        dropped=after_seal(expand("results/data/{dataset}/dropped.jsonl", dataset=plan.learned_from())),
        models=after_seal(expand("results/models/{model}/manifest.json", model=plan.with_weights())),
        logs=after_seal(expand("results/models/{model}/log.jsonl", model=plan.students())),
        figures=after_seal(expand("results/figures/{name}.png", name=report_part.drawable_figures(plan))),
        provenance=after_seal("results/provenance.json"),
        elsewhere=imported_scores(),
        published=project_path(config["published"]),
        locks=lock_files(),
    output:
        bundle="results/bundle.zip",
    log:
        "results/logs/bundle.log",
    benchmark:
        "results/timing/bundle.tsv"
    conda:
        "../envs/environment.yaml"
    params:
        spec=lambda w: bundle_spec(),
        code=code("bundle.py"),
    shell:
        """
        python "$SCRIPTS/bundle.py" \
            --spec {params.spec:q} \
            --results results \
            --published {input.published:q} \
            --lock {input.locks:q} \
            --output {output.bundle:q} >{log:q} 2>&1
        """
