"""The command line: what it prints, what it imports, how it ends."""

import json
import os
import subprocess
import sys
import types
from pathlib import Path
from typing import Annotated

import numpy as np
import pytest
import typer
import xarray
from brian2 import ms
from matplotlib.figure import Figure
from typer.testing import CliRunner

import neurofa
from neurofa import Learner, Network, Snapshots, Trial, present
from neurofa.base.errors import RuleError
from neurofa.data.recording import Recording
from neurofa.figures import drawings
from neurofa.learning.schedules import every
from neurofa.runs import lookup
from neurofa.runs.cli import app
from neurofa.runs.experiment import Run


def invoke(*arguments, code=0):
    """Run the command line in this process, check its exit code and that no exception escaped, and
    return the result."""
    result = CliRunner().invoke(app, [str(a) for a in arguments], env={"COLUMNS": "200"})
    assert result.exit_code == code, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def refused(*arguments):
    """Run a command that must fail; check that it says so in one paragraph, and return that."""
    result = invoke(*arguments, code=1)
    assert result.stdout == "" and "Traceback" not in result.stderr
    assert (
        result.stderr.startswith("neurofa: ")
        and result.stderr.endswith((".\n", "?\n"))
        and result.stderr.count("\n") == 1
    )
    return result.stderr


@pytest.fixture
def fake(monkeypatch):
    """An experiment 'fake' in place of those in experiments/; `calls` notes what was done with
    it."""
    module = types.ModuleType("fake", "Is this a question?\n\nSome seconds:  neurofa run fake")
    module.calls = []

    def main(seeds: Annotated[int, typer.Option(help="How many.")] = 3, quick: bool = False):
        module.calls.append((seeds, quick))

    def plot(data):
        getattr(data, "dataset", data).load()  # a figure is drawn while the file is open
        module.calls.append(data)
        return Figure()

    module.main, module.plot = main, plot
    monkeypatch.setattr(lookup, "experiment", {"fake": module}.__getitem__)
    return module


def saved(tmp_path, **files):
    """Return a run of 'fake' in tmp_path/runs that holds `files` as data sets."""
    run = Run.start("fake", dict(seeds=3, quick=False), [lookup.rule("fa")], tmp_path / "runs")
    for name, dataset in files.items():
        run.save(dataset, f"{name}.nc")
    return run


def curves():
    return xarray.Dataset({"accuracy": (("seed", "epoch"), np.ones((3, 2)), {"units": "%"})})


# --- help ---


def test_help_lists_the_commands():
    for arguments in ((), ("--help",)):
        output = CliRunner().invoke(app, arguments).output
        assert all(f" {command} " in output for command in ("models", "run", "show", "bench"))


# --- models ---


def test_models_lists_every_rule():
    output = invoke("models").stdout
    for name in lookup.model_names():
        rule = lookup.rule(name)
        assert name in output and all(word in output for word in rule.name.split())
        assert all(pathway.name + ":" in output for pathway in rule.pathways)


def test_a_model_is_printed_as_it_is_written_and_leaves_no_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert invoke("models", "dfc").stdout == f"{lookup.rule('dfc')}\n"
    assert not list(tmp_path.iterdir())
    assert all(
        part in invoke("models", "fa").stdout
        for part in ("Lillicrap", "dv/dt = ", "tau_v = 10. ms", "w += ")
    )


def test_a_model_is_drawn_to_an_image(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert invoke("models", "dfc", "--image", "circuit.png").stdout.endswith(
        "The circuit: circuit.png\n"
    )
    assert (tmp_path / "circuit.png").read_bytes()[:4] == b"\x89PNG" and len(
        list(tmp_path.iterdir())
    ) == 1


@pytest.mark.parametrize(
    "arguments, said",
    [
        (("dfc", "--image", "no/folder.png"), "cannot be written"),
        (("dfc", "--image", "circuit.doc"), "no picture"),
        (("--image", "x.png"), "Give the model"),
    ],
)
def test_an_image_that_cannot_be(arguments, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert said in invoke("models", *arguments, code=1).stderr


def test_the_version():
    assert invoke("--version").stdout == f"neurofa {neurofa.__version__}\n"


def test_a_file_is_a_model_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "mine.py"
    path.write_text('from neurofa.models import fa\nRULE = fa.RULE.but(name="mine")\n')
    assert invoke("models", path).stdout.startswith("mine (")
    path.write_text(
        'from neurofa.models import fa\nRULE = fa.RULE.but(neuron="dv/dt = -w / tau_v : 1")\n'
    )
    assert "neurofa: RuleError: " in refused("models", path)


def test_an_unknown_model_is_answered_with_the_valid_ones():
    message = refused("models", "dfcc")
    assert (
        message.startswith("neurofa: RuleError: There is no model 'dfcc'. Valid models: ")
        and "'dfc'?" in message
    )


def test_traceback_on_request():
    result = CliRunner().invoke(app, ["--traceback", "models", "dfcc"])
    assert isinstance(result.exception, RuleError) and result.stderr == ""


def test_ctrl_c(monkeypatch):
    def stop():
        raise KeyboardInterrupt

    monkeypatch.setattr(lookup, "model_names", stop)
    assert invoke("models", code=130).stderr == "neurofa: Stopped by Ctrl-C before the end.\n"


@pytest.mark.subprocess
@pytest.mark.slow
def test_the_process_ends_without_a_traceback(script):
    done = script("from neurofa.runs.cli import app; app()", "models", "nothing")
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("neurofa: RuleError: ") and done.stderr.count("\n") == 1


# --- run ---


def test_experiments_are_listed_but_not_imported(monkeypatch):
    monkeypatch.setattr(lookup, "experiment", lambda name: pytest.fail(f"{name} was imported"))
    for arguments in (["run"], ["run", "--help"]):
        output = invoke(*arguments).stdout
        for name in lookup.experiment_names():
            source = Path(lookup.__file__).parents[2] / "experiments" / f"{name}.py"
            assert name in output
            assert source.read_text().splitlines()[0].strip('"') in output or "--help" in arguments


def test_flags_of_an_experiment(fake):
    output = invoke("run", "fake", "--help").stdout
    assert all(
        text in output
        for text in (
            "Is this a question?",
            "Some seconds:",
            "--seeds",
            "How many.",
            "--quick",
            "fake",
        )
    )
    assert fake.calls == []
    assert invoke("run", "fake", "--seeds", 5, "--quick").stdout == ""
    assert invoke("run", "fake").stdout == "Some seconds, if no flag says otherwise.\n"
    assert fake.calls == [(5, True), (3, False)]
    assert invoke("run", "fake", "--sedes", 5, code=2).stdout == "" and len(fake.calls) == 2


def test_every_experiment_has_flags():
    for name in lookup.experiment_names():
        assert "--out" in invoke("run", name, "--help").stdout


def test_an_unknown_experiment_is_answered_with_the_valid_ones():
    message = refused("run", "digitz", "--quick")
    assert message.startswith(
        "neurofa: ExperimentError: There is no experiment 'digitz'. Valid experiments: "
    )
    assert message.endswith("Did you mean 'digits'?\n")


WITHOUT_DOCSTRINGS = """
import sys
from neurofa.runs.cli import app
for arguments in (["run"], ["run", "compare", "--help"], ["run", "delays", "--help"]):
    sys.argv[1:] = arguments
    try:
        app()
    except SystemExit as end:
        print("ended with", end.code)
"""


@pytest.mark.subprocess
@pytest.mark.slow
def test_experiments_are_found_where_python_leaves_docstrings_out(kept):
    """python -OO. Its bytecode is kept in a cache, even where none may be written beside sources."""
    command = [sys.executable, "-OO", "-c", WITHOUT_DOCSTRINGS]
    environ = os.environ | dict(PYTHONPYCACHEPREFIX=str(kept("bytecode")))
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(command, capture_output=True, text=True, env=environ)
    assert done.returncode == 0, done.stderr
    *said, rest = done.stdout.split("ended with 0\n")
    assert len(said) == 3 and rest == "" and all("?" in output for output in said), done.stderr


REFUSED = {
    "a model twice": (["digits", "--models", "fa,fa"], "'fa' is given twice"),
    "with spaces": (["compare", "--models", "fa, dfc, fa"], "'fa' is given twice"),
    "no model": (["digits", "--models", ","], "at least one model"),
    "no such model": (["compare", "--models", "fa,dfcc"], "There is no model 'dfcc'"),
    "two rules of a name": (["digits", "--rule", "{mine}"], "both call themselves 'BP'"),
    "a pathway twice": (
        ["compare", "--pathway", "sparse(0.5)", "--pathway", "sparse(0.5)"],
        "given twice",
    ),
    "the intact one": (["compare", "--pathway", "intact"], "always there"),
    "a task without settings": (["compare", "--task", "mnist"], "Give one that does: digits"),
    "another such task": (["compare", "--task", "delays"], "Give one that does: digits"),
    "no such setting": (["mnist", "--setting", "nosuch"], "Valid settings: control, half, sleep"),
    "sizes": (["digits", "--sizes", "64,x,10"], "whole numbers separated by commas"),
    "other ends": (["digits", "--sizes", "784,30,10"], "64 inputs and 10 outputs"),
    "an activation": (["digits", "--activation", "tanhh"], "Did you mean 'tanh'?"),
    "an activation too many": (
        ["digits", "--activation", "relu,tanh,relu"],
        "this network has 2 hidden layers. Give 2",
    ),
    "an optimiser": (["digits", "--optimiser", "adamm"], "Did you mean 'adam'?"),
    "a learning rate": (["digits", "--eta", "nan"], "eta"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_run_is_said_before_anything_is_trained(case, tmp_path, monkeypatch):
    monkeypatch.setattr(Run, "collect", lambda *arguments, **options: pytest.fail("it was begun"))
    mine = tmp_path / "mine.py"
    mine.write_text("from neurofa.models import bp\nRULE = bp.RULE.but(eta=0.5)\n")
    arguments, said = REFUSED[case]
    result = invoke(
        "run", *(a.format(mine=mine) for a in arguments), "--out", tmp_path / "runs", code=1
    )
    assert said in result.stderr and not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    "flags",
    [
        ("digits", "--seeds", "0"),
        ("compare", "--epochs", "0"),
        ("apical", "--jobs", "0"),
        ("depth", "--updates", "-1"),
    ],
)
def test_counts_are_at_least_one(flags):
    assert f"Invalid value for '{flags[1]}'" in invoke("run", *flags, code=2).stderr


@pytest.mark.subprocess
@pytest.mark.slow
def test_two_processes_are_not_at_one_run(script, tmp_path):
    """They would train the same, and write the same files."""
    # in one process, as in a notebook
    both = [Run.start_or_resume("fake", dict(seeds=3), out=tmp_path) for _ in range(2)]
    for run in both:
        run.collect(dict, [], ())
    assert both[0].folder == both[1].folder
    begin = f"from neurofa.experiment import Run; Run.start_or_resume('fake', dict(seeds={{}}), out={str(tmp_path)!r})"
    done = script(begin.format(3))
    assert done.returncode == 1 and "Wait" in done.stderr
    assert "Another process is at this run already" in done.stderr
    # another question is nobody's business
    assert script(begin.format(4)).returncode == 0
    del both, run
    assert script(begin.format(3)).returncode == 0


# --- show ---


def test_a_run_is_shown_and_its_figure_drawn_again(fake, tmp_path):
    run = saved(tmp_path, data=curves())
    run.save_figure(Figure(), "curves")
    before = {path.name: path.stat().st_ino for path in run.folder.iterdir()}
    output = invoke("show", run.folder).stdout
    for text in (
        "fake",
        run.provenance["started"],
        run.provenance["command"],
        "seeds = 3, quick = false",
        "brian2 = ",
        "FA",
        "data.nc",
        "accuracy",
        "seed 3, epoch 2",
        "float64",
        "%",
        "curves.png",
    ):
        assert text in output
    assert [type(data) for data in fake.calls] == [xarray.Dataset]
    xarray.testing.assert_identical(fake.calls[0], curves())
    after = {path.name: path.stat().st_ino for path in run.folder.iterdir()}
    assert set(after) == set(before)
    assert {name for name in before if before[name] != after[name]} == {"curves.png", "curves.pdf"}


def test_without_a_figure_one_is_drawn_under_the_name_of_the_experiment(fake, tmp_path):
    run = saved(tmp_path, data=curves())
    invoke("show", run.folder)
    assert (run.folder / "fake.png").is_file()


def test_a_recording_is_drawn_as_a_recording(fake, tmp_path):
    phases = json.dumps([("free", 0, 10)])
    run = saved(
        tmp_path,
        trial=xarray.Dataset({"hidden1.v": ("time", np.zeros(3))}, attrs=dict(phases=phases)),
    )
    invoke("show", run.folder)
    assert isinstance(fake.calls[0], Recording) and fake.calls[0].phases == [("free", 0, 10)]


def test_of_several_files_the_figure_gets_those_it_names(fake, tmp_path):
    run = saved(tmp_path, data=curves(), traces=curves() * 2, unused=curves())
    fake.plot = lambda traces, data, title="": (
        fake.calls.append((traces.load(), data.load())) or Figure()
    )
    invoke("show", run.folder)
    assert (
        float(fake.calls[0][0].accuracy.max()) == 2 and float(fake.calls[0][1].accuracy.max()) == 1
    )


def test_a_run_without_its_data_cannot_be_drawn(fake, tmp_path):
    result = invoke("show", saved(tmp_path).folder, code=1)
    assert "no data.nc" in result.stderr and result.stderr.startswith("neurofa: ExperimentError: ")


def test_runs_are_listed_and_found_by_name(fake, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "There are no runs" in invoke("show").stdout
    run = saved(tmp_path, data=curves())
    output = invoke("show").stdout
    assert (
        run.folder.name in output and run.provenance["started"] in output and "seeds = 3" in output
    )
    assert run.provenance["command"] in invoke("show", run.folder.name).stdout
    assert f"Valid runs: {run.folder.name}." in refused("show", "nothing")


def trial(phases=10):
    """A made-up recording of so many phases of 2 ms: a rate with its target, a potential, and a
    residual."""
    time = np.arange(1.0, 2 * phases + 1)
    v = np.sin(time)[None, :, None] * np.ones((1, 1, 3))
    data = {
        name: (("trial", "time", "output_unit"), v, dict(units="1", name=name))
        for name in ("output.r", "output.target", "output.v")
    }
    residual = {
        "output.residual": (
            ("trial", "time"),
            np.exp(-time)[None],
            dict(units="1", name="output.residual"),
        )
    }
    spans = [(("free", "feedback")[k % 2], 2.0 * k, 2.0 * k + 2) for k in range(phases)]
    return xarray.Dataset(
        data | residual,
        dict(trial=[0], time=time, output_unit=[0, 1, 2]),
        dict(phases=json.dumps(spans)),
    )


def snapshots(model="fa"):
    """Snapshots of a small circuit before learning and after one update."""
    net = Network((4, 5, 3), lookup.rule(model), target="numpy")
    learner, taken = (
        Learner(net, Trial(dt=5 * ms, default=10 * ms)),
        Snapshots(every(1), probe=(np.ones((1, 4)), np.ones((1, 3)))),
    )
    for _ in range(2):
        taken.take(learner)
        present(learner, np.ones((1, 4)), np.ones((1, 3)))
    return taken.dataset


def learning():
    return (
        xarray.DataArray(
            np.random.default_rng(0).random((2, 3, 4)),
            dict(rule=["FA", "BP"]),
            ("rule", "seed", "epoch"),
        )
        .assign_coords(seed=[0, 1, 2], epoch=[0, 1, 2, 3])
        .to_dataset(name="test_accuracy")
    )


@pytest.mark.parametrize(
    "drawing, data",
    [("traces", trial), ("weights", snapshots), ("alignment", snapshots), ("learning", learning)],
)
def test_a_chosen_drawing(drawing, data, fake, tmp_path, monkeypatch):
    run = saved(tmp_path, file=data())
    monkeypatch.setattr(Run, "load", lambda *arguments: pytest.fail("a whole file was loaded"))
    output = invoke("show", run.folder, "--draw", drawing).stdout
    assert f"{drawing}.png" in output and "file.nc" in output and fake.calls == []
    assert {path.name for path in run.folder.iterdir()} == {
        "file.nc",
        "provenance.json",
        f"{drawing}.png",
        f"{drawing}.pdf",
    }


def test_several_drawings_of_several_files(fake, tmp_path):
    run = saved(tmp_path, data=learning(), bp=snapshots("bp"))
    invoke("show", run.folder, "--draw", "weights, learning")
    assert {path.name for path in run.folder.glob("*.png")} == {
        "weights-bp.png",
        "learning-data.png",
    }
    # the experiment's own is still called after it
    assert "fake.png" in invoke("show", run.folder).stdout


@pytest.mark.parametrize("phases, drawn", [(2, 2), (40, drawings.MOST_PHASES)])
def test_traces_are_those_of_the_last_phases(phases, drawn):
    figure = drawings.draw("traces", {"trial": trial(phases)})["traces"]
    panels = figure.axes
    assert [panel.get_ylabel() for panel in panels] == [
        "output.r",
        "output.v",
        "residual |τ dx/dt|",
    ]
    for panel in panels:
        assert sum(patch.get_gid() == "phase" for patch in panel.patches) == drawn
    line = panels[0].lines[0]
    assert line.get_xdata()[0] == 2 * (phases - drawn) + 1 and line.get_xdata()[-1] == 2 * phases
    # the target
    assert any(line.is_dashed() and len(line.get_xdata()) for line in panels[0].lines)


def test_alignment_draws_every_curve_that_there_is():
    def labels(model, data=lambda data: data):
        figure = drawings.draw("alignment", {"weights": data(snapshots(model))})["alignment"]
        return [axes.get_ylabel().splitlines()[0] for axes in figure.axes]

    assert labels("fa") == [
        "Angle to the transpose",
        "Sign agreement",
        "Angle to backprop",
        "Frobenius norm",
        "Effective rank",
    ]
    assert labels("bp") == ["Angle to backprop", "Frobenius norm", "Effective rank"]
    assert labels("bp", lambda data: data.drop_vars(["W1.change", "W2.change"])) == [
        "Frobenius norm",
        "Effective rank",
    ]


def test_a_drawing_that_cannot_be(fake, tmp_path):
    run = saved(tmp_path, data=learning())
    assert (
        "There is no drawing 'trace'. Valid drawings: alignment, learning, traces, weights. Did you mean 'traces'?"
        in refused("show", run.folder, "--draw", "learning,trace")
    )
    message = invoke("show", run.folder, "--draw", "weights", code=1).stderr
    assert (
        "nothing to draw weights from: that needs snapshots of weights. The run holds data.nc."
        in message
    )
    assert "Give the run" in refused("show", "--draw", "traces")


@pytest.mark.parametrize("text", ["{", "{}", "[]", "3"])
def test_provenance_that_cannot_be_read(text, tmp_path):
    (tmp_path / "provenance.json").write_text(text)
    assert "provenance.json cannot be read" in refused("show", tmp_path)
