"""What the loop over steps (phases.cpp) needs to know of a kind of circuit: the tables of its Kind
(circuit.h), as C++."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from brian2 import NeuronGroup
from brian2.codegen.generators.cpp_generator import c_data_type
from brian2.core.variables import ArrayVariable

from .engine import TRIALS, Parts

# numbers of axes beside those of populations, as circuit.h has them
_NUMBERS = {TRIALS: -1, None: -2}


def before(parts: Parts) -> list[Any]:
    """Return what is run between phases, in the order in which it is counted: starts, refreshing, what
    is evaluated once."""
    return [
        *(runner for runners in parts.starts.values() for runner in runners),
        *(runner for runners in parts.refresh.values() for runner in runners),
        *parts.once.values(),
    ]


def axes(var: ArrayVariable) -> tuple[str, ...]:
    """Return the axes of an array: TRIALS, and names of populations."""
    if isinstance(var.owner, NeuronGroup):
        return () if var.scalar else (TRIALS, var.owner.name)
    return getattr(var.owner, "axes", {}).get(var.name, ())


def _run(runner):
    return f"{runner.codeobj.name}_space::run"


def _row(*values):
    """Return a row of a table."""
    return f"{{ {', '.join(map(str, values))} }}"


def _pack(runner):
    """Return the number of the group whose product this is, or -1."""
    return runner.template_kwds["number"] if runner.template == "dense" else -1


def _step(step, residuals):
    """Return a Step."""
    measure = _run(residuals[step.name]) if step.name in residuals else "nullptr"
    # a product may be made in a step, or once as a phase begins
    product = f"{step.codeobj.name}_space::product" if step.template == "dense" else "nullptr"
    return _row(_run(step), measure, product, _pack(step))


def arrays(device: Any, parts: Parts) -> list[tuple[str, str, tuple[str, ...]]]:
    """Return symbol, type in C++ and axes of every array.

    Raises ValueError for an array that is not as large as its axes say: its memory would be too
    small in circuits of other sizes.
    """
    groups = (made for made in parts.objects if isinstance(made, NeuronGroup))
    lengths = {TRIALS: parts.trials} | {one.name: len(one) // parts.trials for one in groups}
    found = []
    for var, symbol in device.arrays.items():
        if isinstance(var, ArrayVariable):
            if var.size != math.prod(lengths[axis] for axis in axes(var)):
                raise ValueError(f"{symbol} has {var.size} elements; its axes are {axes(var)}.")
            found.append((symbol, c_data_type(var.dtype), axes(var)))
    return found


def tables(
    device: Any, parts: Parts, steps: Sequence[Any], index: Mapping[str, int]
) -> list[tuple[str, str, list[Any]]]:
    """Return type, name and rows of the tables of a Kind, in its order; `steps` are what a step consists
    of, in Brian2's order, `index` the numbers of arrays, by symbol."""
    numbers = {name: i for i, name in enumerate(populations(parts))} | _NUMBERS
    residuals = parts.residuals

    def array(type, names):
        numbered = [numbers[axis] for axis in (*names, None, None, None)][:3]
        return _row(f"sizeof({type})", _row(*numbered))

    def ends(runner, *names):
        return [numbers[runner.template_kwds[end]] for end in names]

    def pack(dense):
        return _row(f"{dense.codeobj.name}_space::pack", *ends(dense, "post", "pre"))

    def number(var):
        return index[device.arrays[var]]

    rows = [
        ("Array", "arrays", [array(type, names) for _, type, names in arrays(device, parts)]),
        ("Step", "steps", [_step(one, residuals) for one in steps]),
        ("Before", "before", [_row(_run(one), _pack(one)) for one in before(parts)]),
        ("Function", "noted", map(_run, parts.noted)),
        ("Function", "standing", map(_run, parts.standing)),
        ("Function", "readouts", [_run(one) for one, _ in parts.readouts]),
        (
            "Accumulator",
            "accumulators",
            [_row(_run(a), *ends(a, "post")) for a in parts.accumulators.values()],
        ),
        ("Pack", "packs", map(pack, parts.once.values())),
        ("int", "residuals", [number(one.variables["residual"]) for one in residuals.values()]),
        ("int", "signals", [number(parts.arrays[name][0]) for name in parts.signals]),
        ("Twin", "twins", [f"twin{i}<Real>" for i in range(len(parts.twins))]),
    ]
    return [(type, name, list(made)) for type, name, made in rows]


def populations(parts: Parts) -> list[str]:
    """Return the names of populations, in the order in which they are counted."""
    return [made.name for made in parts.objects if isinstance(made, NeuronGroup)]
