"""Descriptions as plain data that JSON can hold, and back: rules with all that is done to their
pathways, trials, optimisers.

    {"@": "Pathway", "name": "B", ...}                             a description: its class, and all of its fields
    {"@": "quantity", "value": 0.01, "unit": {"second": 1}}        a number with a unit, in SI base units
    {"@": "array", "dtype": "bool", "values": [[true, false]]}     an array
    {"@": "Activation", "name": "soft", "phi": "log1p(exp(x))"}    an activation of one's own that is one text; built-in ones are names
    {"@": "unknown", "text": "mine.start"}                         what is no data: a function, or a class of somebody's own

Nothing of it is evaluated when it is read: classes are those that said so with `described`, and
rules check their text as always.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, NoReturn, TypeVar

import numpy as np
from brian2 import Quantity
from brian2.units.fundamentalunits import get_or_create_dimension

from .errors import ExperimentError, NeurofaError, RuleError

BASE = ("metre", "kilogram", "second", "amp", "kelvin", "mole", "candle")
# name of a class -> (the class, what makes data of a value, what makes a value of its attributes)
Kind = TypeVar("Kind")
KNOWN: dict[str, tuple[type, Callable, Callable]] = {}


def described(
    kind: type[Kind],
    names: Sequence[str] | None = None,
    make: Callable | None = None,
    data_of: Callable | None = None,
) -> type[Kind]:
    """Let values of the class `kind` be descriptions, and return it: of a dataclass, all fields; of
    another, the attributes `names`. Those of a frozen dataclass are hashable, quantities and all.

    `make` is given these attributes by name and returns the value; by default, the class itself is.
    `data_of` returns the data in place of these attributes.
    """
    names = names or [
        f.name
        for f in fields(kind)  # type: ignore[arg-type]  # without names, it is a dataclass
    ]
    plain = lambda value: (
        {"@": kind.__name__} | {name: as_data(getattr(value, name)) for name in names}
    )
    KNOWN[kind.__name__] = kind, data_of or plain, make or kind
    if is_dataclass(kind):
        kind.__hash__ = _hash  # type: ignore[method-assign, assignment]
    return kind


def _hash(self):
    """The hash of a dataclass whose fields may be quantities, which are arrays and have none."""
    return hash((type(self), *(_hashable(getattr(self, f.name)) for f in fields(self))))


def _hashable(value):
    """Return what stands for a value in a hash; it is equal for values that are equal."""
    if isinstance(value, Quantity) and value.ndim == 0:
        return float(value), value.dim  # 5 ms and 5 mV cannot even be compared
    if isinstance(value, Mapping):
        return frozenset((name, _hashable(one)) for name, one in value.items())
    return tuple(map(_hashable, value)) if isinstance(value, tuple) else value


@dataclass(frozen=True)
class Lost:
    """Where a function was: a file holds what came of it, not the function."""

    text: str

    def __call__(self, net, group, rng) -> NoReturn:
        raise RuleError(
            f"{group.name} started from '{self.text}', which is not in the file that the network is from, so that it cannot "
            "be drawn anew. Make the network of its rule: Network(sizes, rule, ...), or Network.load(path, rule=...)."
        )

    def __str__(self):
        return self.text


def as_data(value: object) -> Any:
    """Return a description, or a value in it, as data that JSON can hold."""
    if isinstance(value, Quantity) and value.ndim == 0:
        unit = {name: float(power) for name, power in zip(BASE, value.dim._dims) if power}
        return {"@": "quantity", "value": float(value), "unit": unit}
    if isinstance(value, np.ndarray) and value.dtype.kind in "buif":
        return {"@": "array", "dtype": value.dtype.name, "values": np.asarray(value).tolist()}
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Mapping):
        return {str(name): as_data(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_data(one) for one in value]
    known = KNOWN.get(type(value).__name__)
    if known is not None and known[0] is type(value):
        return known[1](value)
    return {"@": "unknown", "text": _text(value)} | (
        {"tracked": True} if getattr(value, "tracked", False) else {}
    )


def _text(value):
    """Return what something is called, without the address that it has in this process."""
    if isinstance(value, Lost):
        return value.text
    named = value if hasattr(value, "__qualname__") else type(value)
    given = fields(value) if is_dataclass(value) and not isinstance(value, type) else ()
    plain = [
        f"{f.name}={one}"
        for f in given
        if isinstance(one := getattr(value, f.name), (bool, int, float, str, Quantity))
    ]
    return f"{named.__module__}.{named.__qualname__}" + f"({', '.join(plain)})" * bool(plain)


def from_data(data: Any) -> Any:
    """Return what `as_data` was given; a function is Lost. Raises ExperimentError for what is no
    such description."""
    if isinstance(data, list):
        return tuple(map(from_data, data))
    if not isinstance(data, dict):
        return data
    if "@" not in data:
        return {name: from_data(one) for name, one in data.items()}
    kind, given = data["@"], {name: one for name, one in data.items() if name != "@"}
    try:
        return _made(kind, given)
    except (TypeError, ValueError, KeyError, AttributeError, NeurofaError) as problem:
        if isinstance(problem, ExperimentError):
            raise
        raise ExperimentError(
            f"A {kind} cannot be made of what was saved ({problem}). It is damaged, or of another version of "
            "neurofa."
        ) from None


def _made(kind, given):
    if kind == "quantity":
        powers = [float(given["unit"].get(name, 0)) for name in BASE]
        return Quantity(float(given["value"]), dim=get_or_create_dimension(powers))
    if kind == "array":
        if np.dtype(given["dtype"]).kind not in "buif":
            raise ValueError(f"an array of {given['dtype']}")
        return np.array(given["values"], dtype=given["dtype"])
    if kind == "unknown":
        if given.get("tracked"):
            raise ExperimentError(_unknown(given["text"]))
        return Lost(str(given["text"]))
    given = {name: from_data(one) for name, one in given.items()}
    if kind not in KNOWN:
        raise ExperimentError(
            f"What was saved holds '{kind}', which this version of neurofa does not know. Update neurofa."
        )
    if lost := [text for name, value in given.items() if name != "init" for text in lost_in(value)]:
        raise ExperimentError(_unknown(lost[0]))
    return KNOWN[kind][2](**given)


def lost_in(value: object) -> list[str]:
    """Return what is Lost of a value, or of several in a tuple, by what it was called."""
    return [
        one.text
        for one in (value if isinstance(value, tuple) else (value,))
        if isinstance(one, Lost)
    ]


def _unknown(text):
    return (
        f"What was saved depends on '{text}', of which a file holds no more than the name: it is no value of neurofa.pathways. "
        "Give the rule with it: Network.load(path, rule=...)."
    )
