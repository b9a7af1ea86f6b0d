"""Recordings that go to a file while the network runs: the same numbers, little memory, and never a
file that cannot be read."""

import json
import signal
import subprocess
import sys
import textwrap

import h5py
import numpy as np
import pytest
import xarray
from brian2 import ms
from neurofa.models import dfc, fa

from neurofa import (
    Diverged,
    ExperimentError,
    Learner,
    Length,
    Network,
    NetworkError,
    Recorder,
    Recording,
    Trial,
    present,
    tasks,
    train,
)
from neurofa.base import files
from neurofa.base.growing import chunk_of
from neurofa.data import stream

SIZES, K = (4, 3, 5, 2), 3
TRIAL = Trial(dt=1 * ms, free=12 * ms, feedback=9 * ms)
NAMES = (
    "hidden1.v",
    "hidden2.r[1:]",
    "hidden1.residual",
    "W1.w",
    "W2.bias",
    "W3.w[0, :2]",
    "W2.g",
    "W1.g_post",
)


def network(rule=dfc.RULE, target="numpy", **options):
    return Network(SIZES, rule, trials=K, seed=1, target=target, **options)


def show(recorder, net, rounds=3):
    rng, learner = np.random.default_rng(0), Learner(net, TRIAL)
    for k in range(rounds):
        n = K - (k == 1)  # once, a trial does not take part
        present(
            learner,
            rng.normal(size=(n, SIZES[0])),
            rng.normal(size=(n, SIZES[-1])),
            record=recorder,
        )
    return recorder


@pytest.fixture
def small_pieces(monkeypatch):
    """Pieces of a few hundred bytes, so that a trial has many; returns how many samples each
    held."""
    written, append = [], stream.Stream.append
    monkeypatch.setattr("neurofa.data.recorder.PIECE", 600)
    monkeypatch.setattr("neurofa.engine.brian.engine.PIECE", 2500)
    monkeypatch.setattr(
        stream.Stream,
        "append",
        lambda self, part: (written.append(part.sizes["time"]), append(self, part)),
    )
    return written


@pytest.mark.parametrize(
    "options", [{}, dict(every=4, trials=2), dict(every="phase", trials="::2")], ids=str
)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_streamed_file_is_that_of_a_saved_recording(
    tmp_path, target, options, dtype, small_pieces, monkeypatch
):
    if not options:  # of whole trials, some twenty pieces are enough
        monkeypatch.setattr("neurofa.data.recorder.PIECE", 2400)
    saved = show(Recorder(NAMES, **options), network(target=target, dtype=dtype)).recording()
    saved.save(tmp_path / "saved.nc")
    with Recorder(NAMES, **options, to=tmp_path / "streamed.nc") as recorder:
        show(recorder, network(target=target, dtype=dtype))
    assert len(small_pieces) >= 3 and sum(small_pieces) == saved.dataset.sizes["time"]
    streamed = Recording.load(tmp_path / "streamed.nc")
    assert streamed.dataset.identical(saved.dataset) and streamed.phases == saved.phases
    with (
        xarray.open_dataset(tmp_path / "streamed.nc") as ours,
        xarray.open_dataset(tmp_path / "saved.nc") as theirs,
    ):
        assert ours.identical(theirs) and list(ours) == list(NAMES_WITHOUT_INDEX)
        assert all(
            ours[name].dtype == theirs[name].dtype and ours[name].dims == theirs[name].dims
            for name in ours
        )


NAMES_WITHOUT_INDEX = [name.split("[")[0] for name in NAMES]


@pytest.mark.slow
def test_pieces_are_bounded_within_a_phase(tmp_path, target, small_pieces):
    """Neither a long phase nor many short ones are ever held whole."""
    net, row = network(fa.RULE, target=target), (K * 3 + K * 5) * 8
    recorder = Recorder(["hidden1.v", "hidden2.v"], to=tmp_path / "long.nc")
    net.run("free", Length(1000 * ms, dt=1 * ms), recorder)
    assert len(small_pieces) > 50 and max(small_pieces) <= 2500 // row and recorder.held < 2500
    before = len(small_pieces)
    for _ in range(50):
        net.run("free", Length(2 * ms, dt=1 * ms), recorder)
    assert len(small_pieces) > before + 5
    assert recorder.recording().dataset.sizes["time"] == 1100


def test_a_slow_recording_is_written_once_in_a_while(tmp_path, monkeypatch):
    monkeypatch.setattr(stream, "SECONDS", -1)
    recorder, net = Recorder("hidden1.v", to=tmp_path / "slow.nc"), network()
    for k in range(1, 4):
        net.run("free", Length(5 * ms, dt=1 * ms), recorder)
        # whoever looks into it meanwhile
        peek = Recording.load(tmp_path / "slow.unfinished.nc")
        assert peek.dataset.sizes["time"] == 5 * k and peek.phases[-1] == (
            "free",
            5.0 * (k - 1),
            5.0 * k,
        )


def test_the_file_has_its_name_when_it_is_complete(tmp_path):
    recorder = Recorder("hidden1.v", to=tmp_path / "run.nc")
    assert list(tmp_path.iterdir()) == []
    show(recorder, network())
    assert [p.name for p in tmp_path.iterdir()] == ["run.unfinished.nc"]
    recorder.close()
    recorder.close()
    assert [p.name for p in tmp_path.iterdir()] == ["run.nc"]
    with pytest.raises(NetworkError, match="closed.*run.nc is complete"):
        show(recorder, network())


def test_a_recording_of_a_file_reads_what_is_looked_at(tmp_path):
    recording = show(
        Recorder(["hidden1.v", "W1"], to=str(tmp_path / "run.nc")), network()
    ).recording()
    assert (
        isinstance(recording, Recording) and not recording.dataset["hidden1.v"].variable._in_memory
    )
    assert recording["hidden1.v"].isel(time=-1).shape == (K, 3) and "hidden1.v" in repr(recording)
    recording.save(tmp_path / "copy.nc")
    assert Recording.load(tmp_path / "copy.nc").dataset.identical(
        Recording.load(tmp_path / "run.nc").dataset
    )


def test_nothing_recorded_is_no_file(tmp_path):
    with Recorder("hidden1.v", to=tmp_path / "run.nc") as recorder:
        pass
    with pytest.raises(NetworkError, match="Nothing has been recorded"):
        recorder.recording()
    with pytest.raises(NetworkError, match="'hidden1.q'"):
        show(Recorder("hidden1.q", to=tmp_path / "run.nc"), network())
    assert list(tmp_path.iterdir()) == []


# --- runs that break off ---
@pytest.mark.parametrize(
    "problem", [KeyboardInterrupt, RuntimeError("a mistake in a script")], ids=str
)
def test_an_error_leaves_what_there_was(tmp_path, problem):
    with pytest.raises((KeyboardInterrupt, RuntimeError)):
        with Recorder(NAMES, to=tmp_path / "run.nc") as recorder:
            show(recorder, network(), rounds=2)
            raise problem
    assert [p.name for p in tmp_path.iterdir()] == ["run.unfinished.nc"]
    whole = show(Recorder(NAMES), network(), rounds=2).recording()
    assert Recording.load(tmp_path / "run.unfinished.nc").dataset.identical(whole.dataset)
    with pytest.raises(
        ExperimentError,
        match=r"run.nc is not there, but .*run.unfinished.nc is: what an interrupted run",
    ):
        Recording.load(tmp_path / "run.nc")


def test_ctrl_c_in_the_midst_of_a_phase(tmp_path, target, ctrl_c):
    """The signal arrives during a long phase: what was simulated until then is in the file, without
    a `with`."""
    net, recorder = (
        network(fa.RULE, target=target),
        Recorder("hidden1.v", every=10, to=tmp_path / "run.nc"),
    )
    net.run("free", Length(20 * ms, dt=1 * ms), recorder)
    ctrl_c(0.5)
    with pytest.raises(KeyboardInterrupt):
        net.run("free", Length(10**8 * ms, dt=1 * ms), recorder)
    left = Recording.load(tmp_path / "run.unfinished.nc")
    assert left.dataset.sizes["time"] > 2 and np.isfinite(left["hidden1.v"].values).all()
    assert [name for name, *_ in left.phases] == ["free", "free"]


def test_a_diverging_phase_is_in_the_file(tmp_path):
    net = network(fa.RULE.but(eta=1e300))
    recorder = Recorder("W1", to=tmp_path / "run.nc")
    with pytest.raises(Diverged):
        show(recorder, net, rounds=9)
    assert Recording.load(tmp_path / "run.unfinished.nc").phases


def test_training_that_is_interrupted_completes_its_file(tmp_path):
    """`train` ends early and in order: the file is complete."""
    net, task = network(fa.RULE), tasks.linear_map((SIZES[0], SIZES[-1]), samples=60, test=9)
    with Recorder("W1", every="phase", to=tmp_path / "run.nc") as recorder:
        take, count = recorder.take, []

        def once(samples):
            count.append(1)
            if len(count) == 5:
                raise KeyboardInterrupt
            take(samples)

        recorder.take = once
        assert train(net, task, 1, trial=TRIAL, record=recorder, progress=False).interrupted
    assert Recording.load(tmp_path / "run.nc").dataset.sizes["time"] == 4


def test_ctrl_c_while_a_piece_is_written(tmp_path, monkeypatch, small_pieces):
    """Ctrl-C waits until the piece is in the file, so that nothing is half there, or twice, or
    open."""
    whole = show(Recorder(["hidden1.v", "W1"]), network(), rounds=1).recording()
    write, calls = h5py.Dataset.__setitem__, []

    def broken(self, place, values):
        calls.append(place)
        if len(calls) == 8:
            signal.raise_signal(signal.SIGINT)
        write(self, place, values)

    recorder = Recorder(["hidden1.v", "W1"], to=tmp_path / "run.nc")
    monkeypatch.setattr(h5py.Dataset, "__setitem__", broken)
    # ignored where tests run in the background
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            with recorder:
                show(recorder, network(), rounds=1)
    finally:
        signal.signal(signal.SIGINT, before)
    left = Recording.load(tmp_path / "run.unfinished.nc")
    n = left.dataset.sizes["time"]
    assert 0 < n < 21 and left.dataset.equals(whole.dataset.isel(time=slice(n)))


KILLED = """
    import time
    import numpy as np
    from brian2 import ms
    from neurofa import Length, Network, Recorder
    from neurofa.data import recorder
    from neurofa.models import fa
    recorder.PIECE = 3000
    net = Network((4, 3, 5, 2), fa.RULE, trials=3, target="numpy")
    recorder = Recorder(["hidden1.v", "W1"], to="run.nc")
    for _ in range(20):
        net.run("free", Length(10*ms, dt=1*ms), recorder)
    print("written", flush=True)
    time.sleep(60)
"""


@pytest.mark.subprocess
@pytest.mark.slow
def test_a_process_that_is_killed_leaves_a_file(tmp_path):
    command = [sys.executable, "-c", textwrap.dedent(KILLED)]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "written\n"
        process.send_signal(signal.SIGKILL)
    left = Recording.load(tmp_path / "run.unfinished.nc")
    n = left.dataset.sizes["time"]
    assert (
        180 <= n <= 200
        and np.isfinite(left["hidden1.v"].values).all()
        and left.dataset.time.values[-1] == pytest.approx(n)
    )
    assert left.phases[0] == ("free", 0, 10) and left.phases[-1][-1] == pytest.approx(n)
    assert json.loads(left.dataset.attrs["sizes"]) == list(SIZES)


def test_a_file_that_cannot_be_begun_says_why(tmp_path, monkeypatch):
    """The end of the `with` does not say something else."""

    def full(file, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "_write", full)
    with pytest.raises(ExperimentError, match="cannot be written: No space left on device"):
        with Recorder(["hidden1.v"], to=tmp_path / "run.nc") as recorder:
            show(recorder, network())


def test_a_full_disk_leaves_a_file(tmp_path, monkeypatch, small_pieces):
    """What does not fit is cut off again, and written later where there is space."""
    whole = show(Recorder(["hidden1.v", "W1"]), network()).recording()
    place, write, calls = files._Changes.write_to, files._write, []

    def full(file, data):
        if len(calls) == 4:
            file.write(data[:100])
            raise OSError(28, "No space left on device")
        write(file, data)

    def counted(self, path):
        place(self, path)
        calls.append(path)

    net, recorder = network(), Recorder(["hidden1.v", "W1"], to=tmp_path / "run.nc")
    with monkeypatch.context() as patched:
        patched.setattr(files, "_write", full)
        patched.setattr(files._Changes, "write_to", counted)
        with pytest.raises(
            ExperimentError, match="run.nc cannot be written: No space left on device"
        ):
            show(recorder, net)
    n = sum(small_pieces[:4])
    left = Recording.load(tmp_path / "run.unfinished.nc").dataset
    assert left.equals(whole.dataset.isel(time=slice(n)))
    recorder.flush()
    assert Recording.load(tmp_path / "run.unfinished.nc").dataset.sizes["time"] > n


# --- where it cannot be written ---
def test_what_an_interrupted_run_has_left_is_not_overwritten(tmp_path):
    show(Recorder("hidden1.v", to=tmp_path / "run.nc"), network())
    with pytest.raises(
        ExperimentError,
        match="run.unfinished.nc is there: an interrupted run has left it.*Rename or delete",
    ):
        Recorder("hidden1.v", to=tmp_path / "run.nc")


def test_a_complete_file_is_not_overwritten(tmp_path):
    early = Recorder("hidden1.v", to=tmp_path / "run.nc")  # made when there was nothing yet
    show(Recorder("hidden1.v", to=tmp_path / "run.nc"), network(), rounds=1).close()
    before = (tmp_path / "run.nc").read_bytes()
    with pytest.raises(
        ExperimentError, match="run.nc is there already, and nothing is overwritten.*another file"
    ):
        Recorder("hidden1.v", to=tmp_path / "run.nc")
    with pytest.raises(ExperimentError, match="run.nc is there already"):
        show(early, network(), rounds=1)
    assert (tmp_path / "run.nc").read_bytes() == before


def test_places_that_are_none(tmp_path):
    with pytest.raises(ExperimentError, match="there is no folder .*missing"):
        Recorder("hidden1.v", to=tmp_path / "missing" / "run.nc")
    with pytest.raises(ExperimentError, match="is a folder. Give the name of a file"):
        Recorder("hidden1.v", to=tmp_path)


@pytest.mark.parametrize(
    "shape, item, chunk",
    [
        ((128, 0, 784), 8, (128, 1, 784)),
        ((3, 0, 4), 8, (3, 2**18 // 96, 4)),
        ((0, 256, 784), 8, (1, 256, 784)),
        ((0,), 8, (2**15,)),
        ((0, 5000, 4000), 4, (1, 1250, 2000)),
    ],
    ids=str,
)
def test_what_lies_together_in_the_file(shape, item, chunk):
    dims = (
        ["trial", "time", "unit"]
        if shape[0] and len(shape) == 3
        else ["time", "post", "pre"][: len(shape)]
    )
    found = chunk_of(xarray.Variable(dims, np.empty(shape, f"f{item}")), "time", stream.CHUNK)
    assert found == chunk and np.prod(found) * item <= 64 * stream.CHUNK
