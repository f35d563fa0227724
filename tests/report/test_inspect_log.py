"""Logs of Inspect: what inspect_ai reads in them is what the results hold, and of a gated benchmark it reads no text."""

import results_tree

from distill.base.files import read_jsonl, write_jsonl
from distill.base.thoughts import completion
from distill.report.inspect_log import write
from distill.report.names import names
from distill.report.results import Results

NAMES = names(results_tree.SPEC)


def logged(root, path, benchmark: int = 0):
    from inspect_ai.log import read_eval_log

    write(path, NAMES.of_role("student")[0], NAMES.benchmarks[benchmark], Results(root))
    return read_eval_log(str(path))


def test_inspect_reads_what_the_results_hold(tmp_path):
    root = results_tree.build(tmp_path / "results")
    verdicts = list(read_jsonl(root / "scores/ours/mini_math.jsonl"))
    responses = {row["id"]: row for row in read_jsonl(root / "responses/ours/mini_math.jsonl")}
    log = logged(root, tmp_path / "ours.eval")
    assert (log.status, log.eval.task, log.eval.model, log.eval.dataset.samples) == (
        "success",
        "mini_math (MATH-500)",
        "Ours",
        len(verdicts),
    )
    for sample, verdict in zip(log.samples, verdicts, strict=True):
        assert (sample.id, sample.epoch) == (verdict["id"], verdict["sample"] + 1)
        assert {name: score.value == "C" for name, score in sample.scores.items()} == verdict["verdicts"]
        text = responses[sample.id]["text"].partition("</think>")[2] or responses[sample.id]["text"]
        assert sample.messages[-1].text.strip() == text.strip()
        assert sample.output.stop_reason in ("stop", "max_tokens", "unknown")
    assert log.stats.model_usage["Ours"].output_tokens == sum(row["completion_tokens"] for row in responses.values())
    share = sum(verdict["verdicts"]["boxed"] for verdict in verdicts) / len(verdicts)
    boxed = next(score for score in log.results.scores if score.name == "boxed")
    assert boxed.metrics["accuracy"].value == share


def test_equal_results_are_equal_bytes_whatever_an_answer_says(tmp_path):
    root = results_tree.build(tmp_path / "results")
    path = root / "responses/ours/mini_math.jsonl"
    rows = list(read_jsonl(path))
    rows[0]["text"] = "<think>\nhm\n</think>\n\nlone \\ud800 and \x00"
    write_jsonl(path, rows)
    text = path.read_text(encoding="utf-8").replace("\\\\ud800", "\\ud800")
    path.write_text(text, encoding="utf-8")
    first, second = (logged(root, tmp_path / name) for name in ("a.eval", "b.eval"))
    assert (tmp_path / "a.eval").read_bytes() == (tmp_path / "b.eval").read_bytes()
    assert first.samples[0].messages[-1].text == second.samples[0].messages[-1].text == "lone \ufffd and \x00"
    assert first.samples[0].messages[-1].content[0].reasoning == "hm"


THOUGHTS = [
    ("<think>\nhm\n</think>\n\n4", "hm", "4"),
    ("hm</think>4", "hm", "4"),  # the prompt opened it
    (completion("hm", "4", "stratos"), "hm", "4"),
    ("[THINK]a [/THINK]b[/THINK]4", "a [/THINK]b", "4"),
    ("<think>hm</think>", "hm", ""),
    ("<think>hm", None, "<think>hm"),
    ("4", None, "4"),
]


def test_a_thought_is_a_part_of_its_own_however_it_is_marked(tmp_path):
    root = results_tree.build(tmp_path / "results")
    path = root / "responses/ours/mini_math.jsonl"
    texts = [text for text, *_ in THOUGHTS]
    write_jsonl(path, [{**row, "text": text} for row, text in zip(list(read_jsonl(path)), texts, strict=False)])
    found = [sample.messages[-1].content for sample in logged(root, tmp_path / "ours.eval").samples]
    parts = [(None, said) if isinstance(said, str) else (said[0].reasoning, said[1].text) for said in found]
    assert parts == [(thought, solution) for _, thought, solution in THOUGHTS]


def test_of_a_gated_benchmark_there_are_verdicts_and_no_text(tmp_path):
    log = logged(results_tree.build(tmp_path / "results"), tmp_path / "ours.eval", benchmark=1)
    for sample in log.samples:
        assert {message.text for message in sample.messages} == {sample.input} == {"(not shown: this benchmark is gated)"}
        assert all(score.answer is None for score in sample.scores.values()) and sample.scores
