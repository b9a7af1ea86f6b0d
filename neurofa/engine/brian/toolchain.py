"""The C++ compiler: which one, with which flags, and where its results are kept."""

import hashlib
import os
import platform
import shlex
import shutil
import stat
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import platformdirs
import scipy_openblas32

from ...base.errors import CompileError, warn

HERE = Path(__file__).resolve().parent
INCLUDES = [str(HERE), scipy_openblas32.get_include_dir()]

# -ffast-math would let the compiler assume that there is no NaN, and divergence would go unseen.
# The headers of later standards take twice as long to read; "gnu" has hexadecimal numbers.
STANDARD = "-std=gnu++14"
FLAGS = (STANDARD, "-O3", "-fPIC", "-shared", "-w")
OPTIONAL = {  # what some compilers do not know -> what is lost without it
    "-fopenmp": "threads cannot share the trials",
    "-march=native": "the code is for any processor of this kind",
    "-fopenmp-simd": "fewer units are computed at a time",
    "-fno-math-errno": "fewer units are computed at a time",
    "-fno-trapping-math": "fewer units are computed at a time",
    # needed where symbols of two libraries would be taken for one
    "-fno-gnu-unique": "",
    "-Wl,-Bsymbolic": "",
}
if platform.machine() in ("x86_64", "AMD64"):
    # the widest that the processor has; the default stops at half of it
    OPTIONAL["-mprefer-vector-width=512"] = ""


@cache
def compiler() -> str | None:
    """Return the command of the C++ compiler (the environment variable CXX, or the first on the
    path), or None."""
    named = os.environ.get("CXX", "").strip()
    for command in [named] if named else ["g++", "c++", "clang++"]:
        if shutil.which(shlex.split(command)[0]):
            return command
    return None


def _run(arguments):
    """Run the compiler. Raises CompileError if it cannot be started."""
    try:
        return subprocess.run(
            [*shlex.split(compiler()), *arguments], capture_output=True, text=True, errors="replace"
        )
    except OSError as problem:
        raise CompileError(
            f"The C++ compiler '{compiler()}' cannot be started ({problem.strerror}). Let CXX name another "
            "one, or use Network(..., target='numpy'), which needs none."
        ) from None


@cache
def _machine():
    """Return what a compiled library depends on beside its sources: compiler, flags, BLAS, and the
    processor."""
    version = f"{compiler()}\n{_run(['--version']).stdout}"
    try:
        info = Path("/proc/cpuinfo").read_text().split("\n\n")[0]
        cpu = "\n".join(
            line for line in info.splitlines() if line.startswith(("model name", "flags"))
        )
    except OSError:
        cpu = platform.processor()
    return "\n".join(
        (
            version,
            " ".join((*FLAGS, *OPTIONAL)),
            platform.platform(),
            cpu,
            scipy_openblas32.get_lib_dir(),
            scipy_openblas32.__version__,
        )
    )


def key(description: str) -> str:
    """Return the name of the library for `description`: a hash of it, of our own sources, and of
    the machine."""
    return _hash(description, _machine())


def python_key(description: str) -> str:
    """Return the same for Python's own code, which depends on no compiler but that of Python."""
    return _hash(description, f"{sys.version} {np.__version__}")


def _hash(description, made_by):
    return hashlib.sha256(f"{description}{made_by}{_SOURCES}".encode()).hexdigest()[:24]


def _sources():
    """Return a hash of all files that make code: the text of rules, the plan of circuits, and the
    engine."""
    rooms = [HERE.parents[1] / room for room in ("rules", "circuit", "engine")]
    digest = hashlib.sha256()
    for file in sorted(
        p for room in rooms for p in room.rglob("*") if p.suffix in (".py", ".cpp", ".h", ".py_")
    ):
        digest.update(file.read_bytes())
    return digest.hexdigest()


# as they were loaded: a process that runs on while they are edited must not mix old and new
_SOURCES = _sources()


def cache_folder() -> tuple[Path, str | None]:
    """Return the folder of compiled libraries: NEUROFA_CACHE, or the user's cache folder; a
    temporary one if that cannot be used.

    The second value says, where that is so, why: code is run from there, so nobody but the user may
    be able to write to it.
    """
    folder = Path(
        os.environ.get("NEUROFA_CACHE") or platformdirs.user_cache_dir("neurofa")
    ).expanduser()
    try:
        _make_folder(folder)
        problem = _unsafe(folder)
        if problem is None:
            with tempfile.TemporaryFile(dir=folder) as probe:
                probe.write(b"neurofa")
    except OSError as error:
        problem = error.strerror or error
    return (
        (folder, None)
        if problem is None
        else (Path(_temporary_folder().name), f"{folder}: {problem}")
    )


def _make_folder(folder):
    """Make a folder, and those above it that are missing, for the user alone, whatever the umask
    is."""
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        folder.chmod(0o700)


def belongs_to_us(status: os.stat_result) -> bool:
    """Whether a file or folder of this `os.stat` result is the user's, and nobody else may write to
    it."""
    return status.st_uid == os.geteuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _unsafe(folder):
    """Return why others could put files into a folder, or None."""
    if folder.stat().st_uid != os.geteuid():
        return "it belongs to another user"
    if not belongs_to_us(folder.stat()):
        return f"others may write to it (chmod go-w {shlex.quote(str(folder))} forbids it)"
    for above in folder.resolve().parents:
        mode = above.stat().st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            return f"everybody may write to {above}, and so put another folder in its place"
    return None


@cache
def _temporary_folder():
    return tempfile.TemporaryDirectory(prefix="neurofa-")  # removed when the process ends


def compile_library(source: Path, result: Path, *others: Path | str) -> None:
    """Compile one C++ file into the shared library `result`; `others` are what is linked to it, or
    "-c" for an object that is not linked yet.

    Flags that this compiler does not know are left out, with a warning that says what is slower.
    Raises CompileError with the compiler's first complaint.
    """
    done = _compile(source, result, OPTIONAL, *others)
    if done.returncode or not result.exists():
        known = [flag for flag in OPTIONAL if _knows(flag)]
        if len(known) < len(OPTIONAL):
            done = _compile(source, result, known, *others)
            if result.exists():
                _say_what_is_lost(*(flag for flag in OPTIONAL if flag not in known))
    if done.returncode or not result.exists():
        raise CompileError(
            f"{compiler()} could not compile the circuit: {_complaint(done) or 'it wrote no library and no message'}. "
            "Set CXX to another compiler (g++ 9 or newer, clang++ 10 or newer), "
            "or use Network(..., target='numpy'), which needs none."
        )


@cache
def _say_what_is_lost(*unknown):
    """Warn, once, that a compiler does not know some flags."""
    if lost := dict.fromkeys(OPTIONAL[flag] for flag in unknown if OPTIONAL[flag]):
        warn(
            f"{compiler()} does not know {', '.join(unknown)}. Circuits are compiled without: "
            f"{'; '.join(lost)}. They compute the same, slower. Set CXX to another compiler (g++ 9 or newer) for the full speed."
        )


def _complaint(done):
    """Return the compiler's first complaint, or the first line of what it wrote."""
    lines = done.stderr.strip().splitlines()
    return (
        next((line for line in lines if "error" in line), lines[0] if lines else "")
        .strip()
        .rstrip(".")
    )


def complaint_about(code: str) -> str | None:
    """Return what the compiler says of a piece of C++ by itself, without the place, or None if it
    finds nothing wrong."""
    with tempfile.TemporaryDirectory(prefix="neurofa-") as folder:
        source = Path(folder) / "piece.cpp"
        source.write_text(code)
        done = _run(
            [
                STANDARD,
                "-w",
                "-fsyntax-only",
                *(f"-I{include}" for include in INCLUDES),
                str(source),
            ]
        )
        return (
            _complaint(done).removeprefix(str(source)).lstrip(":0123456789 ")
            or "it cannot be compiled"
            if done.returncode
            else None
        )


def _compile(source, result, optional, *others):
    blas = scipy_openblas32.get_lib_dir()
    return _run(
        [
            *FLAGS,
            *optional,
            *(f"-I{folder}" for folder in (source.parent, *INCLUDES)),
            str(source),
            *map(str, others),
            "-o",
            str(result),
            f"-L{blas}",
            f"-Wl,-rpath,{blas}",
            f"-l{scipy_openblas32.get_library()}",
            "-lm",
        ]
    )


@cache
def _knows(flag):
    """Whether the compiler takes a flag: it makes a library of next to nothing with it."""
    with tempfile.TemporaryDirectory(prefix="neurofa-") as folder:
        source = Path(folder) / "nothing.cpp"
        source.write_text('extern "C" int nothing() { return 0; }\n')
        return (
            _run([*FLAGS, flag, str(source), "-o", str(source.with_suffix(".so"))]).returncode == 0
        )
