# Completion: has a model seen a benchmark? It gets the beginning of each question without any chat template, and continues.
#
# needs  results/benchmarks/{benchmark@protocol}/prompts.jsonl and results/responses/{model}/{benchmark@protocol}.jsonl, for protocols of kind completion
# makes  results/completions/{model}/{benchmark@protocol}.jsonl, .json   the items that came out word for word, and their share
# costs  seconds on one core


rule completion:
    input:
        prompts=after_seal("results/benchmarks/{benchmark}/prompts.jsonl"),
        responses=after_seal("results/responses/{model}/{benchmark}.jsonl"),
    output:
        completed="results/completions/{model}/{benchmark}.jsonl",
        summary="results/completions/{model}/{benchmark}.json",
    log:
        "results/logs/completion/{model}/{benchmark}.log",
    benchmark:
        "results/timing/completion/{model}/{benchmark}.tsv"
    wildcard_constraints:
        model=one_of(plan.with_weights()),
        benchmark=one_of(plan.completions()),
    conda:
        "../envs/environment.yaml"
    params:
        code=code("completion.py"),
    shell:
        """
        python "$SCRIPTS/completion.py" \
            --prompts {input.prompts:q} \
            --responses {input.responses:q} \
            --output {output.completed:q} \
            --summary {output.summary:q} >{log:q} 2>&1
        """
