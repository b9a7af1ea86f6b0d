"""models/README.md is what the rules say."""

import ast
import re
from pathlib import Path

import pytest

from neurofa import lookup, models

README = Path(__file__).resolve().parents[1] / "models" / "README.md"


def test_the_table_is_that_of_the_rules():
    assert lookup.shelf() in README.read_text(), (
        "make it anew: python -c 'from neurofa import lookup; print(lookup.shelf())'"
    )


@pytest.mark.parametrize("block", re.findall(r"```python\n(.*?)```", README.read_text(), re.S))
def test_what_is_printed_runs(block):
    exec(block, made := {})
    assert made["RULE"].name in str(made["net"])


def test_every_model_has_a_golden_check_and_stays_short():
    assert set(models.GOLDEN) == set(lookup.model_names())
    for name in lookup.model_names():
        text = (README.parent / f"{name}.py").read_text()
        documented = ast.parse(text).body[0].end_lineno
        assert sum(bool(line.strip()) for line in text.splitlines()[documented:]) <= 60, name


def test_no_file_of_the_engine_names_a_rule():
    words = {name for name in lookup.model_names() if len(name) > 3} - {"frozen"} | {
        "DFC",
        "feedback alignment",
        "Kolen",
        "CLAPP",
    }
    for path in (README.parents[1] / "neurofa" / "engine" / "brian").rglob("*.*"):
        text = path.read_text() if path.suffix in (".py", ".cpp", ".h", ".py_") else ""
        found = [word for word in words if re.search(rf"(?<![a-z]){word}", text)]  # no "overflow"
        assert not found, path.name
