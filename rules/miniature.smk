# The miniature's questions, traces and base model, made here in place of downloads. From results/sources/ on, every step is the real one.
#
# needs  a seed (miniature.seed), and the sizes under source: of each model, dataset and benchmark
# makes  results/sources/{benchmarks,datasets,models}/{name}/   the same files as fetch
# costs  questions, traces and tokenizer: seconds; the base model: minutes on one core (results/timing/)


rule miniature_questions:
    output:
        questions="results/sources/benchmarks/{benchmark}/items.jsonl",
        manifest="results/sources/benchmarks/{benchmark}/manifest.json",
    log:
        "results/logs/miniature_questions/{benchmark}.log",
    benchmark:
        "results/timing/miniature_questions/{benchmark}.tsv"
    wildcard_constraints:
        benchmark=one_of(plan.miniature("benchmarks")),
    conda:
        "../envs/environment.yaml"
    params:
        spec=lambda w: spec(plan.miniature_spec("benchmarks", w.benchmark)),
        code=code("miniature_questions.py"),
        kind=lambda w: config["benchmarks"][w.benchmark]["source"]["miniature"],
        folder=lambda w, output: folder_of(output.manifest),
    shell:
        """
        python "$SCRIPTS/miniature_questions.py" --kind {params.kind} --spec {params.spec:q} --output {params.folder:q} >{log:q} 2>&1
        """


rule miniature_traces:
    output:
        traces="results/sources/datasets/{dataset}/traces.jsonl",
        manifest="results/sources/datasets/{dataset}/manifest.json",
    log:
        "results/logs/miniature_traces/{dataset}.log",
    benchmark:
        "results/timing/miniature_traces/{dataset}.tsv"
    wildcard_constraints:
        dataset=one_of(plan.miniature("datasets")),
    conda:
        "../envs/environment.yaml"
    params:
        spec=lambda w: spec(plan.miniature_spec_with_benchmarks("datasets", w.dataset)),
        code=code("miniature_traces.py"),
        folder=lambda w, output: folder_of(output.manifest),
    shell:
        """
        python "$SCRIPTS/miniature_traces.py" --spec {params.spec:q} --output {params.folder:q} >{log:q} 2>&1
        """


rule miniature_tokenizer:
    output:
        tokenizer="results/sources/models/{model}/tokenizer.json",
        config="results/sources/models/{model}/tokenizer_config.json",
    log:
        "results/logs/miniature_tokenizer/{model}.log",
    benchmark:
        "results/timing/miniature_tokenizer/{model}.tsv"
    wildcard_constraints:
        model=one_of(plan.miniature("models")),
    conda:
        "../envs/environment.yaml"
    params:
        spec=lambda w: spec({"seed": config["miniature"]["seed"]}),
        code=code("miniature_tokenizer.py"),
        folder=lambda w, output: folder_of(output.tokenizer),
    shell:
        """
        python "$SCRIPTS/miniature_tokenizer.py" --spec {params.spec:q} --output {params.folder:q} >{log:q} 2>&1
        """


rule miniature_base:
    input:
        tokenizer="results/sources/models/{model}/tokenizer.json",
        config="results/sources/models/{model}/tokenizer_config.json",
    output:
        weights="results/sources/models/{model}/model.safetensors",
        manifest="results/sources/models/{model}/manifest.json",
    log:
        "results/logs/miniature_base/{model}.log",
    benchmark:
        "results/timing/miniature_base/{model}.tsv"
    wildcard_constraints:
        model=one_of(plan.miniature("models")),
    priority: 10
    conda:
        "../envs/environment.yaml"
    params:
        spec=lambda w: spec(plan.miniature_spec_with_benchmarks("models", w.model)),
        code=code("miniature_base.py"),
        folder=lambda w, output: folder_of(output.manifest),
    shell:
        """
        python "$SCRIPTS/miniature_base.py" --spec {params.spec:q} --tokenizer {params.folder:q} --output {params.folder:q} >{log:q} 2>&1
        """
