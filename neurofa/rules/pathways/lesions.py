"""Synapses that are cut: which, from when on, and until when."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import Quantity, second

from ...base.arguments import fraction, has_unit, several, shown, whole
from ...base.errors import NetworkError, RuleError
from .base import Manipulation, layers


@dataclass(frozen=True)
class Moment:
    """A moment of training: when so many updates, trials or epochs are completed."""

    unit: str  # "updates", "trials" or "epochs"
    count: int

    def __post_init__(self):
        whole(f"{self.unit[:-1]}({shown(self.count)}): count", self.count, RuleError, least=0)

    def __str__(self):
        return f"{self.unit[:-1]}({self.count})"


def epoch(count: int) -> Moment:
    """Return the Moment after `count` epochs of `train`.

    Examples
    --------
    >>> rule = fa.RULE.through(lesioned(at=epoch(3), until=epoch(5)))
    """
    return Moment("epochs", count)


def trial(count: int) -> Moment:
    """Return the Moment after `count` trials with learning, each sample of a batch counted.

    Examples
    --------
    >>> rule = fa.RULE.through(lesioned(at=trial(1000)))
    """
    return Moment("trials", count)


def update(count: int) -> Moment:
    """Return the Moment after `count` updates of the weights.

    Examples
    --------
    >>> rule = fa.RULE.through(lesioned(at=update(50)))
    """
    return Moment("updates", count)


@dataclass(frozen=True)
class lesioned(Manipulation):
    """Synapses are cut: they carry nothing and do not learn. Biases are no synapses, and stay.

    Updates, trials and epochs count from the beginning of a training, and take effect as a trial
    begins; times, at the time step that is nearest.

    Parameters
    ----------
    at, until
        Moments of training (`epoch(3)`, `trial(1000)`, `update(50)`), or times within every trial (50*ms); `at` None: from
        the start; `until` None: for good. Afterwards the synapses have the weights that they had
        before.
    fraction
        How many of the synapses that are chosen by the following are cut, at random.
    layer
        Only the groups that enter this layer (a number, or several).
    cells
        Only synapses onto these units of the target (numbers).
    channels
        Only synapses from these units of the source: from the output, classes.

    Notes
    -----
    Until then, everything is as without the lesion. Raises RuleError for values that mean nothing,
    NetworkError for units that the network does not have.

    Examples
    --------
    >>> rule = fa.RULE.through(lesioned(at=epoch(3), fraction=0.5))
    """

    at: Moment | Quantity | None = None
    until: Moment | Quantity | None = None
    fraction: float = 1.0
    layer: int | tuple | None = None
    cells: int | tuple | None = None
    channels: int | tuple | None = None
    synaptic = True

    def __post_init__(self):
        fraction("lesioned(fraction)", self.fraction, RuleError, least_open=False)
        layers(self)
        for what in ("cells", "channels"):
            value = getattr(self, what)
            if value is not None:
                several(f"lesioned({what}", value, "unit", RuleError)
        for what in ("at", "until"):
            value = getattr(self, what)
            if (
                value is not None
                and not isinstance(value, Moment)
                and not (has_unit(value, second) and 0 <= float(value) < float("inf"))
            ):
                raise RuleError(
                    f"lesioned({what}={shown(value)}): give a moment such as epoch(3), trial(1000) or update(50), or a time "
                    "within the trial such as 50*ms."
                )
        if self.at is not None and self.until is not None:
            if isinstance(self.at, Moment) != isinstance(self.until, Moment) or getattr(
                self.at, "unit", 0
            ) != getattr(self.until, "unit", 0):
                raise RuleError(
                    f"lesioned from {self.at} until {self.until}: give both in the same unit."
                )
            if not self._value(self.at) < self._value(self.until):
                raise RuleError(
                    f"lesioned from {self.at} until {self.until}: that is no time at all."
                )

    @staticmethod
    def _value(moment):
        return moment.count if isinstance(moment, Moment) else float(moment)

    @property
    def within_trial(self) -> bool:
        """Whether it comes and goes with the time of every trial."""
        return any(
            value is not None and not isinstance(value, Moment) for value in (self.at, self.until)
        )

    def cut(self, counts: Mapping[str, float]) -> bool:
        """Return whether the synapses are cut. `counts` is {"updates": .., "trials": .., "epochs":
        .., "seconds": ..}."""

        def over(moment):
            if isinstance(moment, Moment):
                return counts[moment.unit] >= moment.count
            return counts["seconds"] >= float(moment) * (1 - 1e-9)

        begun = self.at is None or over(self.at)
        return bool(begun and not (self.until is not None and over(self.until)))

    def chosen(self, group: Any, rng: np.random.Generator) -> np.ndarray:
        """Return which synapses are cut, shape (post, pre). Raises NetworkError for units that are
        not there."""
        found = np.ones(group.shape, bool)
        for axis, what in ((0, "cells"), (1, "channels")):
            wanted = getattr(self, what)
            if wanted is not None:
                numbers = several(f"lesioned({what}", wanted, "unit", RuleError)
                if max(numbers) >= group.shape[axis]:
                    raise NetworkError(
                        f"lesioned({what}={wanted!r}): {group.name} has the {what} 0..{group.shape[axis] - 1}. "
                        "With layer=, only the groups that enter that layer are meant."
                    )
                found &= np.isin(np.arange(group.shape[axis]), numbers).reshape(
                    (-1, 1) if axis == 0 else (1, -1)
                )
        places = np.flatnonzero(found)
        kept = rng.permutation(places)[round(self.fraction * len(places)) :]
        found.ravel()[kept] = False
        return found


class Lesions:
    """The lesions of one synapse group in a network: which synapses are cut at the moment, and what
    they were."""

    def __init__(self, chosen: list[tuple[lesioned, np.ndarray]], w: np.ndarray):
        self.chosen = chosen  # [(description, which synapses)]
        self.cut, self.before = np.zeros(w.shape, bool), w.copy()

    def apply(self, w: np.ndarray, counts: Mapping[str, float]) -> None:
        """Cut and restore synapses of `w`, in place, as `counts` ask."""
        cut = np.zeros_like(self.cut)
        for description, chosen in self.chosen:
            if description.cut(counts):
                cut |= chosen
        self.restore(w, self.cut & ~cut)
        self.before[cut & ~self.cut] = w[cut & ~self.cut]
        self.cut = cut
        w[cut] = 0

    def restore(self, w: np.ndarray, which: np.ndarray | None = None) -> None:
        """Give synapses, or all that are cut, the weights that they had."""
        which = self.cut if which is None else which
        w[which] = self.before[which]

    def keep(self, w: np.ndarray, made_anew: bool = False) -> None:
        """Keep the synapses cut. What was `made_anew` meanwhile is what they will be restored
        to."""
        if made_anew:
            self.before = w.copy()
        w[self.cut] = 0
