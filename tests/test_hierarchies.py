"""A hierarchy of symbols, against its own grammar read backwards, and scikit-learn's images."""

import itertools
import math

import numpy as np
import pytest
from sklearn.datasets import load_digits

from neurofa import tasks
from neurofa.base.errors import TaskError

PIXELS, DIGITS = load_digits(return_X_y=True)
SHOWN = {(image / 16).tobytes(): (k, digit) for k, (image, digit) in enumerate(zip(PIXELS, DIGITS))}


def read(x, rules):
    """Return the labels of samples x, found from images upwards, and which images they show."""
    found = [[SHOWN[image.tobytes()] for image in sample.reshape(-1, 64)] for sample in x]
    which, symbols = np.array(found).transpose(2, 0, 1)
    for patches in rules[::-1]:
        size = patches.shape[2]
        meaning = {tuple(p): k for k, own in enumerate(patches) for p in own.tolist()}
        parts = symbols.reshape(len(symbols), -1, size).tolist()
        symbols = np.array([[meaning[tuple(part)] for part in sample] for sample in parts])
    return symbols[:, 0], which


@pytest.mark.parametrize(
    "given",
    [
        dict(),
        dict(informative=False),
        dict(levels=1, symbols=10, informative=False),
        dict(levels=3, symbols=3),
        dict(branches=3, symbols=5, informative=(False, True)),
    ],
    ids=str,
)
def test_labels_are_what_the_images_stand_for(given):
    task, rules = tasks.hierarchical(samples=60, test=40, **given), tasks.grammar(**given)
    images = set()
    for x, y in ((task.x, task.y), (task.x_test, task.y_test)):
        labels, which = read(x, rules)
        np.testing.assert_array_equal(labels, y.argmax(1))
        assert not images & set(which.ravel())  # none is seen in both parts
        images |= set(which.ravel())
    levels, branches = given.get("levels", 2), given.get("branches", 2)
    assert task.sizes == (64 * branches**levels, given.get("symbols", 4))


@pytest.mark.parametrize("seed", range(5))
def test_every_place_of_an_informative_patch_tells_of_every_symbol(seed):
    for patches in tasks.grammar(levels=3, symbols=5, seed=seed):
        assert patches.shape == (5, 2, 2) and len({tuple(p) for p in patches.reshape(-1, 2)}) == 10
        for place in range(2):
            seen = [tuple(sorted(own[:, place])) for own in patches]
            assert len(set(seen)) == 5


@pytest.mark.parametrize("branches, symbols", [(2, 5), (3, 3)])
def test_sums_tell_nothing_at_all_places_but_one(branches, symbols):
    [patches] = tasks.grammar(1, branches, symbols, informative=False)
    assert patches.shape == (symbols, symbols ** (branches - 1), branches)
    assert all(p.sum() % symbols == k for k, own in enumerate(patches) for p in own)
    for places in itertools.combinations(range(branches), branches - 1):
        seen = [sorted(map(tuple, own[:, places].tolist())) for own in patches]
        assert all(one == seen[0] for one in seen)


def test_labels_patches_and_images_come_alike():
    task = tasks.hierarchical(levels=1, symbols=5, samples=4000, test=1, seed=2)
    counts = task.y.sum(0)
    assert np.abs(counts - 800).max() < 4 * math.sqrt(800 * 0.8)
    labels, which = read(task.x, tasks.grammar(1, symbols=5, seed=2))
    shown = DIGITS[which]
    for label, own in enumerate(tasks.grammar(1, symbols=5, seed=2)[0]):
        mine = shown[labels == label]
        share = (mine == own[0]).all(1).mean()
        assert abs(share - 0.5) < 4 * 0.5 / math.sqrt(len(mine))
    assert len(set(which.ravel())) > 0.99 * 3 / 4 * (DIGITS < 5).sum()


def test_same_seed_same_data():
    made, again, other = (tasks.hierarchical(samples=30, test=9, seed=s) for s in (3, 3, 4))
    for what in ("x", "y", "x_test", "y_test"):
        np.testing.assert_array_equal(getattr(made, what), getattr(again, what))
    assert (made.x != other.x).any() and tasks.task("hierarchical").name == "hierarchical"


@pytest.mark.parametrize(
    "wrong, words",
    [
        (dict(levels=0), "levels = 0"),
        (dict(levels=7), "128 images"),
        (dict(branches=1), "branches = 1"),
        (dict(symbols=2), "symbols = 2"),
        (dict(symbols=11), "symbols = 11"),
        (dict(informative="no"), "informative = 'no'"),
        (dict(informative=(True, 1)), "informative = 1"),
        (dict(informative=(True,)), "1 truth values for 2 levels"),
        (dict(samples=0), "samples = 0"),
        (dict(test=2.5), "test = 2.5"),
        (dict(seed=-1), "the seed = -1"),
    ],
)
def test_what_cannot_be_drawn_is_said(wrong, words):
    with pytest.raises(TaskError) as error:
        tasks.hierarchical(**wrong)
    assert words in str(error.value) and "hierarchical" in str(error.value)
