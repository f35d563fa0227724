"""What is wrong with the benchmarks and protocols of a configuration."""

from collections.abc import Iterator

from distill.base.schema_errors import did_you_mean
from distill.config.entry_checks import Config, source_errors
from distill.generation.responses import SAMPLING


def benchmark_errors(config: Config) -> Iterator[str]:
    """Each benchmark, that its protocols exist, and that one of them is answered."""
    protocols = config["protocols"]
    listed = {protocol for entry in config["benchmarks"].values() for protocol in entry["protocols"]} & set(protocols)
    if {protocols[name]["kind"] for name in listed} == {"completion"}:
        yield "benchmarks: none of them is answered, so that there is nothing to compare; list a protocol of kind answer for one"
    for name, benchmark in config["benchmarks"].items():
        where, own = f"benchmarks.{name}", benchmark["protocols"]
        yield from source_errors(f"{where}.source", benchmark["source"], {"aime", "math", "gpqa"})
        if benchmark["kind"] == "choice" and not benchmark["columns"].get("wrong"):
            yield f"{where}.columns.wrong: missing; name the columns of the wrong choices"
        for protocol in own:
            if protocol not in protocols:
                yield f"{where}.protocols: {protocol!r} is not under protocols:; {did_you_mean(protocol, list(protocols))}"
        for key in ("sampling", "for_protocol"):
            for protocol in benchmark[key]:
                if protocol not in own:
                    yield f"{where}.{key}.{protocol}: not one of this benchmark's protocols; {did_you_mean(protocol, own)}"
        field = "choices" if benchmark["kind"] == "choice" else "question"
        for protocol, entry in benchmark["for_protocol"].items():
            if f"{{{field}}}" not in entry.get("user", f"{{{field}}}"):
                yield f"{where}.for_protocol.{protocol}.user: holds no {{{field}}}; put it where the text goes"


def protocol_errors(config: Config) -> Iterator[str]:
    """Each protocol against the benchmarks that are run under it."""
    for name, protocol in config["protocols"].items():
        sampling = protocol["sampling"]
        if protocol["kind"] == "completion":
            if sampling.get("n_samples") != 1 or sampling.get("temperature") != 0:
                yield f"protocols.{name}.sampling: kind completion is one greedy answer; set n_samples: 1 and temperature: 0.0"
            continue
        for benchmark, entry in config["benchmarks"].items():
            kind, own = entry["kind"], entry["for_protocol"].get(name, {})
            if name in entry["protocols"] and kind not in protocol and "user" not in own:
                yield f"protocols.{name}.{kind}: missing; add it, for benchmarks.{benchmark} is of kind {kind}"
        for key in SAMPLING:
            if key not in sampling:
                yield f"protocols.{name}.sampling.{key}: missing; add it"
