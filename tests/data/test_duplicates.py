"""Which rows say again what an earlier row said."""

import random

import pytest

from distill.base.errors import InputError
from distill.data.duplicates import (
    MAX_CANDIDATES,
    NUM_PERM,
    RECALL,
    Banding,
    DuplicateScan,
    NearIndex,
    band_sizes,
    question_key,
    shingle_hashes,
    stem_key,
    trace_key,
)
from distill.data.hashset import HashSet, hash64
from distill.data.questions import question_stem

LONG = "A train leaves the old station at 9 and travels at 60 miles an hour to the coast. How many miles is it away from the coast at 11?"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("What is 3+4?", "Return your final response within \\boxed{}. What is  3 + 4", True),
        ("What is $3+4$?", "what is \\(3+4\\)?", True),
        ("What is \\dfrac{1}{2}?", "What is \\frac{1}{2}?", True),
        ("Which?\nA) one\nB) two", "Solve this problem: Which?\nA) one\nB)  two\nAnswer:", True),
        ("Which?\nA) one\nB) two", "Which?\nA) two\nB) one", False),
        ("What is 3+4?", "What is 3-4?", False),
        ("What is 34?", "What is 3 4 5?", False),
        ("Is A right?", "Is B right?", False),
    ],
)
def test_equal_questions_share_a_key(one, other, same):
    assert (question_key(one) == question_key(other)) == same


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("Return your final response within \\boxed{}. What is 1?", "What is 1?"),
        ("What is 1?\nPlease reason step by step, and put your final answer within \\boxed{}.", "What is 1?"),
        ("Which?\n\nA) one\nB) two\nC) three", "Which?"),
        ("Which?\nChoices:\n(A) one\n(B) two", "Which?"),
        ("Let A) be a point.\nA) is it round?", "Let A) be a point.\nA) is it round?"),
        ("What is \\boxed{}?", "What is \\boxed{}?"),
        ("**Problem 12.** What is 1?\n\nShow your work.", "What is 1?"),
        ("Solve the following math problem: What is 1?\n\nAnswer:", "What is 1?"),
        ("Q: What is 1? Let's think step by step. Give your answer as an integer.", "What is 1?"),
        ("What is the answer.", "What is the answer."),
        ("Question everything.", "Question everything."),
    ],
)
def test_instructions_and_choices_are_no_part_of_a_question(question, text):
    assert question_stem(question) == text


@pytest.mark.parametrize("text", ["\n" * 200_000, "A) " * 70_000, "return " * 30_000, "$" * 200_000, "answer: " * 30_000, "Q. " * 70_000])
def test_no_question_takes_long(text):
    assert len(question_stem(text)) <= len(text)
    assert question_key(text) == question_key(f"{text} ")


def test_traces_are_equal_whatever_their_case_and_white_space():
    assert trace_key("Q?", "So  7.\n", "it") == trace_key("q?", "so 7.", "It")
    assert trace_key("Q?", "a", "b c") != trace_key("Q?", "a b", "c")
    assert trace_key("Which?\nA) one\nB) two", "a", "b") != trace_key("Which?\nA) two\nB) one", "a", "b")


def _near(questions, threshold):
    """For each question, the number of the kept one that it nearly repeats."""
    banding = Banding(threshold)
    collisions = DuplicateScan(banding.bands)
    for question in questions:
        collisions.add(stem_key(question), banding.of(question))
    near_candidates = collisions.near_candidates()
    index = NearIndex(threshold, near_candidates)
    found = []
    for number, question in enumerate(questions):
        key, marks = stem_key(question), shingle_hashes(question)
        near = index.find(key, marks)
        found.append(None if near is None else int(near))
        if near is None:
            index.keep(key, str(number), marks)
    return found, near_candidates


@pytest.mark.parametrize(
    ("other", "near"),
    [
        (LONG.replace("coast. How", "sea. How"), 0),
        (LONG.replace("60", "70"), None),
        (LONG, None),
        (f"{LONG}\nA) 1\nB) 2", None),
        ("Quite another question about 9 trains, 60 stations and 11 coasts.", None),
    ],
    ids=["a word changed", "a number changed", "the same question: another trace of it", "other choices", "another question"],
)
def test_a_near_duplicate_has_the_same_numbers_and_nearly_the_same_words(other, near):
    assert _near([LONG, other], 0.7)[0] == [None, near]


def test_shingles_are_held_only_for_questions_that_resemble_another():
    rng = random.Random(0)
    words = [f"word{number}x" for number in range(500)]
    different = [" ".join(rng.choices(words, k=30)) for _ in range(200)]
    found, near_candidates = _near([*different, different[7] + " indeed"], 0.8)
    assert found == [None] * 200 + [7]
    assert set(near_candidates) == {stem_key(different[7]), stem_key(different[7] + " indeed")}


@pytest.mark.parametrize("threshold", [0.5, 0.7, 0.8, 0.9, 0.95, 1])
def test_bands_find_the_pairs_exactly_at_the_threshold(threshold):
    bands, rows = band_sizes(threshold)
    assert bands * rows <= NUM_PERM
    assert 1 - (1 - threshold**rows) ** bands >= RECALL


def test_pairs_exactly_at_the_threshold_are_found():
    """Two questions of 22 words that share 16 of their 20 shingles each share 16 of 24: two thirds."""
    rng = random.Random(3)
    pairs, questions = 150, []
    for _ in range(pairs):
        words = ["".join(rng.choices("abcdefghij", k=7)) for _ in range(26)]
        questions += [" ".join(words[:22]), " ".join(words[4:26])]
    one, other = (shingle_hashes(question) for question in questions[:2])
    similarity = len(one & other) / len(one | other)
    found = _near(questions, similarity)[0]
    assert sum(near is not None for near in found) >= 0.95 * pairs


def test_chinese_questions_that_differ_in_a_word_are_near_duplicates():
    one = "小明从家到学校要走十五分钟他的妹妹要走二十分钟如果妹妹先出发他多久能追上"
    assert _near([one, one.replace("妹妹先", "妹妹早")], 0.7)[0] == [None, 0]


def test_near_duplicates_are_found_at_the_rate_that_minhash_promises():
    rng = random.Random(1)
    pairs = 200
    questions = []
    for number in range(pairs):
        words = [f"{''.join(rng.choices('abcdefghij', k=6))}" for _ in range(60)]
        questions += [f"q{number} " + " ".join(words), f"q{number} " + " ".join([*words[:58], "new", "end"])]
    found = _near(questions, 0.8)[0]
    assert sum(near is not None for near in found) >= 0.95 * pairs


def test_a_template_does_not_make_the_comparison_quadratic(monkeypatch):
    near_candidates = dict.fromkeys(range(1, 2000), (1,))
    index = NearIndex(0.9, near_candidates)
    for key in near_candidates:
        index.keep(key, str(key), frozenset({key}))
    assert len(list(index._candidates(1999))) == MAX_CANDIDATES


@pytest.mark.parametrize("threshold", [0, 1.5, -1])
def test_a_threshold_outside_of_its_range_is_named(threshold):
    with pytest.raises(InputError, match="near_duplicates"):
        Banding(threshold)


def test_a_hash_set_is_a_set():
    rng = random.Random(2)
    values = [rng.getrandbits(64) or 1 for _ in range(20_000)]
    made, true = HashSet(), set()
    for value in values + values[:5000]:
        assert made.add(value) == (value not in true)
        true.add(value)
    assert len(made) == len(true)
    assert all(value in made for value in values)
    assert not any(hash64(str(value)) in made for value in range(1000))
