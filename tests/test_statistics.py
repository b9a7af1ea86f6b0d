"""Means and paired differences against SciPy's own tests."""

import numpy as np
import pytest
from scipy import stats

from neurofa.runs.statistics import DEGREES, PERCENT, POSITIVE, estimate, paired, shown

A = np.array([97.1, 96.4, 95.9, 97.8, 96.6])
B = np.array([95.0, 95.2, 94.1, 96.0, 93.9])


def test_the_interval_is_student_t():
    found, expected = estimate(A), stats.ttest_1samp(A, 0).confidence_interval(0.95)
    assert (found.mean, found.low, found.high) == pytest.approx(
        (A.mean(), expected.low, expected.high)
    )


def test_a_paired_difference_is_that_of_the_pairs():
    difference, size = paired(B, A)
    test = stats.ttest_rel(B, A)
    expected = test.confidence_interval(0.95)
    assert (difference.mean, difference.low, difference.high) == pytest.approx(
        ((B - A).mean(), expected.low, expected.high)
    )
    assert size == pytest.approx(test.statistic / 5**0.5)  # t = d_z sqrt(n)


# of t, 4 degrees of freedom
@pytest.mark.parametrize(
    "confidence, quantile", [(0.95, 2.7764451051977987), (0.5, 0.7406970841126827)]
)
def test_an_interval_is_the_quantile_times_the_error_of_the_mean(confidence, quantile):
    for found, values in (
        (estimate(A, confidence=confidence), A),
        (paired(B, A, confidence=confidence)[0], B - A),
    ):
        reach = quantile * (((values - values.mean()) ** 2).sum() / 4 / 5) ** 0.5
        assert (found.low, found.high) == pytest.approx(
            (values.mean() - reach, values.mean() + reach), rel=1e-11
        )


@pytest.mark.parametrize("values", [[3.0] * 4, [0.1 + 0.2, 0.3, 0.3], [1e9 + 0.1] * 3])
def test_values_that_are_all_the_same_are_their_own_interval(values, recwarn):
    found, (more, _) = estimate(values), paired(np.add(values, 0.1), values)
    assert (
        found.low == found.high == found.mean
        and more.low == more.high == more.mean == pytest.approx(0.1, abs=1e-6)
    )
    assert not recwarn.list


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_what_is_infinite_has_no_interval():
    for found in (estimate([1, 2, np.inf]), paired([1, 2, np.inf], [0, 0, 0])[0]):
        assert found.mean == np.inf and np.isnan(found.low)


def test_what_is_missing_is_left_out_in_pairs():
    missing = A.copy()
    missing[1] = np.nan
    assert paired(missing, B)[0].mean == pytest.approx(np.delete(A - B, 1).mean())
    assert estimate(missing).mean == pytest.approx(np.delete(A, 1).mean())


def test_one_value_has_no_interval_and_none_has_no_mean():
    assert (
        estimate([3.0]).mean == 3.0
        and np.isnan(estimate([3.0]).low)
        and np.isnan(paired([3.0], [1.0])[1])
    )
    assert np.isnan(estimate([]).mean)


def test_two_values_have_no_interval_and_no_effect_size():
    """From two, the factor of Student's t is 12.7: [54.5, 119.5] percent."""
    assert (
        f"{estimate([89.56, 84.44], PERCENT):.1f}" == "87.0"
        and f"{estimate([89.56, np.nan, 84.44]):.1f}" == "87.0"
    )
    more, size = paired([9.0, 9.5], [97.0, 97.6], PERCENT)
    assert np.isnan(more.low) and np.isnan(size) and f"{more:.1f}" == "-88.0"


@pytest.mark.parametrize(
    "values, within",
    [
        ([99.8, 90.4, 71.7], PERCENT),
        ([0.1, 9.0, 2.0], PERCENT),
        ([170, 90, 179], DEGREES),
        ([0.001, 0.9, 0.1], POSITIVE),
    ],
)
def test_an_interval_is_cut_where_no_value_can_be(values, within):
    free, found = estimate(values), estimate(values, within)
    assert not within[0] <= free.low <= free.high <= within[1]
    assert (found.mean, found.low, found.high) == (
        free.mean,
        max(free.low, within[0]),
        min(free.high, within[1]),
    )


def test_a_difference_of_proportions_is_within_a_hundred_points():
    more, _ = paired([99.0, 50.0, 99.0], [0.0, 90.0, 0.0], PERCENT)
    assert (more.low, more.high) == (-100, 100)


@pytest.mark.parametrize(
    "values, control",
    [
        ([3.0, 4.0, 5.0], [1.0, 2.0, 3.0]),
        ([1.1, 2.2, 3.3], [1.0, 2.1, 3.2]),
        ([2.0] * 4, [2.0] * 4),
        ([97.1, 96.4, 96.6], [97.1, 96.4, 96.6]),
    ],
)
def test_without_a_spread_there_is_no_effect_size(values, control):
    """In place of infinity, of 0/0, or of what rounding makes of them."""
    assert shown(paired(values, control)[1]) == "-"


def test_an_estimate_prints_its_interval_if_it_has_one():
    found = estimate(A)
    assert str(found) == f"{found}" == f"{A.mean():.3g} [{found.low:.3g}, {found.high:.3g}]"
    assert (
        f"{found:.1f}" == "96.8 [95.9, 97.7]"
        and f"{estimate([3.25]):.1f}" == "3.2"
        and str(estimate([3.25])) == "3.25"
    )
    assert str(estimate([])) == "-"
