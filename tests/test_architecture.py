"""The arrows: who may import whom."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
OWN = {p.stem for p in (ROOT / "neurofa").glob("*.py")} | {"brian", "pathways"}

# Inside the package: what a module may import of it, beside errors. Modules that are not named here may import what they like.
ALLOWED = {
    "errors": set(),
    "activations": {"arguments", "formula"}, "formula": {"derivatives", "limits", "text"}, "derivatives": set(), "costs": set(), "reference": set(), "tasks": {"arguments", "classes", "costs"}, "optimisers": {"arguments", "fixed", "limits", "text"},
    "trial": {"arguments", "fixed"}, "phases": {"brian", "settling", "trial"}, "synapses": {"arguments", "pathways"},
    "text": {"brian", "limits", "words"}, "limits": set(), "words": set(), "fixed": set(), "noise": set(),
    "rule": {"notebook", "arguments", "check", "fixed", "kinds", "pathways", "text"},
    "plasticity": {"limits", "probes", "text"},
    "kinds": {"arguments", "fixed", "pathways"},
    "check": {"arguments", "limits", "noise", "pathways", "plasticity", "text", "words"},
    "circuit": {"rule", "plasticity", "text"},
    "equations": {"rule", "check", "circuit", "costs", "noise", "plasticity", "text"},
    "build": {"arguments", "equations", "brian", "noise", "text"},
    "arguments": {"brian"},
    "network": {"arguments", "noise", "rule", "text", "trial", "activations", "brian", "build", "circuit", "costs", "phases", "probes", "settling",
                "synapses", "notebook", "fixed", "state", "stored"},
    "settling": set(),
    "steady": {"equations", "fixed", "flow", "linear", "phases", "trial"},
    "linear": set(),
    "flow": {"derivatives", "equations", "linear", "text"},
    "stability": {"arguments", "flow", "linear"},
    "analysis": {"arguments", "stability"},     # measures of arrays alone, and one of a network, which is reached with them: analysis.stability
    "learner": {"arguments", "brian", "network", "trial", "plasticity", "optimisers", "state", "stored"},
    "classes": {"arguments"}, "predict": {"arguments", "classes", "learner", "network", "trial"},
    "training": {"notebook", "arguments", "checkpoint", "costs", "learner", "network", "predict", "tasks"},
    "probes": {"arguments"},
    "recording": {"arguments", "probes", "stream", "nwb", "notebook", "netcdf"},
    "netcdf": {"files"}, "stream": {"files", "netcdf"},
    "nwb": {"files"},
    "notebook": {"diagram", "plot"},
    "snapshots": {"arguments", "description", "files", "learner", "netcdf"},
    "curves": {"analysis", "description", "reference"},
    "directions": {"analysis", "arguments", "learner", "network", "reference", "snapshots"},
    "style": set(),
    "diagram": {"circuit", "style"},
    "matrices": {"curves", "style"},
    "plot": {"analysis", "arguments", "diagram", "matrices", "recording", "style"},
    "drawings": {"curves", "plot", "recording"},
    "lookup": {"rule"},
    "cells": {"files"}, "statistics": {"arguments"}, "checkpoint": {"arguments", "description", "state", "stored"}, "files": set(),
    "description": {"activations", "optimisers", "pathways", "rule", "steady", "trial"}, "state": {"description", "probes"}, "stored": {"files"},
    "experiment": {"cells", "files", "netcdf"},
    "bench": {"lookup", "pathways", "network", "brian", "trial", "training", "learner", "recording", "tasks", "steady"},
}
THIRD_PARTY = {"statistics": {"numpy", "scipy"}, "reference": {"numpy", "scipy"}, "analysis": {"numpy", "scipy"}, "tasks": {"numpy", "scipy", "sklearn"},
               "linear": {"numpy"}, "stability": {"numpy", "scipy"}}


def imports(path):
    """Return the dotted names that a file imports, at any depth; relative ones with their dots."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            found |= {f"{base}.{alias.name}" if node.module is None else base for alias in node.names}
    return found


def own(path):
    """Return which modules of neurofa a file of it imports."""
    names = set()
    for name in imports(path):
        if name.startswith("neurofa."):
            names.add(name.split(".")[1])
        elif name.startswith("."):
            names.add(name.strip(".").split(".")[0])
    return names & OWN


@pytest.mark.parametrize("module", sorted(ALLOWED))
def test_inside_the_package(module):
    extra = own(ROOT / "neurofa" / f"{module}.py") - ALLOWED[module] - {"errors"}
    assert not extra, f"neurofa/{module}.py imports {sorted(extra)}"


def test_every_module_has_its_place():
    assert {p.stem for p in (ROOT / "neurofa").glob("*.py")} - {"__init__", "cli"} == set(ALLOWED)


def test_the_engine_knows_no_rule_and_no_network():
    for path in (ROOT / "neurofa" / "brian").glob("*.py"):
        inside = {name.split(".")[0] for name in (n.lstrip(".") for n in imports(path) if n.startswith(".."))}
        assert inside <= {"errors"}, path.name


@pytest.mark.parametrize("module", sorted(THIRD_PARTY))
def test_independent_answers_use_nothing_but_arrays(module):
    import sys
    outside = {name.split(".")[0] for name in imports(ROOT / "neurofa" / f"{module}.py") if not name.startswith((".", "neurofa."))}
    assert outside - set(sys.stdlib_module_names) <= THIRD_PARTY[module]


def test_only_one_file_creates_brian2_groups():
    for path in (ROOT / "neurofa").glob("*.py"):
        if path.stem != "build":
            names = {node.id for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Name)}
            assert not names & {"NeuronGroup", "Synapses", "CodeRunner"}, path.name


def test_the_package_imports_no_model_and_no_experiment():
    for path in (ROOT / "neurofa").rglob("*.py"):
        assert not {n for n in imports(path) if n.startswith(("neurofa.models", "neurofa.experiments", ".models", ".experiments"))}


def test_models_import_no_experiment_and_no_network():
    for path in (ROOT / "models").glob("*.py"):
        of_neurofa = {name.split(".")[1] for name in imports(path) if name.startswith("neurofa.")}
        assert of_neurofa <= {"rule", "pathways"}, path.name


def test_golden_checks_judge_from_outside():
    """They simulate as a user does, and ask nothing of what they judge."""
    for path in (ROOT / "models" / "golden").glob("*.py"):
        assert {name for name in imports(path) if name.startswith("neurofa.")} <= {"neurofa.analysis"}, path.name
