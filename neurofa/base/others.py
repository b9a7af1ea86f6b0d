"""What other packages bring, made known by entry points: a name, and where it is found.

[project.entry-points."neurofa.rules"]
my_rule = "my_package.my_rule"

[project.entry-points."neurofa.tasks"]
my_task = "my_package.my_tasks:my_task"
"""

from collections.abc import Collection
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from .errors import NeurofaError, warn


def others(what: str, taken: Collection[str]) -> dict[str, EntryPoint]:
    """Return `{name: entry point}` of what other packages bring: of each "rule", or each "task".

    Of two that have one name, or one of the names that are `taken` here, the first is found; the
    other is left out, with a warning.
    """
    found: dict[str, EntryPoint] = {}
    for one in entry_points(group=f"neurofa.{what}s"):
        if one.name in taken or (one.name in found and found[one.name].value != one.value):
            _say_that_it_is_left_out(what, one.name, one.value)
        else:
            found[one.name] = one
    return dict(sorted(found.items()))


@cache
def _say_that_it_is_left_out(what, name, value):
    """Say, once, that a name is taken."""
    warn(
        f"The {what} '{name}' of another package ({value}) is left out: there is one of that name already. Give it another name "
        f"in the package's entry points (neurofa.{what}s)."
    )


def package(entry: EntryPoint) -> str:
    """Return the name of the package that brings it."""
    return entry.dist.name if entry.dist else entry.value.partition(".")[0]


def loaded(what: str, entry: EntryPoint, error: type[NeurofaError]) -> Any:
    """Return what an entry point leads to. Raises `error`, which passes through as it is where the
    package itself raises it, if it cannot be imported."""
    try:
        return entry.load()
    except error:
        raise
    except Exception as problem:
        raise error(
            f"The {what} '{entry.name}' of {package(entry)} cannot be imported ({entry.value}): "
            f"{type(problem).__name__}: {problem}"
        ) from None
