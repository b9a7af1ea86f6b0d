"""The C++ compiler: which one, with which flags, and where its results are kept."""

import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import platformdirs
import scipy_openblas32

from ..errors import CompileError

HERE = Path(__file__).resolve().parent
INCLUDES = [str(HERE), scipy_openblas32.get_include_dir()]

# -ffast-math would let the compiler assume that there is no NaN, and divergence would go unseen.
FLAGS = ("-std=c++17", "-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math", "-fopenmp", "-fPIC", "-shared",
         "-fno-gnu-unique", "-w")
if platform.machine() in ("x86_64", "AMD64"):
    FLAGS += ("-mprefer-vector-width=512",)     # the widest that the processor has; the default stops at half of it


@cache
def compiler():
    """Return the command of the C++ compiler (the environment variable CXX, or the first on the path), or None."""
    named = os.environ.get("CXX", "").strip()
    for command in [named] if named else ["g++", "c++", "clang++"]:
        if shutil.which(shlex.split(command)[0]):
            return command
    return None


def _run(arguments):
    """Run the compiler. Raises CompileError if it cannot be started."""
    try:
        return subprocess.run([*shlex.split(compiler()), *arguments], capture_output=True, text=True, errors="replace")
    except OSError as problem:
        raise CompileError(f"The C++ compiler '{compiler()}' cannot be started ({problem.strerror}). Let CXX name another "
                           "one, or use Network(..., target='numpy'), which needs none.") from None


@cache
def _machine():
    """Return what a compiled library depends on beside its sources: compiler, flags, BLAS, and the processor."""
    version = _run(["--version"]).stdout
    try:
        info = Path("/proc/cpuinfo").read_text().split("\n\n")[0]
        cpu = "\n".join(line for line in info.splitlines() if line.startswith(("model name", "flags")))
    except OSError:
        cpu = platform.processor()
    return "\n".join((version, " ".join(FLAGS), platform.platform(), cpu, scipy_openblas32.get_lib_dir(),
                      scipy_openblas32.__version__))


def key(description):
    """Return the name of the library for `description`: a hash of it, of our own sources, and of the machine."""
    return hashlib.sha256(f"{description}{_machine()}{_SOURCES}".encode()).hexdigest()[:24]


def _sources():
    """Return a hash of our own files that make code."""
    generating = ("build.py", "equations.py", "circuit.py", "check.py", "text.py", "plasticity.py", "activations.py", "costs.py")
    digest = hashlib.sha256()
    for file in sorted(p for p in HERE.parent.rglob("*") if p.suffix in (".py", ".cpp", ".h", ".py_")):
        if file.parent != HERE.parent or file.name in generating:
            digest.update(file.read_bytes())
    return digest.hexdigest()


_SOURCES = _sources()     # as they were loaded: a process that runs on while they are edited must not mix old and new


def cache_folder():
    """Return the folder of compiled libraries: NEUROFA_CACHE, or the user's cache folder; a temporary one if neither is writable.

    The second value says, where that is so, why the first choice was not usable.
    """
    folder = Path(os.environ.get("NEUROFA_CACHE") or platformdirs.user_cache_dir("neurofa")).expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"neurofa")
        return folder, None
    except OSError as problem:
        return Path(_temporary_folder().name), f"{folder}: {problem.strerror or problem}"


@cache
def _temporary_folder():
    return tempfile.TemporaryDirectory(prefix="neurofa-")      # removed when the process ends


def compile_library(source, result):
    """Compile one C++ file into the shared library `result`. Raises CompileError with the compiler's first complaint."""
    blas = scipy_openblas32.get_lib_dir()
    done = _run([*FLAGS, "-Wl,-Bsymbolic", *(f"-I{folder}" for folder in (source.parent, *INCLUDES)), str(source),
                 "-o", str(result), f"-L{blas}", f"-Wl,-rpath,{blas}", f"-l{scipy_openblas32.get_library()}", "-lm"])
    if done.returncode or not result.exists():
        lines = done.stderr.strip().splitlines()
        complaint = next((line for line in lines if "error" in line), lines[0] if lines else "it wrote no library and no message")
        raise CompileError(f"{compiler()} could not compile the circuit: {complaint.strip().rstrip('.')}. "
                           "Set CXX to another compiler (g++ 9 or newer, clang++ 10 or newer), "
                           "or use Network(..., target='numpy'), which needs none.")
