"""Names that are told apart by numbers."""


def numbered(name, taken):
    """Return `name` if it is not taken; else with the first number, from 2, with which it is
    not."""
    number = 2
    while (free := name if number == 2 and name not in taken else f"{name}{number}") in taken:
        number += 1
    return free
