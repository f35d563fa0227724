"""Pass rates: the share of right answers that a model gives to each question of a training set.

The questions are written in the form of a benchmark's prompts, answered and graded like one, and read back here as verdicts.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from distill.base.errors import InputError
from distill.base.files import Row, read_jsonl, sha256_text
from distill.base.settings import Settings
from distill.benchmarks.prompts import fill_template
from distill.data.filter_rules import PassRate, gold_task, malformed
from distill.data.hashset import HashSet
from distill.data.traces import Defect, from_row

REASON = "pass_rate"
# The --spec of scripts/training_questions.py.
QUESTIONS = Settings(
    "$defs/dataset/filter/answer_kind",
    "$defs/dataset/filter/pass_rate/user",
    system={"type": ["string", "null"], "default": None},
)


def question_id(question: str) -> str:
    """16 hex digits of the sha256 of a question."""
    return sha256_text(question)[:16]


def questions(traces: str | Path, spec: Mapping[str, Any]) -> Iterator[Row]:
    """Rows of questions.jsonl: each question with a gold, once. `system` is a text, or "source" for that of the question's first trace."""
    seen = HashSet()
    for number, row in enumerate(read_jsonl(traces), 1):
        trace = from_row(row, f"{traces}: line {number}")
        name = question_id(trace.question)
        task = gold_task(trace, spec["answer_kind"])
        if task is None or malformed(trace) or not seen.add(int(name, 16) or 1):
            continue
        system = trace.system if spec["system"] == "source" else spec["system"]
        turns = [{"role": "system", "content": system}] if system else []
        turns.append({"role": "user", "content": fill_template(spec["user"], question=trace.question)})
        yield {"id": name, "messages": turns, "gold": task.gold, "kind": task.kind, "choices": None}


class PassRates:
    """How many of a model's answers to each question are right, from results/pass_rates/{model}/{dataset}.jsonl.

    A question takes some 150 bytes of memory.
    """

    def __init__(self, path: str | Path) -> None:
        """Raises InputError where the file holds no verdicts."""
        self.right: Counter[int] = Counter()
        self.answers: Counter[int] = Counter()
        for row in read_jsonl(path):
            try:
                key, correct = int(row["id"], 16), row["correct"]
            except (KeyError, ValueError, TypeError):
                raise InputError(
                    f"{path}: {str(row)[:80]} is no verdict on a training question: make this file with rule pass_rate"
                ) from None
            self.answers[key] += 1
            self.right[key] += correct is True
        if not self.answers:
            raise InputError(f"{path}: holds no verdicts: make this file with rule pass_rate")

    def rejection(self, question: int, rule: PassRate) -> Defect | None:
        """Why a question is dropped, or None. `question` is its id as a number."""
        right, answers = self.right[question], self.answers[question]
        if not answers:
            return Defect(REASON, f"no answer of {rule.model}: the question has no gold")
        if rule.min <= right / answers <= rule.max:
            return None
        return Defect(REASON, f"{right} of {answers} answers of {rule.model} are right")

    def counts(self) -> dict[str, int]:
        """{right answers: questions}, the fewest first."""
        found = Counter(self.right[key] for key in self.answers)
        return {str(right): found[right] for right in range(max(self.answers.values()) + 1)}
