"""The teacher against a real server, `transformers serve` with a tiny untrained model on loopback: client and server are killed midway.

And a teacher that is trained in the run itself: what reruns when.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from checkout import PROJECT, Checkout, checkout, merged

from distill.base import manifest
from distill.generation.engines import ENGINES

QUESTIONS = [{"problem": f"What is {number} + {number}?", "answer": str(2 * number)} for number in range(12)]
SAMPLES = 2
# Greedy, so that an unbroken run says what a broken one must come to. An untrained model never ends its turn: all 60 tokens are written.
SPEC = {
    "engine": "openai", "model": "tiny", "samples": SAMPLES, "max_new_tokens": 60, "temperature": 0.0, "top_p": 1.0,
    "columns": {"question": "problem", "gold": "answer"},
}  # fmt: skip
ENVIRONMENT = os.environ | {"NO_PROXY": "127.0.0.1", "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    import torch
    from transformers import GenerationConfig, Qwen2Config, Qwen2ForCausalLM

    folder = tmp_path_factory.mktemp("teacher") / "tiny"
    made = [sys.executable, str(PROJECT / "scripts" / "miniature_tokenizer.py"), "--spec", '{"seed": 0}', "--output", str(folder)]
    subprocess.run(made, check=True, capture_output=True)
    vocabulary = len(json.loads((folder / "tokenizer.json").read_bytes())["model"]["vocab"]) + 400
    torch.manual_seed(0)
    sizes = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 2, "intermediate_size": 64}
    network = Qwen2ForCausalLM(Qwen2Config(vocab_size=vocabulary, max_position_embeddings=1024, **sizes))
    network.generation_config = GenerationConfig(eos_token_id=vocabulary - 1, pad_token_id=0)
    network.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def questions(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("questions") / "questions.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in QUESTIONS), encoding="utf-8")
    return path


@contextmanager
def serving(model: Path, port: int) -> Iterator[subprocess.Popen]:
    command = [str(Path(sys.executable).with_name("transformers")), "serve", str(model), "--host", "127.0.0.1", "--port", str(port)]
    with open(model.parent / "server.log", "ab") as log:
        server = subprocess.Popen([*command, "--device", "cpu"], env=ENVIRONMENT, stdout=log, stderr=log)
    try:
        until(lambda: server.poll() is not None or answers_on(port), 120)
        assert server.poll() is None, (model.parent / "server.log").read_text()[-2000:]
        yield server
    finally:
        server.kill()
        server.wait()


def answers_on(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def until(done, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def client(folder: Path, questions: Path, model: Path, port: int, **runtime) -> subprocess.Popen:
    runtime = {
        "model": str(model),
        "base_url": f"http://127.0.0.1:{port}/v1",
        "concurrency": 3,
        "retries": 1,
        "backoff_s": 0.1,
        "timeout_s": 60,
    } | runtime
    arguments = {
        "questions": questions, "spec": json.dumps({**SPEC, "endpoint": "tiny"}), "runtime": json.dumps(runtime),
        "work": folder / "work", "output": folder / "taught",
    }  # fmt: skip
    command = [sys.executable, str(PROJECT / "scripts" / "generate_traces.py")]
    command += [word for name, value in arguments.items() for word in (f"--{name}", str(value))]
    return subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finish(process: subprocess.Popen) -> tuple[int, str]:
    said, _ = process.communicate(timeout=120)
    return process.returncode, said


def kept(folder: Path) -> list[tuple[str, int]]:
    """(key, sample) of each whole line of the store."""
    lines = [line for path in folder.glob("work/*/answers.jsonl") for line in path.read_bytes().split(b"\n")[:-1]]
    return [(row["key"], row["sample"]) for row in map(json.loads, lines)]


@pytest.fixture(scope="module")
def port(model) -> Iterator[int]:
    """Of a server that lives through all tests."""
    number = free_port()
    with serving(model, number):
        yield number


@pytest.fixture(scope="module")
def unbroken(model, questions, port, tmp_path_factory) -> bytes:
    folder = tmp_path_factory.mktemp("unbroken")
    code, said = finish(client(folder, questions, model, port))
    assert code == 0, said
    rows = [json.loads(line) for line in (folder / "taught" / "traces.jsonl").read_text(encoding="utf-8").split("\n")[:-1]]
    assert [(row["gold"], row["sample"]) for row in rows] == [(row["answer"], sample) for row in QUESTIONS for sample in range(SAMPLES)]
    assert all(row["completion_tokens"] == 60 and row["finish_reason"] == "length" for row in rows)
    assert json.loads((folder / "taught" / "manifest.json").read_bytes())["files"].keys() == {"traces.jsonl"}
    return (folder / "taught" / "traces.jsonl").read_bytes()


def test_a_killed_client_goes_on_with_nothing_lost_or_doubled(model, questions, port, unbroken, tmp_path):
    process = client(tmp_path, questions, model, port)
    until(lambda: len(kept(tmp_path)) >= 5, 60)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    before = kept(tmp_path)
    assert 5 <= len(before) < len(QUESTIONS) * SAMPLES and not (tmp_path / "taught").exists()
    with open(next(tmp_path.glob("work/*/answers.jsonl")), "ab") as file:
        file.write(b'{"key": "torn')
    code, said = finish(client(tmp_path, questions, model, port))
    assert code == 0, said
    assert f"{len(before)} answered already" in said
    after = kept(tmp_path)
    assert after[: len(before)] == before and len(after) == len(set(after)) == len(QUESTIONS) * SAMPLES
    assert (tmp_path / "taught" / "traces.jsonl").read_bytes() == unbroken


def test_a_killed_server_loses_no_answer_and_doubles_none(model, questions, unbroken, tmp_path):
    port = free_port()
    with serving(model, port) as server:
        process = client(tmp_path, questions, model, port)
        until(lambda: len(kept(tmp_path)) >= 5, 60)
        server.send_signal(signal.SIGKILL)
        code, said = finish(process)
    before = kept(tmp_path)
    assert code in (2, 4) and "Traceback" not in said and len(said.strip().split("\n")[-1]) < 400, said
    assert 5 <= len(before) < len(QUESTIONS) * SAMPLES and not (tmp_path / "taught").exists()
    code, said = finish(client(tmp_path, questions, model, port))
    assert code == 2 and said.strip().split("\n")[-1].startswith(f"error: http://127.0.0.1:{port}/v1: endpoint not reachable")
    with serving(model, port):
        code, said = finish(client(tmp_path, questions, model, port))
    assert code == 0, said
    after = kept(tmp_path)
    assert after[: len(before)] == before and len(after) == len(set(after)) == len(QUESTIONS) * SAMPLES
    assert (tmp_path / "taught" / "traces.jsonl").read_bytes() == unbroken


def test_the_budget_ends_a_run_with_3_and_a_larger_one_goes_on(model, questions, port, unbroken, tmp_path):
    code, said = finish(client(tmp_path, questions, model, port, budget={"tokens": 2000}))
    assert code == 3 and "raise the budget and run again" in said.strip().split("\n")[-1], said
    spent = sum(count for path in tmp_path.glob("work/*/answers.jsonl") for count in tokens(path))
    assert 0 < len(kept(tmp_path)) < len(QUESTIONS) * SAMPLES and spent <= 2000 and not (tmp_path / "taught").exists()
    code, said = finish(client(tmp_path, questions, model, port, budget={"tokens": 100_000}))
    assert code == 0, said
    assert (tmp_path / "taught" / "traces.jsonl").read_bytes() == unbroken


def test_a_model_that_is_not_there_is_one_line(questions, port, tmp_path):
    code, said = finish(client(tmp_path, questions, Path("no-such-model"), port))
    assert code == 2 and "no-such-model" in said.strip().split("\n")[-1] and "Traceback" not in said
    assert not (tmp_path / "taught").exists()


@pytest.mark.parametrize("engine", [name for name in ENGINES if name != "openai"])
def test_a_model_on_this_machine_teaches_too_and_goes_on_after_a_kill(engine, model, questions, tmp_path):
    manifest.write(model, made_by="a test")

    def teacher(folder: Path) -> subprocess.Popen:
        arguments = {
            "questions": questions, "spec": json.dumps({**SPEC, "engine": engine}), "model": model,
            "runtime": json.dumps({"device": "cpu", "batch_size": 4}), "work": folder / "work", "output": folder / "taught",
        }  # fmt: skip
        command = [sys.executable, str(PROJECT / "scripts" / "generate_traces.py")]
        command += [word for name, value in arguments.items() for word in (f"--{name}", str(value))]
        return subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    process = teacher(tmp_path / "broken")
    until(lambda: process.poll() is not None or len(kept(tmp_path / "broken")) >= 4, 120)
    process.kill()
    process.communicate()
    before = kept(tmp_path / "broken")
    assert len(before) >= 4
    for folder in ("broken", "whole"):
        code, said = finish(teacher(tmp_path / folder))
        assert code == 0, said
    after = kept(tmp_path / "broken")
    assert after[: len(before)] == before and len(after) == len(set(after)) == len(QUESTIONS) * SAMPLES
    one, other = ((tmp_path / folder / "taught" / "traces.jsonl").read_bytes() for folder in ("broken", "whole"))
    assert one == other


def tokens(store: Path) -> list[int]:
    return [row["prompt_tokens"] + row["completion_tokens"] for row in map(json.loads, store.read_bytes().split(b"\n")[:-1])]


# A teacher of the run's own, trained just long enough to write in the right form; what is right in it is not asked.
MINI_R1 = {"source": {"rows": 2500}}
FROM_TEACHER = {"source": {"teacher": {"max_new_tokens": 200}}, "filter": {"verify": False}}
SMALL = {"datasets": {"mini_r1": MINI_R1, "mini_questions": {"source": {"rows": 60}}, "from_teacher": FROM_TEACHER}}
BENCHMARKS = ("mini_aime", "mini_math", "mini_gpqa")
DATA = [f"{rule} from_teacher" for rule in ("teacher", "normalise", "filter", "audit")]
REPORT = ["compare", "figures", "provenance", "report"]


def trained_and_scored(model: str) -> list[str]:
    return [f"train {model}", *(f"{rule} {model} {name}" for rule in ("respond", "grade_lighteval", "grade") for name in BENCHMARKS)]


STUDENT = trained_and_scored("ours-from-teacher")


def with_teacher(**change: dict) -> dict:
    """config/miniature_teacher.yaml with `change` laid over it, as one overlay of the tiny miniature."""
    return merged(merged(yaml.safe_load((PROJECT / "config" / "miniature_teacher.yaml").read_text(encoding="utf-8")), SMALL), change)


@pytest.fixture(scope="module")
def taught(tmp_path_factory, warm_python) -> Checkout:
    made = checkout("tiny", tmp_path_factory.mktemp("taught") / "project", warm_python)
    done = made.snakemake("--cores", "2", config=with_teacher())
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return made


def test_the_student_of_a_teacher_of_this_run_is_in_the_table_and_nothing_is_left_to_do(taught):
    comparison = (taught.folder / "results" / "comparison.csv").read_text(encoding="utf-8")
    assert comparison.count("\nours-from-teacher,student,") == 3
    assert taught.jobs("--dry-run", config=with_teacher()) == []


@pytest.mark.parametrize(
    ("change", "reruns"),
    [
        ({"models": {"ours-from-teacher": {"train": {"learning_rate": 1.0e-3}}}}, [*STUDENT, *REPORT]),
        ({"models": {"ours": {"train": {"learning_rate": 1.0e-3}}}}, trained_and_scored("ours") + REPORT),
        ({"runtime": {"batch_size": 7, "endpoints": {"api": {"base_url": "http://127.0.0.1:9"}}}}, []),
        ({"datasets": {"from_teacher": {"source": {"teacher": {"temperature": 0.7}}}}}, [*DATA, *STUDENT, *REPORT]),
        (
            {"models": {"r1-distill-mini": {"train": {"learning_rate": 1.0e-3}}}},
            trained_and_scored("r1-distill-mini") + DATA + STUDENT + REPORT,
        ),
    ],
    ids=["the student", "another student", "runtime", "the teacher's temperature", "the teacher's training"],
)
def test_exactly_the_stale_jobs_are_planned(taught, change, reruns):
    assert taught.jobs("--dry-run", config=with_teacher(**change)) == sorted(reruns)


def test_a_teacher_waits_for_the_seal_and_rests_where_its_own_data_came_out_as_they_were(taught, tmp_path):
    here = taught.copy(tmp_path / "moved")
    same = with_teacher(datasets={"mini_r1": {"filter": {"min_tokens": 1}}})
    assert here.jobs("--cores", "2", config=same) == sorted(["filter mini_r1", "audit mini_r1", "seal", "provenance", "report"])
    assert here.jobs("--dry-run", config=same) == []
    fewer = with_teacher(datasets={"mini_r1": {"filter": {"max_tokens": 150}}})
    done = here.jobs("--cores", "2", config=fewer)
    assert {"seal", "train r1-distill-mini", *DATA, *STUDENT} <= set(done) and "train ours" not in done
    assert here.jobs("--dry-run", config=fewer) == []
