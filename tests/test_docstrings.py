"""Examples in docstrings of what is public print what they say."""

import doctest
import importlib
import inspect
import sys
from pathlib import Path

import numpy as np
import pytest
from brian2 import ms
from neurofa.models import fa

import neurofa

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "docs" / "_extensions"))
import public

BEFORE = {name: getattr(neurofa, name) for name in neurofa.__all__} | dict(np=np, ms=ms, fa=fa)
BEFORE |= {name: getattr(neurofa, name) for name in ("analysis", "plot", "tasks")}


def documented():
    """Return `{name: object}` of all that is public and has a docstring of its own."""
    found = {f"neurofa.{name}": getattr(neurofa, name) for name in neurofa.__all__}
    for module in public.modules():
        here = importlib.import_module(f"neurofa.{module}")
        found |= {f"neurofa.{module}.{name}": getattr(here, name) for name in public.names(module)}
    return {
        name: one for name, one in found.items() if inspect.isclass(one) or inspect.isroutine(one)
    }


WITH_EXAMPLE = {name: one for name, one in documented().items() if ">>>" in (one.__doc__ or "")}


@pytest.fixture
def names():
    """Return what the reference says that examples begin with."""
    pathways = importlib.import_module("neurofa.pathways")
    return BEFORE | {name: getattr(pathways, name) for name in public.names("pathways")}


@pytest.mark.parametrize("name", sorted(WITH_EXAMPLE))
def test_an_example_prints_what_it_says(name, names, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FORCE_COLOR", raising=False)  # tables are printed as to a file
    example = doctest.DocTestParser().get_doctest(
        inspect.getdoc(WITH_EXAMPLE[name]), dict(names), name, None, None
    )
    said: list[str] = []
    doctest.DocTestRunner(verbose=False).run(example, out=said.append)
    assert not said, "\n".join(said)


def test_everything_public_comes_with_an_example():
    assert sorted({*documented()} - {*WITH_EXAMPLE}) == []
