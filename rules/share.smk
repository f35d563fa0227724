# What leaves this machine, each file only when it is named on the command line.
#
# needs  results/models/{model}/, results/comparison.csv; for a push HF_TOKEN in the environment
# makes  results/cards/{model}/README.md   the model card: base, data, recipe, scores
#        results/pushed/{model}.json       what was pushed to the hub, and where
# costs  seconds; a push: the upload of the weights


rule model_card:
    input:
        model=after_seal("results/models/{model}/manifest.json"),
        scores=after_seal(lambda w: ["results/comparison.csv", "results/published.csv"] if w.model in plan.evaluated() else []),
        data=after_seal(lambda w: f"results/data/{plan.dataset_of(w.model)}/funnel.json"),
    output:
        card="results/cards/{model}/README.md",
    log:
        "results/logs/model_card/{model}.log",
    benchmark:
        "results/timing/model_card/{model}.tsv"
    wildcard_constraints:
        model=one_of(plan.made(*TRAINED)),
    conda:
        "../envs/environment.yaml"
    params:
        spec=lambda w: spec(report_part.card(plan, w.model)),
        code=code("model_card.py"),
    shell:
        """
        python "$SCRIPTS/model_card.py" \
            --model {wildcards.model:q} \
            --spec {params.spec:q} \
            --results results \
            --output {output.card:q} >{log:q} 2>&1
        """


rule push:
    input:
        model=after_seal("results/models/{model}/manifest.json"),
        card=after_seal("results/cards/{model}/README.md"),
    output:
        pushed="results/pushed/{model}.json",
    log:
        "results/logs/push/{model}.log",
    benchmark:
        "results/timing/push/{model}.tsv"
    wildcard_constraints:
        model=one_of(plan.made(*TRAINED)),
    conda:
        "../envs/environment.yaml"
    params:
        spec=lambda w: config["models"][w.model].get("push", {}).get("repository", ""),
        public=lambda w, output: "--public" if config["models"][w.model].get("push", {}).get("public") else "",
        folder=lambda w, input: folder_of(input.model),
    shell:
        """
        python "$SCRIPTS/push.py" \
            --model {params.folder:q} \
            --card {input.card:q} \
            --repository {params.spec:q} \
            {params.public} \
            --output {output.pushed:q} >{log:q} 2>&1
        """
