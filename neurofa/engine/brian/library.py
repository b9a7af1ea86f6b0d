"""A circuit as a shared library: Brian2 generates the C++, one compiler call makes the library, a
cache keeps it.

A library is made for a kind of circuit: how many units its populations have, and how many trials run
in parallel, it is told with every network. A process loads it once; every network has memory of its
own.
"""

import json
import math
import os
import re
import threading
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
from brian2 import NeuronGroup
from brian2.codegen.generators.cpp_generator import c_data_type
from brian2.core.variables import ArrayVariable
from brian2.devices.cpp_standalone.device import CPPStandaloneDevice

from ...base.errors import CompileError
from .cache import checksum, kept
from .codeobjects import LibraryCode
from .engine import TRIALS, Parts
from .isolation import building, generated
from .job import CODE
from .loaded import Code, Memory

_loaded: dict[str, Code] = {}  # by checksum
_loading = threading.Lock()

# numbers of axes beside those of populations
_NUMBERS = {TRIALS: -1, None: -2}

# Brian2 writes numbers of neurons into its code, of which none is used
_SIZES = re.compile(r"^\s*const \w+ (_num\w+|N) = \d+;\n", re.MULTILINE)


def load(
    name: str,
    make: Callable[[], Parts],
    dtype: npt.DTypeLike,
    trials: int,
    units: Mapping[str, int],
) -> Memory:
    """Return the Memory of a new network of so many trials and `units` per population, whose code is
    the library called `name`, made if it is not in the cache (cache.py).

    `make()` creates the Brian2 objects and returns them as a `Parts` (see engine.py), in the
    precision `dtype`. Raises CompileError.
    """
    code, folder = kept(name, lambda folder: _generate(folder, make, dtype))
    found = _code(code, folder)
    if found.manifest["dtype"] != np.dtype(dtype).name:
        raise CompileError(
            f"The compiled circuit {folder / name}.so computes in {found.manifest['dtype']}, not in {dtype}. Delete that file and try "
            "again."
        )
    return Memory(found, trials, units)


os.register_at_fork(
    before=_loading.acquire, after_in_parent=_loading.release, after_in_child=_loading.release
)


def _generate(folder, make, dtype):
    """Write the C++ project of the objects that `make()` returns, and return the file to
    compile."""
    with building(CPPStandaloneDevice(), dtype) as device:
        parts = make()
        objects = generated(parts.objects)
        device.copy_source_files(_Files(), str(folder))
        writer = _Files()
        (folder / "code_objects").mkdir()
        device.generate_codeobj_source(writer)
        sources = [file for file in writer.files if file.endswith(".cpp") and "_run_" not in file]
        for file in sources:
            (folder / file).write_text(_SIZES.sub("", writer.files[file]))
        main = LibraryCode.templater.api(
            None, None, **_tables(device, parts, objects, dtype), sources=sources
        )
        (folder / "library.cpp").write_text(main)
        return folder / "library.cpp"


class _Files:
    """What Brian2 writes to, in place of its own project writer."""

    def __init__(self):
        self.files, self.source_files, self.header_files = {}, set(), set()

    def write(self, name, text):
        self.files[name] = text


def _names(parts):
    """Return the names that the generated code uses: of the rule's author among them, and these may
    be macros of some system."""
    used = {
        name
        for made in parts.objects
        if getattr(made, "codeobj", None)
        for name in made.codeobj.variables
    }
    return sorted(name for name in used if name.isidentifier() and not name.startswith("_"))


def _before(parts):
    """Return what is run between phases, in the order in which the manifest counts it: starts,
    refreshing, what is evaluated once."""
    return [
        *(runner for runners in parts.starts.values() for runner in runners),
        *(runner for runners in parts.refresh.values() for runner in runners),
        *parts.once.values(),
    ]


def _axes(var):
    """Return the axes of an array: TRIALS, and names of populations."""
    if isinstance(var.owner, NeuronGroup):
        return () if var.scalar else (TRIALS, var.owner.name)
    return getattr(var.owner, "axes", {}).get(var.name, ())


def _run(runner):
    return f"{runner.codeobj.name}_space::run"


def _row(step, residuals):
    """Return what api.cpp needs to know of one step."""
    dense = step.template == "dense"  # in a step, or once as a phase begins
    return dict(
        run=_run(step),
        measure=_run(residuals[step.name]) if step.name in residuals else "nullptr",
        product=f"{step.codeobj.name}_space::product" if dense else "nullptr",
        pack=step.template_kwds["number"] if dense else -1,
    )


def _arrays(device, parts, numbers):
    """Return what api.cpp needs to know of every array; `numbers` are those of axes.

    Raises ValueError for an array that is not as large as its axes say: its memory would be too
    small in circuits of other sizes.
    """
    groups = (made for made in parts.objects if isinstance(made, NeuronGroup))
    lengths = {TRIALS: parts.trials} | {one.name: len(one) // parts.trials for one in groups}
    found = []
    for var, symbol in device.arrays.items():
        if not isinstance(var, ArrayVariable):
            continue
        axes = _axes(var)
        if var.size != math.prod(lengths[axis] for axis in axes):
            raise ValueError(f"{symbol} has {var.size} elements; its axes are {axes}.")
        numbered = [numbers[axis] for axis in (*axes, None, None, None)][:3]
        found.append(dict(symbol=symbol, type=c_data_type(var.dtype), axes=numbered))
    return found


def _ends(runner, numbers):
    """Return what api.cpp needs to know of a runner between two populations."""
    ends = {end: numbers[runner.template_kwds[end]] for end in ("post", "pre")}
    return dict(space=f"{runner.codeobj.name}_space", **ends)


def _tables(device, parts, objects, dtype):
    """Return what api.cpp needs to know: arrays, the functions of a step in Brian2's order, and the
    manifest."""
    populations = [made.name for made in parts.objects if isinstance(made, NeuronGroup)]
    numbers = {name: i for i, name in enumerate(populations)} | _NUMBERS
    arrays = _arrays(device, parts, numbers)
    index = {array["symbol"]: i for i, array in enumerate(arrays)}
    in_step = set(map(id, parts.steps))
    steps = [obj for obj in objects if id(obj) in in_step]
    residuals = parts.residuals
    clock, manifest = parts.clock.variables, _manifest(device, parts, index, steps, populations)
    return dict(
        structures=CODE,
        populations=populations,
        TRIALS=numbers[TRIALS],
        NONE=numbers[None],
        arrays=arrays,
        names=_names(parts),
        steps=[_row(s, residuals) for s in steps],
        before=[_row(r, {}) for r in _before(parts)],
        noted=[_run(r) for r in parts.noted],
        standing=[_run(r) for r in parts.standing],
        readouts=[_run(r) for r, _ in parts.readouts],
        accumulators=[_ends(a, numbers) for a in parts.accumulators.values()],
        packs=[_ends(dense, numbers) for dense in parts.once.values()],
        residuals=[index[device.arrays[r.variables["residual"]]] for r in residuals.values()],
        signals=[manifest["arrays"][name][0] for name in parts.signals],
        twins=list(parts.twins.values()),
        t=device.arrays[clock["t"]],
        dt=device.arrays[clock["dt"]],
        n_lines=len(parts.lines),
        uses_time="true" if any("t" in s.codeobj.variables for s in steps) else "false",
        real=c_data_type(np.dtype(dtype)),
        manifest=json.dumps(manifest),
    )


def _manifest(device, parts, index, steps, populations):
    """Return what Python needs to know of the library, as plain values; `index` are the numbers of
    its arrays, `steps` what a step consists of, in Brian2's order."""
    times = {id(var) for var in parts.clock.variables.values()}  # which are double in any case
    reals = {np.dtype(var.dtype).name for var, _ in parts.arrays.values() if id(var) not in times}
    return dict(
        dtype=" and ".join(sorted(reals)),
        populations=populations,
        signals=parts.signals,
        arrays={
            name: [index[device.arrays[var]], np.dtype(var.dtype).str, _axes(var)]
            for name, (var, _) in parts.arrays.items()
        },
        readouts=[labels for _, labels in parts.readouts],
        starts=[[*begun, len(runners)] for begun, runners in parts.starts.items()],
        refresh={name: len(of) for name, of in parts.refresh.items()},
        once=list(parts.once),
        steps=[parts.label(s) for s in steps],
        accumulators=list(parts.accumulators),
        lines=parts.lines,
        twins=list(parts.twins),
    )


def _code(code, folder):
    """Return the Code whose bytes these are."""
    with _loading:
        name = checksum(code)
        if name not in _loaded:
            _loaded[name] = Code(code, folder)
        return _loaded[name]
