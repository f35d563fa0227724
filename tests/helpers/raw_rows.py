"""A question and a response as they are published, and the traces that rows become."""

from distill.data.normalise import Normaliser

THINK = "<think>\nHm. So 7.\n</think>\n\nIt is \\boxed{7}."
QUESTION = "Return your final response within \\boxed{}. What is 3+4?"


def traces(name, rows, **options):
    return list(Normaliser(name, "here", **options).traces(rows))
