"""Rules of other packages, which make them known by an entry point: a name, and a module with a RULE.

[project.entry-points."neurofa.rules"]
my_rule = "my_package.my_rule"
"""

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType

from ..base.errors import RuleError, warn

GROUP = "neurofa.rules"


def others(shelf: tuple[str, ...]) -> dict[str, EntryPoint]:
    """Return `{name: entry point}` of the rules of other packages.

    Of two that have one name, or the name of one of the `shelf`, the first is found; the other is
    left out, with a warning.
    """
    found: dict[str, EntryPoint] = {}
    for one in entry_points(group=GROUP):
        if one.name in shelf or (one.name in found and found[one.name].value != one.value):
            _say_that_it_is_left_out(one.name, one.value)
        else:
            found[one.name] = one
    return dict(sorted(found.items()))


@cache
def _say_that_it_is_left_out(name, value):
    """Say, once, that a name is taken."""
    warn(
        f"The rule '{name}' of another package ({value}) is left out: there is one of that name already. Give it another name "
        f"in the package's entry points ({GROUP})."
    )


def package(entry: EntryPoint) -> str:
    """Return the name of the package that brings a rule."""
    return entry.dist.name if entry.dist else entry.value.partition(".")[0]


def loaded(entry: EntryPoint) -> ModuleType:
    """Return the module of a rule of another package. Raises RuleError if it cannot be imported."""
    try:
        module = entry.load()
    except RuleError:
        raise
    except Exception as problem:
        raise RuleError(
            f"The rule '{entry.name}' of {package(entry)} cannot be imported ({entry.value}): "
            f"{type(problem).__name__}: {problem}"
        ) from None
    if not isinstance(module, ModuleType):
        raise RuleError(
            f"The rule '{entry.name}' of {package(entry)}: {entry.value} is no module. Name the module that defines RULE."
        )
    return module
