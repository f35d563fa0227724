# Averages: from models of one architecture to the mean of their weights.
#
# needs  results/models/{model}/ of each model in models.NAME.average.of
# makes  results/models/{model}/   weights in the first model's precision, its tokenizer and configuration; manifest.json, written last
# costs  seconds in the miniature; a read of all models and a write of one. The memory is that of one file of weights


rule average:
    input:
        models=after_seal(lambda w: plan.averaged_manifests(w.model)),
    output:
        manifest="results/models/{model}/manifest.json",
    log:
        "results/logs/average/{model}.log",
    benchmark:
        "results/timing/average/{model}.tsv"
    wildcard_constraints:
        model=one_of(plan.made("average")),
    conda:
        "../envs/environment.yaml"
    params:
        spec=lambda w: spec(plan.average(w.model)),
        code=code("average.py"),
        models=lambda w, input: list(map(folder_of, input.models)),
        folder=lambda w, output: folder_of(output.manifest),
    shell:
        """
        python "$SCRIPTS/average.py" \
            --model {params.models:q} \
            --spec {params.spec:q} \
            --output {params.folder:q} >{log:q} 2>&1
        """
