"""Every script in experiments/ at its smallest size: it runs, and its figure comes from the saved file alone."""

import inspect

import pytest

from neurofa import lookup
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
