"""The teacher: how answers are asked for of an endpoint, what they may cost, and how they become traces.

The endpoint is a stand-in (stand_in_server.py); tests/e2e/test_teacher.py has a real one.
"""

import json
import re
import sys
import threading
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import generate_traces
import pytest
import yaml
from stand_in_server import StandIn, completion
from tiny_chat import write_jsonl

from distill.base.errors import InputError
from distill.base.tables import read_rows
from distill.config.load import load
from distill.config.plan import Plan
from distill.data.normalise import Normaliser
from distill.generation import engines, responses
from distill.generation.budget import Budget, Ledger
from distill.generation.collect import TOO_MANY_FAILED, answer_missing, run_folder, unanswered
from distill.generation.engines import Answer, Request, Sampling, Unanswered, chat_completions
from distill.generation.engines.chat_completions import RequestFailure, body, most_prompt_tokens, read
from distill.generation.responses import ResponseSet
from distill.generation.teacher import SPEC, pairs, questions, trace_rows

STRATOS = "<|begin_of_thought|>\n\nHm.\n\n<|end_of_thought|>\n\n<|begin_of_solution|>\n\nIt is {}.\n\n<|end_of_solution|>"
SAMPLING = Sampling(0.6, 0.95, 100)
FAST = {"backoff_s": 0.01, "concurrency": 4, "timeout_s": 5.0, "retries": 3}


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def ask(server: StandIn, texts: list[str], ledger: Ledger | None = None, **runtime):
    """{question: answer} and the exception at the end, if any."""
    requests = [Request([{"role": "user", "content": text}], seed) for seed, text in enumerate(texts)]
    found = {}
    try:
        for place, answer in engines.load("openai", "teacher", {"base_url": server.url, **FAST, **runtime}).answers(
            requests, SAMPLING, ledger
        ):
            assert texts[place] not in found
            found[texts[place]] = answer.text
    except InputError as end:
        return found, end
    return found, None


# What a response means


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"content": "7"}, "7"),
        ({"content": [{"type": "text", "text": "7"}]}, "7"),
        ({"content": None}, ""),
        ({"content": "7", "reasoning_content": "Hm.\n"}, "<think>\nHm.\n</think>\n\n7"),
        ({"content": "7", "reasoning": "Hm."}, "<think>\nHm.\n</think>\n\n7"),
        ({"content": None, "reasoning_content": "Hm."}, "<think>\nHm."),
        ({"content": "7", "reasoning_content": None}, "7"),
        ({"content": "7", "thinking": "Hm."}, "<think>\nHm.\n</think>\n\n7"),
        ({"content": "7", "reasoning_details": [{"type": "reasoning.text", "text": "Hm."}]}, "<think>\nHm.\n</think>\n\n7"),
        (
            {"content": "7", "reasoning": "Hm.", "reasoning_details": [{"type": "reasoning.text", "text": "Hm."}]},
            "<think>\nHm.\n</think>\n\n7",
        ),
        ({"content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "7"}]}, "<think>\nHm.\n</think>\n\n7"),
        (
            {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}, {"type": "text", "text": "7"}]},
            "<think>\nHm.\n</think>\n\n7",
        ),
        ({"content": "<think>\nHm.\n</think>\n\n7", "reasoning_content": "Hm."}, "<think>\nHm.\n</think>\n\n7"),
        ({"content": "<think>\n\n</think>\n\n7", "reasoning_content": "Hm."}, "<think>\nHm.\n</think>\n\n7"),
        ({"content": "</think>\n\n7", "reasoning_content": "Hm."}, "<think>\nHm.\n</think>\n\n7"),
        ({"content": STRATOS.format(7), "reasoning": "Hm."}, STRATOS.format(7)),
    ],
    ids=[
        *("plain", "parts", "nothing", "reasoning_content", "reasoning", "cut in the thought", "no reasoning", "thinking"),
        *("reasoning_details", "reasoning twice", "thinking part", "thinking part of parts", "in both places"),
        *("empty tags", "a lone closing tag", "Stratos tags"),
    ],
)
def test_a_thought_is_kept_once_wherever_the_server_puts_it(message, text):
    answer = read(200, None, completion("", **message))
    assert replace(answer, raw=None) == Answer(text, "stop", 10, 20)
    assert answer.raw == completion("", **message).decode()


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        ({"prompt_tokens": 10, "completion_tokens": 20}, (10, 20)),
        ({"prompt_tokens": 10.0, "completion_tokens": 20.0}, (10, 20)),
        ({"prompt_tokens": "10", "completion_tokens": "20"}, (10, 20)),
        ({"prompt_tokens": 10}, (10, None)),
        ({"prompt_tokens": "many", "completion_tokens": -1}, (None, None)),
        ({"prompt_tokens": float("inf"), "completion_tokens": 1.5}, (None, None)),
        (None, (None, None)),
        ([], (None, None)),
        ("absent", (None, None)),
    ],
)
def test_an_answer_is_taken_whatever_the_server_says_of_its_tokens(usage, counts):
    given = json.loads(completion("7")) | {"usage": usage}
    if usage == "absent":
        del given["usage"]
    found = read(200, None, json.dumps(given).encode())
    assert isinstance(found, Answer) and (found.prompt_tokens, found.completion_tokens) == counts


@pytest.mark.parametrize(
    ("said", "tokens", "reason"),
    [
        *((name, 20, "stop") for name in ("stop", "eos_token", "eos", "end_turn", "stop_sequence", "STOP")),
        *((name, 20, "length") for name in ("length", "max_tokens", "MAX_TOKENS", "model_length")),
        (None, 20, "stop"),
        ("", 20, "stop"),
        (None, 100, "length"),
        (None, None, "stop"),
    ],
)
def test_how_an_answer_ended_is_read_from_each_server_s_word_for_it(said, tokens, reason):
    found = read(200, None, completion("7", finish=said, completion=tokens), max_new_tokens=100)
    assert isinstance(found, Answer) and found.finish_reason == reason


@pytest.mark.parametrize(
    ("status", "content", "retry", "billed", "fatal"),
    [
        (429, b"slow down", True, False, False),
        (500, b"oops", True, False, False),
        (504, b"gateway", True, True, False),
        (400, b"too long", False, False, False),
        (401, b"no key", False, False, True),
        (404, b"no such model", False, False, True),
        (200, b"{", True, True, False),
        (200, b"[]", True, True, False),
        (200, b'{"choices": []}', True, True, False),
        (200, completion({"a": 1}), False, True, False),
        (200, completion([{"type": "image_url"}]), False, True, False),
        (200, completion("7", finish="content_filter"), False, True, False),
        (200, b"[" * 100_000, True, True, False),
    ],
    ids=lambda value: str(value)[:24],
)
def test_a_failure_says_whether_to_retry_and_whether_it_may_have_cost(status, content, retry, billed, fatal):
    found = read(status, None, content)
    assert isinstance(found, RequestFailure)
    assert (found.retry, found.billed, found.fatal) == (retry, billed, fatal)
    assert "\n" not in found.why and len(found.why) < 300


def test_a_request_holds_what_was_asked_for_and_extra_is_laid_over_it():
    asked = body("m", Request([{"role": "user", "content": "q"}], 5), SAMPLING, {"seed": None, "top_k": 3})
    assert asked == {
        "model": "m", "messages": [{"role": "user", "content": "q"}], "temperature": 0.6, "top_p": 0.95, "max_tokens": 100,
        "stream": False, "top_k": 3,
    }  # fmt: skip


def test_an_endpoint_that_wants_another_key_for_the_longest_answer_names_the_cure():
    said = {"error": {"message": "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."}}
    found = read(400, None, json.dumps(said).encode())
    assert "extra: {max_tokens: null, max_completion_tokens: N}" in found.why and not found.retry


# An endpoint and its moods


def test_all_are_answered_side_by_side_but_not_more_at_a_time_than_told():
    def slow(question, attempt):
        time.sleep(0.05)
        return 200, completion(question.upper())

    with StandIn(slow).running() as server:
        found, end = ask(server, list("abcdefgh"))
    assert found == {text: text.upper() for text in "abcdefgh"} and end is None
    assert 1 < server.most_at_once <= 4


@pytest.mark.parametrize(
    "mood",
    [(429, b"", {"Retry-After": "0"}), (500, b"oops"), (503, b""), "cut", (200, b"{"), (200, b"<html>")],
    ids=["429", "500", "503", "connection cut", "half a JSON", "a page"],
)
def test_a_moment_of_trouble_is_overcome(mood):
    with StandIn(lambda question, attempt: mood if attempt < 2 else (200, completion("7"))).running() as server:
        found, end = ask(server, ["a", "b"])
    assert found == {"a": "7", "b": "7"} and end is None
    assert [server.attempts(text) for text in "ab"] == [3, 3]


def test_retry_after_is_honoured_by_all_requests():
    def busy_once(question, attempt):
        return (429, b"", {"Retry-After": "1"}) if len(server.seen) == 1 else (200, completion("7"))

    with StandIn(busy_once).running() as server:
        found, end = ask(server, ["a", "b"], concurrency=1)
    assert end is None and len(found) == 2
    assert server.seen[1][1] - server.seen[0][1] >= 1


def test_waits_double():
    with StandIn(lambda question, attempt: (500, b"")).running() as server:
        ask(server, ["a"], backoff_s=0.02, retries=4)
    times = [at for _, at, *_ in server.seen]
    waits = [after - before for before, after in pairwise(times)]
    assert all(low <= wait for low, wait in zip((0.01, 0.02, 0.04, 0.08), waits, strict=True))


def test_a_request_that_takes_too_long_is_given_up():
    given_up = threading.Event()

    def hang(question, attempt):
        if question == "a":
            given_up.wait(timeout=60)
        return 200, completion("7")

    with StandIn(hang).running() as server:
        found, end = ask(server, ["a", "b"], timeout_s=2.0, retries=0)
        given_up.set()
    assert found == {"b": "7"} and end.failed == {0: "no answer within 2 s"}


def test_a_sample_that_fails_drops_no_other():
    def moody(question, attempt):
        return {"bad": (400, b"unsafe"), "sick": (500, b"always")}.get(question, (200, completion("7")))

    with StandIn(moody).running() as server:
        found, end = ask(server, ["bad", "a", "sick", "b"], concurrency=1)
    assert found == {"a": "7", "b": "7"}
    assert isinstance(end, Unanswered) and end.failed == {0: "HTTP 400: unsafe", 2: "HTTP 500: always"}
    assert (server.attempts("bad"), server.attempts("sick")) == (1, 4)


def test_a_server_that_is_gone_ends_the_run_instead_of_failing_every_sample():
    texts = [str(number) for number in range(50)]
    with StandIn(lambda question, attempt: (200, completion("7")) if int(question) < 5 else (503, b"down")).running() as server:
        found, end = ask(server, texts, concurrency=2)
    assert set(found) == set("01234") and end.ended == "refusal"
    assert "HTTP 503: down" in str(end) and len(server.seen) < 50


def test_who_leaves_early_waits_for_nobody():
    left, late = threading.Event(), []

    def slow(question, attempt):
        if question != "a" and not left.wait(timeout=60):
            late.append(question)
        return 200, completion("7")

    with StandIn(slow).running() as server:
        requests = [Request([{"role": "user", "content": text}], 0) for text in "abcdef"]
        answers = engines.load("openai", "teacher", {"base_url": server.url, **FAST}).answers(requests, SAMPLING)
        assert next(answers)[0] == 0
        answers.close()
        assert late == []
        left.set()


def test_evaluation_can_ask_an_endpoint_too(tmp_path):
    """scripts/respond.py knows the engine by its name alone, as any other."""
    import respond

    spec = {"engine": "openai", "n_samples": 2, "temperature": 0.6, "top_p": 0.95, "max_new_tokens": 9, "seed": 0}
    prompts = write_jsonl(tmp_path / "prompts.jsonl", [{"id": name, "messages": [{"role": "user", "content": name}]} for name in "ab"])
    asked = responses.response_set(tmp_path / "work", "digest", prompts, spec, tmp_path / "responses.jsonl")
    with StandIn(lambda question, attempt: (200, completion(question))).running() as server:
        runtime = {**FAST, "base_url": server.url}
        respond.answer_missing(engines.load("openai", "teacher", runtime), asked, runtime)
    assert [(row["id"], row["sample"], row["text"]) for row in asked.rows()] == [("a", 0, "a"), ("a", 1, "a"), ("b", 0, "b"), ("b", 1, "b")]
    assert {request["model"] for _, _, request, _ in server.seen} == {"teacher"}


# Keys, addresses and names


def test_the_key_comes_from_the_environment_and_shows_nowhere(monkeypatch):
    monkeypatch.setenv("TEACHER_KEY", "s3cr3t\n")
    echo = (400, b"your key s3cr3t may not do this")
    with StandIn(lambda question, attempt: (200, completion("7")) if question == "a" else echo).running() as server:
        found, end = ask(server, ["a", "b"], key_variable="TEACHER_KEY")
    assert found == {"a": "7"} and {key for *_, key in server.seen} == {"Bearer s3cr3t"}
    assert "s3cr3t" not in str(end) + str(end.failed) and "***" in end.failed[1]


@pytest.mark.parametrize(
    ("runtime", "behave", "says"),
    [
        ({"key_variable": "NO_SUCH_KEY"}, None, "no key: set the environment variable NO_SUCH_KEY"),
        ({"base_url": "http://127.0.0.1:9/v1"}, None, "127.0.0.1:9/v1: endpoint not reachable"),
        ({"base_url": "127.0.0.1:9"}, None, "endpoint not reachable"),
        ({"model": "techer"}, (404, b"unknown"), "no model 'techer' there (HTTP 404: unknown): it has teacher"),
        ({}, (401, b"who?"), "wants a key (HTTP 401: who?)"),
        ({}, (402, b"Insufficient Balance"), "HTTP 402: Insufficient Balance"),
        ({}, (400, b"pinned to another model"), "HTTP 400: pinned to another model: fix base_url or model"),
    ],
    ids=["no key", "nobody there", "no address", "no such model", "key refused", "no money left", "all refused"],
)
def test_what_no_request_would_escape_is_one_line(runtime, behave, says):
    with StandIn(lambda question, attempt: behave).running() as server, pytest.raises(InputError, match=re.escape(says)) as caught:
        _, end = ask(server, list("abcdefghij"), **runtime)
        assert len(server.seen) <= 8
        raise end
    assert "\n" not in str(caught.value)


# The budget


@pytest.mark.parametrize(
    ("limits", "allowed"),
    [({}, True), ({"tokens": 300}, True), ({"tokens": 299}, False), ({"money": 0.0005}, True), ({"money": 0.00049}, False)],
)
def test_a_budget_counts_tokens_and_money(limits, allowed):
    assert Budget.of({"budget": limits, "prices": {"prompt": 1.0, "completion": 2.0}}).allows(100, 200) is allowed


def test_a_budget_in_money_needs_prices():
    with pytest.raises(InputError, match=r"budget\.money: needs prices"):
        Budget.of({"budget": {"money": 1.0}})


def test_an_entry_counts_at_its_worst_until_it_is_settled(tmp_path):
    ledger = Ledger(tmp_path / "ledger.jsonl", Budget(tokens=250))
    first = ledger.enter(20, 100)
    assert (first, ledger.enter(20, 100), ledger.enter(20, 100)) == (0, 1, None)
    ledger.settle(first, 10, 5)
    assert ledger.enter(10, 100) == 2
    (tmp_path / "ledger.jsonl").open("a").write('{"key": "requ')  # a torn end
    again = Ledger(tmp_path / "ledger.jsonl", Budget(tokens=250))
    assert (again.prompt_tokens, again.completion_tokens) == (10 + 20 + 10, 5 + 100 + 100)


def test_the_bound_on_a_prompt_holds_for_any_text():
    assert most_prompt_tokens(Request([{"role": "user", "content": "⊗" * 10 + "\udcff"}], 0)) >= 33


@pytest.mark.parametrize("concurrency", [1, 4])
def test_the_budget_stops_cleanly_before_it_is_exceeded(tmp_path, concurrency):
    worst = most_prompt_tokens(Request([{"role": "user", "content": "00"}], 0)) + SAMPLING.max_new_tokens
    budget = Budget(tokens=worst + 5 * 30)  # an answer takes 30, so that the seventh might not fit
    texts = [f"{number:02}" for number in range(20)]
    with StandIn(lambda question, attempt: (200, completion("7"))).running() as server:
        ledger = Ledger(tmp_path / "ledger.jsonl", budget)
        found, end = ask(server, texts, ledger, concurrency=concurrency)
        assert len(found) == len(server.seen) == 6 and end.ended == "budget" and not end.failed
        assert ledger.prompt_tokens + ledger.completion_tokens == 6 * 30
        assert str(end).endswith(f"as the next request may come to {worst} tokens")
        found, end = ask(server, texts[6:], Ledger(tmp_path / "ledger.jsonl", Budget(tokens=10_000)), concurrency=concurrency)
    assert len(found) == 14 and end is None and len(server.seen) == 20


def test_attempts_that_may_have_cost_something_count_at_their_worst(tmp_path):
    ledger = Ledger(tmp_path / "ledger.jsonl", Budget())
    with StandIn(lambda question, attempt: [(500, b""), "cut", (200, completion("7"))][attempt]).running() as server:
        ask(server, ["a"], ledger)
    assert (ledger.prompt_tokens, ledger.completion_tokens) == (
        most_prompt_tokens(Request([{"role": "user", "content": "a"}], 0)) + 10,
        120,
    )


def test_each_answer_without_usage_is_bought_once_and_counts_at_its_worst(tmp_path, capsys):
    """29 requests for 8 samples, and none of them kept, on 6f33be9."""

    def bare(question, attempt):
        given = json.loads(completion("7"))
        del given["usage"]
        return 200, json.dumps(given).encode()

    ledger = Ledger(tmp_path / "ledger.jsonl", Budget())
    with StandIn(bare).running() as server:
        found, end = ask(server, [f"{number:02}" for number in range(8)], ledger)
    assert len(found) == len(server.seen) == 8 and end is None
    worst = most_prompt_tokens(Request([{"role": "user", "content": "00"}], 0))
    assert (ledger.prompt_tokens, ledger.completion_tokens) == (8 * worst, 8 * SAMPLING.max_new_tokens)
    assert capsys.readouterr().out.count("does not tell the tokens of its answers") == 1


# Questions in, traces out


def response_set(tmp_path: Path, rows: list[dict], system: str | None = None, **given) -> ResponseSet:
    spec = SPEC.read({"engine": "openai", "model": "teacher", "max_new_tokens": 100, "user": "Q: {question}", **given})
    items = questions(write_jsonl(tmp_path / "questions.jsonl", rows), spec["columns"])
    return ResponseSet(tmp_path / "traces.jsonl", run_folder(tmp_path / "work", spec, "here", "taught"), spec, pairs(items, system, spec))


def taught(server: StandIn, asked: ResponseSet, **runtime) -> Unanswered | None:
    return answer_missing(
        engines.load("openai", "teacher", {"base_url": server.url, **FAST, **runtime}),
        asked,
        Ledger(asked.folder / "ledger.jsonl", Budget.of(runtime)),
    )


ROWS = [
    {"problem": "1+1?", "answer": 2},
    {"problem": "1+2?", "answer": "3"},
    {"problem": "1+1?", "answer": 2},
    {"problem": "Why?", "answer": None},
]
COLUMNS = {"question": "problem", "gold": "answer"}


def test_traces_are_read_by_normalise_with_thought_solution_and_gold(tmp_path):
    asked = response_set(tmp_path, ROWS, system="Think.", columns=COLUMNS, samples=2)
    styles = {"Q: 1+1?": completion(STRATOS.format(2)), "Q: 1+2?": completion("It is 3.", reasoning_content="Hm.")}
    with StandIn(lambda question, attempt: (200, styles.get(question, completion("Because.", "length")))).running() as server:
        assert taught(server, asked) is None
    rows = list(trace_rows(asked))
    assert [(row["gold"], row["sample"], row["finish_reason"]) for row in rows] == [
        (gold, sample, end) for gold, end in (("2", "stop"), ("3", "stop"), (None, "length")) for sample in (0, 1)
    ]
    write_jsonl(tmp_path / "traces.jsonl", rows)
    made = list(Normaliser("bespoke_stratos", str(tmp_path / "traces.jsonl"), {}, None).traces(read_rows(tmp_path / "traces.jsonl")))
    assert [(trace.question, trace.gold, trace.thought, trace.solution, trace.system) for trace in made[0:4:2]] == [
        ("Q: 1+1?", "2", "Hm.", "It is 2.", "Think."), ("Q: 1+2?", "3", "Hm.", "It is 3.", "Think."),
    ]  # fmt: skip
    assert made[4].reason == "malformed"
    assert all(request["messages"][0] == {"role": "system", "content": "Think."} for _, _, request, _ in server.seen)
    assert len({request["seed"] for _, _, request, _ in server.seen}) == 6


def test_a_failed_sample_is_recorded_and_asked_last_the_next_time(tmp_path):
    with StandIn(lambda question, attempt: (400, b"no") if "1+1" in question else (200, completion("7"))).running() as server:
        asked = response_set(tmp_path, ROWS, columns=COLUMNS)
        assert list(taught(server, asked).failed.values()) == ["HTTP 400: no"]
        missing = unanswered(asked)
        assert [(row["sample"], row["why"]) for row in missing] == [(0, "HTTP 400: no")]
    more = response_set(tmp_path, ROWS, columns=COLUMNS, samples=2)
    with StandIn(lambda question, attempt: (200, completion("8"))).running() as server:
        assert taught(server, more, concurrency=1) is None
    assert [question for question, *_ in server.seen] == ["Q: 1+1?", "Q: 1+2?", "Q: Why?", "Q: 1+1?"]
    assert unanswered(more) == [] and len(list(trace_rows(more))) == 6
    assert [row["conversations"][1]["value"] for row in trace_rows(more)] == ["8", "8", "7", "8", "7", "8"]


def test_what_could_not_be_read_is_kept_as_it_came_and_needs_no_second_purchase(tmp_path, monkeypatch):
    """A server with a part that nobody knows; a later version of the reader knows it."""
    odd = completion([{"type": "sketch", "sketch": "7"}])
    with StandIn(lambda question, attempt: (200, odd)).running() as server:
        asked = response_set(tmp_path, ROWS, columns=COLUMNS)
        assert "no text in this message" in next(iter(taught(server, asked).failed.values()))
        assert len(server.seen) == 3 and len(unanswered(asked)) == 3
        monkeypatch.setattr(chat_completions, "_text", lambda message: message["content"][0]["sketch"])
        again = response_set(tmp_path, ROWS, columns=COLUMNS)
        assert taught(server, again) is None and len(server.seen) == 3
    assert unanswered(again) == [] and {row["conversations"][1]["value"] for row in trace_rows(again)} == {"7"}
    assert json.loads(next(iter(again.store.answers.values()))["raw"]) == json.loads(odd)


@pytest.mark.parametrize(("status", "runs"), [(400, ["too many failed"]), (500, ["nobody there", "too many failed"])])
def test_where_only_failing_samples_are_left_the_set_is_written_once_so_many_may_fail(status, runs, tmp_path, monkeypatch, capsys):
    """A server that trips over the same questions each time looks like none at all when it is asked for nothing else."""
    bad = 7
    asked = write_jsonl(tmp_path / "questions.jsonl", [{"question": f"{number}+1?"} for number in range(40)])
    spec = {"engine": "openai", "model": "teacher", "max_new_tokens": 100, "user": "{question}"}

    def generate(**more):
        options = {
            "questions": asked,
            "spec": json.dumps(spec | more),
            "runtime": json.dumps({"base_url": server.url, **FAST, "concurrency": 1, "retries": 0}),
        }
        options |= {"work": tmp_path / "work", "output": tmp_path / "taught"}
        monkeypatch.setattr(
            sys, "argv", ["generate_traces.py", *(str(part) for name, value in options.items() for part in (f"--{name}", value))]
        )
        generate_traces.main()

    unsafe = {f"{number}+1?" for number in range(20, 20 + bad)}
    with StandIn(lambda question, attempt: (status, b"unsafe") if question in unsafe else (200, completion("7"))).running() as server:
        for run in runs:
            with pytest.raises((SystemExit, InputError)) as end:
                generate()
            if run == "nobody there":
                assert "answers so far are kept" in str(end.value)
            else:
                assert end.value.code == TOO_MANY_FAILED and "raise max_failed" in capsys.readouterr().err
        for _ in range(2):
            generate(max_failed=0.2)
    assert len(list(read_rows(tmp_path / "taught" / "traces.jsonl"))) == 40 - bad
    assert f"{bad} of 40 samples have no answer" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"samples": 3}, True),
        ({"max_failed": 0.5}, True),
        ({"user": "{question}!"}, True),
        ({"temperature": 1}, False),
        ({"seed": 1}, False),
        ({"model": "other"}, False),
        ({"extra": {"top_k": 1}}, False),
    ],
)
def test_a_run_is_known_by_what_decides_an_answer(tmp_path, change, same):
    spec = {"engine": "openai", "model": "teacher", "max_new_tokens": 100}
    one, other = (run_folder(tmp_path, SPEC.read({**spec, **given}), "here", "taught") for given in ({}, change))
    assert (one == other) is same


@pytest.mark.parametrize(
    ("rows", "columns", "says"),
    [
        (ROWS, {"question": "question"}, "no column 'question' (found: problem, answer)"),
        (ROWS, {"question": "problem", "id": "answer"}, "its id None is empty or not unique"),
        ([{"problem": " "}], {"question": "problem"}, "no questions"),
        ([{"problem": [{"role": "user"}]}], {"question": "problem"}, "row 1: column 'problem' is a list, not text"),
    ],
)
def test_questions_that_cannot_be_read_are_one_line(tmp_path, rows, columns, says):
    with pytest.raises(InputError, match=re.escape(says)):
        list(questions(write_jsonl(tmp_path / "questions.jsonl", rows), columns))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"temprature": 1}, "temprature: unknown key; did you mean temperature?"),
        ({"engine": "mind"}, "engine: 'mind' is not known"),
        ({"user": "go"}, "user: holds no {question}"),
        ({"model": None}, "model: None is not text"),
        ({"samples": 0}, "samples: 0 is less than the minimum of 1"),
        ({"samples": 1.5}, "samples: 1.5 is not a whole number"),
        ({"max_new_tokens": 0}, "max_new_tokens: 0 is less than the minimum of 1"),
        ({"temperature": "hot"}, "temperature: 'hot' is not a number"),
        ({"max_failed": "few"}, "max_failed: 'few' is not a number"),
        ({"user": 5}, "user: 5 is not text"),
        ({"columns": ["problem"]}, "columns: ['problem'] is not a mapping"),
        ({"columns": {"gold": "answer"}}, "columns.question: missing; add it"),
        ({"extra": 5}, "extra: 5 is not a mapping"),
    ],
)
def test_a_mistaken_spec_is_one_line(change, says):
    with pytest.raises(InputError, match=f"^--spec: {re.escape(says)}"):
        SPEC.read({"engine": "openai", "model": "m", "max_new_tokens": 5, **change})


def test_the_published_system_prompt_is_whole():
    text = (Path(__file__).parents[2] / "config" / "templates" / "stratos_system.txt").read_text(encoding="utf-8")
    assert text.startswith("Your role as an assistant") and text.endswith("through the above guidelines:")
    assert r"separated with '\n\n'}" in text and json.dumps(text).count(r"\n") == 2  # the two are spelled out, not line ends


# In a configuration


def overlaid(*changes: dict) -> dict:
    """config/config.yaml with config/miniature_teacher.yaml and further changes laid over it, as Snakemake does it."""
    folder = Path(__file__).parents[2] / "config"
    texts = [(folder / name).read_text(encoding="utf-8") for name in ("config.yaml", "miniature_teacher.yaml")]
    whole, *overlays = (yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)) for text in texts)
    for overlay in (*overlays, *changes):
        _lay(whole, overlay)
    return whole


def _lay(under: dict, over: dict) -> None:
    for name, value in over.items():
        if isinstance(value, dict) and isinstance(under.get(name), dict):
            _lay(under[name], value)
        else:
            under[name] = value


def teacher(**given) -> dict:
    return {"datasets": {"from_teacher": {"source": {"teacher": given}}}}


ENDPOINT = {"runtime": {"endpoints": {"api": {"base_url": "http://127.0.0.1:8000/v1"}}}}
FROM_BASE = {"teacher": {"model": "base", "questions": {"dataset": "from_teacher"}, "max_new_tokens": 9}}
SECOND = {"source": FROM_BASE, "format": "bespoke_stratos", "tokenizer": "base"}


def test_what_a_model_of_this_run_writes_is_not_sealed_and_what_others_write_is():
    plan = Plan(load(overlaid()))
    assert plan.sealed() == ["mini_r1", "mini_stratos"] and plan.trained_on() == ["from_teacher", "mini_r1", "mini_stratos"]
    for change in (teacher(model="base"), teacher(endpoint="api")):
        plan = Plan(load(overlaid(ENDPOINT, change)))
        assert plan.sealed() == plan.trained_on()
    plan = Plan(load(overlaid({"datasets": {"second": SECOND}, "models": {"ours": {"train": {"dataset": "second"}}}})))
    assert plan.dataset_below_seal("second")  # by way of its questions


def test_where_and_how_fast_an_endpoint_answers_and_what_it_may_cost_decide_no_result():
    runtime = {"base_url": "http://127.0.0.1:9/v1", "concurrency": 3, "budget": {"tokens": 5}, "prices": {"prompt": 1.0}}
    changes = ({}, {"runtime": {"endpoints": {"api": runtime}}})
    before, after = (Plan(load(overlaid(ENDPOINT, teacher(endpoint="api"), change))) for change in changes)
    assert before.teacher("from_teacher") == after.teacher("from_teacher")
    assert SPEC.read(before.teacher("from_teacher"))["engine"] == "openai"
    assert before.teacher_runtime("from_teacher") != after.teacher_runtime("from_teacher")
    assert Plan(load(overlaid())).teacher("from_teacher")["engine"] == "transformers"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (teacher(model="nobody"), "source.teacher.model: 'nobody' does not exist"),
        (teacher(endpoint="api"), "source.teacher.endpoint: 'api' does not exist"),
        (teacher(model="ours-from-teacher"), "source.teacher: is made from its own dataset"),
        (teacher(questions={"dataset": "from_teacher"}), "source.teacher: is made from its own dataset"),
        (teacher(questions={"dataset": "questions"}), "questions.dataset: 'questions' does not exist; did you mean mini_questions?"),
        (teacher(questions={"path": "x.jsonl"}), "questions: has dataset and path of dataset, path, hub; give exactly one"),
        (teacher(user="Go."), "source.teacher.user: holds no {question}"),
        (teacher(temprature=1.0), "source.teacher.temprature: unknown key; did you mean temperature?"),
        (
            {"datasets": {"from_teacher": {"source": {"path": "x"}}}},
            "has path and teacher of path, hub, modelscope, url, miniature, teacher; give exactly one",
        ),
        ({"models": {"base": {"source": FROM_BASE}}}, "models.base.source: has miniature and teacher of path, hub, modelscope, url"),
        ({"runtime": {"endpoints": {"api": {"base_url": "https://me:s3cr3t@x/v1"}}}}, "runtime.endpoints.api.base_url: write http"),
        ({"runtime": {"endpoints": {"api": {"base_url": "http://x", "key_variable": "s3cr3t"}}}}, "key_variable: write the NAME of an"),
        ({"runtime": {"endpoints": {"api": {"base_url": "http://x/v1", "key": "s3cr3t"}}}}, "runtime.endpoints.api.key: unknown key"),
    ],
    ids=lambda value: "" if isinstance(value, dict) else value[:48],
)
def test_a_mistaken_teacher_is_one_line(change, says):
    with pytest.raises(InputError, match=re.escape(says)) as caught:
        load(overlaid(change))
    assert "s3cr3t" not in str(caught.value)
