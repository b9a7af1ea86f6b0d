"""Descriptions as plain data that JSON can hold, and back: rules with all that is done to their pathways, trials, optimisers.

    {"@": "Pathway", "name": "B", ...}                             a description: its class, and all of its fields
    {"@": "quantity", "value": 0.01, "unit": {"second": 1}}        a number with a unit, in SI base units
    {"@": "array", "dtype": "bool", "values": [[true, false]]}     an array
    {"@": "Activation", "name": "soft", "phi": "log1p(exp(x))"}    an activation of one's own that is one text; built-in ones are names
    {"@": "unknown", "text": "mine.start"}                         what is no data: a function, or a class of somebody's own

Nothing of it is evaluated when it is read: classes are those of a list, and rules check their text as always.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass

import numpy as np
from brian2 import Quantity
from brian2.units.fundamentalunits import get_or_create_dimension

from . import pathways
from .activations import Activation, fingerprint
from .errors import ExperimentError, NeurofaError, RuleError
from .optimisers import Optimiser
from .pathways.lesions import Moment
from .rule import LearningRule, Pathway, Phase, Plasticity, Population
from .steady import SteadyState
from .trial import Length, Trial

KNOWN = {c.__name__: c for c in (
    LearningRule, Pathway, Phase, Plasticity, Population, Optimiser, Length, Moment,
    *filter(is_dataclass, (getattr(pathways, name) for name in pathways.__all__)))}
BASE = ("metre", "kilogram", "second", "amp", "kelvin", "mole", "candle")


@dataclass(frozen=True)
class Lost(pathways.Start):
    """Where a function was that weights started from: a file holds the weights, not the function."""

    text: str

    def __call__(self, net, group, rng):
        raise RuleError(f"{group.name} started from '{self.text}', which is not in the file that the network is from, so that it cannot "
                        "be drawn anew. Make the network of its rule: Network(sizes, rule, ...), or Network.load(path, rule=...).")

    def __str__(self):
        return self.text


def as_data(value):
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
    if isinstance(value, Activation):
        return _of_activation(value)
    if type(value) in (Trial, SteadyState):
        return {"@": type(value).__name__} | {name: as_data(getattr(value, name)) for name in ("dt", "default", "lengths")}
    if KNOWN.get(type(value).__name__) is type(value):
        return {"@": type(value).__name__} | {f.name: as_data(getattr(value, f.name)) for f in fields(value)}
    return {"@": "unknown", "text": _text(value)} | ({"tracked": True} if getattr(value, "tracked", False) else {})


def _of_activation(value):
    """Return a name, a text, or what tells one apart that is functions and C++: code is never read from a file."""
    if value.built_in:
        return value.name
    if value.text is not None:
        return {"@": "Activation", "name": value.name, "phi": value.text}
    return {"@": "unknown", "text": value.name, **fingerprint(value)}


def _text(value):
    """Return what something is called, without the address that it has in this process."""
    if isinstance(value, Lost):
        return value.text
    named = value if hasattr(value, "__qualname__") else type(value)
    given = fields(value) if is_dataclass(value) and not isinstance(value, type) else ()
    plain = [f"{f.name}={one}" for f in given if isinstance(one := getattr(value, f.name), (bool, int, float, str, Quantity))]
    return f"{named.__module__}.{named.__qualname__}" + f"({', '.join(plain)})" * bool(plain)


def from_data(data):
    """Return what `as_data` was given; a function is Lost. Raises ExperimentError for what is no such description."""
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
        raise ExperimentError(f"A {kind} cannot be made of what was saved ({problem}). It is damaged, or of another version of "
                              "neurofa.") from None


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
    if kind == "Activation":
        return Activation(str(given["name"]), str(given["phi"]))
    if kind == "Trial":
        return Trial(given["dt"], given["default"], **given["lengths"])
    if kind == "SteadyState":
        return SteadyState(given["default"].tolerance, given["dt"], **given["lengths"])
    if kind not in KNOWN:
        raise ExperimentError(f"What was saved holds '{kind}', which this version of neurofa does not know. Update neurofa.")
    if lost := [text for name, value in given.items() if name != "init" for text in lost_in(value)]:
        raise ExperimentError(_unknown(lost[0]))
    return KNOWN[kind](**given)


def lost_in(value):
    """Return what is Lost of a value, or of several in a tuple, by what it was called."""
    return [one.text for one in (value if isinstance(value, tuple) else (value,)) if isinstance(one, Lost)]


def _unknown(text):
    return (f"What was saved depends on '{text}', of which a file holds no more than the name: it is no value of neurofa.pathways. "
            "Give the rule with it: Network.load(path, rule=...).")
