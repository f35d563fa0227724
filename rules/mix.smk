# Mixtures: from the training sets of several datasets to one.
#
# needs  results/data/{part}/sft.jsonl and contamination.json of each dataset in datasets.NAME.mix
# makes  the same files for results/data/{dataset}/, where rules/data.smk's audit takes over; funnel.json counts by part
# costs  seconds; one core reads each part twice


rule mix:
    input:
        sft=after_seal(lambda w: [f"results/data/{part}/sft.jsonl" for part in plan.parts(w.dataset)]),
        contamination=after_seal(lambda w: [f"results/data/{part}/contamination.json" for part in plan.parts(w.dataset)]),
    output:
        sft="results/data/{dataset}/sft.jsonl",
        dropped="results/data/{dataset}/dropped.jsonl",
        funnel="results/data/{dataset}/funnel.json",
        contamination="results/data/{dataset}/contamination.json",
    log:
        "results/logs/mix/{dataset}.log",
    benchmark:
        "results/timing/mix/{dataset}.tsv"
    wildcard_constraints:
        dataset=one_of(plan.mixtures()),
    conda:
        "../envs/environment.yaml"
    params:
        spec=lambda w: spec(plan.mix(w.dataset)),
        code=code("mix.py"),
        parts=lambda w, input: options("part", [f"{name}={folder_of(path)}" for name, path in zip(plan.parts(w.dataset), input.sft)]),
    shell:
        """
        python "$SCRIPTS/mix.py" \
            {params.parts:q} \
            --spec {params.spec:q} \
            --output {output.sft:q} \
            --dropped {output.dropped:q} \
            --funnel {output.funnel:q} \
            --contamination {output.contamination:q} >{log:q} 2>&1
        """
