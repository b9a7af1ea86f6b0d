"""Rules and experiments by name, and rules in files of one's own."""

import sys

import pytest

from neurofa import ExperimentError, LearningRule, RuleError, lookup

OWN = """
from neurofa.models import fa
RULE = fa.RULE.but(name="mine", eta=0.5)
"""


def write(folder, text, name="mine.py"):
    (folder / name).write_text(text)
    return folder / name


@pytest.mark.parametrize(
    "name", ["fa", "dfa", "dfc", "bp", "frozen", "dfc_ss", "dfc_integral_leak"]
)
def test_models_are_found_by_the_name_of_their_file(name):
    assert name in lookup.model_names()
    module = __import__(f"neurofa.models.{name}", fromlist=["RULE"])
    assert lookup.rule(name) is module.RULE


def test_every_model_is_a_rule_with_a_name_of_its_own():
    rules = [lookup.rule(name) for name in lookup.model_names()]
    assert all(isinstance(rule, LearningRule) for rule in rules)
    assert len({rule.name for rule in rules}) == len(rules)


@pytest.mark.parametrize("name", lookup.experiment_names())
def test_every_experiment_can_be_reported_plotted_and_called(name):
    module = lookup.experiment(name)
    assert all(callable(getattr(module, part)) for part in ("report", "plot", "main"))


@pytest.mark.parametrize(
    "name, nearest", [("dffa", "dfa"), ("dfc_sss", "dfc_ss"), ("frosen", "frozen"), ("FA", "fa")]
)
def test_unknown_model(name, nearest):
    with pytest.raises(RuleError) as caught:
        lookup.rule(name)
    message = str(caught.value)
    assert f"'{name}'" in message and all(known in message for known in lookup.model_names())
    assert f"Did you mean '{nearest}'?" in message and "\n" not in message


def test_unknown_experiment():
    with pytest.raises(ExperimentError, match=r"'digit'.*digits.*Did you mean 'digits'\?"):
        lookup.experiment("digit")


# --- files ---
@pytest.mark.parametrize("form", [str, lambda path: path], ids=["text", "path"])
def test_a_file_of_ones_own(tmp_path, form):
    rule = lookup.rule(form(write(tmp_path, OWN)))
    assert rule.name == "mine" and rule.parameters["eta"] == 0.5


def test_a_file_is_read_again_when_it_has_changed(tmp_path):
    path = write(tmp_path, OWN)
    lookup.rule(path)
    write(tmp_path, OWN.replace("0.5", "0.25"))
    assert lookup.rule(path).parameters["eta"] == 0.25


def test_a_file_leaves_other_modules_alone(tmp_path):
    json = sys.modules["json"]
    lookup.rule(write(tmp_path, OWN, "json.py"))
    assert sys.modules["json"] is json


BROKEN = {
    "no RULE": ("x = 1\n", "defines no RULE = LearningRule"),
    "RULE is none": ("RULE = 'fa'\n", "defines no RULE = LearningRule"),
    "import error": (
        "import no_such_module_at_all\n",
        "cannot be imported: ModuleNotFoundError.*no_such_module_at_all",
    ),
    "syntax": ("RULE = (\n", "cannot be imported: SyntaxError"),
    "error of its own": (
        "raise ValueError('two\\nlines')\n",
        "cannot be imported: ValueError: two",
    ),
    "rule error": (OWN.replace("eta=0.5", "etta=0.5"), "^FA has no parameter or field 'etta'"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_files(tmp_path, case):
    text, message = BROKEN[case]
    path = write(tmp_path, text)
    with pytest.raises(RuleError, match=message) as caught:
        lookup.rule(path)
    assert "\n" not in str(caught.value)
    assert case == "rule error" or str(path) in str(caught.value)


@pytest.mark.parametrize("name", ["missing.py", "folder.py"])
def test_missing_file(tmp_path, name):
    (tmp_path / "folder.py").mkdir()
    with pytest.raises(RuleError, match=f"{name}'.*RULE = LearningRule"):
        lookup.rule(tmp_path / name)
