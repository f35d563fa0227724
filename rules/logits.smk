# Logits: what a teacher of this run expects at each token of a training set, for students with train.loss: kl.
#
# needs  results/data/{dataset}/sft.jsonl, the teacher's results/models/{model}/, the tokenizer and template of the students
# makes  results/data/{dataset}/logits/   arrays of tokens and of the teacher's top_k log-probabilities; manifest.json, written last
# costs  a forward pass of the teacher over the set: seconds in the miniature; 6 bytes · top_k a token of disk, and as much in work/logits/,
#        from where a killed job resumes


rule logits:
    input:
        data=lambda w: sealed_file(w.dataset, "sft.jsonl"),
        teacher=after_seal(lambda w: f"results/models/{config['datasets'][w.dataset]['logits']['teacher']}/manifest.json"),
        tokenizer=lambda w: plan.tokenizer_files(plan.logits_way(w.dataset)["tokenizer"]),
        template=lambda w: chat_template(plan.logits_way(w.dataset)),
    output:
        manifest="results/data/{dataset}/logits/manifest.json",
    log:
        "results/logs/logits/{dataset}.log",
    benchmark:
        "results/timing/logits/{dataset}.tsv"
    wildcard_constraints:
        dataset=one_of(plan.scored()),
    conda:
        conda_file(config["runtime"]["respond_gpus"])
    resources:
        gpu=config["runtime"]["respond_gpus"],
        mem_mb=lambda w, input: model_memory(input.teacher),
    params:
        spec=lambda w: spec(plan.logits(w.dataset)),
        code=code("logits.py"),
        data=lambda w: sealed_digest(w.dataset),
        teacher=lambda w: f"results/models/{config['datasets'][w.dataset]['logits']['teacher']}",  # not from `input`, which is compared without names
        tokenizer=lambda w, input: folder_of(input.tokenizer),
        runtime=lambda w, output: spec(config["runtime"]),
        start=lambda w, output: command_prefix(config["runtime"]["respond_gpus"]),
        folder=lambda w, output: folder_of(output.manifest),
    shell:
        """
        {params.start:q} python "$SCRIPTS/logits.py" \
            --data {input.data:q} \
            --teacher {params.teacher:q} \
            --tokenizer {params.tokenizer:q} \
            --chat-template {input.template:q} \
            --spec {params.spec:q} \
            --runtime {params.runtime:q} \
            --work work/logits \
            --output {params.folder:q} >{log:q} 2>&1
        """
