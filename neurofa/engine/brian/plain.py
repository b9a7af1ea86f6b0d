"""A kind of interpreted circuit as plain Python, whatever its sizes: nothing is kept of the Brian2
objects from which its code was made.

How many units its populations have, and how many trials run in parallel, the code reads from names that
every network brings with its arrays.
"""

import ast
import marshal
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import CodeType
from typing import Any

import numpy as np
import numpy.typing as npt
from brian2.core.variables import Variable
from brian2.devices.device import RuntimeDevice

from ...base.reals import REALS
from .engine import TRIALS, Parts
from .isolation import building, generated
from .kind import axes

ALL_TRIALS = "_all_trials"
# what the templates of Brian2 begin with
_NUMPY, _INDEX = "_numpy", "_vectorisation_idx"
_IMPORT_OF_RANGE = "from brian2.codegen.runtime.numpy_rt.numpy_rt import LazyArange"
_INDICES = f"{_INDEX} = 1", f"{_INDEX} = LazyArange(N)"
# names in the code that are the same everywhere, or that every network brings
_OF_NETWORKS = {"_owner", "N", "phi", "dphi", *REALS}
# of Brian2's Parts, those that sort its objects
_SORTED = ("steps", "starts", "refresh", "once", "readouts", "residuals", "accumulators")


@dataclass(frozen=True, eq=False)
class Piece:
    """What one of the objects does: code, and what stands in it.

    Activations are no part of it: every network brings those of its own.
    """

    name: str
    code: CodeType | None
    population: str  # whose activation it evaluates; `N` is the number of its units in all trials
    arrays: Mapping[str, int]  # names in the code -> numbers of arrays
    others: Mapping[str, Any]  # names in the code -> functions and constants

    def namespace(
        self,
        arrays: Sequence[np.ndarray],
        lengths: Mapping[str, int],
        functions: Mapping[str, Callable],
    ) -> dict[str, Any]:
        """Return what its names are in a network with these arrays, lengths of their axes, and
        functions of its population's activation."""
        units = {_units(name): n for name, n in lengths.items() if name != TRIALS}
        return {
            _NUMPY: np,
            **REALS,
            **functions,
            **self.others,
            **units,
            ALL_TRIALS: lengths[TRIALS],
            "N": lengths[TRIALS] * lengths[self.population],
            **{name: arrays[number] for name, number in self.arrays.items()},
        }

    def __getstate__(self):
        return vars(self) | dict(code=marshal.dumps(self.code))

    def __setstate__(self, state):
        vars(self).update(state, code=marshal.loads(state["code"]))


class Kind:
    """The code of one kind of circuit."""

    parts: Parts  # with Pieces in place of objects, and (number, axes) in place of variables
    pieces: list[Piece]
    steps: list[Piece]  # those of a step, in the order in which a step makes them
    residuals: list[int]  # numbers of arrays

    def __init__(self, make: Callable[[], Parts], dtype: npt.DTypeLike):
        device = RuntimeDevice()
        with building(device, dtype), np.errstate(over="ignore"):
            parts = make()
            for one in parts.objects:
                _name_the_sizes(one)
            made = generated(parts.objects)
        numbers = {id(array): i for i, array in enumerate(device.arrays.values())}
        pieces = {id(one): _piece(one, numbers) for one in made if getattr(one, "codeobj", None)}
        self.pieces = [*pieces.values()]
        in_step = set(map(id, parts.steps))
        self.steps = [pieces[id(one)] for one in made if id(one) in in_step]
        self.residuals = [
            numbers[id(one.variables["residual"].get_value())] for one in parts.residuals.values()
        ]
        self._arrays = [(var.dtype, axes(var)) for var in device.arrays]
        self.parts = replace(
            parts,
            clock=None,
            objects=[],
            arrays={
                label: (numbers[id(var.get_value())], axes(var))
                for label, (var, _) in parts.arrays.items()
            },
            **{name: _plain(getattr(parts, name), pieces) for name in _SORTED},
        )

    def memory(self, lengths: Mapping[str, int]) -> list[np.ndarray]:
        """Return the arrays of a network, zeros, by number; `lengths` are those of their axes."""
        return [
            np.zeros(math.prod(lengths[axis] for axis in names), dtype)
            for dtype, names in self._arrays
        ]


def _units(population):
    return f"_units_{population}"


def _name_the_sizes(one):
    """Let a template write names where it would write how many trials and units there are."""
    given = getattr(one, "template_kwds", None) or {}
    names = {"trials": ALL_TRIALS} | {
        f"n_{end}": _units(given[end]) for end in ("post", "pre") if end in given
    }
    if given:
        one.template_kwds = given | {what: names[what] for what in given if what in names}


def _piece(one, numbers):
    """Return an object's Piece; `numbers` are those of arrays, by their id."""
    code = one.codeobj
    arrays, others = {}, {}
    for name, value in code.namespace.items():
        if id(value) in numbers:
            arrays[name] = numbers[id(value)]
        elif name not in _OF_NETWORKS and not isinstance(value, Variable):
            others[name] = value
    return Piece(one.name, _made_lean(code.code.run), one.group.name, arrays, others)


def _made_lean(text):
    """Return code without what would be the same in every step, or None if nothing is left: imports, and
    an index that nothing reads. Together, these can take as long as the rest."""
    tree = ast.parse(text.strip())
    read = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    needless = [f"import numpy as {_NUMPY}"]
    if _INDEX not in read:
        needless += [_IMPORT_OF_RANGE, *_INDICES]
    tree.body = [line for line in tree.body if ast.unparse(line) not in needless]
    return compile(tree, "(circuit)", "exec") if tree.body else None


def _plain(value, pieces):
    """Return lists, tuples and dicts with Pieces in place of the objects they are made of."""
    if isinstance(value, Mapping):
        return {key: _plain(one, pieces) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_plain(one, pieces) for one in value)
    return pieces.get(id(value), value)
