"""Published trace sets by the columns and tags that their cards show: two rows of each are read rightly, or refused with the reason.

The table in docs/data.md is this list; a test holds the two together.
"""

import json
import re
from pathlib import Path

import pytest

from distill.base.errors import InputError
from distill.base.tables import read_rows
from distill.data.formats import FORMATS
from distill.data.normalise import Normaliser, RejectedRow

QUESTION, THOUGHT, SOLUTION, GOLD = "What is 3+4?", "Hm. So 7.", "It is \\boxed{7}.", "7"
THINK = f"<think>\n{THOUGHT}\n</think>\n\n{SOLUTION}"
STRATOS = f"<|begin_of_thought|>\n\n{THOUGHT}\n\n<|end_of_thought|>\n\n<|begin_of_solution|>\n\n{SOLUTION}\n\n<|end_of_solution|>"


def turns(answer, user="user", assistant="assistant", role="from", content="value"):
    return [{role: user, content: QUESTION}, {role: assistant, content: answer}]


def messages(answer):
    return turns(answer, role="role", content="content")


S1 = {"question": QUESTION, "solution": GOLD, "cot_type": "math", "source_type": "AIME", "metadata": "{}"}
AM_ANSWER = f"<think>{THOUGHT}</think><answer>{SOLUTION}</answer>"
AM = [
    {"role": "user", "content": QUESTION, "info": {"source": "NuminaMath_1.5", "reference_answer": GOLD, "test_case": None}},
    {"role": "assistant", "content": AM_ANSWER, "info": {"think_content": THOUGHT, "answer_content": SOLUTION}},
]
GOLD_COLUMNS = ("answer", "final_answer", "expected_answer", "gold_standard_solution", "solution")
# name on the hub: format, columns, a row, and how many traces it is; or the reason why it is refused
READ = {
    "bespokelabs/Bespoke-Stratos-17k": ("bespoke_stratos", {}, {"system": "Think.", "conversations": turns(STRATOS)}, 1),
    "NovaSky-AI/Sky-T1_data_17k": ("sky_t1", {}, {"system": "Think.", "conversations": turns(STRATOS)}, 1),
    "open-thoughts/OpenThoughts-114k": ("openthoughts", {}, {"system": "Think.", "conversations": turns(STRATOS)}, 1),
    "open-thoughts/OpenThoughts2-1M": (
        "openthoughts",
        {},
        {"conversations": turns(THINK), "question": QUESTION, "source": "x", "id": 1},
        1,
    ),
    "open-thoughts/OpenThoughts3-1.2M": (
        "openthoughts",
        {},
        {"difficulty": 7, "source": "ai2-adapt", "domain": "math", "conversations": turns(THINK, "human", "gpt")},
        1,
    ),
    "open-r1/OpenR1-Math-220k": (
        "openr1_math",
        {},
        {
            "problem": QUESTION,
            "answer": GOLD,
            "source": "olympiads",
            "generations": [THINK, THINK],
            "finish_reasons": None,
            "is_reasoning_complete": [True, True],
            "correctness_math_verify": [True, True],
        },
        2,
    ),
    "open-r1/Mixture-of-Thoughts": ("mixture_of_thoughts", {}, {"messages": messages(THINK), "num_tokens": 20, "source": "x"}, 1),
    "simplescaling/s1K": ("s1k", {}, {**S1, "thinking_trajectories": [THOUGHT], "attempt": SOLUTION}, 1),
    "simplescaling/s1K-1.1": (
        "s1k",
        {},
        {
            **S1,
            "deepseek_thinking_trajectory": THOUGHT,
            "deepseek_attempt": SOLUTION,
            "gemini_thinking_trajectory": THOUGHT,
            "gemini_attempt": SOLUTION,
            "deepseek_grade": "Yes",
        },
        2,
    ),
    "a-m-team/AM-DeepSeek-R1-Distilled-1.4M": ("am_distilled", {}, {"messages": AM}, 1),
    "zwhe99/DeepMath-103K": (
        "deepmath",
        {},
        {
            "question": QUESTION,
            "final_answer": GOLD,
            "difficulty": 4.5,
            "topic": "Algebra",
            **{f"r1_solution_{at}": f"{THOUGHT}\n</think>\n\n{SOLUTION}" for at in (1, 2, 3)},
        },
        3,
    ),
    "qihoo360/Light-R1-SFTData": ("bespoke_stratos", {}, {"conversations": turns(THINK, "human", "gpt")}, 1),
    "Congliu/Chinese-DeepSeek-R1-Distill-data-110k": (
        "table",
        {"question": "input", "response": "content", "reasoning": "reasoning_content", "source": "repo_name"},
        {"input": QUESTION, "reasoning_content": THOUGHT, "content": SOLUTION, "repo_name": "x", "score": 10},
        1,
    ),
    "nvidia/Llama-Nemotron-Post-Training-Dataset": (
        "table",
        {"question": "input", "response": "output", "source": "category", "system": "system_prompt"},
        {
            "input": [{"role": "user", "content": QUESTION}],
            "output": THINK,
            "category": "math",
            "reasoning": "on",
            "generator": "DeepSeek-R1",
            "system_prompt": "detailed thinking on",
        },
        1,
    ),
    "nvidia/OpenMathReasoning": (
        "table",
        {"question": "problem", "response": "generated_solution", "gold": "expected_answer", "source": "problem_source"},
        {"expected_answer": GOLD, "problem": QUESTION, "generated_solution": THINK, "problem_source": "aops", "inference_mode": "cot"},
        1,
    ),
    "nvidia/OpenCodeReasoning": (
        "table",
        {"question": "input", "response": "output"},
        {"id": "x", "input": QUESTION, "output": THINK, "source": "taco", "solution": SOLUTION},
        1,
    ),
    "PrimeIntellect/SYNTHETIC-1": (
        "table",
        {"question": "prompt", "response": "llm_response", "gold": "gold_standard_solution", "id": "response_id"},
        {"response_id": "x", "prompt": QUESTION, "llm_response": THINK, "gold_standard_solution": GOLD, "score": 1.0},
        1,
    ),
    "PrimeIntellect/SYNTHETIC-1-SFT-Data": ("mixture_of_thoughts", {}, {"messages": messages(THINK), "response_id": "x", "score": 1.0}, 1),
    "ServiceNow-AI/R1-Distill-SFT": (
        "table",
        {"question": "problem", "response": "reannotated_assistant_content"},
        {"problem": QUESTION, "reannotated_assistant_content": THINK, "solution": SOLUTION, "verified": True, "source": "amc"},
        1,
    ),
    "cognitivecomputations/dolphin-r1": (
        "table",
        {"question": "messages", "response": "answer", "reasoning": "reasoning"},
        {"messages": [{"role": "user", "content": QUESTION}], "reasoning": THOUGHT, "answer": SOLUTION, "model": "x"},
        1,
    ),
    "glaiveai/reasoning-v1-20m": ("table", {"question": "prompt"}, {"prompt": QUESTION, "response": THINK}, 1),
    "FreedomIntelligence/medical-o1-reasoning-SFT": (
        "table",
        {"question": "Question", "reasoning": "Complex_CoT", "response": "Response"},
        {"Question": QUESTION, "Complex_CoT": THOUGHT, "Response": SOLUTION},
        1,
    ),
}
REFUSED = {
    "GAIR/LIMO": (
        "table",
        {"response": "solution", "gold": "answer"},
        {"question": QUESTION, "solution": f"{THOUGHT} {SOLUTION}", "answer": GOLD},
        "no thought tags",
    ),
    "Intelligent-Internet/II-Thought-RL-v0": (
        "table",
        {"question": "problem", "gold": "answer"},
        {"id": "x", "problem": QUESTION, "answer": GOLD, "verification_info": "{}", "data_source": "x"},
        "no column 'response'",
    ),
    "SynthLabsAI/Big-Math-RL-Verified": (
        "table",
        {"question": "problem", "gold": "answer"},
        {"problem": QUESTION, "answer": GOLD, "llama8b_solve_rate": 0.5},
        "no column 'response'",
    ),
    "agentica-org/DeepScaleR-Preview-Dataset": (
        "table",
        {"question": "problem", "response": "solution", "gold": "answer"},
        {"problem": QUESTION, "answer": GOLD, "solution": SOLUTION},
        "no thought tags",
    ),
    "facebook/natural_reasoning": (
        "table",
        {"response": "responses", "gold": "reference_answer"},
        {"question": QUESTION, "reference_answer": GOLD, "responses": [{"response_model": "x", "response": SOLUTION}]},
        "column 'responses' is a list, not text",
    ),
}


def rows_of(tmp_path, row):
    """Two rows in a Parquet file, as the hub has them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist([row, row]), tmp_path / "rows.parquet")
    return read_rows(tmp_path / "rows.parquet")


@pytest.mark.parametrize("name", READ)
def test_a_published_shape_is_read(tmp_path, name):
    form, columns, row, count = READ[name]
    made = list(Normaliser(form, "here", columns).traces(rows_of(tmp_path, row)))
    assert not [row for row in made if isinstance(row, RejectedRow)] and len(made) == 2 * count
    assert {(trace.question, trace.thought, trace.solution) for trace in made} == {(QUESTION, THOUGHT, SOLUTION)}
    has_gold = (
        GOLD in [row.get(key) for key in ("answer", "final_answer", "expected_answer", "gold_standard_solution", "solution")]
        or row.get("messages") is AM
    )
    assert {trace.gold for trace in made} == ({GOLD} if has_gold else {None})
    assert len({trace.id for trace in made}) == len(made)


@pytest.mark.parametrize("name", REFUSED)
def test_a_published_shape_without_traces_is_refused_with_the_reason(tmp_path, name):
    form, columns, row, reason = REFUSED[name]
    try:
        made = list(Normaliser(form, "here", columns).traces(rows_of(tmp_path, row)))
    except InputError as error:
        assert reason in str(error)
    else:
        assert [row.detail for row in made if isinstance(row, RejectedRow) and reason in row.detail] and len(made) == 2
        assert all(isinstance(row, RejectedRow) for row in made)


def test_the_table_of_published_shapes_is_this_list():
    text = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| ([\w.-]+/[\w.-]+) \| (.*) \|$", text, re.MULTILINE))
    assert len(READ) + len(REFUSED) >= 20
    assert rows == {name: row_of(name) for name in [*READ, *REFUSED]}


def row_of(name):
    """The cells of a row of the table: format, columns, what comes of it."""
    form, columns, _, found = READ.get(name) or REFUSED[name]
    named = "`" + json.dumps(columns).replace('"', "") + "`" if columns else ""
    outcome = f"refused: {found}" if name in REFUSED else "read" if found == 1 else f"read, {found} traces a row"
    return f"`{form}` | {named} | {outcome}"


def test_every_format_but_our_own_has_a_published_shape_or_a_case_in_test_formats():
    assert set(FORMATS) - {form for form, *_ in READ.values()} == {"messages", "sharegpt", "gsm8k", "distill"}
