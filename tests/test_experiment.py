"""Run folders: what they are called, what they say about where the data come from, and that their
files are whole."""

import json
import re
import shlex
import sys
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import xarray
from matplotlib import image
from matplotlib.figure import Figure
from neurofa.models import dfc, fa

from neurofa import ExperimentError
from neurofa.base import files as writing
from neurofa.runs import experiment
from neurofa.runs.experiment import Run, print_table


@pytest.fixture
def run(tmp_path):
    return Run.start("digits", dict(seeds=3, quick=False), [fa.RULE, dfc.RULE], tmp_path)


@pytest.fixture
def data():
    return xarray.Dataset(
        {"cost": (("rule", "epoch"), np.arange(6.0).reshape(2, 3))},
        dict(rule=["FA", "DFC"]),
        attrs=dict(task="digits"),
    )


@pytest.fixture
def same_second(monkeypatch):
    """The clock stands still."""

    class Still(datetime):
        @classmethod
        def now(cls):
            return cls(2024, 5, 6, 7, 8, 9)

    monkeypatch.setattr(experiment, "datetime", Still)


def files(run):
    return sorted(p.name for p in run.folder.iterdir())


# --- folders ---
def test_a_folder_is_called_after_the_experiment_and_the_time(run, tmp_path):
    assert run.folder.parent == tmp_path
    stamp = re.fullmatch(r"digits-(\d{8}-\d{6})", run.folder.name)[1]
    assert abs((datetime.now() - datetime.strptime(stamp, "%Y%m%d-%H%M%S")).total_seconds()) < 60
    assert files(run) == ["provenance.json"]


def test_runs_of_one_second_have_folders_of_their_own(tmp_path, same_second):
    names = [Run.start("digits", {}, out=tmp_path).folder.name for _ in range(3)]
    assert names == [
        "digits-20240506-070809",
        "digits-20240506-070809-1",
        "digits-20240506-070809-2",
    ]


def test_folders_above_are_made(tmp_path):
    assert Run.start("digits", {}, out=tmp_path / "a" / "b").folder.parent == tmp_path / "a" / "b"


@pytest.mark.parametrize("out", ["file", "file/below", "link"])
def test_a_place_that_cannot_be_written(tmp_path, out):
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "gone" / "away")
    with pytest.raises(ExperimentError, match=f"{out}'.*--out"):
        Run.start("digits", {}, out=tmp_path / out)


# --- where it comes from ---
def test_provenance(run):
    found = run.provenance
    assert found["experiment"] == "digits" and found["parameters"] == dict(seeds=3, quick=False)
    assert abs((datetime.now() - datetime.fromisoformat(found["started"])).total_seconds()) < 60
    assert found["rules"] == [str(fa.RULE), str(dfc.RULE)]
    for package in ("neurofa", "brian2", "numpy", "scipy", "xarray"):
        assert found["versions"][package] == version(package)
    assert found["versions"]["python"] == ".".join(map(str, sys.version_info[:3]))
    noted = json.loads((run.folder / "provenance.json").read_text())
    assert noted.pop("digest") and noted == found


def test_the_command_can_be_given_again(tmp_path, monkeypatch):
    arguments = ["neurofa", "run", "digits", "--rule", "my rules/mine.py"]
    monkeypatch.setattr(sys, "argv", arguments)
    assert shlex.split(Run.start("digits", {}, out=tmp_path).provenance["command"]) == arguments


def test_two_forms_of_one_rule_are_both_kept(tmp_path):
    forms = [fa.RULE.but(eta=0.125), fa.RULE.but(eta=0.625)]
    text = json.dumps(Run.start("digits", {}, forms, tmp_path).provenance["rules"])
    assert "eta = 0.125" in text and "eta = 0.625" in text


def test_parameters_of_any_kind_can_be_noted(tmp_path):
    parameters = Run.start(
        "digits", dict(path=Path("a/b"), eta=np.float64(0.1), sizes=(4, 2)), out=tmp_path
    ).provenance["parameters"]
    assert (
        parameters["path"] == "a/b"
        and float(parameters["eta"]) == 0.1
        and parameters["sizes"] == [4, 2]
    )


# --- finding a run ---
def test_a_run_is_opened_by_path_or_name(run, tmp_path):
    for path, out in (
        (run.folder, "elsewhere"),
        (str(run.folder), "elsewhere"),
        (run.folder.name, tmp_path),
    ):
        found = Run.open(path, out)
        assert found.folder.resolve() == run.folder.resolve() and found.provenance == run.provenance


def test_an_unknown_run(run, tmp_path):
    (tmp_path / "no-run").mkdir()
    with pytest.raises(ExperimentError) as caught:
        Run.open(run.folder.name[:-1], tmp_path)
    message = str(caught.value)
    assert (
        f"There is no run '{run.folder.name[:-1]}'" in message
        and f"Did you mean '{run.folder.name}'?" in message
    )
    assert "no-run" not in message


def test_no_runs_at_all(tmp_path):
    with pytest.raises(ExperimentError, match="There is no run 'digits'.*none"):
        Run.open("digits", tmp_path / "missing")


# --- data and figures ---
def test_data_come_back(run, data):
    run.save(data)
    assert files(run) == ["data.nc", "provenance.json"]
    assert Run.open(run.folder).load().identical(data)
    with xarray.open_dataset(run.folder / "data.nc") as plain:
        assert plain.load().identical(data)


def test_data_are_read_from_the_file_as_they_are_asked_for(run, data):
    run.save(data)
    with run.read() as stored:
        assert float(stored.cost[1, 2]) == 5 and stored.identical(data)
    with pytest.raises(ExperimentError, match="more.nc cannot be read"):
        run.read("more.nc")


def test_data_under_another_name(run, data):
    run.save(data, "more.nc")
    run.save(data + 1, "more.nc")
    assert run.load("more.nc").equals(data + 1)


@pytest.mark.parametrize(
    "content", [None, b"", b"not a netCDF file"], ids=["missing", "empty", "text"]
)
def test_data_that_cannot_be_read(run, content):
    if content is not None:
        (run.folder / "data.nc").write_bytes(content)
    with pytest.raises(ExperimentError, match="data.nc cannot be read"):
        run.load()


def test_data_survive_a_failing_write(run, data, monkeypatch):
    run.save(data)

    def failing(file, data):
        file.write(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing, "_write", failing)
    with pytest.raises(ExperimentError, match="data.nc cannot be written: No space left"):
        run.save(data + 1)
    assert run.load().identical(data)
    assert files(run) == ["data.nc", "provenance.json"]  # no half of a file is left behind


def test_json_is_written_whole_or_not_at_all(run):
    run.write_json("more.json", dict(a=1))
    circle = {}
    circle["self"] = circle
    with pytest.raises(ValueError):
        run.write_json("more.json", circle)
    assert json.loads((run.folder / "more.json").read_text())["a"] == 1


def test_provenance_that_cannot_be_read(run):
    (run.folder / "provenance.json").write_text("{")
    with pytest.raises(ExperimentError, match="provenance.json"):
        run.provenance


def test_figures_are_png_and_pdf(run):
    figure = Figure(figsize=(2, 1))
    figure.subplots().plot([0, 1], [0, 1])
    path = run.save_figure(figure, "curves")
    assert path == run.folder / "curves.png"
    assert files(run) == ["curves.pdf", "curves.png", "provenance.json"]
    assert (
        path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
        and (run.folder / "curves.pdf").read_bytes()[:5] == b"%PDF-"
    )
    assert image.imread(path).shape[:2] == (200, 400)  # 200 dots per inch


# --- tables ---
def printed(capsys, *arguments):
    print_table(*arguments)
    return capsys.readouterr().out.splitlines()


def test_a_table_shows_its_title_columns_and_rows(capsys):
    lines = printed(
        capsys, "Digits, 3 seeds", ["rule", "accuracy (%)"], [["FA", "96.5"], ["frozen", 8.25]]
    )
    assert lines[0].strip() == "Digits, 3 seeds"
    text = "\n".join(lines)
    assert all(word in text for word in ("rule", "accuracy (%)", "FA", "96.5", "frozen", "8.25"))


def test_numbers_stand_flush_right_and_words_flush_left(capsys):
    lines = printed(
        capsys,
        "t",
        ["rule", "number", "word"],
        [["FA", "96.5", "a"], ["frozen", "-8", "bcd"], ["DFC", "", "ef"]],
    )

    def end(word):
        line = next(line for line in lines if f" {word} " in line)
        return line.index(f" {word} ") + 1, line.index(f" {word} ") + 1 + len(word)

    assert end("96.5")[1] == end("-8")[1]
    assert end("a")[0] == end("bcd")[0] == end("ef")[0]
    assert end("FA")[0] == end("frozen")[0]


def test_a_wide_table_is_not_cut_where_there_is_no_terminal(capsys):
    row = ["a rule with a long name", *(f"{k}{k}{k}.{k}" for k in range(1, 9))]
    lines = printed(capsys, "t", [f"column {k}" for k in range(9)], [row])
    assert any(all(cell in line for cell in row) for line in lines)


def test_brackets_are_text(capsys):
    text = "\n".join(
        printed(capsys, "v [mV]", ["variable", "time [ms]"], [["hidden1.v[a]", "[/] 1"]])
    )
    assert "v [mV]" in text and "time [ms]" in text and "hidden1.v[a]" in text and "[/] 1" in text


def test_a_table_without_rows(capsys):
    assert "rule" in "\n".join(printed(capsys, "t", ["rule", "number"], []))


def doubled(number, seed):
    """A cell."""
    return dict(double=2 * number + seed, curve=[seed, number])


def test_cells_become_a_table_and_a_figure_of_what_was_saved(tmp_path, capsys, one_process):
    run = Run.start_or_resume("digits", dict(numbers=[1, 2]), out=tmp_path)
    cells, seen = [dict(number=n, seed=s) for n in (1, 2) for s in (0, 1)], []
    data = run.collect(doubled, cells, ("number", "seed"), progress=False, curve="epoch")

    def plot(saved):
        seen.append(saved)
        return Figure()

    run.finish(data, lambda saved: print(saved.double.values.tolist()), plot)
    assert seen[0].identical(run.load()) and seen[0].curve.dims == ("number", "seed", "epoch")
    said = capsys.readouterr().out
    assert "[[2.0, 3.0], [4.0, 5.0]]" in said and "digits.png" in said and "Minutes: 0." in said
