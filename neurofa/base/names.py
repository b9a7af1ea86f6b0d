"""Names that are told apart by numbers."""

from collections.abc import Container


def numbered(name: str, taken: Container[str]) -> str:
    """Return `name` if it is not taken; else with the first number, from 2, with which it is
    not."""
    number = 2
    while (free := name if number == 2 and name not in taken else f"{name}{number}") in taken:
        number += 1
    return free
