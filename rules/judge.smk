# Judgement of traces beyond the predicates: by a model (datasets.NAME.filter.judge) and by hand (filter.review).
#
# needs  results/data/{dataset}/traces.jsonl; the judge, a model of the run or an endpoint; for review the filter's outputs
# makes  results/data/{dataset}/judge/prompts.jsonl     what the judge reads: rows that no predicate on a single row drops
#        results/data/{dataset}/judge/responses.jsonl   what it wrote, which filter (data.smk) reads the scores from
#        results/data/{dataset}/review.html             a sample to judge by hand, on request; it saves decisions.jsonl
# costs  judge_prompts: as filter. judge: the tokens of its verdicts; an interrupted run resumes from work/judge/. review: seconds


rule judge_prompts:
    input:
        traces=after_seal("results/data/{dataset}/traces.jsonl"),
        tokenizer=lambda w: plan.tokenizer_of(w.dataset),
        template=lambda w: chat_template(plan.counted_with(w.dataset)),
        benchmarks=expand(
            "results/sources/benchmarks/{name}/manifest.json",
            name=config["benchmarks"],
        ),
        prompt=lambda w: project_path(plan.judge_of(w.dataset)["prompt"]),
        pass_rates=after_seal(lambda w: plan.pass_rates_of(w.dataset)),
    output:
        prompts="results/data/{dataset}/judge/prompts.jsonl",
    log:
        "results/logs/judge_prompts/{dataset}.log",
    benchmark:
        "results/timing/judge_prompts/{dataset}.tsv"
    wildcard_constraints:
        dataset=one_of(plan.judged()),
    conda:
        "../envs/environment.yaml"
    threads: config["runtime"]["workers"]
    params:
        spec=lambda w: filter_spec(w.dataset, plan.judge_prompts),
        code=code("judge_prompts.py"),
        template=lambda w, input: options("chat-template", input.template),
        tokenizer=lambda w, input: folder_of(input.tokenizer),
        benchmarks=lambda w, input: benchmark_options(input.benchmarks),
        pass_rates=lambda w, input: options("pass-rates", input.pass_rates),
        workers=lambda w, threads: threads,
    shell:
        """
        python "$SCRIPTS/judge_prompts.py" \
            --traces {input.traces:q} \
            --prompt {input.prompt:q} \
            --spec {params.spec:q} \
            --tokenizer {params.tokenizer:q} \
            {params.template:q} \
            {params.benchmarks:q} \
            {params.pass_rates:q} \
            --output {output.prompts:q} \
            --workers {params.workers} >{log:q} 2>&1
        """


rule judge:
    input:
        prompts=after_seal("results/data/{dataset}/judge/prompts.jsonl"),
        model=after_seal(lambda w: plan.judge_model(w.dataset)),
    output:
        responses="results/data/{dataset}/judge/responses.jsonl",
    log:
        "results/logs/judge/{dataset}.log",
    benchmark:
        "results/timing/judge/{dataset}.tsv"
    wildcard_constraints:
        dataset=one_of(plan.judged()),
    conda:
        conda_file(config["runtime"]["respond_gpus"])
    resources:
        gpu=lambda w: config["runtime"]["respond_gpus"] if plan.judge_model(w.dataset) else 0,
        mem_mb=lambda w, input: model_memory(input.model),
    params:
        spec=lambda w: spec(plan.judge(w.dataset)),
        code=lambda w: code("judge.py", f"distill/generation/engines/{plan.judge(w.dataset)['engine']}.py"),
        runtime=lambda w, output: spec(plan.judge_runtime(w.dataset)),
        start=lambda w, output, resources: command_prefix(resources.gpu),
        model=lambda w, input: f"--model={folder_of(input.model)}" if input.model else [],
    shell:
        """
        {params.start:q} python "$SCRIPTS/judge.py" \
            --prompts {input.prompts:q} \
            --spec {params.spec:q} \
            --runtime {params.runtime:q} \
            {params.model:q} \
            --work work/judge \
            --output {output.responses:q} >{log:q} 2>&1
        """


rule review:
    input:
        traces=after_seal("results/data/{dataset}/traces.jsonl"),
        dropped=after_seal("results/data/{dataset}/dropped.jsonl"),
        verdicts=after_seal(lambda w: plan.verdicts_of(w.dataset)),
        decisions=lambda w: decisions(w.dataset),
        template=project_path("scripts/distill/report/review_page.html"),
    output:
        page="results/data/{dataset}/review.html",
    log:
        "results/logs/review/{dataset}.log",
    benchmark:
        "results/timing/review/{dataset}.tsv"
    wildcard_constraints:
        dataset=one_of(plan.filtered()),
    conda:
        "../envs/environment.yaml"
    params:
        spec=lambda w: spec(plan.review(w.dataset)),
        code=code("review.py"),
        judged=lambda w, input: options("verdicts", input.verdicts) + options("decisions", input.decisions),
    shell:
        """
        python "$SCRIPTS/review.py" \
            --traces {input.traces:q} \
            --dropped {input.dropped:q} \
            {params.judged:q} \
            --spec {params.spec:q} \
            --output {output.page:q} >{log:q} 2>&1
        """
