"""Every script in experiments/ at its smallest size: it runs, and its figure comes from the saved file alone."""

import inspect
from pathlib import Path

import numpy as np
import pytest

from neurofa import Diverged, History, lookup, train
from neurofa.experiment import Run


@pytest.mark.parametrize("name", lookup.experiment_names())
def test_it_runs_and_draws_from_what_it_saved(name, tmp_path, capsys):
    module = lookup.experiment(name)
    options = dict(quick=True, out=tmp_path)
    if "progress" in inspect.signature(module.main).parameters:
        options["progress"] = False
    module.main(**options)
    run = Run.open(next(tmp_path.iterdir()))
    assert run.provenance["experiment"] == name
    assert list(run.folder.glob("*.nc")) and list(run.folder.glob("*.png")) and list(run.folder.glob("*.pdf"))
    assert not list(run.folder.glob("*.unfinished"))
    assert len(capsys.readouterr().out.splitlines()) > 4


@pytest.mark.parametrize("name", lookup.experiment_names())
def test_it_says_what_it_asks_how_long_it_takes_and_how_to_run_it(name):
    documented = lookup.experiment(name).__doc__
    assert documented.splitlines()[0].endswith("?")
    assert f"neurofa run {name}" in documented
    assert "minute" in documented or "second" in documented


@pytest.mark.parametrize("where", ["within a training", "between two"])
def test_an_interrupted_run_keeps_what_it_had(where, tmp_path, monkeypatch, capsys):
    digits, calls = lookup.experiment("digits"), []

    def trained(*arguments, **options):
        calls.append(arguments)
        if len(calls) < 3:
            return train(*arguments, **options)
        if where == "between two":
            raise KeyboardInterrupt
        return History([0], [np.nan], [2.3], [0.1], [np.nan], interrupted=True)

    monkeypatch.setattr(digits, "train", trained)
    digits.main(models="bp,fa", seeds=2, epochs=1, out=tmp_path, progress=False)
    data = Run.open(next(tmp_path.iterdir())).load()
    assert data.attrs["interrupted"] == 1 and len(calls) == 3
    done = np.isfinite(data.test_accuracy.values)
    assert done[0].all() and not done[1, 1].any() and done[1, 0].sum() == (where == "within a training")
    assert "Interrupted" in capsys.readouterr().out


def test_a_rule_that_diverges_does_not_stop_the_others(tmp_path, monkeypatch, capsys):
    digits = lookup.experiment("digits")

    def trained(net, *arguments, **options):
        if net.rule.name == "BP":
            problem = Diverged("hidden1 left the finite numbers")
            problem.history = History()
            raise problem
        return train(net, *arguments, **options)

    monkeypatch.setattr(digits, "train", trained)
    digits.main(models="bp,fa", seeds=1, epochs=1, out=tmp_path, progress=False)
    done = np.isfinite(Run.open(next(tmp_path.iterdir())).load().test_accuracy.values)
    assert not done[0].any() and done[1].all()
    assert "BP, seed 0: hidden1" in capsys.readouterr().err


def test_the_readme_lists_every_script_with_its_question():
    rows = (Path(lookup.experiment("digits").__file__).parent / "README.md").read_text().splitlines()
    for name in lookup.experiment_names():
        [row] = [row for row in rows if row.startswith(f"| `{name}.py` |")]
        assert lookup.experiment(name).__doc__.splitlines()[0] in row and f"`neurofa run {name}`" in row
