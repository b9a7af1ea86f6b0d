"""What the tests of the simulator share."""

import logging
import os
import signal
import threading
import time

import pytest

from neurofa.engine.brian.toolchain import compiler

TARGETS = ("cpp", "numpy")


def pytest_configure(config):
    # else thousands of lines of diagnosis at every failure
    logging.getLogger("brian2").setLevel(logging.ERROR)


@pytest.fixture(scope="session", autouse=True)
def one_cache(tmp_path_factory):
    """Each circuit is compiled once per session, in a folder of the session's own unless
    NEUROFA_CACHE names one.

    The workers of a session, which run side by side, share the folder: the first that needs a
    circuit compiles it for all.
    """
    with pytest.MonkeyPatch.context() as patch:
        if not os.environ.get("NEUROFA_CACHE"):
            base = tmp_path_factory.getbasetemp()
            cache = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cache"
            cache.mkdir(mode=0o700, exist_ok=True)
            patch.setenv("NEUROFA_CACHE", str(cache))
        yield


@pytest.fixture
def needs_compiler():
    if compiler() is None:
        pytest.skip("there is no C++ compiler here")


@pytest.fixture(params=TARGETS)
def target(request):
    """Compiled, and interpreted by NumPy."""
    if request.param == "cpp":
        request.getfixturevalue("needs_compiler")
    return request.param


@pytest.fixture
def ctrl_c():
    """Return a function that sends SIGINT to this process after a while, with Python's own handler
    in place."""
    before, timers = signal.signal(signal.SIGINT, signal.default_int_handler), []

    def later(seconds):
        timers.append(threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT)))
        timers[-1].start()
        return time.perf_counter() + seconds

    yield later
    for timer in timers:
        timer.join()
    signal.signal(signal.SIGINT, before)
