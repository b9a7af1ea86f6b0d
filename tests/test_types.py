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
# what --strict adds for each module, as a checker has it that is not strict
NOT_STRICT = """
implicit_reexport = True
check_untyped_defs = False
disallow_any_generics = False
disallow_incomplete_defs = False
disallow_subclassing_any = False
disallow_untyped_calls = False
disallow_untyped_decorators = False
disallow_untyped_defs = False
extra_checks = False
strict_equality = False
warn_return_any = False
warn_unused_ignores = False
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


@pytest.fixture
def user(tmp_path, kept):
    """Return a function that checks a script in an environment in which a wheel is installed.

    What is known of the packages of others is kept: a checker asks itself whether they are as they
    were.
    """
    pytest.importorskip("setuptools")
    pytest.importorskip("mypy")
    command = [sys.executable, "-m", "mypy", "--python-executable", environment(tmp_path)]
    command += ["--cache-dir", kept("mypy")]

    def check(name, text, config):
        (tmp_path / name).write_text(text)
        (tmp_path / "mypy.ini").write_text(config)
        done = subprocess.run(
            [*command, "--config-file", "mypy.ini", name],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            env=os.environ | {"MYPYPATH": ""},
        )
        assert not done.stderr, done.stderr
        return done.stdout

    return check


def environment(folder):
    """Return the Python of a new environment in which a wheel of the tree is installed."""
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
    return Path(sysconfig.get_path("scripts", "venv", paths)) / Path(sys.executable).name


@pytest.mark.slow
@pytest.mark.subprocess
def test_a_script_is_told_of_its_mistakes_and_of_nothing_else(user):
    """One test, so that the packages of others are looked at once: a strict checker finds nothing in
    what has no mistakes; another, to which our package and the script are all that is new, finds
    what was mistaken."""
    strict = "[mypy]\nstrict = True\ndisable_error_code = type-arg\nignore_missing_imports = True\n"
    said = user("script.py", SCRIPT, strict)
    assert "Success" in said, said
    config = f"{strict}[mypy-mistaken,neurofa,neurofa.*]{NOT_STRICT}"
    said = user("mistaken.py", SCRIPT + "\n".join(MISTAKES), config)
    first = len(SCRIPT.splitlines()) + 1
    for number, (line, code) in enumerate(MISTAKES.items(), first):
        assert any(
            f"mistaken.py:{number}:" in one and f"[{code}]" in one for one in said.splitlines()
        ), (line, said)
    assert f"Found {len(MISTAKES)} errors" in said, said
