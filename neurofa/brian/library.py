"""A circuit as a shared library: Brian2 generates the C++, one compiler call makes the library, a cache keeps it.

A library is used through a private copy, so that two networks of the same kind do not share their arrays.
"""

import ctypes
import hashlib
import json
import os
import shutil
import tempfile
import warnings
import weakref
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from brian2.codegen.generators.cpp_generator import c_data_type
from brian2.core.network import Network
from brian2.core.preferences import prefs
from brian2.core.variables import ArrayVariable
from brian2.devices.cpp_standalone.device import CPPStandaloneDevice
from brian2.devices.device import all_devices, get_device, reset_device, set_device
from brian2.units import second
from filelock import FileLock

from ..errors import CompileError
from .codeobjects import LibraryCode
from .toolchain import cache_folder, compile_library

_DEVICE = "neurofa_library"


@contextmanager
def precision(dtype):
    """Within this context, Brian2's default for state variables is `dtype`."""
    before = prefs.core.default_float_dtype
    prefs.core.default_float_dtype = np.dtype(dtype).type
    try:
        yield
    finally:
        prefs.core.default_float_dtype = before


def load(name, make):
    """Return the manifest and the loaded library called `name`, made if it is not in the cache.

    `make()` creates the Brian2 objects and returns them as a `Parts` (see engine.py). A library that does not match its
    checksum is made anew; where the cache folder cannot be written, a temporary one serves, with a warning.
    """
    folder, problem = cache_folder()
    if problem:
        warnings.warn(f"Compiled circuits cannot be kept in {problem}. They are compiled anew at every start; "
                      "set NEUROFA_CACHE to a folder that can be written.", stacklevel=4)
    path = folder / f"{name}.so"
    if not _intact(path, warn=True):
        try:
            with FileLock(f"{path}.lock"):
                if not _intact(path):
                    _make(path, make)
        except OSError as problem:
            raise CompileError(f"The compiled circuit could not be written to {folder}: {problem.strerror or problem}. "
                               "Free some space there, or set NEUROFA_CACHE to another folder.") from None
    return Library(path)


def _checksum(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _intact(path, warn=False):
    try:
        expected = path.with_suffix(".sha256").read_bytes()
        if _checksum(path).encode() == expected:
            return True
    except OSError:
        return False
    if warn:
        warnings.warn(f"The compiled circuit {path} is damaged; it is compiled anew.", stacklevel=5)
    return False


def _make(path, make):
    """Generate, compile, and put the library in place by renaming, so that a broken-off run leaves nothing half-made."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix="build-") as folder:
        folder = Path(folder)
        source = _generate(folder, make)
        compile_library(source, folder / "library.so")
        (folder / "checksum").write_text(_checksum(folder / "library.so"))
        os.replace(folder / "library.so", path)
        os.replace(folder / "checksum", path.with_suffix(".sha256"))


def _generate(folder, make):
    """Write the C++ project of the objects that `make()` returns, and return the file to compile."""
    all_devices[_DEVICE] = CPPStandaloneDevice()
    set_device(_DEVICE, build_on_run=False)
    try:
        device = get_device()
        parts = make()
        network = Network(parts.objects)
        network.run(0 * second, namespace={})      # generates the code
        device.copy_source_files(_Files(), str(folder))
        writer = _Files()
        (folder / "code_objects").mkdir()
        device.generate_codeobj_source(writer)
        sources = [file for file in writer.files if file.endswith(".cpp") and "_run_" not in file]
        for file in sources:
            (folder / file).write_text(writer.files[file])
        main = LibraryCode.templater.api(None, None, **_tables(device, parts, network), sources=sources)
        (folder / "library.cpp").write_text(main)
        return folder / "library.cpp"
    finally:
        reset_device()
        del all_devices[_DEVICE]


class _Files:
    """What Brian2 writes to, in place of its own project writer."""

    def __init__(self):
        self.files, self.source_files, self.header_files = {}, set(), set()

    def write(self, name, text):
        self.files[name] = text


def _tables(device, parts, network):
    """Return what api.cpp needs to know: arrays, the functions of a step in Brian2's order, and the manifest."""
    run = lambda runner: f"{runner.codeobj.name}_space::run"
    arrays = [dict(symbol=symbol, type=c_data_type(var.dtype), size=var.size)
              for var, symbol in device.arrays.items() if isinstance(var, ArrayVariable)]
    index = {array["symbol"]: i for i, array in enumerate(arrays)}
    in_step = set(map(id, parts.steps))
    steps = [obj for obj in network.sorted_objects if id(obj) in in_step]
    residuals = parts.residuals
    rows = [dict(run=run(s), measure=run(residuals[s.name]) if s.name in residuals else "nullptr",
                 product=f"{s.codeobj.name}_space::product" if s.template == "dense" else "nullptr") for s in steps]
    clock = parts.clock.variables
    manifest = dict(
        arrays={name: [index[device.arrays[var]], np.dtype(var.dtype).str, shape] for name, (var, shape) in parts.arrays.items()},
        readouts=[[name for name, (var, _) in parts.arrays.items()
                   if var.owner.name == r.group.name and var.name.startswith("read_")] for r in parts.readouts],
        steps=[parts.label(s) for s in steps], before=list(parts.before), accumulators=list(parts.accumulators),
        lines=parts.lines)
    return dict(arrays=arrays, steps=rows, before=[run(r) for r in parts.before.values()],
                readouts=[run(r) for r in parts.readouts], accumulators=[a.codeobj.name for a in parts.accumulators.values()],
                residuals=[device.arrays[r.variables["residual"]] for r in residuals.values()],
                t=device.arrays[clock["t"]], dt=device.arrays[clock["dt"]], trials=parts.trials,
                n_lines=len(parts.lines), uses_time="true" if any("t" in s.codeobj.variables for s in steps) else "false",
                real=c_data_type(prefs.core.default_float_dtype), manifest=json.dumps(manifest))


class _Memory:
    """An array of the library, which lives as long as a NumPy view of it does."""

    def __init__(self, library, address, dtype, shape):
        self.library = library
        self.__array_interface__ = dict(version=3, data=(address, False), typestr=dtype, shape=tuple(shape))


class Library:
    """A loaded library with its own arrays."""

    def __init__(self, path):
        handle, private = tempfile.mkstemp(prefix="neurofa-", suffix=".so")
        os.close(handle)
        try:
            shutil.copyfile(path, private)
            self.functions = ctypes.CDLL(private)
        except OSError as problem:
            raise CompileError(f"The compiled circuit {path} could not be loaded: {problem}. Delete that file and try again, "
                               "or use Network(..., target='numpy').") from None
        finally:
            os.unlink(private)
        self.functions.neurofa_manifest.restype = ctypes.c_char_p
        self.functions.neurofa_array.restype = ctypes.c_void_p
        self.manifest = json.loads(self.functions.neurofa_manifest())
        if self.functions.neurofa_start():
            raise MemoryError
        weakref.finalize(self, _close, self.functions)

    def arrays(self):
        """Return `{name: array}`: views of the library's memory."""
        return {name: np.asarray(_Memory(self, self.functions.neurofa_array(i), dtype, shape))
                for name, (i, dtype, shape) in self.manifest["arrays"].items()}


def _close(functions):
    functions.neurofa_stop()     # the code stays loaded: OpenMP's sleeping threads would wake up in unmapped memory
