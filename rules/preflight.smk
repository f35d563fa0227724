# What a configuration will take, before it costs anything: snakemake --cores 1 preflight
#
# needs  nothing; it uses the files that exist already, and asks the hub where it can be reached
# makes  results/preflight.json, preflight.txt  memory, time, disk and access of what is planned; what does not fit, and which key to change
#        preflight itself makes nothing: it fails where the estimate says STOP
#        results/preflight-vs-actual.txt        after a run: estimates next to what it really took
# costs  seconds. No rule depends on it. train, distill and respond check their own part inside their jobs
import time


rule preflight:
    input:
        "results/preflight.json",
    log:
        "results/logs/preflight_verdict.log",
    localrule: True
    conda:
        "../envs/environment.yaml"
    shell:
        """
        python "$SCRIPTS/preflight.py" --verdict {input:q} 2>&1 | tee {log:q}
        """


rule preflight_estimate:
    output:
        json="results/preflight.json",
        text="results/preflight.txt",
    log:
        "results/logs/preflight.log",
    conda:
        "../envs/environment.yaml"
    params:
        spec=lambda w: preflight_spec(),
        # Its result depends on the machine and the hour, so it runs whenever it is requested.
        now=lambda w: str(time.time_ns()),
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
    params:
        spec=lambda w: preflight_spec(),
        now=lambda w: str(time.time_ns()),
    shell:
        """
        python "$SCRIPTS/preflight_actual.py" \
            --plan {params.spec:q} \
            --results results \
            --output {output.text:q} 2>&1 | tee {log:q}
        """
