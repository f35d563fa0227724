"""Whether a teacher can score what its student writes, by the files of both that are there: tokens, chat templates, ends of turn.

The steps distill and logits compare the same again, and all prompts, before they begin (distill/training/pair.py).
"""

from collections.abc import Iterator, Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any

from distill.base.errors import InputError
from distill.base.files import read_json
from distill.data.tokens import ChatTokenizer
from distill.models.vocabulary import first_difference
from distill.preflight.facts import is_of
from distill.preflight.findings import new_finding

Row = dict[str, Any]
QUESTION = [{"role": "user", "content": "What is 2+2?"}]


def pair_findings(part: Mapping[str, Any], results: Path) -> list[Row]:
    """What does not fit, of each distillation and each scored dataset; nothing of models that are not there yet."""
    found = []
    for entry in part["distillations"]:
        sides = [_SideFiles.of(entry[role], entry["sides"][role], part, results) for role in ("student", "teacher")]
        if None not in sides:
            found += [new_finding("stop", f"distill {entry['model']}", text) for text in _problems(*sides)]
    for entry in part["logits"]:
        sides = [_SideFiles.of(entry[role], entry["sides"][role], part, results) for role in ("student", "teacher")]
        if None not in sides and (text := _other_tokens(*sides)):
            found.append(new_finding("stop", f"logits {entry['dataset']}", text))
    return found


class _SideFiles:
    """One of the two by its files: what it is called, its tokenizer with the template and end of turn that the configuration gives it."""

    def __init__(self, name: str, folder: Path, way: Mapping[str, Any]) -> None:
        template = way["chat_template"]
        self.name, self.folder = name, folder
        self.tokenizer = ChatTokenizer(folder, Path(template).read_text(encoding="utf-8") if template else None, way["eos_token"])

    @classmethod
    def of(cls, name: str, way: Mapping[str, Any], part: Mapping[str, Any], results: Path) -> "_SideFiles | None":
        """None where the files of its source are not there, or are no tokenizer with a chat template: the step says what is wrong."""
        origin = way["origin"]
        folders = [results / "models" / origin, results / "sources" / "models" / origin]
        folders = folders if is_of("models", origin, part["origins"].get(origin, {}), results) else []
        folder = next((folder for folder in folders if (folder / "tokenizer.json").is_file()), None)
        try:
            return cls(name, folder, way) if folder else None
        except InputError:
            return None

    @property
    def ends(self) -> set[str | None]:
        """The ends of turn at which it stops, by its tokenizer and its generation_config.json."""
        file = self.folder / "generation_config.json"
        listed = read_json(file).get("eos_token_id") if file.is_file() else None
        ids = listed if isinstance(listed, list) else [listed]
        return {self.tokenizer.eos_token, *(self.tokenizer.decode([number]) for number in ids if number is not None)}

    def render(self) -> list[int]:
        return self.tokenizer.encode([self.tokenizer.text(QUESTION, add_generation_prompt=True)])[0]


def _problems(student: _SideFiles, teacher: _SideFiles) -> Iterator[str]:
    if text := _other_tokens(student, teacher):
        yield text
        return
    ours, theirs = student.render(), teacher.render()
    if ours != theirs:
        at = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(ours, theirs, strict=False)))
        one, other = student.tokenizer.decode(ours[at : at + 8]), teacher.tokenizer.decode(theirs[at : at + 8])
        yield (
            f"the chat templates of {student.name} and {teacher.name} render a prompt differently from token {at} on: "
            f"{one!r} and {other!r}; give both the same with prepare: {{chat_template: ..}}"
        )
    if student.tokenizer.eos_token not in teacher.ends:
        yield (
            f"{student.name} ends its turns with {student.tokenizer.eos_token}, and {teacher.name} with {teacher.tokenizer.eos_token}; "
            "give one of them the other's with prepare: {eos_token: ..}"
        )


def _other_tokens(student: _SideFiles, teacher: _SideFiles) -> str | None:
    text = first_difference(student.tokenizer.vocabulary, teacher.tokenizer.vocabulary, student.name, teacher.name)
    return f"{text}; name a teacher of the student's vocabulary" if text else None
