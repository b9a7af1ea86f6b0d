"""Classifiers that never saw the like of what they judge."""

import numpy as np
import pytest
import xarray

from neurofa import ExperimentError
from neurofa.identification import CLASSIFIERS, answer, fits, folds, losses, rows

SIZE, RATE = (np.tile(each, 20) for each in np.meshgrid([20, 40, 80], [1, 2, 4]))
SIZE, RATE = SIZE.ravel(), RATE.ravel()
RULE = np.arange(SIZE.size) % 2
BOTH = [CLASSIFIERS[0], pytest.param(CLASSIFIERS[1], marks=pytest.mark.slow)]


def told(x, by, **options):
    """Return what is said of every sample, each held out once."""
    said = np.full(len(x), -1)
    for fitted, held_out in fits(x, RULE, by, SIZE, RATE, **options):
        assert (said[held_out] == -1).all()
        said[held_out] = fitted.predict(x[held_out])
    assert (said >= 0).all()
    return said


def test_neither_label_of_what_is_held_out_is_seen():
    found = folds(SIZE, RATE)
    assert len(found) == 9
    assert sorted(np.concatenate([held_out for _, held_out in found])) == [*range(SIZE.size)]
    for known, held_out in found:
        assert not {*SIZE[known]} & {*SIZE[held_out]} and not {*RATE[known]} & {*RATE[held_out]}
        assert len(known) == 4 * len(held_out)


@pytest.mark.parametrize("by", BOTH)
def test_what_is_there_is_found_and_shuffled_labels_are_not(by):
    rng = np.random.default_rng(0)
    x = np.stack([RULE + 0.2 * rng.normal(size=RULE.size), rng.normal(size=RULE.size)], 1)
    assert (told(x, by) == RULE).mean() > 0.95
    assert (told(x, by, shuffled=True) == RULE).mean() == pytest.approx(0.5, abs=0.15)


@pytest.mark.parametrize("by", BOTH)
def test_what_goes_along_with_size_does_not_help(by):
    """Here only rule and size together tell: of other sizes, that says nothing."""
    x = (SIZE / 20 * (2 * RULE - 1) * np.where(SIZE == 40, -1, 1))[:, None]
    assert (told(x, by) == RULE).mean() < 0.5


@pytest.mark.parametrize("by", BOTH)
def test_one_more_is_answered_by_all(by):
    x = RULE[:, None] + 0.2 * np.random.default_rng(0).normal(size=(RULE.size, 1))
    found = answer(x, RULE, by, SIZE, np.array([1.1]))
    assert [*found] == [1, 0] and found[1] > found[0]
    assert sum(found.values()) == pytest.approx(1)


def test_losses_are_of_what_carries_it():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(RULE.size, 4))
    x[:, 1] += 6 * RULE
    x[:, 2] = x[:, 1]  # says the same, and has the same name
    total = dict(a=0, b=0, c=0)
    for fitted, held_out in fits(x, RULE, CLASSIFIERS[0], SIZE, RATE):
        for name, lost in losses(fitted, x[held_out], RULE[held_out], "abbc", rng).items():
            total[name] += lost
    assert total["b"] > 0.35 * RULE.size
    assert max(abs(total["a"]), abs(total["c"])) < 0.05 * RULE.size


def test_rows_are_what_is_there():
    shape = (2, 3, 4)
    data = xarray.DataArray(
        np.arange(24.0).reshape(shape),
        dict(model=["a", "b"], size=[20, 40, 80]),
        ("model", "size", "number"),
    )
    x, about = rows(data.where(data != 9))  # one statistic of one training is none
    assert x.tolist() == np.arange(24).reshape(6, 4)[[0, 1, 3, 4, 5]].tolist()
    assert about["model"].tolist() == ["a", "a", "b", "b", "b"]
    assert about["size"].tolist() == [20, 40, 20, 40, 80]


def test_refused():
    with pytest.raises(ExperimentError, match="one label in common"):
        folds(np.ones(4))
    with pytest.raises(ExperimentError, match="logistic"):
        next(fits(np.zeros((RULE.size, 1)), RULE, "a forest", SIZE, RATE))
