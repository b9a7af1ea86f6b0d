"""Trees of values and arrays in one HDF5 file, which is complete or not there, and knows when it is
damaged."""

import os

import h5py
import numpy as np
import pytest

from neurofa.base import files, stored
from neurofa.base.errors import ExperimentError

TREE = {
    "about": {"text": "ä b", "n": [1, 2.5, None, True], "none": {}},
    "arrays": {"W1.w": np.arange(6.0).reshape(2, 3), "sparse B": np.eye(2) > 0},
    "scalar": np.asarray(2.5),
    "empty": np.zeros((0, 3), "float32"),
    "number": np.float32(0.25),
}


def test_what_is_written_is_read(tmp_path):
    stored.write(tmp_path / "a.h5", "network", TREE | {"about": {}, "plain": TREE["about"]})
    found = stored.read(tmp_path / "a.h5", "learner", "network")
    assert found["plain"] == TREE["about"] and found["number"] == 0.25
    for name, array in {**TREE["arrays"]}.items():
        assert (
            np.array_equal(found["arrays"][name], array)
            and found["arrays"][name].dtype == array.dtype
        )
    assert found["scalar"] == 2.5 and found["scalar"].shape == () and found["empty"].shape == (0, 3)


@pytest.mark.parametrize("seed", range(40))
def test_damage_is_noticed(seed, tmp_path):
    path, rng = tmp_path / "a.h5", np.random.default_rng(seed)
    stored.write(path, "network", TREE)
    image = bytearray(path.read_bytes())
    if seed % 4:
        image[rng.integers(len(image))] ^= 1 << rng.integers(8)
    else:
        image = image[: rng.integers(len(image))]
    path.write_bytes(image)
    with pytest.raises(ExperimentError, match="a.h5 cannot be read: it is (damaged|no network)"):
        stored.read(path, "network")


@pytest.mark.parametrize("content", [b"", b"nothing", b"neurofa", b"\x89HDF\r\n\x1a\n" * 100])
def test_what_is_no_such_file(content, tmp_path):
    (tmp_path / "a.h5").write_bytes(content)
    with pytest.raises(ExperimentError, match="a.h5 cannot be read: it is no network"):
        stored.read(tmp_path / "a.h5", "network")
    for path, why in ((tmp_path / "none.h5", "No such file"), (tmp_path, "directory")):
        with pytest.raises(ExperimentError, match=f"cannot be read: .*{why}"):
            stored.read(path, "network")


def test_a_file_of_a_newer_version_is_refused_in_words(tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(stored, "VERSION", stored.VERSION + 1)
        stored.write(tmp_path / "a.h5", "network", TREE)
    with pytest.raises(ExperimentError, match="written by a newer version of neurofa .*Update"):
        stored.read(tmp_path / "a.h5", "network")


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    stored.write(tmp_path / "a.h5", "network", TREE)
    before = (tmp_path / "a.h5").read_bytes()

    def full(file, data):
        file.write(data[:100])
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patched:
        patched.setattr(files, "_write", full)
        with pytest.raises(ExperimentError, match="a.h5 cannot be written: No space left"):
            stored.write(tmp_path / "a.h5", "network", {})
    assert (tmp_path / "a.h5").read_bytes() == before and [p.name for p in tmp_path.iterdir()] == [
        "a.h5"
    ]
    with pytest.raises(ExperimentError, match="deep/down holds <object"):
        stored.write(tmp_path / "a.h5", "network", {"deep": {"down": [object()]}})
    assert (tmp_path / "a.h5").read_bytes() == before


def test_a_digest_is_of_the_numbers():
    a = np.arange(6.0).reshape(2, 3)
    assert stored.digest(a) == stored.digest(np.asfortranarray(a)) != stored.digest(a.T)
    assert len({stored.digest(x) for x in (a, a.astype("float32"), a.ravel(), a + 1e-15)}) == 4


def test_other_programs_read_it(tmp_path):
    stored.write(tmp_path / "a.h5", "network", TREE)
    with h5py.File(tmp_path / "a.h5") as file:
        assert (
            np.array_equal(file["arrays/W1.w"], TREE["arrays"]["W1.w"])
            and "neurofa" in file.attrs["made_by"]
        )
