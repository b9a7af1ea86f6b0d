"""What users may import: every public name of neurofa, each once, under the name that they would write."""

import ast
import importlib
import inspect
import pkgutil
from pathlib import Path

import neurofa

PACKAGE = Path(neurofa.__file__).parent
EXTRA = ("brian.runners",)  # modules for users inside a package


def modules() -> list[str]:
    """Return the modules that are for users, such as "tasks"."""
    found = pkgutil.iter_modules(neurofa.__path__)
    return [m.name for m in found if not m.ispkg and not m.name.startswith("_")] + [*EXTRA]


def names(module: str) -> list[str]:
    """Return the public names of a module for users: what its `*` imports bring, without what these
    have only imported themselves. Names of `neurofa` itself are left out."""
    here = importlib.import_module(f"neurofa.{module}")
    sources = [importlib.import_module(f"neurofa.{name}") for name in _sources(module)]
    known = {id(getattr(neurofa, name)) for name in neurofa.__all__}
    return [
        name
        for source in sources
        for name in getattr(source, "__all__", _own(source))
        if hasattr(here, name) and id(getattr(here, name)) not in known
    ]


def _sources(module):
    """Return the modules of which a module for users imports everything."""
    tree = ast.parse((PACKAGE / f"{module.replace('.', '/')}.py").read_text())
    found = [n for n in tree.body if isinstance(n, ast.ImportFrom) and n.names[0].name == "*"]
    up = module.count(".")
    return [node.module for node in found if node.level == up + 1]


def _own(module):
    """Return what a module without `__all__` defines: functions and classes with a docstring."""
    return [
        name
        for name, one in vars(module).items()
        if not name.startswith("_")
        and (inspect.isfunction(one) or inspect.isclass(one))
        and one.__module__ == module.__name__
    ]
