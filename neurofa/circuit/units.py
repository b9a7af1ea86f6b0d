"""The populations of a circuit: from layer sizes and a rule to how many units of which kind there
are."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..base.errors import NetworkError, RuleError
from ..rules.places import layers_named, named
from ..rules.rule import LearningRule


@dataclass(frozen=True)
class Units:
    """One population: `size` units per trial."""

    name: str  # "hidden1", "output", "controller", "readout2"
    kind: str  # "input", "hidden", "output", or the name of a population of the rule
    layer: int | None  # the layer that it belongs to
    size: int


def checked(sizes: Iterable[int]) -> tuple[int, ...]:
    """Return layer sizes as whole numbers. Raises NetworkError if they are not at least an input and
    an output of one unit."""
    try:
        whole = tuple(int(n) for n in sizes)
    except (TypeError, ValueError):
        whole = ()
    if len(whole) < 2 or any(n < 1 for n in whole) or list(whole) != list(sizes):
        raise NetworkError(
            f"sizes = {sizes!r}: give the number of units of every layer, input first, such as [64, 30, 10]."
        )
    return whole


def units_of(sizes: Sequence[int], rule: LearningRule) -> tuple[Units, ...]:
    """Return all populations: the input, the rule's own (which lead a step), then the layers from
    first to output.

    Raises RuleError where the rule names a layer, or a size, that there is not.
    """
    _check_named(rule, len(sizes) - 2)
    last = len(sizes) - 1
    layers = [Units(f"hidden{k}", "hidden", k, sizes[k]) for k in range(1, last)] + [
        Units("output", "output", last, sizes[last])
    ]
    extra = [
        Units(f"{p.name}{layer or ''}", p.name, layer, _size(p, layer, sizes, rule))
        for p in rule.populations
        for layer in (range(1, last) if p.along else (None,))
    ]
    return (Units("input", "input", 0, sizes[0]), *extra, *layers)


def _size(population, layer, sizes, rule):
    """Return how many units a population of the rule has, beside a layer or beside none."""
    size = population.size
    if isinstance(size, int):
        return size
    if size == "output":
        return sizes[-1]
    if (number := named(size)) is None and layer is None:
        raise RuleError(
            f"{rule.name}: population {population.name} has the size '{size}', which needs along='hidden'."
        )
    return sizes[number or layer + {"below": -1, "same": 0, "above": 1}[size]]


def _check_named(rule, layers):
    """Raise RuleError where the rule names a hidden layer that a network of so many does not
    have."""
    for who, number in layers_named(rule):
        if number > layers:
            raise RuleError(
                f"{rule.name}: {who} 'hidden{number}', and this network has {layers} hidden layer{'s' * (layers != 1)}. "
                "Give it more, or name another layer."
            )
