"""Where the answer stands in a response."""

import time

import pytest

from distill.grading.choice_letter import choice_letter
from distill.grading.extract import boxed_answer, cut_thought, last_boxed, open_thought


@pytest.mark.parametrize(
    ("text", "solution", "state"),
    [
        ("The answer is 4.", "The answer is 4.", "none"),
        ("<think>\nhm\n</think>\n\nIt is 4.", "It is 4.", "closed"),
        ("hm, hm\n</think>\n\nIt is 4.", "It is 4.", "closed"),
        ("<think>\nhm, 4", "", "unclosed"),
        ("<think>a</think>It is 3.<think>wait", "", "unclosed"),
        ("<think>a</think>no<think>b</think>It is 4.", "It is 4.", "closed"),
        ("<|begin_of_thought|>\n\nhm\n\n<|end_of_thought|>\n\n<|begin_of_solution|>\n\n4\n\n<|end_of_solution|>", "4", "closed"),
        ("< | begin_of_thought | > hm < | end_of_thought | > < | begin_of_solution | > 4 < | end_of_solution | >", "4", "closed"),
        ("hm <|end_of_thought|> 4 <|end_of_solution|> Next question: \\boxed{9}", "4", "closed"),
        ("<|  begin_of_thought|> hm <|  end_of_thought|>\n\n4", "4", "closed"),
        ("<|  begin_of_thought|> hm <|  end_of_thought|> <|  begin_of_solution|> 4 <|  end_of_solution|> 5", "4", "closed"),
        ("<|begin_of_thought|> hm <|begin_of_solution|> 4", "", "unclosed"),
        ("<|begin_of_solution|> 4 <|end_of_solution|>", "4", "none"),
        ("", "", "none"),
    ],
)
def test_the_thought_is_cut_off(text, solution, state):
    assert cut_thought(text) == (solution, state)


def test_a_thought_that_the_prompt_opened_and_nobody_closed_is_unclosed():
    assert cut_thought("hm, \\boxed{4}", prefilled=True) == ("", "unclosed")
    assert cut_thought("hm</think>4", prefilled=True) == ("4", "closed")


@pytest.mark.parametrize(
    ("text", "boxed"),
    [
        (r"\boxed{3} so \boxed{4}", "4"),
        (r"\boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"\boxed { x } end", "x"),
        (r"\fbox{7}", "7"),
        (r"\boxed 7.", "7"),
        (r"\boxed7", "7"),
        (r"$\boxed x$", "x"),
        (r"\boxed{\boxed{5}}", "5"),
        (r"\boxed{\{1,2\}}", r"\{1,2\}"),
        (r"\boxed{f = \left\{ 1 \right.}", r"f = \left\{ 1 \right."),
        (r"\boxed{a \\}", r"a \\"),
        (r"\boxed{}", ""),
        (r"\boxed{12", None),
        (r"\boxed{5} then \boxed{12", None),
        (r"\boxed not_brace", None),
        (r"\boxedx{5}", None),
        ("4", None),
        ("", None),
        ("\\boxed{\x00\ud800\u2028}", "\x00\ud800"),
    ],
)
def test_the_last_box(text, boxed):
    assert last_boxed(text) == boxed


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"\boxed{2} or \boxed{3}", "2,3"),
        (r"$x=\boxed{1}$, so", "1"),
        (r"\boxed{2}, \boxed{3} and \boxed{5}", "2,3,5"),
        (r"$\boxed{2}$ and $\boxed{3}$.", "2,3"),
        (r"\[\boxed{-2} \quad \text{or} \quad \boxed{3}\]", "-2,3"),
        (r"\(\boxed{2}\), and \(\boxed{3}\)", "2,3"),
        (r"\boxed{2}\boxed{3}", "3"),
        (r"\boxed{2} so \boxed{3}", "3"),
        (r"\boxed{9} so \boxed{2}, \boxed{3}", "2,3"),
        (r"\boxed{2}, \boxed{3", None),
    ],
)
def test_boxes_side_by_side_are_one_answer(text, answer):
    assert boxed_answer(text) == answer


def test_an_opening_tag_is_put_back_where_the_prompt_had_it():
    tags = [("<think>", "</think>")]
    assert open_thought("a</think>b", tags) == "<think>a</think>b"
    assert open_thought("<think>a</think>b", tags) == "<think>a</think>b"
    assert open_thought("b", tags) == "b"


@pytest.mark.parametrize(
    "unit", ["\\boxed{", "{", "}", "\\boxed{}", "\\boxed{1},", "<think>", "< ", "\\", "answer ", "answer is ", "\\text{", "\\boxed 1 and "]
)
def test_hostile_text_takes_linear_time(unit):
    """Four times the text takes some four times the time, where a search that starts again at each place would take sixteen times."""

    def seconds(length: int) -> float:
        text = unit * (length // len(unit))
        started = time.process_time()
        for text_of in (cut_thought, last_boxed, boxed_answer, choice_letter):
            text_of(text)
            text_of("\\boxed{" + text)
        return time.process_time() - started

    assert min(seconds(100_000) for _ in range(3)) < 9 * min(seconds(25_000) for _ in range(3))
