# Data: from a source's files to the rows that are trained on.
#
# needs  results/sources/datasets/{dataset}/, the benchmarks' questions, and the tokenizer that counts
# makes  results/data/{dataset}/traces.jsonl  one trace a row, whatever the format; rejected.jsonl holds the rows that are none
#        results/data/{dataset}/sft.jsonl     the rows that are trained on; dropped.jsonl, funnel.json and contamination.json say why
#        results/data/{dataset}/audit.json    what training will do to these rows, for each tokenizer, template and packing that they meet
# costs  about a minute on one core for 17,000 traces; filter uses runtime.workers cores


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
    wildcard_constraints:
        dataset=one_of(plan.filtered()),
    conda:
        "../envs/environment.yaml"
    params:
        spec=lambda w: spec(plan.normalise(w.dataset)),
        code=code("normalise.py"),
        format=lambda w: config["datasets"][w.dataset]["format"],
        folder=lambda w, input: folder_of(input.source),
        gold=lambda w, input: f"--gold={folder_of(input.gold)}" if input.gold else [],
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
        pass_rates=after_seal(lambda w: plan.pass_rates_of(w.dataset)),
        tokenizer=lambda w: plan.tokenizer_of(w.dataset),
        template=lambda w: chat_template(plan.counted_with(w.dataset)),
        benchmarks=expand(
            "results/sources/benchmarks/{name}/manifest.json",
            name=config["benchmarks"],
        ),
        verdicts=after_seal(lambda w: plan.verdicts_of(w.dataset)),
        decisions=lambda w: decisions(w.dataset),
    output:
        sft="results/data/{dataset}/sft.jsonl",
        dropped="results/data/{dataset}/dropped.jsonl",
        funnel="results/data/{dataset}/funnel.json",
        contamination="results/data/{dataset}/contamination.json",
    log:
        "results/logs/filter/{dataset}.log",
    benchmark:
        "results/timing/filter/{dataset}.tsv"
    wildcard_constraints:
        dataset=one_of(plan.filtered()),
    conda:
        "../envs/environment.yaml"
    threads: config["runtime"]["workers"]
    params:
        spec=lambda w: filter_spec(w.dataset, plan.filter),
        code=code("filter.py"),
        template=lambda w, input: options("chat-template", input.template),
        tokenizer=lambda w, input: folder_of(input.tokenizer),
        benchmarks=lambda w, input: benchmark_options(input.benchmarks),
        judged=lambda w, input: options("verdicts", input.verdicts) + options("decisions", input.decisions),
        pass_rates=lambda w, input: options("pass-rates", input.pass_rates),
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
            {params.judged:q} \
            {params.pass_rates:q} \
            --output {output.sft:q} \
            --dropped {output.dropped:q} \
            --funnel {output.funnel:q} \
            --contamination {output.contamination:q} \
            --workers {params.workers} >{log:q} 2>&1
        """


rule audit:
    input:
        sft=after_seal("results/data/{dataset}/sft.jsonl"),
        funnel=lambda w: [f"results/data/{w.dataset}/funnel.json"] if plan.parts(w.dataset) else [],
        tokenizers=lambda w: unique(sum(audit_tokenizers(w.dataset), [])),
        templates=lambda w: unique(sum(audit_templates(w.dataset), [])),
    output:
        audit="results/data/{dataset}/audit.json",
    log:
        "results/logs/audit/{dataset}.log",
    benchmark:
        "results/timing/audit/{dataset}.tsv"
    conda:
        "../envs/environment.yaml"
    params:
        spec=lambda w: spec(plan.audit(w.dataset)),
        code=code("audit.py"),
        tokenizers=lambda w, output: list(map(folder_of, audit_tokenizers(w.dataset))),
        templates=lambda w, output: ["".join(files) or "-" for files in audit_templates(w.dataset)],
        funnel=lambda w, input: options("funnel", input.funnel),
    # A run that goes on all the same says on the terminal what the audit warns of.
    shell:
        """
        python "$SCRIPTS/audit.py" \
            --sft {input.sft:q} \
            --tokenizer {params.tokenizers:q} \
            --chat-template {params.templates:q} \
            --spec {params.spec:q} \
            {params.funnel:q} \
            --output {output.audit:q} >{log:q} 2>&1
        grep "^warning: " {log:q} >&2 || true
        """
