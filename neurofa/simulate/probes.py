"""What can be looked at in a network, by name, and where it is in memory.

    hidden1.v          a variable: (trial, unit)
    hidden1.residual   how far the population is from rest: (trial); measured every few steps, and held in between
    hidden1.xi         white noise: the standard normal number of the last step, which the equations see divided by sqrt(dt)
    W1.w, W1.bias      weights (post, pre), and the bias (post)
    W2.g               eligibility: what a line `dw/dt = (post) * (pre)` has summed over time, in the phase that runs, and over
                       the trials (post, pre)
    W2.g_post          its postsynaptic factor alone, summed over time (trial, post): what the bias learns, and all that changes
                       where the presynaptic rates stand still
    W1.w.m             a moment of the optimiser, one per synapse, called as in its text; there is one once a Learner is made

A second eligibility or moment of the same synapses has the number 2: `W2.g2`, `W2.g_post2`,
`W1.w.m2`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..base.arguments import shown
from ..base.errors import NetworkError
from ..circuit.slots import Slot

if TYPE_CHECKING:
    from .network import Network

_NAME = re.compile(r"(?P<array>[\w.]+)\s*(\[(?P<index>[^\]]*)\])?")


@dataclass
class Trace:
    """A variable that is to be recorded: where it is in memory, and how its axes are called."""

    slot: Slot
    index: np.ndarray | slice  # of the flattened array
    shape: tuple
    dims: tuple
    coords: dict
    trials: np.ndarray | None  # their numbers; None for what all trials share

    @property
    def name(self) -> str:
        """What it is called in the network."""
        return self.slot.label

    @property
    def size(self) -> int:
        """How many numbers a sample has."""
        return math.prod(self.shape)


def read_name(name: str) -> tuple[str, list[str]]:
    """Return the full name of a variable and the choices on its axes: ("W1.w", ["0", ":5"]) of
    "W1[0, :5]".

    Raises NetworkError if it cannot be read.
    """
    match = _NAME.fullmatch(name.strip()) if isinstance(name, str) else None
    if not match:
        raise NetworkError(
            f"{shown(name)} cannot be read. Write a name such as 'hidden1.v', 'hidden1.v[:5]' or 'W1.w[0, :5]'."
        )
    full = match["array"] if "." in match["array"] else f"{match['array']}.w"
    return full, match["index"].split(",") if match["index"] is not None else []


def recorded(name: str, part: str, numbers: np.ndarray) -> np.ndarray:
    """Return the places at which an axis with these unit `numbers` has what `part` ("3", "2:5",
    "::10") chooses.

    Raises NetworkError if that is nothing.
    """
    try:
        every = np.arange(numbers.max(initial=-1) + 1)
        places = np.flatnonzero(np.isin(numbers, _select(name, part, every)))
    except NetworkError:
        places = np.empty(0, int)
    if len(places) == 0:
        raise NetworkError(
            f"'{name}': the index '{part.strip()}' chooses nothing that was recorded: the numbers of these units are "
            f"{', '.join(map(str, numbers[:10]))}{', ...' if len(numbers) > 10 else ''}."
        )
    return places


def trace(
    net: Network, name: str, trials: int | slice | str | Sequence[int] | np.ndarray | None = None
) -> Trace:
    """Return the Trace of a name such as "hidden1.v", "hidden1.v[:5]" or "W1.w[0, :5]", in the
    chosen `trials`."""
    full, wanted = read_name(name)
    slot, values = net.memory.found(name.split("[")[0].strip())
    shared = "trial" not in slot.dims  # by all trials
    axes = [np.arange(n) for n in values.shape]
    chosen = axes if shared else axes[1:]
    if len(wanted) > len(chosen):
        raise NetworkError(
            f"'{name}' has {len(wanted)} indices; {full} has {len(chosen)} axes to choose from."
        )
    chosen[: len(wanted)] = [_select(name, part, axis) for part, axis in zip(wanted, chosen)]
    # a choice of units has axes of its own
    of = f"{slot.owner}_{slot.name}".replace(".", "_") if wanted else slot.owner
    dims, rest = tuple(f"{of}_{dim}" for dim in slot.dims if dim != "trial"), None
    if not shared:
        rest = _trials(trials, axes[0])
        dims, chosen = ("trial", *dims), [rest, *chosen]
    return Trace(
        slot,
        _flat(chosen, values.shape),
        tuple(map(len, chosen)),
        dims,
        dict(zip(dims, chosen)),
        rest,
    )


def _flat(chosen, shape):
    """Return where the choice is in the flattened array: a slice if side by side, which costs
    neither memory nor time."""
    if all(np.array_equal(axis, np.arange(n)) for axis, n in zip(chosen, shape)):
        return slice(0, math.prod(shape))
    flat = np.ravel_multi_index(np.ix_(*chosen), shape).ravel()
    return slice(int(flat[0]), int(flat[0]) + len(flat)) if (np.diff(flat) == 1).all() else flat


def _select(name, part, axis):
    """Return the entries of `axis` that `part` ("3", "2:5", "::10") chooses."""
    try:
        numbers = [int(p) if p.strip() else None for p in part.split(":")]
        chosen = axis[slice(*numbers)] if len(numbers) > 1 else axis[[numbers[0]]]
    except (ValueError, IndexError, TypeError):
        chosen = []
    if len(chosen) == 0:
        raise NetworkError(
            f"'{name}': the index '{part.strip()}' chooses nothing from 0..{len(axis) - 1}. "
            "Use a number or a slice such as 2:5."
        )
    return chosen


def _trials(wanted, axis):
    """Return the trials of `axis` that are wanted: all, the first n, or those of a slice, its text,
    or a list."""
    if wanted is None:
        return axis
    if isinstance(wanted, str):
        return _select("trials", wanted, axis)
    try:
        if np.ndim(wanted) == 0 and not isinstance(wanted, slice):
            wanted = slice(max(wanted, 0))
        chosen = axis[wanted if isinstance(wanted, slice) else list(wanted)]
    except (IndexError, TypeError, ValueError):
        chosen = []
    if len(chosen) == 0:
        raise NetworkError(
            f"trials = {wanted!r} chooses none of the trials 0..{len(axis) - 1}. Give how many (the first n), a "
            "slice such as '::10', or a list of numbers; or leave it out for all."
        )
    return chosen
