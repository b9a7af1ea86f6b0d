"""Means and paired differences against SciPy's own tests."""

import numpy as np
import pytest
from scipy import stats

from neurofa.statistics import estimate, paired

A = np.array([97.1, 96.4, 95.9, 97.8, 96.6])
B = np.array([95.0, 95.2, 94.1, 96.0, 93.9])


def test_the_interval_is_student_t():
    found, expected = estimate(A), stats.ttest_1samp(A, 0).confidence_interval(0.95)
    assert (found.mean, found.low, found.high) == pytest.approx((A.mean(), expected.low, expected.high))


def test_a_paired_difference_is_that_of_the_pairs():
    difference, size = paired(B, A)
    test = stats.ttest_rel(B, A)
    expected = test.confidence_interval(0.95)
    assert (difference.mean, difference.low, difference.high) == pytest.approx(((B - A).mean(), expected.low, expected.high))
    assert size == pytest.approx(test.statistic / 5**0.5)          # t = d_z sqrt(n)


def test_what_is_missing_is_left_out_in_pairs():
    missing = A.copy()
    missing[1] = np.nan
    assert paired(missing, B)[0].mean == pytest.approx(np.delete(A - B, 1).mean())
    assert estimate(missing).mean == pytest.approx(np.delete(A, 1).mean())


def test_one_value_has_no_interval_and_none_has_no_mean():
    assert estimate([3.0]).mean == 3.0 and np.isnan(estimate([3.0]).low) and np.isnan(paired([3.0], [1.0])[1])
    assert np.isnan(estimate([]).mean)


def test_an_estimate_prints_its_interval_if_it_has_one():
    found = estimate(A)
    assert str(found) == f"{found}" == f"{A.mean():.3g} [{found.low:.3g}, {found.high:.3g}]"
    assert f"{found:.1f}" == "96.8 [95.9, 97.7]" and f"{estimate([3.25]):.1f}" == "3.2" and str(estimate([3.25])) == "3.25"
    assert str(estimate([])) == "nan"
