"""Classes: which targets are some, and how often rates say the right one, by hand."""

import numpy as np
import pytest

from neurofa import NetworkError
from neurofa.data.classes import accuracy, coding, confusion, labels_of

LABELS = np.array([0, 2, 1, 1])
ONE_HOT = np.eye(3)[LABELS]
RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    "targets, wanted",
    [
        (ONE_HOT, (0, 1)),
        (2 * ONE_HOT - 1, (-1, 1)),
        (0.9 * ONE_HOT + 0.1 / 3, (0.1 / 3, 0.9 + 0.1 / 3)),
        (0.8 * ONE_HOT + 0.1, (0.1, 0.9)),
        (1.6 * ONE_HOT - 0.8, (-0.8, 0.8)),
        (np.float32(ONE_HOT), (0, 1)),
        ([[0.0], [1.0]], (0, 1)),
        ([[-1.0], [1.0], [1.0]], (-1, 1)),
        ([[0.1], [0.9]], (0.1, 0.9)),
        ([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]], None),
        ([[0.0, 0.0], [0.0, 1.0]], None),
        ([[1.0], [1.0]], None),
        ([[0.0], [1.0], [2.0]], None),
        (RNG.normal(size=(5, 3)), None),
        (RNG.normal(size=(5, 1)), None),
        (RNG.dirichlet(np.ones(3), 5), None),
        ([[2.0, -1.0]], None),
    ],
)
def test_which_targets_are_classes(targets, wanted):
    found = coding(np.array(targets))
    assert found == wanted if wanted is None else found == pytest.approx(wanted)


def test_all_targets_of_a_task_have_one_coding():
    assert coding(ONE_HOT, ONE_HOT[:1]) == (0, 1) and coding(ONE_HOT, 2 * ONE_HOT - 1) is None
    assert coding(np.zeros((2, 1)), np.ones((2, 1))) == (0, 1)


@pytest.mark.parametrize(
    "targets",
    [ONE_HOT, 2 * ONE_HOT - 1, 0.9 * ONE_HOT + 0.1 / 3],
    ids=["one-hot", "signs", "smoothed"],
)
def test_of_several_outputs_the_largest_decides(targets):
    rates = np.array([[3, 1, 2], [1, 2, 3], [3, 2, 1], [-3, -1, -2]], float)
    for cost in ("squared", "cross_entropy", "binary_cross_entropy"):
        assert accuracy(rates, targets, cost, coding(targets)) == 0.75


@pytest.mark.parametrize(
    "cost, targets, rates",
    [
        ("squared", [0, 1, 1, 0], [0.4, 0.6, 0.4, -3]),
        ("squared", [-1, 1, 1, -1], [-0.1, 0.1, -0.1, -3]),
        ("squared", [0.1, 0.9, 0.9, 0.1], [0.4, 0.6, 0.4, -3]),
        ("squared", [2, 6, 6, 2], [3.9, 4.1, 3.9, 0]),
        ("binary_cross_entropy", [0, 1, 1, 0], [-0.1, 0.1, -0.1, -3]),
        ("binary_cross_entropy", [0.1, 0.9, 0.9, 0.1], [-0.1, 0.1, -0.1, -3]),
    ],
)
def test_a_single_output_has_a_threshold_between_its_two_values(cost, targets, rates):
    """The middle of the two; of a logit, where its probability is the middle."""
    targets, rates = np.array(targets, float)[:, None], np.array(rates, float)[:, None]
    assert accuracy(rates, targets, cost, coding(targets)) == 0.75


def test_what_is_no_classification_has_no_accuracy():
    assert np.isnan(accuracy(np.zeros((4, 3)), RNG.normal(size=(4, 3)), "squared", None))


def test_confusion_counts_what_was_taken_for_what():
    rates = np.eye(3)[[0, 2, 2, 1]]
    np.testing.assert_array_equal(confusion(rates, ONE_HOT), [[1, 0, 0], [0, 1, 1], [0, 0, 1]])
    np.testing.assert_array_equal(
        confusion([[0.2], [0.8], [0.2]], [[0.0], [1.0], [1.0]]), [[1, 0], [1, 1]]
    )
    np.testing.assert_array_equal(
        confusion([[0.2], [0.8], [0.2]], [[0.0], [1.0], [1.0]], "binary_cross_entropy"),
        [[0, 1], [0, 2]],
    )
    assert labels_of(ONE_HOT, None, (0, 1)).tolist() == LABELS.tolist()
    for wrong in (
        (rates, ONE_HOT[:2]),
        (rates, RNG.normal(size=(4, 3))),
        (rates[0], ONE_HOT[0]),
        ("x", ONE_HOT),
        (rates * np.nan, ONE_HOT),
    ):
        with pytest.raises(NetworkError):
            confusion(*wrong)
