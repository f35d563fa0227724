# Data: from where a source lies to what is trained on.
#
# needs  the source of each dataset and benchmark (a path, or a teacher and questions; the miniature makes its own), and the tokenizer that
#        counts
# makes  results/sources/{kind}/{name}/       the files of a source, known by content (manifest.json)
#        results/data/{dataset}/traces.jsonl  one trace a row, whatever the format
#        results/data/{dataset}/sft.jsonl     what is trained on; dropped.jsonl, funnel.json and contamination.json say why
#        results/data/{dataset}/audit.json    what training will do to these rows, in each way in which a model takes them
#        results/data/digests.json            the seal: which training sets there are, by content
# costs  one core; about a minute for 17k traces. teacher: what its tokens cost; it keeps answers under work/teacher/ and goes on there
#        fetch: the network; docs/sources.md tells of hubs and the lock, and what is cut off goes on from work/fetch/


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
        spec=lambda w: spec(plan.fetch(w.source, lock=local("config/sources.lock"))),
        code=code("fetch.py"),
        path=lambda w, input: [f"--path={local(path)}" for path in [plan.source_of(w.source).get("path")] if path],
        folder=lambda w, output: folder(output.manifest),
    shell:
        """
        python "$SCRIPTS/fetch.py" \
            --spec {params.spec:q} \
            {params.path:q} \
            --work work/fetch \
            --output {params.folder:q} >{log:q} 2>&1
        """


rule teacher:
    input:
        questions=after_seal(lambda w: plan.questions_of(w.dataset)),
        model=after_seal(lambda w: plan.teacher_model(w.dataset)),
        system=lambda w: system_of(plan.teacher_of(w.dataset)),
    output:
        traces="results/sources/datasets/{dataset}/traces.jsonl",
        manifest="results/sources/datasets/{dataset}/manifest.json",
    log:
        "results/logs/teacher/{dataset}.log",
    benchmark:
        "results/timing/teacher/{dataset}.tsv"
    wildcard_constraints:
        dataset=one_of(plan.taught()),
    conda:
        environment(config["runtime"]["respond_gpus"])
    threads: 1
    resources:
        mem_mb=2000,
        gpu=lambda w: config["runtime"]["respond_gpus"] if plan.teacher_model(w.dataset) else 0,
    params:
        spec=lambda w: spec(plan.teacher(w.dataset)),
        code=lambda w: code("generate_traces.py", f"distill/generation/engines/{plan.teacher(w.dataset)['engine']}.py"),
        runtime=lambda w, output: spec(plan.teacher_runtime(w.dataset)),
        start=lambda w, output, resources: started(resources.gpu),
        questions=lambda w, input: input.questions if input.questions.endswith(".jsonl") else folder(input.questions),
        model=lambda w, input: f"--model={folder(input.model)}" if input.model else [],
        system=lambda w, input: f"--system={input.system}" if input.system else [],
        folder=lambda w, output: folder(output.manifest),
    shell:
        """
        {params.start:q} python "$SCRIPTS/generate_traces.py" \
            --questions {params.questions:q} \
            --spec {params.spec:q} \
            --runtime {params.runtime:q} \
            {params.model:q} \
            {params.system:q} \
            --work work/teacher \
            --output {params.folder:q} >{log:q} 2>&1
        """


rule normalise:
    input:
        source=after_seal("results/sources/datasets/{dataset}/manifest.json"),
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
        traces=after_seal("results/data/{dataset}/traces.jsonl"),
        rejected=after_seal("results/data/{dataset}/rejected.jsonl"),
        tokenizer=lambda w: plan.tokenizer_of(w.dataset),
        template=lambda w: template_of(plan.counted_with(w.dataset)),
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
        template=lambda w, input: [f"--chat-template={path}" for path in input.template],
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
            {params.template:q} \
            {params.benchmarks:q} \
            --output {output.sft:q} \
            --dropped {output.dropped:q} \
            --funnel {output.funnel:q} \
            --contamination {output.contamination:q} \
            --workers {params.workers} >{log:q} 2>&1
        """


rule audit:
    input:
        sft=after_seal("results/data/{dataset}/sft.jsonl"),
        tokenizers=lambda w: once(file for way in plan.audits(w.dataset) for file in plan.tokenizer_files(way["tokenizer"])),
        templates=lambda w: once(file for way in plan.audits(w.dataset) for file in template_of(way)),
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
        tokenizers=lambda w, output: [folder(plan.tokenizer_files(way["tokenizer"])) for way in plan.audits(w.dataset)],
        templates=lambda w, output: ["".join(template_of(way)) or "-" for way in plan.audits(w.dataset)],
    shell:
        """
        python "$SCRIPTS/audit.py" \
            --sft {input.sft:q} \
            --tokenizer {params.tokenizers:q} \
            --chat-template {params.templates:q} \
            --spec {params.spec:q} \
            --output {output.audit:q} >{log:q} 2>&1
        """


checkpoint seal:
    input:
        # All that train takes as `ancient` must be made before the seal: Snakemake 9.27.1 does not look at a job's parameters while a job that
        # makes one of its ancient inputs is yet to run.
        audits=expand("results/data/{dataset}/audit.json", dataset=plan.sealed()),
        sft=expand("results/data/{dataset}/sft.jsonl", dataset=plan.sealed()),
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
        sets=lambda w, input: [f"{name}={path}" for name, path in zip(plan.sealed(), input.sft)],
    shell:
        """
        python "$SCRIPTS/seal.py" --output {output.digests:q} {params.sets:q} >{log:q} 2>&1
        """
