"""Means and paired differences over seeds, with their uncertainty. NumPy and SciPy only."""

from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class Estimate:
    """A mean with its 95 % interval (Student's t over seeds); low and high are nan for a single value.

    As text it is "3.1 [2.2, 4]", or "3.1" without an interval; f"{found:.2f}" formats all of its numbers.
    """

    mean: float
    low: float
    high: float

    def __format__(self, spec):
        mean, low, high = (format(value, spec or ".3g") for value in (self.mean, self.low, self.high))
        return mean if np.isnan(self.low) else f"{mean} [{low}, {high}]"

    def __str__(self):
        return format(self)


def estimate(values, confidence=0.95):
    """Return the Estimate of the mean of `values` (n,); those that are nan are left out."""
    values = np.asarray(values, float)
    values = values[~np.isnan(values)]
    if len(values) == 0:
        return Estimate(float("nan"), float("nan"), float("nan"))
    mean = float(values.mean())
    if len(values) == 1:
        return Estimate(mean, float("nan"), float("nan"))
    reach = float(stats.t.ppf((1 + confidence) / 2, len(values) - 1) * stats.sem(values))
    return Estimate(mean, mean - reach, mean + reach)


def paired(values, control, confidence=0.95):
    """Return (Estimate of the mean difference, effect size) of pairs (n,): the effect size is Cohen's d_z, mean / sd of the differences.

    d_z is nan for fewer than two pairs, and infinite (or nan) where all differences are the same.
    """
    difference = np.asarray(values, float) - np.asarray(control, float)
    difference = difference[~np.isnan(difference)]
    if len(difference) < 2:
        return estimate(difference, confidence), float("nan")
    with np.errstate(divide="ignore", invalid="ignore"):
        return estimate(difference, confidence), float(difference.mean() / difference.std(ddof=1))
