"""Every golden check of every rule holds: what `neurofa run steady_state` prints. And the shelf's
figures are what is measured."""

import pytest
import typer
from neurofa.experiments import steady_state
from neurofa.models import golden

from neurofa import lookup, models

# between machines: what is left of settling and rounding is not the same everywhere
SLACK = 100


@pytest.mark.parametrize(
    "comparison",
    [
        pytest.param(comparison, marks=pytest.mark.slow if comparison.slow else ())
        for comparison in golden.comparisons()
    ],
    ids=lambda comparison: comparison.name,
)
def test_it_holds(comparison, target):
    if comparison.slow and target == "numpy":
        pytest.skip("too slow without a compiler")
    for check in comparison.checks(target):
        assert check.holds, (
            f"{check.rule}: {check.what}: off by {check.difference:.2g}, limit {check.limit:.2g}"
        )
        if check.exact:
            assert check.difference <= SLACK * float(models.GOLDEN[check.rule][1]), (
                f"{check.what}: the figure in GOLDEN is old"
            )


def test_every_model_of_the_shelf_is_compared():
    assert {comparison.rule for comparison in golden.comparisons()} == set(lookup.model_names())


def test_names_are_not_given_twice():
    names = [comparison.name for comparison in golden.comparisons()]
    assert len(set(names)) == len(names)


def test_quick_takes_one_comparison_of_every_subject():
    quick = golden.comparisons(quick=True)
    subjects = [comparison.compare.__module__ for comparison in quick]
    assert len(set(subjects)) == len(subjects) > 5 and not any(
        comparison.slow for comparison in quick
    )


def test_what_is_not_a_number_does_not_hold():
    assert not golden.Check("fa", "nothing", float("nan"), 1e-8).holds


def test_one_that_does_not_hold_makes_the_exit_code_1(tmp_path, monkeypatch, capsys):
    def off(model, target):
        yield "two sevenths", 2.0, 7.0
        yield "seven halves", 7.0, 2.0

    monkeypatch.setattr(golden, "comparisons", lambda quick: (golden.Comparison("fa", off, False),))
    with pytest.raises(typer.Exit) as ended:
        steady_state.main(out=tmp_path, progress=False)
    assert ended.value.exit_code == 1
    assert "1 of 2 checks of 1 rules hold" in capsys.readouterr().out
    assert list(tmp_path.glob("*/steady_state.png"))
