# What a run will take, before it costs anything: snakemake --cores 1 preflight
#
# needs  nothing that is not there: it uses what files there are, and asks the hub where it can be reached
# makes  results/preflight.json, preflight.txt  memory, time, disk and access of all that is planned; what does not fit, and which knob to turn
#        results/preflight-vs-actual.txt        after a run: estimates beside what it really took
# costs  seconds. Nothing depends on it: no change of it reruns anything. train and respond check their own part first, inside of their jobs


rule preflight:
    output:
        json="results/preflight.json",
        text="results/preflight.txt",
    log:
        "results/logs/preflight.log",
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=500,
    params:
        spec=lambda w: spec(preflight_part.of(plan, local)),
        # What it says hangs on the machine and the hour, so it is made anew whenever it is asked for.
        asked=lambda w: str(time.time_ns()),
    shell:
        """
        python "$SCRIPTS/preflight.py" \
            --plan {params.spec:q} \
            --results results \
            --json {output.json:q} \
            --text {output.text:q} 2>&1 | tee {log:q}
        """


rule preflight_actual:
    output:
        text="results/preflight-vs-actual.txt",
    log:
        "results/logs/preflight_actual.log",
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=500,
    params:
        spec=lambda w: spec(preflight_part.of(plan, local)),
        asked=lambda w: str(time.time_ns()),
    shell:
        """
        python "$SCRIPTS/preflight_actual.py" \
            --plan {params.spec:q} \
            --results results \
            --output {output.text:q} 2>&1 | tee {log:q}
        """
