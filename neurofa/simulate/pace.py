"""How fast a circuit moves: its parameters, and the time constants of its states that follow from
them."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property

import numpy as np
from brian2 import Quantity
from brian2.utils.stringtools import get_identifiers

from ..base.arguments import check_parameter
from ..base.errors import NetworkError
from ..circuit.plan import Plan
from ..circuit.slots import Role
from ..rules.text import evaluate


class Pace:
    """The parameters of a network, and for the time of a phase other time constants in their
    place."""

    def __init__(self, plan: Plan, arrays: Mapping[str, np.ndarray], dtype: np.dtype):
        self.plan, self.arrays, self.dtype = plan, arrays, dtype
        self.parameters: dict[str, Quantity | float] = {}
        self._instead: Mapping[str, float] = {}
        self._seconds: dict[str, tuple[str, float]] | None = None
        self._taus = {
            f"{population}.{state}": tau
            for population, text in plan.texts.items()
            for state, (_, tau) in text.time_constants.items()
        }

    def set(self, parameters: Mapping[str, Quantity | float]) -> None:
        """Set parameters in all populations. Raises NetworkError for an unknown one, and then sets
        none."""
        for name, value in parameters.items():
            check_parameter(self.plan.rule, name, value, self.dtype)
        for name, value in parameters.items():
            self.parameters[name] = value
            self.everywhere(name, float(value))
        self._seconds = None

    def everywhere(self, name: str, value: Quantity | float) -> None:
        """Set a parameter, a gate, or the choice of a cost, in all populations that have it."""
        for array in self.places.get(name, ()):
            array[...] = value

    @cached_property
    def places(self) -> dict[str, list[np.ndarray]]:
        """The arrays that hold a parameter, a gate, or the choice of a cost, by its name."""
        found: dict[str, list[np.ndarray]] = {}
        for label, slot in self.plan.slots.items():
            if slot.role in (Role.PARAMETER, Role.GATE, Role.COST):
                found.setdefault(slot.name, []).append(self.arrays[label])
        return found

    @contextmanager
    def paced(self, taus: Mapping[str, float]) -> Iterator[None]:
        """Within this context the circuit has these time constants, `{parameter: seconds}`;
        `parameters` does not change."""
        if not taus:
            yield
            return
        self._instead, self._seconds = taus, None
        try:
            for name, tau in taus.items():
                self.everywhere(name, tau)
            yield
        finally:
            self._instead, self._seconds = {}, None
            for name in taus:
                self.everywhere(name, float(self.parameters[name]))

    def time_constants(
        self, of_units: Callable[[np.ndarray], float] = np.min
    ) -> dict[str, tuple[str, float]]:
        """Return `{population.state: (the constant as text, seconds)}`; where units have their own,
        of that which `of_units` chooses.

        Raises NetworkError where one is no positive time.
        """
        if self._seconds is None:
            self._seconds = {
                state: (tau, float(evaluate(tau, self._values)))
                for state, tau in self._taus.items()
                if state not in self._of_every_unit
            }
        own = {
            state: self._of_units(state, labels, of_units)
            for state, labels in self._of_every_unit.items()
        }
        return self._seconds | {
            state: (self._taus[state], seconds) for state, seconds in own.items()
        }

    @property
    def _values(self):
        return {n: float(v) for n, v in self.parameters.items()} | {"second": 1.0, **self._instead}

    @cached_property
    def _of_every_unit(self):
        """`{population.state: {parameter: label}}` of states whose time constant depends on these
        parameters of every unit."""
        found = {}
        for population, text in self.plan.texts.items():
            for state, (_, tau) in text.time_constants.items():
                used = sorted(get_identifiers(tau) & {*text.unit_parameters})
                found[f"{population}.{state}"] = {name: f"{population}.{name}" for name in used}
        return {state: labels for state, labels in found.items() if labels}

    def _of_units(self, state, labels, of_units):
        with np.errstate(divide="ignore", invalid="ignore"):
            seconds = evaluate(
                self._taus[state],
                self._values | {name: self.arrays[label] for name, label in labels.items()},
            )
        if not (np.isfinite(seconds) & (seconds > 0)).all():
            raise NetworkError(
                f"The time constant of {state}, {self._taus[state]}, must be larger than 0 in every unit. Set it before the "
                f"circuit runs: net['{next(iter(labels.values()))}'] = 10*ms, or an array with its unit."
            )
        return float(of_units(seconds))
