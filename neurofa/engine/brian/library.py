"""A circuit as a shared library: Brian2 generates the C++, one compiler call makes the library, a
cache keeps it.

A library is made for a kind of circuit: how many units its populations have, and how many trials run
in parallel, it is told with every network. A process loads it once; every network has memory of its
own.
"""

import json
import os
import re
import threading
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
from brian2.devices.cpp_standalone.device import CPPStandaloneDevice

from ...base.errors import CompileError
from . import kind
from .cache import checksum, kept
from .codeobjects import LibraryCode
from .engine import Parts
from .isolation import building, generated
from .loaded import Code, Memory
from .runtime import real

_loaded: dict[str, Code] = {}  # by checksum
_loading = threading.Lock()

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
    code, folder = kept(name, lambda folder: _generate(folder, make, dtype), dtype)
    found = _code(code, folder)
    where = f"The compiled circuit {folder / name}.so"
    _check_precision(found.manifest["dtype"], dtype, where, "Delete that file and try again.")
    return Memory(found, trials, units)


os.register_at_fork(
    before=_loading.acquire, after_in_parent=_loading.release, after_in_child=_loading.release
)


def _generate(folder, make, dtype):
    """Write the C++ project of the objects that `make()` returns, and return the file to
    compile."""
    from .alike import compiled_once  # here: what is compiled already needs none of its patterns

    with building(CPPStandaloneDevice(), dtype) as device:
        parts = make()
        objects = generated(parts.objects)
        # the compiler would make of it what cannot be loaded
        remedy = "Brian2's preference core.default_float_dtype was changed meanwhile: try again."
        _check_precision(_precision(parts), dtype, "The circuit that was generated", remedy)
        device.copy_source_files(_Files(), str(folder))
        writer = _Files()
        (folder / "code_objects").mkdir()
        device.generate_codeobj_source(writer)
        sources = [file for file in writer.files if file.endswith(".cpp") and "_run_" not in file]
        texts = [_SIZES.sub("", writer.files[file]) for file in sources]
        types = {symbol: type for symbol, type, _ in kind.arrays(device, parts)}
        for file, text in zip(sources, compiled_once(texts, types, kind.populations(parts))):
            (folder / file).write_text(text)
        main = LibraryCode.templater.api(
            None, None, **_tables(device, parts, objects, dtype), sources=sources
        )
        (folder / "library.cpp").write_text(main)
        return folder / "library.cpp"


def _precision(parts):
    """Return what the arrays of a circuit are of."""
    times = {id(var) for var in parts.clock.variables.values()}  # which are double in any case
    reals = {np.dtype(var.dtype).name for var, _ in parts.arrays.values() if id(var) not in times}
    return " and ".join(sorted(reals))


def _check_precision(found, dtype, what, remedy):
    """Raise CompileError, which says `what` it is about, unless the precision `found` is `dtype`."""
    if found != np.dtype(dtype).name:
        raise CompileError(f"{what} computes in {found}, not in {dtype}. {remedy}")


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


def _tables(device, parts, objects, dtype):
    """Return what api.cpp needs to know: arrays, the tables of a Kind, and the manifest."""
    arrays = kind.arrays(device, parts)
    index = {symbol: i for i, (symbol, _, _) in enumerate(arrays)}
    in_step = set(map(id, parts.steps))
    steps = [obj for obj in objects if id(obj) in in_step]
    clock = parts.clock.variables
    return dict(
        populations=kind.populations(parts),
        arrays=arrays,
        names=_names(parts),
        tables=kind.tables(device, parts, steps, index),
        twins=list(parts.twins.values()),
        t=index[device.arrays[clock["t"]]],
        dt=index[device.arrays[clock["dt"]]],
        n_lines=len(parts.lines),
        uses_time="true" if any("t" in s.codeobj.variables for s in steps) else "false",
        real=real(dtype),
        manifest=json.dumps(_manifest(device, parts, index, steps)),
    )


def _manifest(device, parts, index, steps):
    """Return what Python needs to know of the library, as plain values; `index` are the numbers of
    its arrays, `steps` what a step consists of, in Brian2's order."""
    return dict(
        dtype=_precision(parts),
        populations=kind.populations(parts),
        signals=parts.signals,
        arrays={
            name: [index[device.arrays[var]], np.dtype(var.dtype).str, kind.axes(var)]
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
