"""Every script in experiments/ at its smallest size: it runs, and its figure comes from the saved
file alone."""

import inspect
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from neurofa import lookup
from neurofa.runs.experiment import Run

README = Path(lookup.experiment("digits").__file__).parent / "README.md"
MNIST = Path(__file__).resolve().parents[2] / "shared" / "data" / "mnist"


@pytest.fixture(scope="module", autouse=True)
def images():
    """Whether there are images: those that NEUROFA_MNIST names, or those beside the project."""
    with pytest.MonkeyPatch.context() as patch:
        if not os.environ.get("NEUROFA_MNIST") and MNIST.exists():
            patch.setenv("NEUROFA_MNIST", str(MNIST))
        yield bool(os.environ.get("NEUROFA_MNIST"))


@pytest.mark.subprocess
@pytest.mark.parametrize("name", lookup.experiment_names())
@pytest.mark.slow
def test_it_runs_and_draws_from_what_it_saved(name, tmp_path, capsys, images, one_process):
    if name in ("mnist", "wake_sleep") and not images:
        pytest.skip("MNIST is not at hand: NEUROFA_MNIST names no folder")
    module = lookup.experiment(name)
    options = dict(quick=True, out=tmp_path)
    if "progress" in inspect.signature(module.main).parameters:
        options["progress"] = False
    module.main(**options)
    run = Run.open(next(tmp_path.iterdir()))
    assert run.provenance["experiment"] == name
    assert (
        list(run.folder.glob("*.nc"))
        and list(run.folder.glob("*.png"))
        and list(run.folder.glob("*.pdf"))
    )
    assert not list(run.folder.glob("*.unfinished"))
    assert len(capsys.readouterr().out.splitlines()) > 4


@pytest.mark.parametrize("name", lookup.experiment_names())
def test_it_says_what_it_asks_how_long_it_takes_and_how_to_run_it(name):
    documented = lookup.experiment(name).__doc__
    assert documented.splitlines()[0].endswith("?")
    assert f"neurofa run {name}" in documented
    assert "minute" in documented or "second" in documented


def test_target_alignment_is_what_theory_says(monkeypatch):
    module = lookup.experiment("target_alignment")
    monkeypatch.setattr(module, "SAMPLES", 2)
    found = [module.learn(model, 3, 0) for model in module.MODELS]
    for one in found:
        assert abs(one["alignment"] - one["theory"]) < 1e-4
    bp, fa, coding, dtp = (one["alignment"] for one in found)
    assert fa < bp < coding < dtp and dtp > 1 - 1e-9


@pytest.mark.subprocess
@pytest.mark.slow
def test_an_interrupted_run_keeps_what_it_had(tmp_path, capsys, one_process):
    """Ctrl-C reaches all processes; the same run goes on, without doing again what was
    finished."""
    flags = "--models bp,fa --seeds 2 --epochs 2 --jobs 1 --no-progress"
    with subprocess.Popen(
        [sys.executable, "-m", "neurofa.experiments.digits", *flags.split()],
        start_new_session=True,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # ignored in the background
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        until = time.monotonic() + 120
        while not list(tmp_path.glob("runs/*/cells/*.json")) and time.monotonic() < until:
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        said = process.communicate()[0]
    [folder] = tmp_path.glob("runs/*")
    finished = {path: path.stat().st_mtime_ns for path in folder.glob("cells/*.json")}
    assert (
        process.returncode != 0
        and "Interrupted: what is finished is kept" in said
        and "Traceback" not in said
        and 1 <= len(finished) < 4
    )
    lookup.experiment("digits").main(
        "bp,fa", seeds=2, epochs=2, jobs=1, out=tmp_path / "runs", progress=False
    )
    assert "digits.png" in capsys.readouterr().out and [*tmp_path.glob("runs/*")] == [folder]
    assert len(list(folder.glob("cells/*.json"))) == 4 and all(
        path.stat().st_mtime_ns == at for path, at in finished.items()
    )
    assert Run.open(folder).load().test_accuracy.notnull().all()


@pytest.mark.subprocess
@pytest.mark.slow
def test_a_rule_that_diverges_does_not_stop_the_others(tmp_path, capfd):
    """The rule is a file of its own, for trainings run in processes of their own."""
    (tmp_path / "wild.py").write_text(
        "from neurofa.models import fa\n"
        "RULE = fa.RULE.but(name='wild', neuron=fa.RULE.neuron.replace('-v +', 'v**3 + 1 +'))\n"
    )
    lookup.experiment("digits").main(
        models=f"{tmp_path / 'wild.py'},fa",
        seeds=1,
        epochs=2,
        jobs=1,
        out=tmp_path / "runs",
        progress=False,
    )
    data = Run.open(next((tmp_path / "runs").iterdir())).load()
    assert data.rule.values.tolist() == ["wild", "FA"]
    done = data.test_accuracy.notnull().values
    assert not done[0].any() and done[1].all()
    said = capfd.readouterr()
    assert "wild.py, seed 0: " in said.err
    [wild, fa] = [line for line in said.out.splitlines() if line.startswith(("│ wild", "│ FA"))]
    assert "diverged" in wild and "diverged" not in fa


def test_the_readme_lists_every_script_with_its_question():
    rows = README.read_text().splitlines()
    for name in lookup.experiment_names():
        [row] = [row for row in rows if row.startswith(f"| `{name}.py` |")]
        assert (
            lookup.experiment(name).__doc__.splitlines()[0] in row
            and f"`neurofa run {name}`" in row
        )


def test_figures_of_the_readme_are_there_and_small():
    shown = [
        line.split("(")[1].rstrip(")")
        for line in README.read_text().splitlines()
        if line.startswith("![")
    ]
    assert {Path(name).stem for name in shown} == set(lookup.experiment_names())
    assert all((README.parent / name).stat().st_size < 100_000 for name in shown)
