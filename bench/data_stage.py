"""Time and memory of the data stage, compared with the work that cannot be avoided, in one run.

    python bench/data_stage.py                      # speed: about two minutes on two cores
    python bench/data_stage.py --memory 17000 1000000   # peak memory at these numbers of rows: about twenty minutes
    python bench/data_stage.py --rows 600 --other /tmp/before   # the stage of another checkout on the same rows, in turn

Prints three ratios, each with its bound:
  stage / bare        normalise.py and filter.py with every predicate on, against bare math-verify and bare tokenizing of the same rows in
                      one process: seconds of processor, all processes of the stage together
  1 worker / 2        wall-clock seconds of the stage with --workers 1 and 2, meaningful on two idle cores only; next to it the speedup
                      of two bare processes in parallel, the most that this machine can give
  memory large / small  peak of all processes together, near-duplicates on (with --memory)
The traces are synthetic: questions, thoughts of some 1,500 tokens and answers of which most need math-verify.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from distill.base.files import write_jsonl
from distill.base.paths import SCRIPTS

BOUNDS = {
    "stage / bare": (1.25, "at most"),
    "1 worker / 2": (1.6, "at least"),
    "memory large / small": (1.5, "at most"),
    "stage / other": (1.0, "at most"),
}
SYLLABLES = ["ba", "ne", "ti", "ro", "su", "la", "me", "ko", "di", "fa", "ve", "pi", "no", "ra", "ge"]
CHATML = "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"


def words(rng: random.Random, vocabulary: list[str], count: int) -> str:
    return " ".join(rng.choices(vocabulary, k=count))


def answers(rng: random.Random) -> tuple[str, str]:
    """(gold, answer): equal but written differently, or in one case in ten wrong."""
    a, b, c = (rng.randint(2, 999) for _ in range(3))
    gold, answer = rng.choice(
        [
            (f"\\frac{{{a}}}{{{b}}}", f"{a}/{b}"),
            (f"{a}\\sqrt{{{b}}}", f"\\sqrt{{{b}}} \\cdot {a}"),
            (f"({a},{b})", f"({a}, {b}.0)"),
            (f"{a}x^2+{b}x+{c}", f"{c}+{b}x+{a}x^2"),
            (f"[{a},{a + b}]", f"\\left[{a},{a + b}\\right]"),
            (f"{a}\\pi", f"\\pi\\cdot {a}"),
            (str(a), str(a)),
        ]
    )
    return gold, answer if rng.random() > 0.1 else f"{answer}+1"


def traces(count: int, length: int, hard_every: int = 1, seed: int = 0) -> Iterator[dict]:
    """Raw rows with thoughts of `length` words. Every `hard_every`-th answer needs math-verify; the others are integers."""
    rng = random.Random(seed)
    vocabulary = ["".join(rng.choices(SYLLABLES, k=rng.randint(1, 4))) for _ in range(5000)]
    for number in range(count):
        hard = number % hard_every == 0
        gold, answer = answers(rng) if hard else (str(number), str(number))
        question = f"{words(rng, vocabulary, 25)} {rng.randint(0, 9999)} {words(rng, vocabulary, 15)}?"
        thought = words(rng, vocabulary, length) + f" {number}"
        solution = f"{words(rng, vocabulary, 40 if hard else 3)} Thus the answer is $\\boxed{{{answer}}}$."
        yield {"question": question, "gold": gold, "response": f"<think>\n{thought}\n</think>\n\n{solution}", "finish_reason": "stop"}


def make_tokenizer(folder: Path) -> None:
    """A byte-level BPE of 8,000 tokens with Qwen2's pre-tokenizer pattern."""
    from tokenizers import AddedToken, Regex, Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    split = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(split), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    sample = (f"{row['question']}\n\n{row['response']}" for row in traces(300, 300, seed=1))
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(sample, trainers.BpeTrainer(vocab_size=8000, initial_alphabet=alphabet, show_progress=False))
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in ("<|endoftext|>", "<|im_start|>", "<|im_end|>")])
    folder.mkdir()
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": "<|im_end|>", "chat_template": CHATML}))


def bare(source: str, tokenizer: str) -> None:
    """The unavoidable work: read each row, verify its boxed answer with math-verify, tokenize its chat.

    math-verify gets the content of the box only; on whole solutions it takes many times as long.
    """
    from math_verify import parse, verify

    from distill.base.files import read_jsonl
    from distill.data.tokens import ChatTokenizer

    chat = ChatTokenizer(tokenizer)
    texts: list[str] = []
    for row in read_jsonl(source):
        verify(parse(f"${row['gold']}$"), parse(row["response"][row["response"].rindex("$\\boxed") : -1]))
        texts.append(chat.text([{"role": "user", "content": row["question"]}, {"role": "assistant", "content": row["response"]}]))
        if len(texts) == 256:
            chat.count(texts)
            texts.clear()
    chat.count(texts)


def stage(folder: Path, name: str, workers: int, scripts: Path = SCRIPTS) -> list[list[str]]:
    """The commands of the stage, in order; `scripts` are those of another checkout."""
    benchmarks = {"one": {"columns": {"question": "question"}}, "two": {"columns": {"question": "question"}}}
    spec = {"near_duplicates": 0.85, "ngram": 8, "max_tokens": 100_000, "benchmarks": benchmarks}
    source, made = folder / f"{name}.jsonl", folder / f"{name}.{workers}{'' if scripts == SCRIPTS else '.other'}"
    traces = Path(f"{made}.traces.jsonl")
    normalise = ["normalise.py", "--format", "table", "--input", source, "--output", traces]
    filtering = ["filter.py", "--traces", traces, "--tokenizer", folder / "tokenizer", "--spec", json.dumps(spec), "--workers", workers]
    for benchmark in benchmarks:
        filtering += ["--benchmark", f"{benchmark}={folder / benchmark}.jsonl"]
    for output in ("output", "dropped", "funnel", "contamination"):
        filtering += [f"--{output}", f"{made}.{output}"]
    return [[sys.executable, str(scripts / program), *map(str, rest)] for program, *rest in (normalise, filtering)]


@dataclass(frozen=True)
class Measurement:
    """Wall-clock and CPU seconds and peak memory in MB; CPU and memory of all processes together."""

    wall: float
    processor: float
    megabytes: float


def run_all(commands: list[list[str]], memory: bool = False) -> Measurement:
    """Run commands one after the other."""
    runs = [run(command, memory) for command in commands]
    return Measurement(sum(one.wall for one in runs), sum(one.processor for one in runs), max(one.megabytes for one in runs))


def side_by_side(command: list[str]) -> float:
    """Wall-clock seconds of two processes of a command in parallel."""
    with ThreadPoolExecutor(2) as pool:
        return max(one.wall for one in pool.map(run, [command, command]))


def run(command: list[str], memory: bool = False) -> Measurement:
    """Run a command. Memory is sampled with `memory` only, since that takes time."""
    environment = {**os.environ, "TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1"}
    start, peak, ticks = time.perf_counter(), 0.0, {}
    with tempfile.TemporaryFile() as output, subprocess.Popen(command, stdout=output, stderr=output, env=environment) as process:
        while process.poll() is None:
            tree = list(processes(process.pid))
            ticks |= {number: processor_ticks(number) for number in tree}
            if memory:
                peak = max(peak, sum(map(megabytes, tree)))
            time.sleep(0.2)
        if process.returncode:
            output.seek(0)
            sys.exit(output.read().decode(errors="replace")[-2000:])
    return Measurement(time.perf_counter() - start, sum(ticks.values()) / os.sysconf("SC_CLK_TCK"), peak)


def processes(number: int) -> Iterator[int]:
    """A process and all of its descendants."""
    yield number
    try:
        for task in Path(f"/proc/{number}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from processes(int(child))
    except OSError:
        return  # the process has ended


def processor_ticks(number: int) -> int:
    try:
        fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])


def megabytes(number: int) -> float:
    """Proportional set size: pages that processes share count once."""
    try:
        with open(f"/proc/{number}/smaps_rollup") as file:
            return next((int(line.split()[1]) / 1024 for line in file if line.startswith("Pss:")), 0.0)
    except OSError:
        return 0.0


def print_ratio(name: str, ratio: float, rest: str) -> bool:
    bound, side = BOUNDS[name]
    good = ratio <= bound if side == "at most" else ratio >= bound
    print(f"{name}: {ratio:.2f} ({side} {bound}{'' if good else ': MISSED'})  {rest}", flush=True)
    return good


def speed(folder: Path, rows: int, repeats: int) -> bool:
    write_jsonl(folder / "speed.jsonl", traces(rows, 700))
    commands = {
        "bare": [[sys.executable, __file__, "--bare", str(folder / "speed.jsonl"), str(folder / "tokenizer")]],
        "one": stage(folder, "speed", 1),
        "two": stage(folder, "speed", 2),
    }
    runs: dict[str, list[Measurement]] = {name: [] for name in commands}
    both = []
    for _ in range(repeats):  # in turn, so that a change in load affects all
        for name, command in commands.items():
            runs[name].append(run_all(command))
        both.append(side_by_side(commands["bare"][0]))
    best = {name: min(run.wall for run in measured) for name, measured in runs.items()}
    processor = {name: min(run.processor for run in measured) for name, measured in runs.items()}
    print(f"{rows} rows, best of {repeats}; load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for name in commands:
        print(f"  {name}: {best[name]:.1f} s, {processor[name]:.1f} s of processor")
    print(f"  two bare processes at once: {min(both):.1f} s, {2 * best['bare'] / min(both):.2f} times the speed of one")
    stage_good = print_ratio("stage / bare", processor["one"] / processor["bare"], f"{rows / best['one']:.0f} rows/s with one worker")
    return print_ratio("1 worker / 2", best["one"] / best["two"], f"{rows / best['two']:.0f} rows/s with two workers") and stage_good


def against(folder: Path, rows: int, repeats: int, other: Path) -> bool:
    """This checkout's stage and another's, in turn, by one worker."""
    write_jsonl(folder / "speed.jsonl", traces(rows, 700))
    commands = {"this": stage(folder, "speed", 1), "other": stage(folder, "speed", 1, other / "scripts")}
    runs: dict[str, list[Measurement]] = {name: [] for name in commands}
    for _ in range(repeats):
        for name, command in commands.items():
            runs[name].append(run_all(command))
    print(f"{rows} rows, best of {repeats}; load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for name, measured in runs.items():
        print(f"  {name}: {min(run.wall for run in measured):.1f} s, {min(run.processor for run in measured):.1f} s of processor")
    best = [min(run.processor for run in runs[name]) for name in ("this", "other")]
    return print_ratio("stage / other", best[0] / best[1], f"processor, {other}")


def memory(folder: Path, small: int, large: int) -> bool:
    peaks = {}
    for rows in (small, large):
        write_jsonl(folder / f"memory{rows}.jsonl", traces(rows, 20, hard_every=100))
        made = run_all(stage(folder, f"memory{rows}", 1), memory=True)
        peaks[rows] = made.megabytes
        print(f"{rows} rows: {made.megabytes:.0f} MB, {made.wall:.0f} s", flush=True)
    return print_ratio("memory large / small", peaks[large] / peaks[small], f"{large} rows against {small}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=3000, help="rows of the speed test")
    parser.add_argument("--repeats", type=int, default=2, help="runs of each program in the speed test")
    parser.add_argument("--memory", type=int, nargs=2, metavar=("SMALL", "LARGE"), help="measure memory at these numbers of rows instead")
    parser.add_argument("--other", type=Path, help="another checkout, such as a git worktree of an older commit, to compare with instead")
    parser.add_argument("--bare", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.bare:
        bare(*args.bare)
        return
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        make_tokenizer(folder / "tokenizer")
        for seed, benchmark in enumerate(("one", "two"), 100):
            write_jsonl(folder / f"{benchmark}.jsonl", ({"question": row["question"]} for row in traces(500, 1, 500, seed)))
        if args.other:
            good = against(folder, args.rows, args.repeats, args.other)
        else:
            good = memory(folder, *args.memory) if args.memory else speed(folder, args.rows, args.repeats)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
