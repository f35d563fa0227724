"""Every configuration of config/, so small that it runs in a test: its models, rules and protocols with few rows, steps, items and tokens.

overlay = shrunk(configuration)           # to be laid over it
with hub_of(finished).running() as hub:   # what the configurations take from the hub: tiny models and sets under those names
write_local(finished, folder / "local")   # what config/gsm8k_local.yaml takes from there
"""

import io
import json
from pathlib import Path
from typing import Any

from checkout import Checkout, read_rows
from hub_server import HubServer, Repo

Rows = list[dict[str, Any]]

TEXTS, STEPS, ROWS, ITEMS, TOKENS = 600, 2, 40, 2, 8
MAX_LENGTH = 4096  # tokens, and the least with room for config/templates/stratos_system.txt in those of the miniature
TRAIN = {"max_steps": STEPS, "global_batch": 4, "dtype": "float32", "gradient_checkpointing": False}
# Until it writes in the form of a trace: no other row is kept.
TRAIN_TEACHER = {"max_steps": 120, "epochs": 100, "learning_rate": 4.0e-3}
DISTILL = {"steps": STEPS, "global_batch": 4, "steps_per_rollout": 1, "max_new_tokens": TOKENS, "held_out": 4, "dtype": "float32"}
UNTRAINED = {"min_headroom": -100, "min_length": 0, "max_cut": 1}  # what would stop a distillation of two models that know nothing
RUNTIME = {"device": "cpu", "train_gpus": 0, "respond_gpus": 0, "accelerate": "config/accelerate/single.yaml", "micro_batch": 1}
# A model of the finished miniature: the names under which the hub has it.
SMOLLM2, QWEN = "HuggingFaceTB/SmolLM2-{}-Instruct", "Qwen/Qwen2.5-Math-{}"
R1 = "deepseek-ai/DeepSeek-R1-Distill-Qwen-{}"
ON_THE_HUB = {
    "base": (SMOLLM2.format("135M"), SMOLLM2.format("360M"), QWEN.format("1.5B"), QWEN.format("7B")),
    "r1-distill-mini": (R1.format("1.5B"), R1.format("7B"), "open-r1/OpenR1-Distill-7B"),
}
ONE_FILE = "data/train-00000-of-00001.parquet"
MATHARENA = ("aime_2026", "hmmt_feb_2025", "hmmt_feb_2026", "brumo_2025", "cmimc_2025")


def shrunk(config: dict[str, Any]) -> dict[str, Any]:
    """What makes a whole configuration small when it is laid over it. No name and no kind of step goes."""
    teachers = {dataset["source"]["teacher"]["model"] for dataset in config["datasets"].values() if "teacher" in dataset.get("source", {})}
    overlay: dict[str, Any] = {
        "models": {name: made for name, model in config["models"].items() if (made := _model(model, name in teachers))},
        "datasets": {name: _dataset(dataset) for name, dataset in config["datasets"].items()},
        "benchmarks": {name: _benchmark(benchmark) for name, benchmark in config["benchmarks"].items()},
        "protocols": {name: _protocol(protocol) for name, protocol in config["protocols"].items()},
        "runtime": RUNTIME,
    }
    if "study" in config:
        overlay["study"] = {"recipes": dict.fromkeys(config["study"]["recipes"], TRAIN)}
    return overlay


def _model(model: dict[str, Any], teaches: bool) -> dict[str, Any]:
    if "train" in model:
        train = model["train"]
        steps = {"max_steps": -1} if "save" in train else TRAIN_TEACHER if teaches else {}  # what is kept of epochs needs those
        length = {"max_length": min(train["max_length"], MAX_LENGTH)} if "max_length" in train else {}
        return {"train": TRAIN | steps | length}
    if "distill" in model:
        return {"distill": DISTILL | UNTRAINED}
    texts = model.get("source", {}).get("texts")
    return {"source": {"texts": min(texts, TEXTS)}} if texts else {}


def _dataset(dataset: dict[str, Any]) -> dict[str, Any]:
    if "mix" in dataset:
        return {"mix": [part | {"rows": ROWS // 4} for part in dataset["mix"]]}
    if "teacher" in dataset["source"]:  # what is right in its traces is not asked
        return {"source": {"teacher": {"max_new_tokens": 200}}, "filter": {"verify": False}}
    made: dict[str, Any] = {"source": {"rows": ROWS, "steps": 3}} if "miniature" in dataset["source"] else {}
    if "pass_rate" in dataset.get("filter", {}):
        made["filter"] = {"pass_rate": {"engine": "transformers", "samples": 1, "max_new_tokens": TOKENS}}
    return made


def _benchmark(benchmark: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"sampling": {protocol: {"n_samples": 1} for protocol in benchmark.get("sampling", {})}}
    if "items" in benchmark:
        made["items"] = ITEMS
    if "items" in benchmark["source"]:
        made["source"] = {"items": ITEMS}
    return made


def _protocol(protocol: dict[str, Any]) -> dict[str, Any]:
    return {"engine": "transformers", "sampling": {"n_samples": min(protocol["sampling"]["n_samples"], 2), "max_new_tokens": TOKENS}}


def hub_of(finished: Checkout) -> HubServer:
    """A hub with the models, traces and questions of a finished miniature. GPQA-Diamond is behind its gate, as for those without access."""
    hub = HubServer()
    for model, names in ON_THE_HUB.items():
        for name in names:
            _repo(hub, f"models/{name}").commit(_model_files(finished, model))
    for name, files in (_traces(finished) | _questions(finished)).items():
        _repo(hub, f"datasets/{name}").commit(
            {path: _parquet(rows) if path.endswith(".parquet") else _jsonl(rows) for path, rows in files.items()}
        )
    _repo(hub, "datasets/Idavidrein/gpqa", token="of somebody with access").commit({"gpqa_diamond.csv": b"Question,Correct Answer\n"})
    return hub


def write_local(finished: Checkout, folder: Path) -> None:
    """The folder local/ of config/gsm8k_local.yaml."""
    sets = _questions(finished)
    files = {f"smollm2-135m-instruct/{name}": content for name, content in _model_files(finished, "base").items()}
    for split, rows in zip(("train", "test"), sets["openai/gsm8k"].values(), strict=True):
        files[f"gsm8k/{split}.jsonl"] = _jsonl(rows)
    files["math500.jsonl"] = _jsonl(sets["HuggingFaceH4/MATH-500"]["test.jsonl"])
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def _repo(hub: HubServer, name: str, **more: Any) -> Repo:
    return hub.repos.setdefault(name, Repo(**more))


def _model_files(finished: Checkout, model: str) -> dict[str, bytes]:
    files = {
        path.name: path.read_bytes() for path in (finished.folder / "results/models" / model).iterdir() if path.name != "manifest.json"
    }
    config = json.loads(files["config.json"]) | {"max_position_embeddings": MAX_LENGTH}
    return files | {"config.json": json.dumps(config).encode()}


def _traces(finished: Checkout) -> dict[str, dict[str, Rows]]:
    """The training sets: {name on the hub: {file: rows}}."""
    stratos = read_rows(finished.folder / "results/sources/datasets/mini_stratos/traces.jsonl")[:ROWS]
    mixture, openr1 = [], []
    for row in stratos:
        question, text = (turn["value"] for turn in row["conversations"])
        for mark, other in {
            "begin_of_thought": "<think>",
            "end_of_thought": "</think>",
            "begin_of_solution": "",
            "end_of_solution": "",
        }.items():
            text = text.replace(f"<|{mark}|>", other)
        turns = [{"role": "user", "content": question}, {"role": "assistant", "content": text}]
        mixture.append({"messages": turns, "source": "math"})
        openr1.append(
            {"problem": question, "answer": row["gold"], "generations": [text], "finish_reasons": ["stop"], "is_reasoning_complete": [True]}
        )
    return {
        "HuggingFaceH4/Bespoke-Stratos-17k": {ONE_FILE: stratos},
        "open-r1/Mixture-of-Thoughts": {"all/train-00000-of-00001.parquet": mixture},
        "open-r1/OpenR1-Math-220k": {"data/train-00000-of-00010.parquet": openr1},
    }


def _questions(finished: Checkout) -> dict[str, dict[str, Rows]]:
    """The benchmarks, and GSM8K with its training set, with the columns of all of them."""
    rows = [
        {
            **dict.fromkeys(("id", "unique_id", "problem_idx"), str(at)),
            **dict.fromkeys(("question", "problem"), item["problem"]),
            **dict.fromkeys(("answer", "final_answer"), item["answer"]),
            "solution": f"So $\\boxed{{{item['answer']}}}$.",
        }
        for at, item in enumerate(read_rows(finished.folder / "results/sources/benchmarks/mini_math/items.jsonl")[:ITEMS])
    ]
    sums = [
        {"question": f"{at} apples and {at} pears: how many?", "answer": f"{at}+{at}=<<{at}+{at}={2 * at}>>{2 * at}\n#### {2 * at}"}
        for at in range(ROWS)
    ]
    return {
        **{f"math-ai/{name}": {"test.parquet": rows} for name in ("aime25", "amc23", "minervamath")},
        **{f"MathArena/{name}": {ONE_FILE: rows} for name in MATHARENA},
        "HuggingFaceH4/aime_2024": {ONE_FILE: rows},
        "HuggingFaceH4/MATH-500": {"test.jsonl": rows},
        "Hothan/OlympiadBench": {"OlympiadBench/OE_TO_maths_en_COMP/OE_TO_maths_en_COMP.parquet": rows},
        "openai/gsm8k": {"main/train-00000-of-00001.parquet": sums[ITEMS:], "main/test-00000-of-00001.parquet": sums[:ITEMS]},
    }


def _parquet(rows: Rows) -> bytes:
    import pyarrow
    import pyarrow.parquet

    file = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), file)
    return file.getvalue()


def _jsonl(rows: Rows) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()
