"""Values of the configuration reach the scripts as they stand, whatever a shell or Snakemake would make of them."""

import json

from checkout import checkout, read_rows

HOSTILE = "a \"b\" 'c' $(touch pwned) `touch pwned` ${HOME} {x} {{y}} %s \\ ; touch pwned & | > pwned\nsecond line é\u2028 --help"
THOUGHT = f"<|begin_of_thought|>\n\n{HOSTILE}\n\n<|end_of_thought|>\n\n<|begin_of_solution|>\n\n\\boxed{{1}}\n\n<|end_of_solution|>"
PLACE = "odd folder/a \"b\" 'c' $(touch pwned) `d` ;é"


def test_text_and_paths_with_quotes_and_commands_go_through_unharmed(warm_python, tmp_path):
    here = checkout("small", tmp_path / "a project's folder", warm_python)
    traces = here.folder / PLACE / "traces.jsonl"
    system = here.folder / PLACE / "system prompt.txt"
    traces.parent.mkdir(parents=True)
    system.write_text(HOSTILE, encoding="utf-8")
    turns = [{"from": "user", "value": HOSTILE}, {"from": "assistant", "value": THOUGHT}]
    traces.write_text(json.dumps({"system": "", "conversations": turns, "gold": "1"}) + "\n", encoding="utf-8")
    here.config["datasets"]["toy"] |= {"source": {"path": PLACE}, "system": f"{PLACE}/system prompt.txt"}
    here.config["protocols"]["drawn"] |= {"math": f"{HOSTILE} {{question}}", "system": HOSTILE}
    prompts, fetched = "results/benchmarks/sums/prompts.jsonl", "results/sources/datasets/toy/traces.jsonl"
    sft = "results/data/toy/sft.jsonl"
    done = here.snakemake("--cores", "1", prompts, fetched.replace("traces.jsonl", "manifest.json"), sft)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    assert (here.folder / fetched).read_bytes() == traces.read_bytes()
    (row,) = read_rows(here.folder / sft)
    assert [message["content"] for message in row["prompt"]] == [HOSTILE, HOSTILE]
    assert HOSTILE in row["completion"][0]["content"]
    for row in read_rows(here.folder / prompts):
        assert [message["content"].split(" Determine")[0][: len(HOSTILE)] for message in row["messages"]] == [HOSTILE, HOSTILE]
    assert list(tmp_path.rglob("pwned")) == []


def test_labels_and_titles_reach_the_report_and_run_nothing(finished_run, tmp_path):
    here = finished_run("small").copy(tmp_path / "project")
    here.config.update(title=HOSTILE, note=HOSTILE)
    here.config["models"]["ours"]["label"] = here.config["benchmarks"]["sums"]["label"] = HOSTILE
    assert here.jobs("--cores", "1") == ["figures", "report"]
    page = (here.folder / "results/report.md").read_text(encoding="utf-8")
    assert "touch pwned" in page
    assert list(tmp_path.rglob("pwned")) == []
