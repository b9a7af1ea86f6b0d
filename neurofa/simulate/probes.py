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

A second eligibility or moment of the same synapses has the number 2: `W2.g2`, `W2.g_post2`, `W1.w.m2`.
"""

import math
import re
from dataclasses import dataclass

import numpy as np

from ..base.arguments import shown
from ..base.errors import NetworkError

_HIDDEN = re.compile(r"clock\.|.*(\.sum_post_|:|\.softmax_r|\.dcost_)")     # the names of what is of no use to others
FACTOR = "g_post"
_NAME = re.compile(r"(?P<array>[\w.]+)\s*(\[(?P<index>[^\]]*)\])?")


def hidden(name):
    """Return whether an array is of no use to others."""
    return _HIDDEN.match(name) is not None


def eligibility(circuit, arrays):
    """Return `{name: array}` of what the plasticity of a Circuit accumulates during its phases, from its `arrays`."""
    found = {}
    for factor in (f for f in circuit.integrated if f.pre != "1"):
        for name, array in ((f"{factor.group}.g", f"{factor.name}.g"),
                            (f"{factor.group}.{FACTOR}", f"{circuit.group(factor.group).target}.sum_{factor.post}")):
            if array in arrays:
                found[numbered(name, found)] = arrays[array]
    return found


@dataclass
class Trace:
    """A variable that is to be recorded: where it is in memory, and how its axes are called."""

    name: str
    index: np.ndarray | slice       # of the flattened array
    shape: tuple
    dims: tuple
    coords: dict
    trials: np.ndarray | None       # their numbers; None for what all trials share
    unit: str

    @property
    def size(self):
        """How many numbers a sample has."""
        return math.prod(self.shape)


def read_name(name):
    """Return the full name of a variable and the choices on its axes: ("W1.w", ["0", ":5"]) of "W1[0, :5]".

    Raises NetworkError if it cannot be read.
    """
    match = _NAME.fullmatch(name.strip()) if isinstance(name, str) else None
    if not match:
        raise NetworkError(f"{shown(name)} cannot be read. Write a name such as 'hidden1.v', 'hidden1.v[:5]' or 'W1.w[0, :5]'.")
    full = match["array"] if "." in match["array"] else f"{match['array']}.w"
    return full, match["index"].split(",") if match["index"] is not None else []


def recorded(name, part, numbers):
    """Return the places at which an axis with these unit `numbers` has what `part` ("3", "2:5", "::10") chooses.

    Raises NetworkError if that is nothing.
    """
    try:
        every = np.arange(numbers.max(initial=-1) + 1)
        places = np.flatnonzero(np.isin(numbers, _select(name, part, every)))
    except NetworkError:
        places = []
    if len(places) == 0:
        raise NetworkError(f"'{name}': the index '{part.strip()}' chooses nothing that was recorded: the numbers of these units are "
                           f"{', '.join(map(str, numbers[:10]))}{', ...' if len(numbers) > 10 else ''}.")
    return places


def trace(net, name, trials=None):
    """Return the Trace of a name such as "hidden1.v", "hidden1.v[:5]" or "W1.w[0, :5]", in the chosen `trials`."""
    full, wanted = read_name(name)
    values = net[name.split("[")[0].strip()]
    owner, variable = full.split(".", 1)
    shared = owner in net.groups and not variable.startswith(FACTOR)      # by all trials
    axes = [np.arange(n) for n in values.shape]
    chosen = axes if shared else axes[1:]
    if len(wanted) > len(chosen):
        raise NetworkError(f"'{name}' has {len(wanted)} indices; {full} has {len(chosen)} axes to choose from.")
    chosen[:len(wanted)] = [_select(name, part, axis) for part, axis in zip(wanted, chosen)]
    dims, rest = (f"{owner}_post", f"{owner}_pre") if owner in net.groups else (f"{owner}_unit",), None
    if not shared:
        rest = _trials(trials, axes[0])
        dims, chosen = ("trial", *dims), [rest, *chosen]
    dims = dims[:len(chosen)]
    if wanted:       # a choice of units has axes of its own, beside those of the whole population
        dims = tuple(dim if dim == "trial" else dim.replace(owner, full.replace(".", "_"), 1) for dim in dims)
    return Trace(full, _flat(chosen, values.shape), tuple(map(len, chosen)), dims, dict(zip(dims, chosen)), rest, net.unit(full))


def _flat(chosen, shape):
    """Return where the choice is in the flattened array: a slice if side by side, which costs neither memory nor time."""
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
        raise NetworkError(f"'{name}': the index '{part.strip()}' chooses nothing from 0..{len(axis) - 1}. "
                           "Use a number or a slice such as 2:5.")
    return chosen


def _trials(wanted, axis):
    """Return the trials of `axis` that are wanted: all, the first n, or those of a slice, its text, or a list."""
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
        raise NetworkError(f"trials = {wanted!r} chooses none of the trials 0..{len(axis) - 1}. Give how many (the first n), a "
                           "slice such as '::10', or a list of numbers; or leave it out for all.")
    return chosen
