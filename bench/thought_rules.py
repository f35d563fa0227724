"""What the predicates on thoughts find in real traces, and in the same traces damaged on purpose.

    python bench/thought_rules.py --traces traces.jsonl --question question --thought trace --solution solution

Damage: a loop of the last 300 characters that doubles the thought; the second half in Chinese, or in German; cut at a random character;
the answer at the beginning; a refusal in the middle; another answer in the thought's last box (of thoughts that have one).
"""

import argparse
import random
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from distill.base.tables import read_rows
from distill.data.thought_rules import ThoughtSpec, answer_task, find_thought_defect
from distill.data.traces import Trace
from distill.grading.extract import last_boxed
from distill.grading.grader import Grader

SPEC = ThoughtSpec(0.2, 0.1, 0.1, True, 20, True, "drop")
# Characters and words, drawn at random: a sentence again and again would count as a loop.
CHINESE = range(0x4E00, 0x9000)
GERMAN = """
Gut, wir müssen also finden, wie viele Bälle er jetzt hat. Am Anfang hat er fünf Bälle, dann kauft er zwei Dosen, und in jeder Dose sind
drei Bälle. Das sind sechs Bälle in den Dosen, und die Summe ist elf. Wenn wir die sechs Bälle wegnehmen, bleiben fünf.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--traces", required=True)
    for column in ("question", "thought", "solution"):
        parser.add_argument(f"--{column}", default=column)
    args = parser.parse_args()
    rng = random.Random(0)
    traces = [
        Trace(str(at), row[args.question], None, row[args.thought], row[args.solution] or "", "real")
        for at, row in enumerate(read_rows(args.traces))
    ]
    damages: dict[str, tuple[str, Callable[[str], str]]] = {
        "as they are": ("", lambda thought: thought),
        "looped": ("repeats", lambda thought: thought + thought[-300:] * max(1, len(thought) // 300)),
        "half in Chinese": ("other_script", lambda thought: thought[: len(thought) // 2] + chinese(rng, len(thought) // 8) + "."),
        "half in German": ("other_language", lambda thought: thought[: len(thought) // 2] + german(rng, len(thought) // 12) + "."),
        "cut": ("breaks_off", lambda thought: thought[: rng.randrange(len(thought) // 2, len(thought))]),
        "answer first": ("answer_first", lambda thought: "The answer is 7. " + thought),
        "refusing": ("refuses", lambda thought: thought[: len(thought) // 2] + " As an AI, I wonder. " + thought[len(thought) // 2 :]),
        "another answer": ("other_answer", lambda thought: thought + " So it is \\boxed{-12345}."),
    }
    print("| traces | rows | dropped | by |\n|---|---|---|---|")
    for name, (reason, damage) in damages.items():
        rows = [replace(trace, thought=damage(trace.thought)) for trace in traces]
        rows = [row for row in rows if last_boxed(row.solution)] if reason == "other_answer" else rows
        found = [defect.reason for row in rows if (defect := find_thought_defect(row, SPEC))]
        tasks = [task for row in rows if not find_thought_defect(row, SPEC) and (task := answer_task(row, SPEC))]
        with Grader() as grader:
            found += ["other_answer" for verdict in grader.grade(tasks) if not verdict.correct]
        counted = found.count(reason) if reason else len(found)
        by = f"`{reason}`" if reason else ", ".join(sorted(set(found))) or "none"
        print(f"| {name} | {len(rows)} | {counted} ({counted / len(rows):.1%}) | {by} |")


def chinese(rng: random.Random, length: int) -> str:
    return "".join(chr(rng.choice(CHINESE)) for _ in range(length))


def german(rng: random.Random, words: int) -> str:
    return " " + " ".join(rng.choice(GERMAN.split()) for _ in range(words))


if __name__ == "__main__":
    main()
