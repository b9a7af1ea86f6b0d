"""Files that are damaged, disks that are full, other readers, Ctrl-C."""

import errno
import json
import os
import random
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import xarray

from neurofa.base import files, netcdf, stored
from neurofa.base.errors import ExperimentError

DATA = xarray.Dataset(
    {
        "a": (("time", "unit"), np.random.default_rng(0).random((40, 30))),
        "n": ("unit", np.arange(30)),
        "c": 1.5,
    },
    {"rule": ("group", ["FA", "DFC"]), "time": np.arange(40.0)},
    dict(text="v = 1\n" * 20, sizes=[1, 2, 3]),
)
GROWS = DATA[["a"]]
TREE = dict(a=dict(w=np.random.default_rng(1).random((20, 20))), x=[1, 2], s="text")
NOTED = dict(experiment="x", parameters=dict(a=1.5, b=[1, 2, 3]), rules=["text" * 50])


def streamed(path, finish=True):
    netcdf.save(GROWS.isel(time=slice(0)), path, ["time"], {"a": (7, 30), "time": (64,)})
    for k in range(0, 40, 10):
        netcdf.append(
            path, GROWS.isel(time=slice(k, k + 10)), "time", k, dict(phases=json.dumps([k]))
        )
    if finish:
        netcdf.finish(path, path)


KINDS = {
    "run": (lambda path: netcdf.save(DATA, path), netcdf.load),
    "stream": (streamed, netcdf.load),
    "checkpoint": (
        lambda path: stored.write(path, "checkpoint", TREE),
        lambda path: stored.read(path, "checkpoint"),
    ),
    "json": (
        lambda path: files.write_json(path, NOTED),
        lambda path: files.read_json(path, "experiment"),
    ),
}


def damaged(data, rng):
    data, at = bytearray(data), rng.randrange(len(data))
    match rng.choice(["bit", "bit", "cut", "zeros", "garbage"]):
        case "bit":
            data[at] ^= 1 << rng.randrange(8)
        case "cut":
            del data[at:]
        case "zeros":
            data[at : at + 64] = bytes(len(data[at : at + 64]))
        case "garbage":
            data[at : at + 16] = rng.randbytes(len(data[at : at + 16]))
    return bytes(data)


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files_are_named(tmp_path, kind):
    """No foreign error, and nothing that reads as if it were whole: 50 files of each kind."""
    write, read = KINDS[kind]
    path, rng = tmp_path / "file", random.Random(11)
    write(path)
    whole = path.read_bytes()
    read(path)
    for _ in range(50):
        bad = damaged(whole, rng)
        if bad != whole:
            path.write_bytes(bad)
            with pytest.raises(
                ExperimentError, match="file cannot be read: .*Restore it from a copy, or delete it"
            ):
                read(path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[1, 2]",
        "null",
        "[" * 100_000,
        "\xff",
        '{"other": 1}',
        '{"experiment": 1, "digest": "0"}',
    ],
)
def test_json_that_is_none(tmp_path, text):
    (tmp_path / "file").write_bytes(text.encode("latin-1"))
    with pytest.raises(ExperimentError, match="file cannot be read: "):
        files.read_json(tmp_path / "file", "experiment")


def test_numbers_of_a_file_in_progress_have_checksums(tmp_path):
    path = tmp_path / "file"
    streamed(path, finish=False)
    whole = bytearray(path.read_bytes())
    at = whole.find(GROWS.a.values[25].tobytes())
    whole[at + 3] ^= 16
    path.write_bytes(whole)
    with netcdf.opened(path) as left:  # the rest stays readable
        assert at > 0 and np.array_equal(left.a[:10], GROWS.a[:10])
    with pytest.raises(ExperimentError, match="file cannot be read: .*damaged"):
        netcdf.load(path)


def test_files_of_older_versions_are_read(tmp_path):
    DATA.to_netcdf(tmp_path / "old.nc", engine="h5netcdf")
    assert netcdf.load(tmp_path / "old.nc").identical(DATA)
    (tmp_path / "old.json").write_text(json.dumps(NOTED))
    assert files.read_json(tmp_path / "old.json") == NOTED


@pytest.mark.parametrize(
    "reader",
    [
        xarray.open_dataset,
        lambda path: xarray.open_dataset(path, engine="h5netcdf").load(),
        netcdf.opened,
    ],
)
def test_whoever_reads_a_file_in_progress_does_not_stop_it(tmp_path, reader):
    path = tmp_path / "file.nc"
    netcdf.save(GROWS.isel(time=slice(10)), path, ["time"], {"a": (7, 30), "time": (64,)})
    with reader(path) as theirs:
        netcdf.append(path, GROWS.isel(time=slice(10, 40)), "time", 10)
        assert netcdf.load(path).a.identical(GROWS.a) and theirs.sizes["time"] == 10


@pytest.mark.parametrize("what", ["resize", "__setitem__"])
def test_ctrl_c_comes_when_the_file_is_whole(tmp_path, monkeypatch, what):
    import h5py

    path, usual = tmp_path / "file.nc", getattr(h5py.Dataset, what)
    netcdf.save(GROWS.isel(time=slice(10)), path, ["time"], {"a": (7, 30), "time": (64,)})
    # ignored where tests run in the background
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def pressed(self, *arguments):
        signal.raise_signal(signal.SIGINT)
        return usual(self, *arguments)

    try:
        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
            patched.setattr(h5py.Dataset, what, pressed)
            netcdf.append(path, GROWS.isel(time=slice(10, 40)), "time", 10)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert netcdf.load(path).a.identical(GROWS.a)


# --- a disk that is full, in a process that HDF5 might end ---
FULL = """
    import gc, io, os, pathlib, resource, sys, types
    package = types.ModuleType("neurofa")       # what simulates is not needed here
    package.__path__ = [sys.argv[1]]
    sys.modules["neurofa"] = package
    sys.path.insert(0, sys.argv[2])
    import matplotlib
    matplotlib.use("agg")
    import numpy as np
    from matplotlib.figure import Figure
    from test_files import DATA, GROWS, TREE, NOTED, files, netcdf, stored
    from neurofa.base.errors import ExperimentError
    from neurofa.runs.experiment import Run
    import h5netcdf, pandas
    figure = Figure()
    figure.subplots().plot([1, 2])
    for kind in ("png", "pdf"):
        figure.savefig(io.BytesIO(), format=kind)       # finds its fonts, once for all processes
    gc.freeze()     # what is there until the end is not searched for what is not
    for place, limit in zip(sys.argv[3::2], map(int, sys.argv[4::2])):
        child = os.fork()
        if child == 0:
            break
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    else:
        sys.exit()
    said, place = os.open(f"{place}.said", os.O_WRONLY | os.O_CREAT), pathlib.Path(place)
    os.dup2(said, 1)
    os.dup2(said, 2)
    run, grows = Run(place), place / "grows.nc"
    big = GROWS.isel(time=np.arange(4000) % 40)
    netcdf.save(GROWS.isel(time=slice(0, 2)), grows, ["time"], {"a": (7, 30), "time": (64,)})
    writers = dict(run=lambda: run.save(big), checkpoint=lambda: stored.write(place / "c.h5", "checkpoint", dict(w=big.a.values)),
                   json=lambda: run.write_json("j.json", dict(a=list(range(90000)))), figure=lambda: run.save_figure(figure, "f"),
                   stream=lambda: netcdf.append(grows, big, "time", 2),
                   table=lambda: run.save_table([dict(a=k) for k in range(90000)], "t"))
    before = {path.name: path.read_bytes() for path in place.iterdir()}
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    for name, write in writers.items():
        try:
            write()
            assert name == "figure", name       # the only one that is small
        except ExperimentError as problem:
            assert "make space" in str(problem), problem
        left = {path.name: path.read_bytes() for path in place.iterdir() if path.name[:2] != "f."}
        assert left == before, (name, list(left))
        for path in place.glob("f.*"):
            path.unlink()
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    netcdf.append(grows, GROWS.isel(time=slice(2, 4)), "time", 2)       # goes on
    assert netcdf.load(grows).a.identical(GROWS.a[:4])
    print("went on")
"""


def full(limits):
    """Return how processes ended that wrote to full places, `{place: (code, what they said)}`.

    `limits` says how many bytes a file may have, or 0, for every place. Each has a process of its
    own, forked from one that has imported what they need.
    """
    tests = os.path.dirname(__file__)
    package = os.path.dirname(os.path.dirname(files.__file__))
    command = [sys.executable, "-c", textwrap.dedent(FULL), package, tests]
    command += [str(word) for pair in limits.items() for word in pair]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    codes = map(int, done.stdout.split())
    return {
        place: (code, place.with_name(f"{place.name}.said").read_text())
        for place, code in zip(limits, codes, strict=True)
    }


LIMITED = (32, 96, 300)  # kilobytes
SMALL = (16, 24, 32, 48, 64, 96, 200)


@pytest.fixture(scope="module")
def limited(tmp_path_factory):
    """How it ended where files may have so many kilobytes."""
    folder = tmp_path_factory.mktemp("limited")
    places = {kilobytes: folder / str(kilobytes) for kilobytes in LIMITED}
    for place in places.values():
        place.mkdir()
    ended = full({place: 1024 * kilobytes for kilobytes, place in places.items()})
    return {kilobytes: ended[place] for kilobytes, place in places.items()}


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """How it ended on file systems of so many kilobytes."""
    folder, mounted = tmp_path_factory.mktemp("small"), {}
    try:
        for kilobytes in SMALL:
            place = folder / str(kilobytes)
            place.mkdir()
            mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", place]
            subprocess.run(mount, check=True, capture_output=True)
            mounted[kilobytes] = place
        ended = full(dict.fromkeys(mounted.values(), 0))
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no file system can be mounted here")
    finally:
        for place in mounted.values():
            subprocess.run(["umount", place], check=True)
    return {kilobytes: ended[place] for kilobytes, place in mounted.items()}


@pytest.mark.subprocess
@pytest.mark.parametrize("kilobytes", LIMITED)
@pytest.mark.slow
def test_files_that_may_not_be_larger(limited, kilobytes):
    code, said = limited[kilobytes]
    assert code == 0 and "went on" in said, said


@pytest.mark.subprocess
@pytest.mark.parametrize("kilobytes", SMALL)
@pytest.mark.slow
def test_a_small_file_system(small, kilobytes):
    code, said = small[kilobytes]
    assert code == 0 and "went on" in said, said


@pytest.mark.parametrize(
    "number, advice",
    [
        (errno.ENOSPC, "make space"),
        (errno.EACCES, "that you may write"),
        (errno.ENOENT, "that is there"),
    ],
)
def test_the_advice_is_about_what_happened(number, advice):
    assert advice in str(files.unwritable("a.nc", OSError(number, os.strerror(number))))
