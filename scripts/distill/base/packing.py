"""What TRL does under each value of `packing` (trl 1.16, data_utils.pack_dataset)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Packing:
    """`packed`: a sequence holds several documents. `cuts`: what a row has beyond max_length is thrown away; otherwise its rest is trained
    on in another document or sequence. `separates`: documents of a sequence do not see each other, and only those that fill max_length
    end before their row does."""

    packed: bool
    cuts: bool
    separates: bool


PACKINGS = {
    "none": Packing(packed=False, cuts=True, separates=True),
    "bfd": Packing(packed=True, cuts=True, separates=True),
    "bfd_split": Packing(packed=True, cuts=False, separates=True),
    "wrapped": Packing(packed=True, cuts=False, separates=False),
}
