"""From where Python finds the packages of a clone to where they are: neurofa/, models/ and
experiments/ beside this folder."""

import importlib.util
import sys
from pathlib import Path

CLONE = Path(__file__).resolve().parents[2]


def hand_over(name):
    """Import the package `name`, "neurofa" or "neurofa.models", in the place of the one that is
    being imported under this name."""
    spec = importlib.util.spec_from_file_location(
        name, CLONE / name.rpartition(".")[2] / "__init__.py"
    )
    sys.modules[name] = package = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(package)
