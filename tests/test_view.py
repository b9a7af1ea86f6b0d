"""What a page shows of a file, how much of it is read, and what is refused."""

import builtins
import socket

import numpy as np
import pytest
import xarray
from brian2 import ms
from neurofa.models import dfc, fa
from test_cli import invoke, refused

from neurofa import Learner, Network, Recorder, Snapshots, Trial, present
from neurofa.base import netcdf
from neurofa.data import curves
from neurofa.learning.schedules import every
from neurofa.runs.experiment import Run
from neurofa.view import blocks, serving
from neurofa.view.contents import contents

pytest.importorskip("bokeh", reason="Bokeh is not installed: pip install 'neurofa[view]'")

SIZES, NAMES = (4, 3, 5, 2), ("hidden1.v_basal", "hidden1.v_apical", "output.residual", "W2.w")


def learned(rule, steps=7, names=(*NAMES, "W2.w.m", "B2.w"), to=None):
    """Learn for some trials; return the Recording and the Dataset of snapshots."""
    net, rng = Network(SIZES, rule, trials=3, target="numpy", seed=1), np.random.default_rng(0)
    learner = Learner(net, Trial(dt=2 * ms, free=10 * ms, feedback=10 * ms), "adam")
    recorder, snapshots = Recorder(names, to=to), Snapshots(every(1))
    snapshots.take(learner)
    for _ in range(steps):
        present(learner, rng.normal(size=(3, 4)), rng.normal(size=(3, 2)), record=recorder)
        snapshots.take(learner)
    return recorder.recording(), snapshots.dataset


@pytest.fixture(scope="module")
def of_fa():
    return learned(fa.RULE)


@pytest.fixture
def run(tmp_path, of_fa):
    """A run with a recording, snapshots, and results."""
    run = Run.start("fake", dict(seeds=2), [fa.RULE], tmp_path / "runs")
    accuracy = (("rule", "seed", "epoch"), np.random.default_rng(0).random((2, 3, 5)))
    results = xarray.Dataset(dict(accuracy=accuracy), dict(rule=["FA", "BP"], epoch=range(5)))
    for name, data in (("trial", of_fa[0]), ("weights", of_fa[1]), ("data", results)):
        run.save(data, f"{name}.nc")
    return run


def test_contents_are_told_by_what_is_in_a_file(of_fa):
    recording, snapshots = of_fa
    found = contents(recording.dataset)
    assert found["kind"] == "recording" and list(found["traces"]) == list(NAMES[:3])
    basal = found["traces"]["hidden1.v_basal"]
    assert basal["drive"] and basal["units"] == [0, 1, 2] and basal["trials"] == [0, 1, 2]
    assert found["phases"][0][:2] == ["free", "feedback"] and found["end"] == pytest.approx(140)
    assert list(found["matrices"]) == ["W2", "B2", "W2ᵀ"]  # W2 and B2 join the same cells
    assert found["matrices"]["W2ᵀ"]["beside"] == "B2"
    assert found["matrices"]["B2"]["rows"] == "to hidden1 unit (post)"
    found = contents(snapshots)
    assert found["kind"] == "snapshots" and not found["traces"] and "W3ᵀ" in found["matrices"]
    results = xarray.Dataset(dict(a=(("rule", "seed", "epoch"), np.ones((2, 2, 4))), b=3))
    assert contents(results)["kind"] == "results" and contents(results)["curves"] == ["a"]


def test_traces_are_those_of_the_recording(of_fa):
    dataset = of_fa[0].dataset
    found = blocks.Blocks({"trial": dataset})
    block = found.block(["traces", "trial", "hidden1.v_apical", 2, None, None])
    np.testing.assert_array_equal(
        block["values"], dataset["hidden1.v_apical"].sel(trial=2).astype("f4")
    )
    assert block["of"] == len(block["time"]) == 70 and block["units"] == [0, 1, 2]
    part = found.block(["traces", "trial", "hidden1.v_apical", 2, 40.0, 60.0])
    assert part["time"][0] <= 40 and part["time"][-1] >= 60 and part["of"] < 15
    residual = found.block(["traces", "trial", "output.residual", 0, None, None])
    assert residual["values"].shape == (70, 1) and residual["units"] == []
    few = blocks.Blocks({"trial": dataset}, samples=20, units=2, trials=1)
    block = few.block(["traces", "trial", "hidden1.v_basal", 0, None, None])
    assert len(block["time"]) == 18 and block["of"] == 70
    assert block["units"] == [0, 2] and block["of_units"] == 3
    assert few.contents["trial"]["traces"]["hidden1.v_basal"]["trials"] == [0]


@pytest.mark.parametrize("rule", [fa.RULE, dfc.RULE], ids=lambda rule: rule.name)
def test_matrices_are_those_of_the_snapshots_and_their_products(rule):
    _, data = learned(rule, names=NAMES)
    found = blocks.Blocks({"weights": data})
    feedback = curves.feedback(data)
    for group in feedback:
        label = next(
            name
            for name, one in found.contents["weights"]["matrices"].items()
            if one["beside"] == group
        )
        left, right = (found.block(["matrix", "weights", name]) for name in (label, group))
        for k in range(data.sizes["update"]):
            expected = curves.transposes(data, group, k)
            np.testing.assert_allclose(left["values"][k], expected, rtol=1e-5, atol=1e-6)
            np.testing.assert_array_equal(right["values"][k], data[f"{group}.w"][k].astype("f4"))
            spectrum = np.linalg.svd(expected, compute_uv=False)
            np.testing.assert_allclose(left["spectra"][k], spectrum, rtol=1e-4, atol=1e-5)
    assert len(feedback) >= 2


def test_what_else_belongs_to_a_synapse_comes_with_it(of_fa):
    dataset = of_fa[0].dataset
    found = blocks.Blocks({"trial": dataset})
    (moment,) = found.block(["matrix", "trial", "W2"])["others"]
    assert moment["name"] == "W2.w.m"
    np.testing.assert_array_equal(moment["values"], dataset["W2.w.m"].astype("f4"))
    (turned,) = found.block(["matrix", "trial", "W2ᵀ"])["others"]
    np.testing.assert_array_equal(turned["values"], moment["values"].swapaxes(1, 2))
    assert found.block(["matrix", "trial", "B2"])["others"] == []


def test_moments_of_training_are_thinned_and_the_last_is_there(of_fa):
    dataset = of_fa[0].dataset
    few = blocks.Blocks({"trial": dataset}, stack=4 * 30 * 8)  # of W2 and its moment, eight
    at = few.moments("trial")
    assert at["of"] == 70 and len(at["at"]) == 9 and at["axis"] == "time"
    assert at["at"][[0, -1]].tolist() == dataset.time.values[[0, -1]].tolist()
    values = few.block(["matrix", "trial", "W2"])["values"]
    np.testing.assert_array_equal(values, dataset["W2.w"].sel(time=at["at"]).astype("f4"))


def test_curves_are_medians_and_ranges_of_seeds():
    values = np.random.default_rng(0).random((2, 3, 4))
    values[0, 1, 2] = np.nan
    data = xarray.Dataset(dict(a=(("rule", "seed", "epoch"), values)), dict(rule=["FA", "BP"]))
    block = blocks.Blocks({"data": data}).block(["curve", "data", "a"])
    assert [line["name"] for line in block["lines"]] == ["FA", "BP"] and block["seeds"] == 3
    for line, own in zip(block["lines"], values):
        for found, expected in zip(line["values"], (np.nanmedian, np.nanmin, np.nanmax)):
            np.testing.assert_allclose(found, expected(own, axis=0), rtol=1e-6)


def test_of_a_large_file_few_bytes_are_read(tmp_path, monkeypatch):
    """Samples lie apart, and each takes its chunk: there are no more of them than may be touched."""
    monkeypatch.setattr(blocks, "TOUCHED", 2**22)
    values = np.random.default_rng(0).random((4, 2000, 500), dtype="f4")
    dims = ("trial", "time", "hidden1_unit")
    array = xarray.DataArray(values, dict(time=np.arange(2000.0)), dims, attrs=dict(role="signal"))
    data = xarray.Dataset(
        {"hidden1.r": array.assign_coords(trial=range(4), hidden1_unit=range(500))}
    )
    data.attrs["phases"] = '[["free", 0, 2000]]'
    netcdf.save(data, tmp_path / "trial.nc", chunks={"hidden1.r": (4, 8, 500)})
    with netcdf.opened(tmp_path / "trial.nc") as opened:
        found = blocks.Blocks({"trial": opened})
        block = found.block(["traces", "trial", "hidden1.r", 3, None, None])
        together = 4 * 8 * 500 * 4
        assert len(block["time"]) * together <= 1.1 * 2**22 and block["of"] == 2000
        step = round(block["time"][1] - block["time"][0])
        np.testing.assert_array_equal(block["values"], values[3, ::step])
        near = found.block(["traces", "trial", "hidden1.r", 3, 100.0, 200.0])
        assert len(near["time"]) == near["of"] > 100  # all of them: zooming in


def test_a_page_is_one_file_that_asks_for_nothing(run, tmp_path):
    page = tmp_path / "page.html"
    result = invoke("view", run.folder, "--save", page)
    assert str(page) in result.stdout
    html = page.read_text()
    assert "<script src=" not in html and "<link" not in html
    assert page.stat().st_size < 2**23 and "FA (Lillicrap" in html


def test_a_run_with_nothing_to_draw_says_so(tmp_path):
    run = Run.start("fake", {}, out=tmp_path)
    run.save(xarray.Dataset(dict(single=3.0)), "data.nc")
    invoke("view", run.folder, "--save", tmp_path / "page.html")
    assert "neither traces, nor weights" in (tmp_path / "page.html").read_text()


def test_a_saved_page_holds_no_more_than_it_says(tmp_path):
    sizes = dict(trial=40, time=3000, hidden1_unit=100)
    array = xarray.DataArray(
        np.zeros(tuple(sizes.values()), "f4"), {d: range(n) for d, n in sizes.items()}, tuple(sizes)
    )
    names = [f"hidden1.v{k}" for k in range(9)]
    data = xarray.Dataset(dict.fromkeys(names, array), attrs=dict(phases='[["free", 0, 3000]]'))
    limits = serving.thinned({"trial": data})
    block = blocks.Blocks({"trial": data}, **limits).block(
        ["traces", "trial", names[0], 3, None, None]
    )
    assert block["values"].nbytes * 4 * len(names) <= 1.1 * serving.SAVED and block["of"] == 3000


def test_a_recording_shows_itself_in_a_notebook(of_fa, tmp_path):
    seen = of_fa[0].view()
    assert (
        seen._repr_html_().startswith("<iframe srcdoc=") and "hidden1.v_basal" in seen._repr_html_()
    )
    assert seen.save(tmp_path / "recording.html") is seen
    assert "hidden1.v_basal" in (tmp_path / "recording.html").read_text()


# what is refused ----------------------------------------------------------------------------------


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    assert "There is no run" in refused("view", tmp_path)


def test_a_run_without_data_is_refused(tmp_path):
    run = Run.start("fake", {}, out=tmp_path)
    assert "holds no data to look at" in refused("view", run.folder)


@pytest.mark.parametrize("size", [0, 100, 5000, -300])
def test_a_truncated_file_is_refused(run, size):
    path = run.folder / "trial.nc"
    path.write_bytes(path.read_bytes()[:size])
    assert "trial.nc cannot be read: it is no netCDF file, or damaged" in refused(
        "view", run.folder
    )


def test_numbers_that_are_damaged_are_told_where_they_are_asked_for(of_fa, monkeypatch):
    found = blocks.Blocks({"trial": of_fa[0].dataset})

    def damaged(*request):
        raise OSError("Can't read data (checksum)")

    monkeypatch.setattr(found, "_traces", damaged)
    with pytest.raises(blocks.ExperimentError, match=r"trial.nc is damaged at 'hidden1.r'"):
        found.block(["traces", "trial", "hidden1.r", 0, None, None])


def test_a_page_says_what_is_damaged_and_shows_the_rest(of_fa, monkeypatch):
    from bokeh.document import Document

    from neurofa.view.page import Page

    found = blocks.Blocks({"trial": of_fa[0].dataset})
    page = Page(found, "a run", "", served=True)
    page.fill(Document())
    assert page.answer.data["block"][0]["of"] == 70

    def damaged(*request):
        raise OSError("Can't read data (checksum)")

    monkeypatch.setattr(found, "_matrix", damaged)
    page.wanted.value = '{"number": 0, "request": ["matrix", "trial", "W2"]}'
    assert "trial.nc is damaged at 'W2'" in page.answer.data["block"][0]["problem"]


def test_a_port_in_use_is_refused(run):
    with socket.socket() as other:
        other.bind((serving.ADDRESS, 0))
        other.listen()
        port = other.getsockname()[1]
        assert f"Port {port} of 127.0.0.1 cannot be used" in refused(
            "view", run.folder, "--port", port
        )


def test_a_page_that_cannot_be_written_is_refused(run, tmp_path):
    assert "cannot be written" in refused(
        "view", run.folder, "--save", tmp_path / "no" / "page.html"
    )


def test_without_bokeh_the_extra_is_named(run, of_fa, monkeypatch):
    imported = builtins.__import__

    def without(name, *rest):
        if name.partition(".")[0] == "bokeh":
            raise ImportError(name)
        return imported(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    assert "pip install 'neurofa[view]'" in refused("view", run.folder)
    with pytest.raises(blocks.ExperimentError, match="neurofa.view"):
        of_fa[0].view()
