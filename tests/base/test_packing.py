"""The table of packings is of all that the configuration knows. What it says is compared with TRL's own function in test_audit.py."""

from distill.base.packing import PACKINGS
from distill.base.settings import find
from distill.data.packing import CUTTING
from distill.training.recipe import APART


def test_every_packing_of_the_configuration_is_in_the_table():
    assert list(PACKINGS) == find("$defs/recipe/packing")["enum"]


def test_groups_of_packings():
    assert CUTTING == ("none", "bfd")
    assert APART == ("bfd", "bfd_split")
