"""Means and paired differences over seeds, with their uncertainty. NumPy and SciPy only.

Intervals are Student's t, from three seeds on: two give a factor of 12.7 on what is itself hardly
known. Where the values are bounded, the interval is cut at the bounds. It holds the mean as often
as before, since the mean is never outside (Mandelkern, "Setting confidence intervals for bounded
parameters", Statistical Science 2002).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..base.arguments import has_unit, number, numbers
from ..base.arguments import shown as shown_value
from ..base.errors import MeasureError

# within what values can be
ANYTHING, PERCENT, POSITIVE, DEGREES = (-np.inf, np.inf), (0, 100), (0, np.inf), (0, 180)
FEWEST = 3  # seeds that an interval needs
# differences that differ by less than this part of the values are all the same
ROUNDING = 1e-12


@dataclass(frozen=True)
class Estimate:
    """A mean with its 95 % interval; low and high are nan where there are fewer than three values.

    As text it is "3.1 [2.2, 4]", "3.1" without an interval, or "-" without a value; f"{found:.2f}"
    formats all of its numbers.

    Examples
    --------
    >>> from neurofa.statistics import estimate
    >>> f"{estimate([1.0, 2.0, 3.0]):.1f}"
    '2.0 [-0.5, 4.5]'
    """

    mean: float
    low: float
    high: float

    def __format__(self, spec):
        mean, low, high = (
            shown(value, spec or ".3g") for value in (self.mean, self.low, self.high)
        )
        return mean if np.isnan(self.low) else f"{mean} [{low}, {high}]"

    def __str__(self):
        return format(self)


def shown(value: float, spec: str = ".1f") -> str:
    """Return a number as a table shows it; "-" for what is none.

    Examples
    --------
    >>> from neurofa.statistics import shown
    >>> shown(97.123), shown(float("nan"))
    ('97.1', '-')
    """
    return format(value, spec) if np.isfinite(value) else "-"


def estimate(
    values: ArrayLike, within: tuple[float, float] = ANYTHING, confidence: float = 0.95
) -> Estimate:
    """Return the Estimate of the mean of `values` (n,), which lie `within` (least, largest); those
    that are nan are left out.

    Examples
    --------
    >>> from neurofa.statistics import PERCENT, estimate
    >>> f"{estimate([96.5, 97.1, 97.4], PERCENT):.1f}"
    '97.0 [95.9, 98.1]'
    """
    values, within = _values("values", values), _within(within)
    values = values[~np.isnan(values)]

    def test():
        from scipy.stats import ttest_1samp  # here: it takes longer to import than all else

        return ttest_1samp(values, 0)

    return _estimate(values, _spread(values, values), test, within, confidence)


def paired(
    values: ArrayLike,
    control: ArrayLike,
    within: tuple[float, float] = ANYTHING,
    confidence: float = 0.95,
) -> tuple[Estimate, float]:
    """Return (Estimate of the mean difference, effect size) of pairs (n,): the effect size is
    Cohen's d_z, mean / sd of the differences.

    d_z is nan, shown as "-", for fewer than three pairs, and where all differences are the same:
    there is no spread to compare with.

    Examples
    --------
    >>> from neurofa.statistics import paired
    >>> difference, effect = paired([2.0, 4.0, 6.0], [1.0, 2.0, 3.0])
    >>> float(difference.mean), float(effect)
    (2.0, 2.0)
    """
    values, control, within = (
        _values("values", values),
        _values("control", control),
        _within(within),
    )
    if values.shape != control.shape:
        raise MeasureError(
            f"There are {len(values)} values and {len(control)} of the control: give pairs."
        )
    there = ~np.isnan(values - control)
    values, control = values[there], control[there]
    difference, reach = values - control, within[1] - within[0]
    spread = _spread(difference, [values, control])

    def test():
        from scipy.stats import ttest_rel

        return ttest_rel(values, control)

    found = _estimate(difference, spread, test, (-reach, reach), confidence)
    return found, float(difference.mean() / spread) if spread else np.nan


def _estimate(values, spread, test, within, confidence):
    """Return the Estimate of the mean of `values`, whose interval is that of the `test`, but where
    there is no spread to test."""
    confidence = number(
        "confidence", confidence, MeasureError, least=0, most=1, open_at=(0, 1), example="0.95"
    )
    mean = float(values.mean()) if len(values) else np.nan
    if len(values) < FEWEST:
        return Estimate(mean, np.nan, np.nan)
    low, high = test().confidence_interval(confidence) if spread else (mean, mean)
    return Estimate(mean, max(float(low), within[0]), min(float(high), within[1]))


def _spread(values, made_of):
    """Return the standard deviation of `values`; 0 if there are too few, or it is the rounding of
    the numbers that they are made of."""
    spread = values.std(ddof=1) if len(values) >= FEWEST else 0.0
    return 0.0 if spread <= ROUNDING * np.abs(made_of).max(initial=0) else spread


def _values(what, values):
    return numbers(what, values, np.float64, MeasureError, ndim=1, finite=False)


def _within(within):
    least, most = (float(one) for one in within) if _is_pair(within) else (np.inf, -np.inf)
    if not least < most:
        raise MeasureError(
            f"within = {shown_value(within)}: give the least and the largest value that there can be, such as (0, 100)."
        )
    return least, most


def _is_pair(within):
    return (
        isinstance(within, (tuple, list))
        and len(within) == 2
        and all(has_unit(one, 1) for one in within)
    )
