"""Damaged files, full disks, other readers and Ctrl-C, met through the functions that users
call."""

import os
import random
import shutil
import signal
import textwrap

import h5py
import numpy as np
import pytest
import xarray
from brian2 import ms
from neurofa.models import fa

from neurofa import Learner, Network, Recorder, Recording, Snapshots, Trial, present, tasks, train
from neurofa.base.errors import ExperimentError
from neurofa.learning.checkpoint import Checkpoint
from neurofa.learning.schedules import every
from neurofa.runs.cells import run_cells
from neurofa.runs.experiment import Run

TASK = tasks.linear_map((4, 3), samples=16, test=4)
TRIAL = Trial(dt=5 * ms, free=10 * ms, feedback=10 * ms)
DATA = xarray.Dataset({"a": (("time", "unit"), np.random.default_rng(0).random((40, 30)))})


def network(hidden=5):
    return Network((4, hidden, 3), fa.RULE, trials=8, seed=1, target="numpy")


def learned(net, **options):
    """Return the weights after two epochs of two updates each."""
    train(net, TASK, 2, trial=TRIAL, progress=False, **options)
    return net["W1"].copy()


def recorded(path, hidden=5):
    with Recorder(["hidden1.v", "W1"], to=path) as recorder:
        learned(network(hidden), record=recorder)


# Who writes a file, and how its numbers come back: the last row that is read stands as it is in the
# file.
DOORS = {
    "run": (
        lambda path: Run(path.parent).save(DATA, path.name),
        lambda path: Run(path.parent).load(path.name).a.values,
    ),
    "recording": (recorded, lambda path: Recording.load(path)["W1"].values),
    "snapshots": (
        lambda path: learned(network(), snapshots=Snapshots(every(1), to=path)),
        lambda path: Run(path.parent).load(path.name)["W1.w"].values,
    ),
    "checkpoint": (
        lambda path: learned(network(), checkpoint=Checkpoint(path)),
        lambda path: learned(network(), checkpoint=Checkpoint(path)),
    ),
}


@pytest.fixture(scope="module", params=DOORS)
def written(request, tmp_path_factory):
    """Return the content of a file, what reads it, and what was read."""
    write, read = DOORS[request.param]
    path = tmp_path_factory.mktemp("written") / "file.nc"
    write(path)
    return path.read_bytes(), read, read(path)


@pytest.fixture
def door(written, tmp_path):
    """Return (path, its content, what reads it, what was read)."""
    whole, read, right = written
    path = tmp_path / "file.nc"
    path.write_bytes(whole)
    return path, whole, read, right


@pytest.mark.parametrize("bit", [0, 3, 7])
def test_a_number_with_one_bit_changed_is_not_read(door, bit):
    path, whole, read, right = door
    at = whole.find(np.ascontiguousarray(right.reshape(-1, right.shape[-1])[-1]).tobytes())
    changed = bytearray(whole)
    changed[at + 6] ^= 1 << bit
    path.write_bytes(changed)
    with pytest.raises(ExperimentError, match="file.nc cannot be read: .*damaged"):
        read(path)
    assert at > 0


def test_damage_anywhere_is_named(door):
    path, whole, read, _ = door
    rng = random.Random(3)
    for k in range(12):
        changed, at = bytearray(whole), rng.randrange(len(whole))
        if k % 3:
            changed[at] ^= 1 << rng.randrange(8)
        else:
            del changed[at:]
        path.write_bytes(changed)
        with pytest.raises(ExperimentError, match="file.nc cannot be read"):
            read(path)


def cell(number):
    return dict(number=number)


@pytest.fixture(scope="module")
def done(tmp_path_factory, process_beside):
    """Return the folder of a cell that is done."""
    folder = tmp_path_factory.mktemp("done") / "cells"
    run_cells(folder, cell, [dict(number=1)], process_beside, progress=False)
    return folder


@pytest.mark.subprocess
@pytest.mark.parametrize(
    "what, text",
    [("cell", "{"), ("cell", "\xff"), ("cell", "[1, 2]"), ("provenance", "[" * 100_000)],
    ids=["cut", "no text", "a list", "deep"],
)
def test_notes_that_are_damaged_are_named(what, text, tmp_path, done):
    if what == "cell":
        shutil.copytree(done, tmp_path / "cells")
        [file] = (tmp_path / "cells").glob("*.json")

        def read():
            return run_cells(tmp_path / "cells", cell, [dict(number=1)], progress=False)

        assert read() == [dict(number=1)]
    else:
        run = Run.start("experiment", dict(a=1), out=tmp_path)
        file = run.folder / "provenance.json"

        def read():
            return run.provenance

    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(ExperimentError, match=f"{file.name} cannot be read"):
        read()


FULL = """
    import pathlib, resource, sys
    sys.path.insert(0, sys.argv[1])
    from matplotlib.figure import Figure
    from test_damage import *
    place = pathlib.Path(sys.argv[3])
    figure, run, wide = Figure(), Run(place), network(300)
    figure.subplots().plot(np.random.default_rng(0).random(3000))
    writers = dict(run=lambda: run.save(DATA.isel(time=np.arange(4000) % 40)), figure=lambda: run.save_figure(figure, "f"),
                   snapshots=lambda: learned(wide, snapshots=Snapshots(every(1), to=place / "s.nc")),
                   checkpoint=lambda: learned(wide, checkpoint=Checkpoint(place / "c.h5")), recording=lambda: recorded(place / "r.nc", 300))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16000, limits[1]))
    for name in sys.argv[2].split(","):
        try:
            writers[name]()
        except ExperimentError as problem:
            print(name, problem)
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    present(Learner(wide, TRIAL), TASK.x[:8], TASK.y[:8])
    print("went on")
"""


@pytest.mark.subprocess
@pytest.mark.slow
def test_a_full_disk_is_one_sentence(script, tmp_path):
    """In a process of its own, which HDF5 might end."""
    names = ("run", "snapshots", "figure", "checkpoint", "recording")
    done = script(textwrap.dedent(FULL), os.path.dirname(__file__), ",".join(names), str(tmp_path))
    assert done.returncode == 0 and done.stdout.endswith("went on\n"), done.stderr
    for name, said in zip(names, done.stdout.splitlines(), strict=False):
        assert said.startswith(f"{name} ") and "cannot be written: File too large" in said


@pytest.mark.parametrize(
    "read", [lambda data: None, lambda data: data.load()], ids=["opened", "loaded"]
)
@pytest.mark.parametrize(
    "make",
    [lambda path: Snapshots(every(1), to=path), lambda path: Recorder("W1", to=path)],
    ids=["snapshots", "recorder"],
)
def test_whoever_looks_into_a_file_in_progress_does_not_stop_it(make, read, tmp_path):
    growing, learner = make(tmp_path / "file.nc"), Learner(network(), TRIAL)

    def go_on():
        if isinstance(growing, Recorder):
            present(learner, TASK.x[:8], TASK.y[:8], learn=False, record=growing)
            growing.flush()
        else:
            present(learner, TASK.x[:8], TASK.y[:8])
            growing.take(learner)

    go_on()
    [path] = tmp_path.iterdir()
    with xarray.open_dataset(path, engine="h5netcdf") as theirs:
        read(theirs)
        go_on()
    growing.close()
    found = xarray.load_dataset(tmp_path / "file.nc", engine="h5netcdf")["W1.w"].values
    assert len(found) == (8 if isinstance(growing, Recorder) else 2) and np.array_equal(
        found[-1], learner.net["W1"]
    )


@pytest.mark.parametrize(
    "method, call",
    [("__setitem__", 1), ("__setitem__", 2), ("resize", 1), ("resize", 2), ("resize", 3)],
)
def test_ctrl_c_while_a_recording_writes(method, call, tmp_path, monkeypatch):
    recorder, learner = (
        Recorder(["hidden1.v", "W1"], to=tmp_path / "file.nc"),
        Learner(network(), TRIAL),
    )
    calls, usual = [], getattr(h5py.Dataset, method)

    def go_on():
        present(learner, TASK.x[:8], TASK.y[:8], record=recorder)
        recorder.flush()

    def pressed(self, *arguments):
        calls.append(self)
        if len(calls) == call:
            signal.raise_signal(signal.SIGINT)
        return usual(self, *arguments)

    go_on()
    [path] = tmp_path.iterdir()
    # ignored where tests run in the background
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
            patched.setattr(h5py.Dataset, method, pressed)
            go_on()
    finally:
        signal.signal(signal.SIGINT, before)
    left = Recording.load(path).dataset
    assert left.sizes["time"] in (4, 8) and all(
        np.isfinite(left[name]).all() for name in ("time", "hidden1.v", "W1.w")
    )
    go_on()
    recorder.close()
    np.testing.assert_allclose(
        Recording.load(tmp_path / "file.nc").dataset.time, 5 * np.arange(1, 13)
    )
