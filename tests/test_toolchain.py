"""Threads and memory that a system has, and compilers that know less than g++."""

import os
import sys
import threading

import pytest
from compiling import made
from neurofa.models import fa

from neurofa import Network, NetworkError
from neurofa.engine.brian import toolchain
from neurofa.engine.resources import startable

pytestmark = pytest.mark.usefixtures("needs_compiler")
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


# --- threads ---


@pytest.mark.parametrize("threads", [10**6, 2**31 - 1])
def test_no_more_threads_than_cores(threads):
    net, [said] = made(trials=2, threads=threads)
    assert (
        net.threads == CORES
        and f"there are {CORES} cores" in said
        and f"threads = {threads}" in said
    )


def test_no_more_threads_than_the_system_starts(monkeypatch):
    """OpenMP would end the process: there may be a limit of threads, or of memory."""
    started, start = [], threading.Thread.start

    def limited(thread):
        if len(started) == 2:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", limited)
        assert startable(8) == 3
        assert startable(1) == 1
        if CORES > 1:
            net, [said] = made(trials=2, threads=2)
            assert net.threads == 1 and "can start no more than 1" in said
    assert startable(3) == 3


LIMITED = """
import resource, sys
from brian2 import ms
from neurofa import Length, Network, NetworkError
from neurofa.models import fa
megabytes, threads = map(int, sys.argv[1:])
Network([2, 2], fa.RULE)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + megabytes * 2**20,) * 2)
try:
    net = Network([2, 2], fa.RULE, trials=5, threads=threads)
    net.stimulus([[1, 1]] * 5)
    print(net.threads, net.run("free", Length(10*ms, dt=1*ms)).steps)
except NetworkError as error:
    print(error)
"""


@pytest.mark.slow
@pytest.mark.subprocess
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize(
    "megabytes, threads, answer",
    [
        (5, 1, "can have no 32 MB of memory more"),
        (5, 2, "can have no 32 MB of memory more"),
        (45, 2, "1 10"),
        (500, 1, "1 10"),
    ],
)
def test_processes_with_little_memory_go_on(script, megabytes, threads, answer):
    assert made(trials=5)[1] == []
    done = script(LIMITED, str(megabytes), str(threads))
    assert done.returncode == 0 and answer in done.stdout, done.stdout + done.stderr


def test_threads_that_numpy_does_not_have_are_said():
    if CORES > 1:
        net, [said] = made(trials=2, threads=2, target="numpy")
        assert net.threads == 1 and "NumPy interprets the circuit" in said


# --- compilers that know less ---


def compiler_without(tmp_path, *flags):
    """Return the command of a compiler that refuses flags, as clang does: with an error that names
    them."""
    path = tmp_path / "less++"
    path.write_text(f"""#!/bin/sh
for one in "$@"; do
  case " {" ".join(flags)} " in *" $one "*) echo "less++: error: unsupported option '$one'" >&2; exit 1;; esac
done
exec {toolchain.compiler()} "$@"
""")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    "flags, lost",
    [
        (("-fopenmp", "-march=native"), ("threads cannot share the trials", "any processor")),
        (
            (
                "-fopenmp",
                "-fopenmp-simd",
                "-march=native",
                "-mprefer-vector-width=512",
                "-fno-gnu-unique",
            ),
            ("fewer units are computed at a time",),
        ),
        (("-fno-gnu-unique", "-Wl,-Bsymbolic"), ()),
    ],
)
def test_flags_that_a_compiler_refuses_are_left_out(
    own_toolchain, tmp_path, monkeypatch, flags, lost
):
    command = compiler_without(tmp_path, *flags)
    monkeypatch.setenv("CXX", command)
    toolchain.compiler.cache_clear()
    toolchain._machine.cache_clear()
    net, said = made()
    assert net.target == "cpp" and len(said) == bool(lost)
    for loss in lost:
        assert command in said[0] and loss in said[0] and "slower" in said[0]
    assert made()[1] == []  # from the cache
    if CORES > 1 and "-fopenmp" in flags:
        alone, said = made(threads=2)
        assert alone.threads == 1 and ["one does all the work" in text for text in said] == [True]


def test_a_compiler_that_knows_all_and_still_fails_is_not_asked_for_less(
    own_toolchain, tmp_path, monkeypatch
):
    command = tmp_path / "cxx"
    command.write_text(f"""#!/bin/sh
case "$*" in *library.cpp*) echo "library.cpp:1: error: no such luck" >&2; echo once >> {tmp_path}/asked; exit 1;; esac
exec {toolchain.compiler()} "$@"
""")
    command.chmod(0o755)
    monkeypatch.setenv("CXX", str(command))
    toolchain.compiler.cache_clear()
    toolchain._machine.cache_clear()
    net, [said] = made()
    assert net.target == "numpy" and "no such luck" in said and "interpreted by NumPy" in said
    assert (tmp_path / "asked").read_text() == "once\n"


# --- counts ---


def test_a_layer_with_more_units_than_can_be_counted_is_refused():
    for target in ("cpp", "numpy"):
        with pytest.raises(
            NetworkError,
            match=r"A layer of 2 units in 1073741824 trials is more than 2147483647 units.*Use fewer trials",
        ):
            Network([2, 2], fa.RULE, 2**30, target=target)
