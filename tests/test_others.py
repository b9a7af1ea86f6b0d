"""Rules of other packages: listed, looked up, checked and trained as those of the shelf; and their
tasks."""

import sys
import warnings

import numpy as np
import pytest
from neurofa.experiments import steady_state
from neurofa.models import golden
from neurofa.models.golden import common
from typer.testing import CliRunner

from neurofa import Learner, Network, RuleError, TaskError, lookup, tasks, train
from neurofa.base import others
from neurofa.runs.cli import app

RULE = '''
"""Half: feedback alignment whose feedback is half as strong."""
from neurofa.models import fa
from neurofa.models.golden import golden
from neurofa.models.golden.common import circuit, play
from neurofa.pathways import normal

RULE = fa.RULE.but(name="half", reference="a test").through(normal(0.5), "B")
TUNED = {"digits": dict(eta=0.003, optimiser="adam")}


@golden("half")
def weights(model, target):
    net, x, y = circuit(model, target=target)
    play(net, x, y)
    delta = (1 - net["hidden2.r"]**2) * (net["output.delta"] @ net["B3"].T)
    yield "delta = closed form", abs(net["hidden2.delta"] - delta).max(), 1e-9
'''


def installed(folder, name="their-rules", kind="rules", **brought):
    """Make a package in `folder` that brings modules, {name: text}, as rules of their names, or what
    is in them as tasks."""
    information = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = [f"{one} = {module}" for one, (module, _) in brought.items()]
    (information / "entry_points.txt").write_text("\n".join([f"[neurofa.{kind}]", *lines]) + "\n")
    for module, text in brought.values():
        if text is not None:
            (folder / f"{module.partition(':')[0]}.py").write_text(text)
    return folder


@pytest.fixture
def path(monkeypatch, tmp_path):
    """Return a function that installs a package, for this test alone."""
    monkeypatch.setattr(common, "COMPARISONS", [*common.COMPARISONS])
    monkeypatch.setattr(golden, "COMPARISONS", common.COMPARISONS)
    others._say_that_it_is_left_out.cache_clear()

    def install(*names, **brought):
        for name, _ in (one for one in brought.values() if isinstance(one, tuple)):
            monkeypatch.delitem(sys.modules, name.partition(":")[0], raising=False)
        monkeypatch.syspath_prepend(installed(tmp_path, *names, **brought))

    return install


def test_without_such_packages_there_is_the_shelf_alone():
    assert lookup.other_names() == {}


def test_it_is_listed_checked_and_trained(path, target):
    path(half=("their_half", RULE))
    assert lookup.other_names() == {"half": "their-rules"}
    assert "half" not in lookup.model_names()
    said = CliRunner().invoke(app, ["models"], env={"COLUMNS": "200"}).stdout
    assert "Of other packages" in said and "their-rules" in said
    assert "half" in CliRunner().invoke(app, ["models", "half"]).stdout

    [comparison] = [one for one in golden.comparisons() if one.rule == "half"]
    checks = list(comparison.checks(target))
    assert len(checks) == 1 and all(check.holds for check in checks)

    rule, optimiser, trial, cost = lookup.tuned("digits", "half")
    assert optimiser == "adam" and rule.parameters["eta"] == 0.003
    x, y = np.random.default_rng(0).normal(size=(64, 4)), np.arange(64) % 3
    net = Network([4, 5, 3], rule, trials=32, cost=cost, target=target, seed=1)
    before = net["W1"].copy()
    train(Learner(net, trial, optimiser), tasks.Task(x, y), epochs=1, progress=False)
    assert abs(net["W1"] - before).max() > 0


def test_steady_state_prints_its_checks(path, monkeypatch):
    path(half=("their_half", RULE))
    monkeypatch.setattr(
        golden, "comparisons", lambda quick: [c for c in common.COMPARISONS if c.rule == "half"]
    )
    lookup.module("half")
    assert steady_state.run(progress=False).rule.values.tolist() == ["half"]


def test_one_that_cannot_be_imported_is_told_from_which_package(path):
    path(broken=("their_broken", "import nothing_of_this_name"), text=("math:pi", None))
    with pytest.raises(RuleError, match="'broken' of their-rules cannot be imported.*nothing_of"):
        lookup.rule("broken")
    with pytest.raises(RuleError, match="'text' of their-rules: math:pi is no module"):
        lookup.rule("text")
    with pytest.raises(RuleError, match="no model 'brokenn'.*Did you mean 'broken'"):
        lookup.rule("brokenn")


def test_a_name_of_the_shelf_stays_that_of_the_shelf(path):
    path(fa=("their_half", RULE))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert lookup.other_names() == {} and lookup.rule("fa").name == "FA"
    assert [
        "'fa' of another package (their_half) is left out" in str(w.message) for w in caught
    ] == [True]


def test_a_module_without_a_rule(path):
    path(none=("their_none", "x = 1"))
    with pytest.raises(RuleError, match="none defines no RULE = LearningRule"):
        lookup.rule("none")


TASK = """
import numpy as np
from neurofa.tasks import Task

def parity(bits=3):
    x = np.array([[n >> k & 1 for k in range(bits)] for n in range(2**bits)], float)
    return Task(x, x.sum(axis=1).astype(int) % 2, "parity")

def nothing():
    return None
"""


def test_a_task_of_another_package_is_made_by_its_name(path):
    path("their-tasks", "tasks", parity=("their_tasks:parity", TASK))
    found = tasks.task("parity", bits=4)
    assert found.name == "parity" and found.x.shape == (16, 4) and found.y.shape == (16, 2)
    with pytest.raises(TaskError, match="no task 'parit'.*Did you mean 'parity'"):
        tasks.task("parit")


def test_what_is_no_task_is_told_from_which_package(path):
    path(
        "their-tasks",
        "tasks",
        nothing=("their_tasks:nothing", TASK),
        digits=("their_tasks:parity", TASK),
        text=("math:pi", None),
        lost=("their_tasks:lost", TASK),
    )
    with pytest.raises(TaskError, match="'nothing' of their-tasks.*returns None"):
        tasks.task("nothing")
    with pytest.raises(TaskError, match="'text' of their-tasks: math:pi.*is 3.14"):
        tasks.task("text")
    with pytest.raises(TaskError, match="'lost' of their-tasks cannot be imported"):
        tasks.task("lost")
    assert tasks.task("digits").name == "digits"
