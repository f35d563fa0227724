"""A recipe's numbers fit together, or say what would."""

import pytest

from distill.base.errors import InputError
from distill.training.launch import accumulation


@pytest.mark.parametrize(
    ("global_batch", "world_size", "micro_batch", "expected"),
    [(8, 1, 8, (8, 1)), (8, 1, 100, (8, 1)), (128, 8, 4, (4, 4)), (128, 8, 16, (16, 1)), (6, 2, 1, (1, 3))],
)
def test_accumulation_makes_up_the_global_batch(global_batch, world_size, micro_batch, expected):
    micro, steps = accumulation(global_batch, world_size, micro_batch)
    assert (micro, steps) == expected
    assert micro * steps * world_size == global_batch


@pytest.mark.parametrize(
    ("numbers", "answer"),
    [
        ((8, 3, 1), "use 1, 2, 4, 8 processes"),
        ((12, 1, 8), "runtime.micro_batch: 8 does not divide the 12 sequences of one process; use one of 1, 2, 3, 4, 6, 12"),
    ],
)
def test_numbers_that_do_not_divide_are_answered_with_those_that_do(numbers, answer):
    with pytest.raises(InputError, match=answer):
        accumulation(*numbers)
