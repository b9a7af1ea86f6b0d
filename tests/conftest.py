"""What the tests of the simulator share."""

import gc
import logging
import os
import shutil
import signal
import threading
import time
from contextlib import nullcontext, suppress
from pathlib import Path

import brian2
import pytest
from processes import scripts

from neurofa.engine.brian import cache, toolchain
from neurofa.engine.brian.runtime import runtime as shared_code
from neurofa.engine.brian.toolchain import cache_folder, compiler, key

TARGETS = ("cpp", "numpy")
A_DAY = 24 * 3600  # seconds
MNIST = Path(__file__).resolve().parents[2] / "shared" / "data" / "mnist"


# what takes several seconds a file, even where all circuits are compiled: `make check` leaves it out
THOROUGH = """
    activation_layers activations bench brian_runners cache cells checkpoint cli composition contact damage
    docs docstrings experiments files fuzz_runs fuzz_texts golden golden_dfc isolation loop loop_moving meanwhile models
    movie movie_state movie_still movie_training network noise package paces readme recording settling
    snapshots stability state steady steady_shelf stream synapses taught tasks toolchain train_arguments
    training transmission view view_browser
""".split()


def pytest_addoption(parser):
    parser.addoption("--fast", action="store_true", help="only what takes a moment")


def pytest_ignore_collect(collection_path, config):
    fast = config.getoption("--fast")
    return True if fast and collection_path.stem.removeprefix("test_") in THOROUGH else None


def pytest_collection_modifyitems(config, items):
    if config.getoption("--fast"):
        items[:] = [
            one
            for one in items
            if not {"slow", "subprocess"} & {m.name for m in one.iter_markers()}
        ]


def pytest_collection_finish():
    gc.freeze()  # what was imported is there to stay: not to be searched again and again


def pytest_configure(config):
    # else thousands of lines of diagnosis at every failure
    logging.getLogger("brian2").setLevel(logging.ERROR)


@pytest.fixture(scope="session", autouse=True)
def one_cache(request, tmp_path_factory):
    """Each circuit is compiled once, in a folder of pytest's own cache unless NEUROFA_CACHE names
    one: the next session finds it there.

    The workers of a session, which run side by side, share the folder: the first that needs a
    circuit compiles it for all.
    """
    with pytest.MonkeyPatch.context() as patch:
        if not os.environ.get("NEUROFA_CACHE"):
            base = tmp_path_factory.getbasetemp()
            shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
            for folder in (kept_circuits(request.config), shared / "cache"):
                if folder:
                    patch.setenv("NEUROFA_CACHE", str(folder))
                    if not cache_folder()[1]:  # else it cannot be used
                        break
        yield


def kept_circuits(config):
    """Return a folder in pytest's cache for what is compiled of the sources as they are, or None.

    Only the user can write to it, whatever the umask. What was compiled of other sources is removed
    when it has not been used for a day.
    """
    if compiler() is None or not hasattr(config, "cache"):
        return None
    with suppress(OSError):  # it is not ours to write to
        circuits = config.cache.mkdir("circuits")
        folder = circuits / key("")[:12]
        folder.mkdir(exist_ok=True)
        for one in (folder, *folder.parents[:3]):
            one.chmod(0o700)
        os.utime(folder)
        for other in circuits.iterdir():
            with suppress(FileNotFoundError):  # another worker sweeps, too
                if time.time() - other.stat().st_mtime > A_DAY:
                    shutil.rmtree(other, ignore_errors=True)
        return folder
    return None


@pytest.fixture
def kept(request, tmp_path):
    """Return a function that makes a folder of pytest's own cache for what others find out anew, and
    check by themselves, or else one of the test."""

    def folder(name):
        if hasattr(request.config, "cache"):
            with suppress(OSError):  # it is not ours to write to
                return request.config.cache.mkdir(name)
        return tmp_path / name

    return folder


@pytest.fixture(scope="session")
def new_cache(one_cache):
    """Return a function that makes a folder for compiled circuits, with nothing in it but what all
    of them share, if that was compiled before."""

    def new(folder):
        folder.mkdir(mode=0o700, parents=True)
        for end in (".o", ".sha256"):
            with suppress(FileNotFoundError, KeyError):
                name = f"{key(shared_code('float64'))}{end}"
                shutil.copy2(Path(os.environ["NEUROFA_CACHE"]) / name, folder)
        return folder

    return new


@pytest.fixture
def own_toolchain(tmp_path, monkeypatch, new_cache, needs_compiler):
    """A cache folder of the test's own; what is known about the compiler is forgotten before and
    after."""

    def forget():
        for function in vars(toolchain).values():
            if hasattr(function, "cache_clear"):
                function.cache_clear()

    monkeypatch.setenv("NEUROFA_CACHE", str(new_cache(tmp_path / "cache")))
    forget()
    yield
    monkeypatch.undo()
    forget()


@pytest.fixture(scope="session")
def compiled_before():
    """Return what was compiled in this session under each name, which says what of and by which
    compiler."""
    return {}


@pytest.fixture
def compiled_once(compiled_before, monkeypatch):
    """A circuit is compiled once in a session, and what came of it is put where it is to be made
    anew: for tests of where it lies, not of what it computes."""
    compile_library = cache.compile_library

    def compile_or_copy(source, result, *others):
        if result.name not in compiled_before:
            compile_library(source, result, *others)
            compiled_before[result.name] = result.read_bytes()
        result.write_bytes(compiled_before[result.name])

    monkeypatch.setattr(cache, "compile_library", compile_or_copy)


@pytest.fixture
def runtime():
    """Brian2's runtime mode with NumPy code: to compile what it simulates would take a minute."""
    before = brian2.prefs.codegen.target
    brian2.set_device("runtime")
    brian2.prefs.codegen.target = "numpy"
    brian2.start_scope()
    yield
    brian2.prefs.codegen.target = before
    brian2.defaultclock.dt = 0.1 * brian2.ms  # as it is in a new process


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


@pytest.fixture(scope="session")
def script(one_cache, tmp_path_factory):
    """Return a function that runs a script in a process of its own, which has imported the simulator
    already."""
    with scripts(
        tmp_path_factory.mktemp("scripts"),
        "neurofa.models.fa",
        "neurofa._public",
        "sklearn.datasets",
    ) as run:
        yield run


@pytest.fixture(scope="session")
def mnist_folder():
    """The folder of MNIST, or None: that which NEUROFA_MNIST names, or else the one beside the
    project, which it names from here on, for this process and those that it starts."""
    with pytest.MonkeyPatch.context() as patch:
        if not os.environ.get("NEUROFA_MNIST") and MNIST.is_dir():
            patch.setenv("NEUROFA_MNIST", str(MNIST))
        yield os.environ.get("NEUROFA_MNIST") or None


@pytest.fixture(scope="session")
def process_beside(one_cache, mnist_folder):
    """A process beside this one, as cells of a run have it, which imports what they need once for
    all runs of a session. It begins here, with nothing that is changed for a single test."""
    from neurofa.runs.executors import processes

    with processes(1) as pool:
        pool.submit(int).result()
        yield pool


@pytest.fixture
def one_process(process_beside, monkeypatch):
    """Runs that ask for processes of this machine have their cells done by one that is there,
    instead of new ones for every run."""

    def opened(executor, cells):
        return nullcontext(process_beside if isinstance(executor, int) else executor)

    monkeypatch.setattr("neurofa.runs.executors.opened", opened)


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
