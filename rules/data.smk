# Data: from where a source lies to what is trained on.
#
# needs  the source of each dataset and benchmark (a path; the miniature makes its own) and the tokenizer that counts
# makes  results/sources/{kind}/{name}/       the files of a source, known by content (manifest.json)
#        results/data/{dataset}/traces.jsonl  one trace a row, whatever the format
#        results/data/{dataset}/sft.jsonl     what is trained on; dropped.jsonl, funnel.json and contamination.json say why
#        results/data/{dataset}/audit.json    what training will do to these rows
#        results/data/digests.json            the seal: which training sets there are, by content
# costs  one core; about a minute for 17k traces


rule fetch:
    input:
        files=lambda w: files_of(plan.source_of(w.source)),
    output:
        manifest="results/sources/{source}/manifest.json",
    log:
        "results/logs/fetch/{source}.log",
    benchmark:
        "results/timing/fetch/{source}.tsv"
    wildcard_constraints:
        source=one_of(plan.fetched()),
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=1000,
    params:
        spec=lambda w: spec(plan.fetch(w.source)),
        code=code("fetch.py"),
        path=lambda w, input: local(plan.source_of(w.source).get("path", "")),
        folder=lambda w, output: folder(output.manifest),
    shell:
        """
        python "$SCRIPTS/fetch.py" \
            --spec {params.spec:q} \
            --path {params.path:q} \
            --output {params.folder:q} >{log:q} 2>&1
        """


rule normalise:
    input:
        source="results/sources/datasets/{dataset}/manifest.json",
        gold=lambda w: plan.gold_of(w.dataset),
    output:
        traces="results/data/{dataset}/traces.jsonl",
        rejected="results/data/{dataset}/rejected.jsonl",
    log:
        "results/logs/normalise/{dataset}.log",
    benchmark:
        "results/timing/normalise/{dataset}.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=1000,
    params:
        spec=lambda w: spec(plan.normalise(w.dataset)),
        code=code("normalise.py"),
        format=lambda w: config["datasets"][w.dataset]["format"],
        folder=lambda w, input: folder(input.source),
        gold=lambda w, input: f"--gold={folder(input.gold)}" if input.gold else [],
    shell:
        """
        python "$SCRIPTS/normalise.py" \
            --format {params.format:q} \
            --input {params.folder:q} \
            --spec {params.spec:q} \
            {params.gold:q} \
            --output {output.traces:q} \
            --rejected {output.rejected:q} >{log:q} 2>&1
        """


rule filter:
    input:
        traces="results/data/{dataset}/traces.jsonl",
        rejected="results/data/{dataset}/rejected.jsonl",
        tokenizer=lambda w: plan.tokenizer_of(w.dataset),
        benchmarks=expand(
            "results/sources/benchmarks/{name}/manifest.json",
            name=config["benchmarks"],
        ),
    output:
        sft="results/data/{dataset}/sft.jsonl",
        dropped="results/data/{dataset}/dropped.jsonl",
        funnel="results/data/{dataset}/funnel.json",
        contamination="results/data/{dataset}/contamination.json",
    log:
        "results/logs/filter/{dataset}.log",
    benchmark:
        "results/timing/filter/{dataset}.tsv"
    conda:
        "../envs/environment.yaml"
    threads: config["runtime"]["workers"]
    resources:
        mem_mb=2000,
    params:
        spec=lambda w: spec(selection(w.dataset)),
        code=code("filter.py"),
        tokenizer=lambda w, input: folder(input.tokenizer),
        benchmarks=lambda w, input: [f"--benchmark={name}={folder(path)}" for name, path in zip(config["benchmarks"], input.benchmarks)],
        workers=lambda w, threads: threads,
    shell:
        """
        python "$SCRIPTS/filter.py" \
            --traces {input.traces:q} \
            --rejected {input.rejected:q} \
            --spec {params.spec:q} \
            --tokenizer {params.tokenizer:q} \
            {params.benchmarks:q} \
            --output {output.sft:q} \
            --dropped {output.dropped:q} \
            --funnel {output.funnel:q} \
            --contamination {output.contamination:q} \
            --workers {params.workers} >{log:q} 2>&1
        """


rule audit:
    input:
        sft="results/data/{dataset}/sft.jsonl",
        tokenizer=lambda w: plan.tokenizer_of(w.dataset),
    output:
        audit="results/data/{dataset}/audit.json",
    log:
        "results/logs/audit/{dataset}.log",
    benchmark:
        "results/timing/audit/{dataset}.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=2000,
    params:
        spec=lambda w: spec(plan.audit(w.dataset)),
        code=code("audit.py"),
        tokenizer=lambda w, input: folder(input.tokenizer),
    shell:
        """
        python "$SCRIPTS/audit.py" \
            --sft {input.sft:q} \
            --tokenizer {params.tokenizer:q} \
            --spec {params.spec:q} \
            --output {output.audit:q} >{log:q} 2>&1
        """


checkpoint seal:
    input:
        sft=expand("results/data/{dataset}/sft.jsonl", dataset=plan.trained_on()),
    output:
        digests="results/data/digests.json",
    log:
        "results/logs/seal.log",
    benchmark:
        "results/timing/seal.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=500,
    params:
        code=code("seal.py"),
        sets=lambda w, input: [f"{name}={path}" for name, path in zip(plan.trained_on(), input.sft)],
    shell:
        """
        python "$SCRIPTS/seal.py" --output {output.digests:q} {params.sets:q} >{log:q} 2>&1
        """
