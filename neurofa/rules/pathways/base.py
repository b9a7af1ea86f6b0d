"""What every manipulation of a pathway has in common."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np
from brian2 import Quantity

from ...base.arguments import several
from ...base.errors import RuleError


class Value:
    """Something that is written as a name with arguments, and shown so."""

    def __str__(self):
        given = [
            (k, f.name, value)
            for k, f in enumerate(fields(self))
            if not _plainly_equal(value := getattr(self, f.name), f.default)
        ]
        return f"{type(self).__name__}({', '.join(str(value) if k == 0 else f'{name}={value}' for k, name, value in given)})"


def _plainly_equal(value, default):
    return (
        value is default
        or isinstance(value, (bool, int, float, str))
        and type(value) is type(default)
        and value == default
    )


class Manipulation(Value):
    """Something done to a pathway: `Pathway("B", ...) | sparse(0.5) | delayed(20*ms)`.

    It changes the synapses (`weights`), what arrives at the target (`transmitted`), or when (a
    delay, a lesion); each kind defines the methods that concern it. `key` is the name that its
    variables and parameters end with: that of the pathway, and a number if the pathway has the same
    kind of manipulation already.

    Examples
    --------
    One of your own, through which the target receives the square of what the synapses bring:

    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class squared(Manipulation):
    ...     def transmitted(self, drive, key):
    ...         return "", f"({drive})**2"
    >>> net = Network([4, 3, 2], fa.RULE.through(squared(), "B"), seed=1)
    >>> net["output.delta"] = [[1.0, -2.0]]
    >>> result = net.run("feedback", Length(1*ms, dt=1*ms))
    >>> bool(np.allclose(net["hidden1.v_apical"], (net["B2"] @ [1.0, -2.0]) ** 2))
    True
    """

    # whether it changes weights, so that the pathway needs synapses of its own
    synaptic = False
    # what its structure is, where that is all that keeps weights as they must be: "existing", truth
    # values; "signs", -1, 0 and 1
    keeps: str | None = None
    # of several that change weights, those of a lower precedence come first; then, as they are written
    precedence = 0

    def parameters(self, key: str) -> dict[str, Quantity | float]:
        """Return `{name: value with its unit}` of what `Network.set` can change."""
        return {}

    def transmitted(self, drive: str, key: str) -> tuple[str, str]:
        """Return (lines of equations, what the target receives) where the synapses bring
        `drive`."""
        return "", drive

    def shared_noises(self, key: str) -> tuple[str, ...]:
        """Return the names of the white noises of these equations that all units of a population
        hear alike."""
        return ()

    def delay(self, key: str) -> str | None:
        """Return the name of the parameter that says how late the signal comes, or None."""

    def window(self, key: str) -> tuple[str, ...]:
        """Return the names of the parameters that say when, within a phase, it transmits."""
        return ()

    def starts(self, key: str) -> str:
        """Return the assignment that every phase begins with, as text."""
        return ""

    def weights(
        self, net: Any, group: Any, w: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the changed weights (post, pre), and their structure: an array that says what
        later weights keep to, or None.

        The structure goes wherever the weights go: into files, and into networks that take them.
        """
        return w, None

    def keep(self, w: np.ndarray, structure: np.ndarray, stream: Sequence[int] | int) -> None:
        """Put weights in order after an update, in place, as their `structure` says; `stream` seeds
        what is drawn for it."""

    def fits(self, w: np.ndarray, structure: np.ndarray) -> bool:
        """Whether weights (post, pre) have that `structure`, so that keeping it changes nothing but
        the last digits."""
        kept = w.copy()
        self.keep(kept, structure, 0)
        return np.allclose(
            kept, w, rtol=1e-4, atol=1e-5 * np.abs(w).max(initial=0.0), equal_nan=True
        )

    def concerns(self, group: Any) -> bool:
        """Whether it concerns this synapse group: all groups of the pathway, or those that enter
        `layer`."""
        wanted = layers(self)
        return wanted is None or group.layer in wanted


def layers(manipulation: Manipulation) -> tuple[int, ...] | None:
    """Return the layers that a manipulation is restricted to, or None for all. Raises RuleError for
    what is no layer."""
    value = getattr(manipulation, "layer", None)
    if value is None:
        return None
    return several(
        f"{type(manipulation).__name__}(layer",
        value,
        "layer that the pathway enters",
        RuleError,
        least=1,
    )
