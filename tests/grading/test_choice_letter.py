"""The letter of a choice that a solution names."""

import pytest

from distill.grading.choice_letter import choice_letter


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
