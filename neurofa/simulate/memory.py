"""The arrays of a network, by the labels of their slots, and which of them start anew when."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
from brian2 import Quantity

from ..base.arguments import numbers
from ..base.errors import NetworkError, choices
from ..base.names import numbered
from ..circuit.plan import Plan
from ..circuit.slots import Lifetime, Role, Slot


class Memory:
    """The arrays of an engine; the names under which plasticity can be looked at; and what Learners
    keep of the synapses."""

    _kept: WeakKeyDictionary[object, list[tuple[Slot, np.ndarray]]]  # by keeper

    def __init__(self, plan: Plan, arrays: Mapping[str, np.ndarray]):
        self.plan = plan
        self._own = dict(arrays) | {
            slot.label: arrays[label] for slot, label in plan.eligibility.items()
        }
        # (how many keepers there were, slots, arrays)
        self._kept, self._all = WeakKeyDictionary(), None

    @property
    def slots(self) -> Mapping[str, Slot]:
        """`{label: Slot}` of every array, those that living Learners keep among them."""
        return self._now()[0]

    @property
    def arrays(self) -> Mapping[str, np.ndarray]:
        """`{label: array}` of the same."""
        return self._now()[1]

    def _now(self):
        # one was attached, or one is gone
        if self._all is None or self._all[0] != len(self._kept):
            kept = self._kept_now()
            self._all = (
                len(self._kept),
                self.plan.slots | {slot.label: slot for slot, _ in kept},
                self._own | {slot.label: array for slot, array in kept},
            )
        return self._all[1:]

    def attach(self, keeper: object, arrays: list[tuple[Slot, np.ndarray]]) -> None:
        """Let what a `keeper` keeps of the synapses, [(Slot, array)], be found for as long as it
        lives.

        Of several that keep the same, the one that came first has the name; the others' are
        numbered.
        """
        self._kept[keeper], self._all = arrays, None

    def _kept_now(self):
        taken, found = {}, []
        for slot, array in (pair for pairs in self._kept.values() for pair in pairs):
            names = taken.setdefault(slot.owner, [])
            names.append(numbered(slot.name, names))
            found.append((replace(slot, name=names[-1]), array))
        return found

    def found(self, name: str) -> tuple[Slot, np.ndarray]:
        """Return the Slot and the array that `name` means: "W1" is "W1.w". Raises NetworkError,
        with suggestions, if there is none."""
        if not isinstance(name, str):
            raise NetworkError(f"{name!r} is no name. Write net['W1'] or net['hidden1.v'].")
        label = name if "." in name else f"{name}.w"
        slots, arrays = self._now()
        if label not in arrays:
            self._refuse(name, label)
        return slots[label], arrays[label]

    def _refuse(self, name, label):
        group = next((g for g in self.plan.groups if label == f"{g.name}.w"), None)
        if group:
            raise NetworkError(
                f"{group.name} has no weights of its own: it uses those of {group.owner}"
                f"{', transposed' if group.transposed else ''}."
            )
        valid = [
            slot.owner if slot.role == Role.WEIGHT and name != label else slot.label
            for slot in self.slots.values()
            if slot.probeable
        ]
        raise NetworkError(f"This network has no '{name}'. " + choices(name, valid))

    def put(self, name: str, values: npt.ArrayLike) -> Slot:
        """Set an array to `values` that fit: one number, all of it, or one row for all trials; with
        its unit, if it has one.

        Returns the Slot. Raises NetworkError.
        """
        slot, array = self.found(name)
        array[...] = self.fitting(name, values)
        return slot

    def fitting(self, name: str, values: npt.ArrayLike) -> np.ndarray:
        """Return `values` as an array that fits the one called `name`. Raises NetworkError."""
        slot, array = self.found(name)
        if slot.role in (Role.PARAMETER, Role.GATE):
            what = (
                f"a parameter of the rule: write net.set({slot.name}=...)"
                if slot.role == Role.PARAMETER
                else "a gate: phases open it"
            )
            raise NetworkError(f"'{slot.label}' is {what}.")
        values = numbers(f"'{name}'", values, array.dtype, unit=Quantity(1.0, dim=slot.unit))
        if values.shape not in (
            (),
            array.shape,
            array.shape[1:] if slot.dims == ("trial", "unit") else (),
        ):
            raise NetworkError(
                f"'{name}' has the shape {array.shape}; an array of shape {values.shape} does not fit."
            )
        return values

    def labels(self, *roles: Role) -> tuple[str, ...]:
        """Return the labels of the arrays that have one of these roles."""
        return tuple(label for label, slot in self.plan.slots.items() if slot.role in roles)

    @cached_property
    def of_populations(self) -> dict[str, list[tuple[str, np.ndarray]]]:
        """The arrays (trials, units) of every population: `{population: [(variable, array)]}`."""
        found: dict[str, list[tuple[str, np.ndarray]]] = {
            units.name: [] for units in self.plan.units
        }
        for label, slot in self.plan.slots.items():
            if slot.dims == ("trial", "unit"):
                found[slot.owner].append((slot.name, self._own[label]))
        return found

    @cached_property
    def passing(self) -> list[np.ndarray]:
        """The arrays that a trial starts without: time, states, drives, sums; what the user gave
        stays."""
        return [
            self._own[label]
            for label, slot in self.plan.slots.items()
            if slot.role == Role.SUM
            # a link is an array of other units
            or slot.lifetime == Lifetime.TRIAL
            and slot.role != Role.LINK
        ]

    @cached_property
    def summed(self) -> list[np.ndarray]:
        """The arrays that a phase sums up what is plastic in."""
        return [self._own[label] for label in self.labels(Role.SUM, Role.PRODUCT)]

    @cached_property
    def residuals(self) -> dict[str, np.ndarray]:
        """How far each population is from rest: `{population: (trials,)}`."""
        return {
            self.plan.slots[label].owner: self._own[label] for label in self.labels(Role.RESIDUAL)
        }
