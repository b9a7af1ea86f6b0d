"""The types that the package promises to others (py.typed): all that is public has them, and a
script that is checked against an installed wheel is told of its mistakes, and of nothing else."""

import importlib
import inspect
import os
import pkgutil
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

import neurofa

ROOT = Path(__file__).resolve().parents[1]
MODULES = [
    one.name
    for one in pkgutil.iter_modules(neurofa.__path__)
    if not one.ispkg and not one.name.startswith("_")
]
SCRIPT = """
import neurofa
import numpy as np
from brian2 import ms
from neurofa import Learner, Network, NetworkError, Recorder, Trial, analysis, lessons, plot, predict, present, tasks, train
from neurofa.activations import Activation
from neurofa.models import dfc, fa
from neurofa.pathways import delayed, sparse
from neurofa.tasks import Task

task = tasks.digits()
rule = fa.RULE.but(eta=0.3).through(sparse(0.5), "B").through(delayed(20 * ms))
net = Network([64, 30, 10], rule, trials=32, activation=Activation("half", "0.5*x"), seed=1)
learner = Learner(net, Trial(dt=10 * ms))
history = train(learner, task, epochs=1)
accuracy: float = history.test_accuracy[-1]
angle: float = analysis.alignment(net["W2"], net["B1"])
recorder = Recorder(["hidden1.r"])
results = present(learner, task.x[:32], task.y[:32], learn=False, record=recorder)
for done, results in lessons(learner, [(task.x[:32], task.y[:32])]):
    settled: bool = all(result.phase == "free" for result in results)
figure, axes = plot.figure()
plot.traces(recorder.recording(), "hidden1.r", trial=0, axes=axes)
figure.savefig("r.png")
rates: np.ndarray = predict(learner, task.x)
"""
MISTAKES = {  # what a line says, and what is said of it
    'train(net, "digits", epochs=1)': "arg-type",
    "Network([64, 10], fa.RULE, trails=3)": "call-arg",
    "net.waights": "attr-defined",
    "word: str = analysis.angle(rates, rates)": "assignment",
    "neurofa.Netwerk([64, 10], fa.RULE)": "operator",
}


def public():
    """Yield (where, function, whether its first parameter is left out) of all that is public."""
    objects = [(name, getattr(neurofa, name)) for name in neurofa.__all__]
    for module in (importlib.import_module(f"neurofa.{name}") for name in MODULES):
        objects += [
            (f"{module.__name__}.{name}", one)
            for name, one in vars(module).items()
            if not name.startswith("_") and getattr(one, "__module__", "").startswith("neurofa")
        ]
    for where, one in objects:
        if inspect.isfunction(one):
            yield where, one, False
        if inspect.isclass(one):
            for name, method in vars(one).items():
                method = getattr(method, "fget", getattr(method, "__func__", method))
                if inspect.isfunction(method) and method.__module__.startswith("neurofa"):
                    if not name.startswith("_") or name in ("__init__", "__call__"):
                        yield f"{where}.{name}", method, True


def test_all_that_is_public_has_types():
    without = {}
    for where, function, bound in public():
        signature = inspect.signature(function)
        parameters = [*signature.parameters.values()][bound:]
        missing = [one.name for one in parameters if one.annotation is one.empty]
        if signature.return_annotation is signature.empty and not where.endswith("__init__"):
            missing.append("return")
        if missing:
            without[where] = missing
    assert not without


@pytest.fixture(scope="module")
def user(tmp_path_factory):
    """Return a function that checks a script in an environment in which a wheel is installed."""
    pytest.importorskip("setuptools")
    pytest.importorskip("mypy")
    folder = tmp_path_factory.mktemp("user")
    tree = folder / "tree"
    kept = shutil.ignore_patterns("__pycache__", "figures", "runs")
    for name in ("neurofa", "models", "experiments"):
        ignore = kept if name != "neurofa" else shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, tree / name, ignore=ignore)
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree / name)
    code = "import setuptools.build_meta as b; b.build_wheel('..')"
    subprocess.run([sys.executable, "-c", code], cwd=tree, check=True, capture_output=True)
    venv = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    paths = dict(base=str(venv), platbase=str(venv))
    site = Path(sysconfig.get_path("purelib", "venv", paths))
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        wheel.extractall(site)
    # NumPy and all others are those of this environment, but for this package
    (site / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    python = Path(sysconfig.get_path("scripts", "venv", paths)) / Path(sys.executable).name

    def check(text, *flags):
        script = folder / "script.py"
        script.write_text(text)
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "mypy",
                "--python-executable",
                str(python),
                "--ignore-missing-imports",
                *flags,
                script.name,
            ],
            cwd=folder,
            capture_output=True,
            text=True,
            env=os.environ | {"MYPYPATH": ""},
        )
        assert "usage:" not in done.stderr, done.stderr
        return done.stdout

    return check


@pytest.mark.slow
@pytest.mark.subprocess
def test_a_script_without_mistakes_is_told_of_none_by_a_strict_checker(user):
    said = user(SCRIPT, "--strict", "--disable-error-code=type-arg")
    assert "Success" in said, said


@pytest.mark.slow
@pytest.mark.subprocess
def test_mistakes_are_found_and_nothing_else(user):
    said = user(SCRIPT + "\n".join(MISTAKES))
    first = len(SCRIPT.splitlines()) + 1
    for number, (line, code) in enumerate(MISTAKES.items(), first):
        assert any(
            f"script.py:{number}:" in one and f"[{code}]" in one for one in said.splitlines()
        ), (line, said)
    assert f"Found {len(MISTAKES)} errors" in said, said
