"""The NWB export, judged by pynwb's own validator and reader."""

import json
import sys

import numpy as np
import pytest
from brian2 import ms
from neurofa.models import dfc

from neurofa import ExperimentError, Learner, Network, NetworkError, Recorder, Trial, present

NAMES = (
    "hidden1.v",
    "hidden2.r[1:]",
    "controller.u",
    "hidden1.residual",
    "W1.w",
    "W2.bias",
    "W3.w[0, :2]",
)


@pytest.fixture(scope="module")
def recording():
    net = Network((4, 3, 5, 2), dfc.RULE, trials=3, target="numpy")
    recorder, rng = Recorder(NAMES, every=3, trials="::2"), np.random.default_rng(0)
    for _ in range(2):
        present(
            Learner(net, Trial(dt=1 * ms, free=12 * ms, feedback=9 * ms)),
            rng.normal(size=(3, 4)),
            rng.normal(size=(3, 2)),
            record=recorder,
        )
    return recorder.recording()


@pytest.fixture
def pynwb():
    return pytest.importorskip(
        "pynwb", reason="the NWB export needs pynwb: pip install 'neurofa[nwb]'"
    )


def complaints(pynwb, path):
    found = pynwb.validate(path=str(path))
    return found[0] if isinstance(found, tuple) else found  # before pynwb 3, with a status


def test_a_file_is_valid_and_holds_the_recording(tmp_path, recording, pynwb):
    path = tmp_path / "trial.nwb"
    recording.to_nwb(path)
    assert [p.name for p in tmp_path.iterdir()] == ["trial.nwb"]
    assert not complaints(pynwb, path)
    with pynwb.NWBHDF5IO(str(path), "r") as file:
        read = file.read()
        assert set(read.acquisition) == set(recording.names) and "DFC" in read.session_description
        assert read.notes == recording.dataset.attrs["rule"]
        for name, series in read.acquisition.items():
            array = recording[name].transpose("time", "trial", ..., missing_dims="ignore")
            np.testing.assert_array_equal(series.data[:], array.values)
            np.testing.assert_allclose(series.timestamps[:], recording.dataset.time / 1e3)
            axes = json.loads(series.comments)
            assert axes.pop("axes") == list(array.dims) and series.unit == array.attrs["units"]
            assert all(axes[dim] == array[dim].values.tolist() for dim in array.dims[1:])
        spans = read.intervals["phases"].to_dataframe()
        assert list(spans.phase) == ["free", "feedback"] * 2
        np.testing.assert_allclose(
            spans[["start_time", "stop_time"]] * 1e3, [span for _, *span in recording.phases]
        )


def test_some_variables(tmp_path, recording, pynwb):
    recording.to_nwb(str(tmp_path / "trial.nwb"), ["W1", "hidden1.v"])
    assert not complaints(pynwb, tmp_path / "trial.nwb")
    with pynwb.NWBHDF5IO(str(tmp_path / "trial.nwb"), "r") as file:
        assert set(file.read().acquisition) == {"W1.w", "hidden1.v"}
    with pytest.raises(NetworkError, match="'W9.w' was not recorded"):
        recording.to_nwb(tmp_path / "other.nwb", "W9")


def test_a_recording_without_samples(tmp_path, pynwb):
    net, recorder = Network((4, 3, 2), dfc.RULE, target="numpy"), Recorder("hidden1.v", every=100)
    net.run("free", 5 * ms, recorder)
    recorder.recording().to_nwb(tmp_path / "empty.nwb")
    assert not complaints(pynwb, tmp_path / "empty.nwb")


def test_a_folder_that_is_not_there(tmp_path, recording, pynwb):
    with pytest.raises(ExperimentError, match="missing.* cannot be written"):
        recording.to_nwb(tmp_path / "missing" / "trial.nwb")


def test_without_pynwb(tmp_path, recording, monkeypatch):
    monkeypatch.setitem(sys.modules, "pynwb", None)
    with pytest.raises(ExperimentError, match=r"pip install 'neurofa\[nwb\]'"):
        recording.to_nwb(tmp_path / "trial.nwb")
    assert list(tmp_path.iterdir()) == []
