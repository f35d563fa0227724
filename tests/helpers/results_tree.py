"""A tiny results folder, made up: two benchmarks, three models, every kind of file that the report and the figures read."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from distill.base.files import write_json, write_jsonl
from distill.data.audit import AuditSpec, Measure, audit
from distill.evaluation.rows import AnswersRow, CurveRow, DifferenceRow, PublishedRow, ScoreRow, read_csv, to_csv

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
    _curves(root)
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
    write_table(
        root / "comparison.csv",
        [
            ScoreRow(
                model=model["name"],
                role=model["role"],
                benchmark=benchmark,
                protocol="",
                pass_at_1=value,
                ci95_low=max(0, value - 0.03),
                ci95_high=min(1, value + 0.04),
                n_items=500,
                truncated=0.25 if model["name"] == "base" else 0.002,
                no_answer=0.3 if model["name"] == "base" else 0.004,
                unclosed_thought=0.0,
                mean_completion_tokens=99.4,
            )
            for model in SPEC["models"]
            for benchmark, value in zip(("mini_math", "mini_gpqa"), PASS[model["name"]], strict=True)
        ],
    )
    write_table(
        root / "differences.csv",
        [
            difference("ours", "base", "mini_math", 0.589, 1e-30, "better"),
            difference("ours", "base", "mini_gpqa", 0.25, 2e-9, "better"),
            difference("ours", "r1", "mini_math", -0.276, 1e-20, "worse"),
            difference("ours", "r1", "mini_gpqa", -0.02, 0.4, "no detectable difference"),
        ],
    )
    write_table(
        root / "published.csv",
        [
            published("r1", "mini_math", 0.985, 0.99, "reproduced", protocol="deepseek", samples=64, source="DeepSeek-R1 README"),
            published("ours", "mini_math", 0.8, 0.714, "not reproduced", protocol="tutorial", samples=1, source="the guide"),
        ],
    )


def _curves(root: Path) -> None:
    """Two samples an item, and answers of which half are finished within 100 tokens."""
    curves, answers = [], []
    for model, values in PASS.items():
        for benchmark, value in zip(("mini_math", "mini_gpqa"), values, strict=True):
            for curve, at, share in (("pass@k", 1, value), ("pass@k", 2, min(1, 1.2 * value)), ("maj@k", 1, value), ("maj@k", 2, value)):
                curves.append(CurveRow(model, benchmark, curve, at, share, 0.9 * share, min(1, 1.1 * share)))
            for at, share in ((100, value / 2), (320, value)):
                curves.append(CurveRow(model, benchmark, "budget", at, share, 0.9 * share, min(1, 1.1 * share)))
            answers.append(AnswersRow(model, benchmark, 500, 2, 80, 99, None if model == "r1" else 200, None, 0.625, 0.75, 1.5))
    write_table(root / "curves.csv", curves)
    write_table(root / "answers.csv", answers)


def difference(a: str, b: str, benchmark: str, value: float, p: float, verdict: str, detectable: float = 0.061) -> DifferenceRow:
    return DifferenceRow(a, b, benchmark, value, value - 0.04, value + 0.04, p, min(1.0, 2 * p), verdict, detectable, 500)


def published(model: str, benchmark: str, value: float, ours: float, verdict: str, **more: Any) -> PublishedRow:
    difference = round(ours - value, 4)
    known = {"protocol": "", "metric": "pass@1", "source": "S", "samples": None} | more
    return PublishedRow(
        model=model,
        benchmark=benchmark,
        published_share=value,
        ours_share=ours,
        difference_share=difference,
        ci95_low_share=difference - 0.04,
        ci95_high_share=difference + 0.04,
        verdict=verdict,
        **known,
    )


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
    (spec,) = AuditSpec.each_of({"packing": "bfd"})
    pieces = [{"loss": False, "text": "<|im_start|>user"}, {"loss": True, "text": HOSTILE}]
    write_json(
        root / "data/traces/audit.json",
        audit(measures, spec) | {"sample": {"id": "0", "tokens": 9, "pieces": pieces}},
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


def checkpoint(root: Path, model: str, tokens: int, rate: float, data: str = "1" * 64) -> None:
    """A model from earlier in a training, with a score on mini_math."""
    write_json(root / f"models/{model}/manifest.json", {"digest": "c" * 64, "tokens_seen": tokens, "data": data, "files": {}})
    rows = read_csv(ScoreRow, root / "comparison.csv")
    like = next(row for row in rows if (row.model, row.benchmark) == ("ours", "mini_math"))
    scored = replace(like, model=model, pass_at_1=rate, ci95_low=rate - 0.03, ci95_high=rate + 0.04)
    write_table(root / "comparison.csv", [*rows, scored])


def students(root: Path, count: int) -> dict[str, Any]:
    """So many students in place of ours, each a point below the one before on mini_math, the last no better than the base there.

    Returns their SPEC.
    """
    scores, differences = read_csv(ScoreRow, root / "comparison.csv"), read_csv(DifferenceRow, root / "differences.csv")
    made_scores = [row for row in scores if row.model != "ours"]
    made_differences = [row for row in differences if row.a != "ours"]
    for place in range(count):
        for row in (row for row in scores if row.model == "ours"):
            made_scores.append(replace(_lowered(row, "pass_at_1", place), model=f"s{place}"))
        for row in (row for row in differences if row.a == "ours"):
            last = place and place == count - 1 and (row.b, row.benchmark) == ("base", "mini_math")
            verdict = "no detectable difference" if last else row.verdict
            made_differences.append(replace(_lowered(row, "difference", place), a=f"s{place}", verdict=verdict))
    write_table(root / "comparison.csv", made_scores)
    write_table(root / "differences.csv", made_differences)
    others = [model for model in SPEC["models"] if model["role"] != "student"]
    made = [{"name": f"s{place}", "role": "student", "label": f"Student {place}"} for place in range(count)]
    return {**SPEC, "models": others + made}


def _lowered(row: Any, field: str, points: int) -> Any:
    """A row with its value and interval that many points lower on mini_math."""
    lower = 0.01 * points if row.benchmark == "mini_math" else 0.0
    return replace(row, **{name: round(getattr(row, name) - lower, 4) for name in (field, "ci95_low", "ci95_high")})


def write_table(path: Path, rows: list[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(to_csv(type(rows[0]), rows), encoding="utf-8")
