"""The answers that a benchmark needs of a model: which exist already, and how each is sampled."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from distill.base.code_digest import code_digest
from distill.base.files import Row, atomic_write, read_jsonl, sha256_text
from distill.base.settings import Settings
from distill.base.work import open_work_folder
from distill.generation.engines import ANSWER_COLUMNS, ENGINES, Answer, Request, Sampling
from distill.generation.engines.chat_completions import read
from distill.generation.store import AnswerStore

SAMPLING = ("n_samples", "temperature", "top_p", "max_new_tokens", "seed")  # what a protocol must say
# The --spec of scripts/respond.py. A model behind an endpoint is known by the names of both.
SPEC = Settings(
    "$defs/sampling/*",
    engine={"enum": list(ENGINES)},
    endpoint="$defs/served/name",
    model="$defs/served/model",
    required=("engine", *SAMPLING),
)
Pair = tuple[Row, int]  # a row of prompts.jsonl and the number of a sample


@dataclass(frozen=True)
class ResponseSet:
    """The answers of one model to one benchmark: (prompt, sample) pairs in the order of the responses file, and their store."""

    output: Path
    folder: Path
    spec: dict[str, Any]
    pairs: list[Pair]

    def missing(self) -> list[Pair]:
        """Pairs without an answer in the store."""
        available = self.store.answers
        return [(prompt, sample) for prompt, sample in self.pairs if (prompt_key(prompt), sample) not in available]

    def requests(self, pairs: list[Pair]) -> list[Request]:
        return [Request(prompt["messages"], sample_seed(self.spec["seed"], prompt, sample)) for prompt, sample in pairs]

    def sampling(self) -> Sampling:
        return Sampling(self.spec["temperature"], self.spec["top_p"], self.spec["max_new_tokens"], self.spec.get("context"))

    def keep(self, pair: Pair, answer: Answer) -> None:
        raw = {} if answer.raw is None else {"raw": answer.raw}
        self.store.append(
            [{"key": prompt_key(pair[0]), "sample": pair[1], **{name: getattr(answer, name) for name in ANSWER_COLUMNS}, **raw}]
        )

    def keep_unread(self, pair: Pair, response: str) -> None:
        """Keep a response of an endpoint that could not be read, as it came."""
        AnswerStore(self.folder / "unread.jsonl").append([{"key": prompt_key(pair[0]), "sample": pair[1], "raw": response}])

    def read_again(self) -> None:
        """Answers from responses of earlier runs that could not be read then."""
        unread = AnswerStore(self.folder / "unread.jsonl").answers
        for pair in self.missing() if len(unread) else ():
            if kept := unread.get((prompt_key(pair[0]), pair[1])):
                found = read(200, None, kept["raw"].encode(), self.spec["max_new_tokens"])
                if isinstance(found, Answer):
                    self.keep(pair, found)

    def rows(self) -> Iterator[Row]:
        """The rows of the responses file."""
        answers = self.store.answers
        for prompt, sample in self.pairs:
            kept = answers[prompt_key(prompt), sample]
            yield {"id": prompt["id"], "sample": sample, **{name: kept[name] for name in ANSWER_COLUMNS}}

    @cached_property
    def store(self) -> AnswerStore:
        """Read at first use, which must come after the folder is locked."""
        return AnswerStore(self.folder / "answers.jsonl")

    def digest(self) -> str:
        """What decides the bytes of the responses file."""
        return sha256_text(json.dumps([self.folder.name, [[prompt["id"], prompt_key(prompt), sample] for prompt, sample in self.pairs]]))

    def is_complete(self) -> bool:
        """Whether the responses file is there and holds the answers of these pairs."""
        note = _note(self.output)
        return self.output.exists() and note.exists() and note.read_text(encoding="utf-8") == self.digest()


def response_set(work: Path, model: str, prompts: str | Path, spec: dict[str, Any], output: str | Path) -> ResponseSet:
    """What `spec` (engine, n_samples, temperature, top_p, max_new_tokens, seed) wants of the model of digest `model`.

    A prompts file that is not there yet wants nothing. The store's folder is named by all that decides an answer, the engine's code too.
    """
    prompts = Path(prompts)
    rows = list(read_jsonl(prompts)) if prompts.exists() else []
    spec = SPEC.read(spec)
    folder = open_work_folder(work, {"model": model, "benchmark": prompts.parent.name, **answer_identity(spec)})
    return ResponseSet(Path(output), folder, spec, [(prompt, sample) for prompt in rows for sample in range(spec["n_samples"])])


def answer_identity(spec: dict[str, Any]) -> dict[str, Any]:
    """All of a sampling that decides an answer; how many are drawn does not."""
    made = {name: value for name, value in spec.items() if name != "n_samples"}
    return made | {"code": code_digest(f"distill/generation/engines/{spec['engine']}.py")}


def mark_complete(done: ResponseSet) -> None:
    """Note next to the responses which prompts they answer, so that the run of another benchmark does not answer them again."""
    with atomic_write(_note(done.output)) as file:
        file.write(done.digest())


def _note(output: Path) -> Path:
    return output.with_name(f".{output.name}.answers")


def prompt_key(prompt: Row) -> str:
    """The digest of a prompt's bytes: what the model is shown, and nothing else."""
    return sha256_text(json.dumps(prompt["messages"], sort_keys=True))[:32]


def sample_seed(seed: int, prompt: Row, sample: int) -> int:
    """A sample's own seed, from the run's seed, the prompt and the sample's number: more samples leave the earlier ones as they were."""
    return int(sha256_text(f"{seed}\n{prompt_key(prompt)}\n{sample}")[:15], 16)
