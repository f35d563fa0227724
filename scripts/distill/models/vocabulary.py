"""Whether two tokenizers give every id the same token, as a teacher and its student must."""

from collections.abc import Mapping


def first_difference(ours: Mapping[str, int], theirs: Mapping[str, int], our_name: object, their_name: object) -> str | None:
    """A sentence on the lowest id with two different tokens and the number of such ids, or None. The vocabularies map token to id."""
    one, other = ({number: token for token, number in vocabulary.items()} for vocabulary in (ours, theirs))
    different = [number for number in one.keys() | other.keys() if one.get(number) != other.get(number)]
    if not different:
        return None
    number = min(different)
    return (
        f"{their_name} has {_token(other.get(number))} as token {number} where {our_name} has {_token(one.get(number))} "
        f"({len(different):,} tokens differ)"
    )


def _token(token: str | None) -> str:
    return "nothing" if token is None else repr(token)
