"""A tiny results folder, made up: two benchmarks, three models, every kind of file that the report and the figures read."""

import csv
from pathlib import Path
from typing import Any

from distill.base.files import write_json, write_jsonl
from distill.data.audit import AuditSpec, Measure, audit

# What a model or a data set might say: each of these would break or take over a page that shows it as it is.
HOSTILE = "\r\n".join(
    [
        "| a | b |",
        "```",
        "</details><script>alert(1)</script>",
        "[click](javascript:alert(1))",
        "![x](http://evil.example/pixel.png)",
        "# Verdict",
        "`code` ``two``",
        "\u202eevil\u2066",
        "line\u2028separator\u2029",
        "\x00\x1b[31m\x07",
        "<!-- comment",
        "$\\boxed{1}$ &lt; @user www.evil.example",
        "~~~",
        "---",
    ]
)

SPEC: dict[str, Any] = {
    "title": "A tiny world",
    "note": "This is a fixture: every number is made up.",
    "models": [
        {"name": "base", "role": "baseline", "label": "Base"},
        {"name": "r1", "role": "reference", "label": "R1-Distill"},
        {"name": "ours", "role": "student", "label": "Ours"},
    ],
    "benchmarks": [
        {"name": "mini_math", "label": "mini_math (MATH-500)"},
        {"name": "mini_gpqa", "label": "mini_gpqa (GPQA-Diamond)", "gated": True},
    ],
    "datasets": [{"name": "traces", "label": "Stratos"}, {"name": "big", "label": "R1 traces"}],
}
PASS = {"base": (0.125, 0.25), "r1": (0.99, 0.97), "ours": (0.714, 0.5)}
ITEMS = 8


def build(root: Path) -> Path:
    """Write the folder and return it."""
    _tables(root)
    _data(root)
    for model in PASS:
        _model(root, model)
        for place, benchmark in enumerate(("mini_math", "mini_gpqa")):
            _answers(root, model, benchmark, PASS[model][place])
    for benchmark in ("mini_math", "mini_gpqa"):
        rows = [
            {
                "id": f"{benchmark}-{item}",
                "messages": [{"role": "user", "content": f"What is {item} + {item}? {HOSTILE}"}],
                "gold": str(2 * item),
                "kind": "math",
                "choices": None,
            }
            for item in range(ITEMS)
        ]
        write_jsonl(root / f"benchmarks/{benchmark}/prompts.jsonl", rows)
    write_json(
        root / "provenance.json",
        {
            "made_at": "2001-02-03T04:05:06+00:00",
            "python": "3.11.9",
            "packages": {"torch": "2.13.0", "vllm": None},
            "git": {"commit": "ab" * 20, "dirty": True},
            "hardware": {"cpu": "A CPU | B", "cores": 2, "memory_gib": 24, "gpus": [{"name": "H200"}] * 8},
            "config": {},
            "digests": {"datasets": {"traces": "1" * 64}, "prompts": {"mini_math": "2" * 64}},
        },
    )
    return root


def _tables(root: Path) -> None:
    write_csv(
        root / "comparison.csv",
        [
            {
                "model": model,
                "benchmark": benchmark,
                "pass@1": value,
                "ci95_low": max(0, value - 0.03),
                "ci95_high": min(1, value + 0.04),
                "ci95_sampling_low": "",
                "ci95_sampling_high": "",
                "n_items": 500,
                "n_samples": 1,
                "maj@n": "",
                "pass@n": "",
                "truncated": 0.25 if model == "base" else 0.002,
                "no_answer": 0.3 if model == "base" else 0.004,
                "unclosed_thought": 0.0,
                "mean_completion_tokens": 99.4,
                "flags": "",
            }
            for model, values in PASS.items()
            for benchmark, value in zip(("mini_math", "mini_gpqa"), values, strict=True)
        ],
    )
    write_csv(
        root / "differences.csv",
        [
            difference("ours", "base", "mini_math", 0.589, 1e-30, "better"),
            difference("ours", "base", "mini_gpqa", 0.25, 2e-9, "better"),
            difference("ours", "r1", "mini_math", -0.276, 1e-20, "worse"),
            difference("ours", "r1", "mini_gpqa", -0.02, 0.4, "no detectable difference"),
        ],
    )
    write_csv(
        root / "published.csv",
        [
            {
                "model": "r1",
                "benchmark": "mini_math",
                "protocol": "deepseek",
                "metric": "pass@1",
                "value": 98.5,
                "samples": 64,
                "source": "DeepSeek-R1 README",
                "ours": 0.99,
                "ci95_low": -0.01,
                "ci95_high": 0.02,
                "verdict": "reproduced",
            },
            {
                "model": "ours",
                "benchmark": "mini_math",
                "protocol": "tutorial",
                "metric": "pass@1",
                "value": 80.0,
                "samples": 1,
                "source": "the guide",
                "ours": 0.714,
                "ci95_low": -0.13,
                "ci95_high": -0.05,
                "verdict": "not reproduced",
            },
        ],
    )


def difference(a: str, b: str, benchmark: str, value: float, p: float, verdict: str) -> dict[str, Any]:
    return {
        "a": a,
        "b": b,
        "benchmark": benchmark,
        "difference": value,
        "ci95_low": value - 0.04,
        "ci95_high": value + 0.04,
        "p": p,
        "p_holm": 2 * p,
        "verdict": verdict,
        "minimum_detectable_difference": 0.061,
        "n": 500,
    }


def _data(root: Path) -> None:
    dropped = {"malformed": 200, "no_answer": 0, "wrong_answer": 391, "duplicate": 143, "contaminated": 148, "too_long": 150}
    write_json(root / "data/traces/funnel.json", {"rows_in": 5000, "kept": 5000 - sum(dropped.values()), "dropped": dropped})
    hits = [_hit("exact", "what is 1 1"), _hit("ngram", HOSTILE), _hit("ngram", "not shown")]
    write_json(
        root / "data/traces/contamination.json",
        {
            "ngram": 8,
            "action": "drop",
            "benchmarks": {"mini_math": _hits(hits), "mini_gpqa": _hits([_hit("exact", None)])},
        },
    )
    measures = [Measure(500 + 40 * (place % 120), 90, (450 + 40 * (place % 120), 440, 499), False) for place in range(500)]
    pieces = [{"loss": False, "text": "<|im_start|>user"}, {"loss": True, "text": HOSTILE}]
    write_json(
        root / "data/traces/audit.json", audit(measures, AuditSpec(packing="bfd")) | {"sample": {"id": "0", "tokens": 9, "pieces": pieces}}
    )
    write_json(root / "data/big/funnel.json", {"rows_in": 12000, "kept": 12000, "dropped": dict.fromkeys(dropped, 0)})


def _hit(match: str, span: str | None) -> dict[str, Any]:
    return {
        "id": "0123456789abcdef0123456789abcdef",
        "item_id": "mini_math-1",
        "match": match,
        "question": span,
        "item": span,
        "span": span,
    }


def _hits(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {"items": 500, "rows_hit": len(rows), "items_hit": 1, "rows": rows, "other_numbers": {"rows": 7, "listed": []}}


def _model(root: Path, model: str) -> None:
    trained = model != "base"
    facts = (
        {
            "parent": "b" * 64,
            "data": "1" * 64,
            "recipe": {"learning_rate": 0.0015, "packing": "none", "eos_token": "<|im_end|>"},
            "world_size": 1,
            "rows": 12000,
            "steps": 1500,
            "tokens_seen": 1_300_000 if model == "r1" else 460_000,
        }
        if trained
        else {"made_by": "prepare_base"}
    )
    write_json(root / f"models/{model}/manifest.json", {"digest": model[0] * 64, **facts, "files": {}})
    if trained:
        steps = 150 if model == "r1" else 47
        write_jsonl(
            root / f"models/{model}/log.jsonl",
            [
                {
                    "step": 10 * step,
                    "epoch": step / steps,
                    "tokens": 9000 * step,
                    "loss": 0.1 + 2 / (1 + step / 5) + 0.1 * (step % 3),
                    "lr": 1e-3,
                    "grad_norm": 1.0,
                    "tokens_per_s": 7.0,
                }
                for step in range(1, steps + 1)
            ],
        )


def _answers(root: Path, model: str, benchmark: str, rate: float) -> None:
    right = round(rate * ITEMS)
    rows = [
        {
            "id": f"{benchmark}-{item}",
            "sample": 0,
            "text": f"I think it is {2 * item}.\n{HOSTILE}",
            "finish_reason": "stop",
            "prompt_tokens": 20,
            "completion_tokens": 60 + 7 * item + (40 if item >= right else 0),
        }
        for item in range(ITEMS)
    ]
    write_jsonl(root / f"responses/{model}/{benchmark}.jsonl", rows)
    write_jsonl(
        root / f"scores/{model}/{benchmark}.jsonl",
        [
            {
                "id": row["id"],
                "sample": 0,
                "correct": item < right,
                "answer": HOSTILE if item == right else "4",
                "reason": "correct" if item < right else "wrong",
                "verdicts": {"boxed": item < right, "lighteval": item <= right},
            }
            for item, row in enumerate(rows)
        ],
    )
    write_json(
        root / f"scores/{model}/{benchmark}.json",
        {"pass@1": rate, "self_test": {"gold": 1.0, "echo": 0.0, "cut": 0.0, "empty": 0.0, "wrong": 0.002}},
    )


def checkpoint(root: Path, model: str, tokens: int, rate: float) -> None:
    """A model from earlier in a training, with a score on mini_math."""
    write_json(root / f"models/{model}/manifest.json", {"digest": "c" * 64, "tokens_seen": tokens, "files": {}})
    with open(root / "comparison.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    like = next(row for row in rows if row["model"] == "ours" and row["benchmark"] == "mini_math")
    scored = {"model": model, "pass@1": rate, "ci95_low": rate - 0.03, "ci95_high": rate + 0.04}
    write_csv(root / "comparison.csv", [*rows, like | scored])


def students(root: Path, count: int) -> dict[str, Any]:
    """So many students in place of ours, each a point below the one before on mini_math, the last no better than the base there.

    Returns their SPEC.
    """
    labels = {f"s{place}": f"Student {place}" for place in range(count)}
    for name, ours, number in (("comparison.csv", "model", "pass@1"), ("differences.csv", "a", "difference")):
        with open(root / name, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        kept = [row for row in rows if row[ours] != "ours"]
        for place, student in enumerate(labels):
            for row in (row for row in rows if row[ours] == "ours"):
                lower = 0.01 * place if row["benchmark"] == "mini_math" else 0.0
                ends = {end: round(float(row[end]) - lower, 4) for end in (number, "ci95_low", "ci95_high")}
                kept.append(row | ends | {ours: student})
                if student == [*labels][-1] and row.get("b") == "base" and lower:
                    kept[-1]["verdict"] = "no detectable difference"
        write_csv(root / name, kept)
    others = [model for model in SPEC["models"] if model["role"] != "student"]
    return {**SPEC, "models": others + [{"name": name, "role": "student", "label": label} for name, label in labels.items()]}


def write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
