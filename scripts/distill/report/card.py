"""The model card of a model that was trained here, README.md on the Hugging Face hub: metadata, then text."""

from collections.abc import Mapping
from typing import Any

import yaml

from distill.base.errors import InputError
from distill.base.files import Row
from distill.base.settings import Settings
from distill.report import data, tables, training
from distill.report import names as naming
from distill.report.markdown import block, code, text
from distill.report.model_index import model_index
from distill.report.results import Results
from distill.report.words import join

_USE = """\
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer, model = AutoTokenizer.from_pretrained({name!r}), AutoModelForCausalLM.from_pretrained({name!r})
inputs = tokenizer.apply_chat_template([{{"role": "user", "content": "..."}}], add_generation_prompt=True, return_tensors="pt")
print(tokenizer.decode(model.generate(**inputs, max_new_tokens=4096)[0]))"""


# The --spec of model_card.py: the report's keys, and where the model comes from and goes to.
LINKED = {"type": "object", "additionalProperties": False, "required": ["label"], "properties": {"label": naming.TEXT, "hub": naming.TEXT}}
SPEC = Settings(**naming.KEYS, base=LINKED, data=LINKED, teacher=LINKED, repository="$defs/push/repository", required=("base", "data"))


def render(model: str, spec: Mapping[str, Any], results: Results) -> str:
    """The card of `model`.

    `spec`: models (this one and what it is compared with), benchmarks and datasets as in a report; base and data {label, hub} (hub:
    owner/name there, if it has one), and teacher where there is one; repository: where the model is published, if it is.
    """
    names, manifest = naming.names(spec, SPEC), results.manifest(model)
    if manifest is None or "recipe" not in manifest:
        raise InputError(
            f"{results.root / 'models' / model}: no model that was trained here; train it first: snakemake results/models/{model}"
        )
    scored = any(score.model == model for score in results.scores)
    head = {
        **({"base_model": spec["base"]["hub"]} if "hub" in spec["base"] else {}),
        **({"datasets": [spec["data"]["hub"]]} if "hub" in spec["data"] else {}),
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "tags": [
            "on-policy" if "teacher" in spec else "sft",
            *("trl", "reasoning", "distillation"),
            *(["lora"] if "lora" in manifest["recipe"] else []),
        ],
        **(model_index(model, names, results) if scored else {}),
    }
    body = [
        f"# {text(names.label(model))}",
        _what(manifest, spec),
        "## Scores",
        tables.scores(names, results) if scored else "Not evaluated yet.",
        "## Data",
        data.funnel(names, results),
        "## Training",
        training.section(names, results),
        "## Use",
        block(_USE.format(name=spec.get("repository") or f"results/models/{model}"), "python"),
        _digests(manifest),
    ]
    return f"---\n{yaml.safe_dump(head, sort_keys=False, allow_unicode=True)}---\n\n{join(*body)}\n"


def _what(manifest: Row, spec: Mapping[str, Any]) -> str:
    base, data = (_linked(spec[key]) for key in ("base", "data"))
    if "teacher" in spec:
        return f"{base}, distilled on-policy from {_linked(spec['teacher'])} on the prompts of {data}."
    epoch = f", as it was after {manifest['epoch']:g} epochs" if "epoch" in manifest else ""
    lora = manifest["recipe"].get("lora")
    how = f" with LoRA (rank {lora['r']}), whose updates are merged into the weights" if lora else ""
    return f"{base}, fine-tuned on the reasoning traces of {data}{epoch}{how}."


def _linked(what: Mapping[str, Any]) -> str:
    label = text(what["label"])
    return f"{label} ({code(what['hub'])} on the hub)" if "hub" in what else label


def _digests(manifest: Row) -> str:
    rows = {"weights": "digest", "base": "parent", "teacher": "teacher", "data": "data", "recipe": "recipe_digest"}
    lines = [f"- {name}: {code(manifest[key])}" for name, key in rows.items() if manifest.get(key)]
    return "sha256, as in manifest.json:\n\n" + "\n".join(lines)
