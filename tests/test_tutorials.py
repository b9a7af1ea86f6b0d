"""Tutorials use what is public, and their promises about data hold. `make docs` runs them."""

import ast
import importlib
import re
from pathlib import Path

import numpy as np
import pytest

import neurofa
from neurofa.tasks import Task

DOCS = Path(__file__).resolve().parents[1] / "docs"
TUTORIALS = sorted((DOCS / "tutorials").glob("*.py"))
PAGES = [DOCS / "start.md", *sorted(DOCS.glob("how/*.md")), *sorted(DOCS.glob("contributing/*.md"))]
FOR_USERS = {path.stem for path in Path(neurofa.__file__).parent.glob("[!_]*.py")} | {"models"}


def imports(path):
    """Return [(module, name)] of what a script imports of neurofa."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module.partition(".")[0] == "neurofa":
            found += [(node.module, alias.name) for alias in node.names]
        elif isinstance(node, ast.Import):
            assert not [a.name for a in node.names if a.name.startswith("neurofa")], path.name
    return found


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_it_imports_what_is_for_users(path):
    for module, name in imports(path):
        if module == "neurofa":
            assert name in neurofa.__all__ or name in FOR_USERS, name
        else:
            assert module.split(".")[1] in FOR_USERS, module
            found = importlib.import_module(module)
            public = getattr(found, "__all__", None)
            assert name in public if public else not name.startswith("_"), f"{module}.{name}"
            if not hasattr(found, name):
                importlib.import_module(f"{module}.{name}")


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_it_asks_first_and_says_what_to_try_next(path):
    text = path.read_text()
    assert re.search(r"\*\*[^*]+\?\*\*", ast.get_docstring(ast.parse(text)))
    assert "# What to try next\n" in text


@pytest.mark.parametrize("path", [*TUTORIALS, *PAGES], ids=lambda path: path.stem)
def test_what_it_refers_to_is_there(path):
    text = path.read_text()
    for target in re.findall(r"sphx_glr_generated_tutorials_(\w+)\.py", text):
        assert (DOCS / "tutorials" / f"{target}.py").exists(), target
    for name in re.findall(r"[:{](?:func|class|mod)[:}]`(neurofa[\w.]*)`", text):
        module, _, last = name.rpartition(".")
        assert hasattr(importlib.import_module(module), last), name
    if path.suffix == ".md":
        for link in re.findall(r"\]\(([^)#:]+)(?:#[\w-]+)?\)", text):
            assert (path.parent / link).exists(), link


class Tensor:
    """What a tensor of another library is to NumPy: an object that becomes an array when asked."""

    def __init__(self, values):
        self._values = np.asarray(values)

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self._values, dtype)

    def __len__(self):
        return len(self._values)


@pytest.mark.parametrize("kind", [Tensor, list, "table"])
def test_a_task_takes_what_numpy_takes(kind):
    x, labels = np.random.default_rng(0).normal(size=(6, 3)), np.array([0, 1, 2, 0, 1, 2])
    if kind == "table":
        pandas = pytest.importorskip("pandas")
        given = pandas.DataFrame(x, index=range(6, 12)), pandas.Series(labels, index=range(6, 12))
    else:
        given = kind(x.tolist()), kind(labels.tolist())
    task = Task(*given, "mine", *given, cost="cross_entropy")
    for inputs, targets in ((task.x, task.y), (task.x_test, task.y_test)):
        np.testing.assert_array_equal(inputs, x)
        np.testing.assert_array_equal(targets, np.eye(3)[labels])
