"""Where the answer stands in a response."""

import time

import pytest

from distill.grading.extract import boxed_answer, choice_letter, cut_thought, last_boxed, open_thought


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


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        (r"\boxed{B}", "B"),
        (r"\boxed{b}", "B"),
        (r"\boxed{(C)}", "C"),
        (r"\boxed{\text{D}}", "D"),
        (r"\boxed{\textbf{(A)}}", "A"),
        (r"\boxed{A. 12 J}", "A"),
        (r"\boxed{\text{B) } 3 \text{ m}}", "B"),
        (r"\boxed{12 J}", "A"),
        (r"\boxed{\text{3 m}}", "B"),
        (r"\boxed{same}", None),  # two choices read so
        ("So it is\nB) 3 m", "B"),
        ("Which one?\nA) 12 J\nB) 3 m", None),  # the question, repeated
        ("A) 12 J\nB) 3 m\nA", "A"),
        (r"\boxed{E}", None),  # there are four choices
        (r"\boxed{Because}", None),
        (r"I choose A. \boxed{}", "A"),
        (r"I choose none. \boxed{}", None),
        ("The answer is (B).", "B"),
        ("Answer: C", "C"),
        ("**Answer:** **D**", "D"),
        (r"Answer: $\text{D}$", "D"),
        ("Answer: A? No. Answer: B", "B"),
        ("The answer is An apple", None),
        ('Answer: "C"', "C"),
        ("A", "A"),
        ("**(C)**.", "C"),
        ("A car is it.", None),
        ("It is B.", None),
        ("", None),
    ],
)
def test_the_letter_of_a_choice(text, letter):
    assert choice_letter(text, ("12 J", "3 m", "same", "same")) == letter


@pytest.mark.parametrize(
    ("boxed", "letter"), [("(R)-butan-2-ol", "B"), ("E. coli", "C"), ("(A)", "A"), ("B", "B"), ("C. elegans", "D"), ("D) C. elegans", "D")]
)
def test_the_text_of_a_choice_may_begin_as_a_letter_does(boxed, letter):
    assert choice_letter(f"\\boxed{{{boxed}}}", ("(S)-butan-2-ol", "(R)-butan-2-ol", "E. coli", "C. elegans")) == letter


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
