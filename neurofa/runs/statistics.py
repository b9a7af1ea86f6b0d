"""Means and paired differences over seeds, with their uncertainty. NumPy and SciPy only.

Intervals are Student's t, from three seeds on: two give a factor of 12.7 on what is itself hardly known. Where the values are
bounded, the interval is cut at the bounds. It holds the mean as often as before, since the mean is never outside (Mandelkern,
"Setting confidence intervals for bounded parameters", Statistical Science 2002).
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from ..base.arguments import has_unit, number, numbers, shown as shown_value
from ..base.errors import MeasureError

ANYTHING, PERCENT, POSITIVE, DEGREES = (-np.inf, np.inf), (0, 100), (0, np.inf), (0, 180)      # within what values can be
FEWEST = 3              # seeds that an interval needs
ROUNDING = 1e-12        # differences that differ by less than this part of the values are all the same


@dataclass(frozen=True)
class Estimate:
    """A mean with its 95 % interval; low and high are nan where there are fewer than three values.

    As text it is "3.1 [2.2, 4]", "3.1" without an interval, or "-" without a value; f"{found:.2f}" formats all of its numbers.
    """

    mean: float
    low: float
    high: float

    def __format__(self, spec):
        mean, low, high = (shown(value, spec or ".3g") for value in (self.mean, self.low, self.high))
        return mean if np.isnan(self.low) else f"{mean} [{low}, {high}]"

    def __str__(self):
        return format(self)


def shown(value, spec=".1f"):
    """Return a number as a table shows it; "-" for what is none."""
    return format(value, spec) if np.isfinite(value) else "-"


def estimate(values, within=ANYTHING, confidence=0.95):
    """Return the Estimate of the mean of `values` (n,), which lie `within` (least, largest); those that are nan are left out."""
    values, within = _values("values", values), _within(within)
    confidence = number("confidence", confidence, MeasureError, least=0, most=1, open_at=(0, 1), example="0.95")
    values = values[~np.isnan(values)]
    mean = float(values.mean()) if len(values) else np.nan
    if len(values) < FEWEST:
        return Estimate(mean, np.nan, np.nan)
    reach = float(stats.t.ppf((1 + confidence) / 2, len(values) - 1) * stats.sem(values))
    return Estimate(mean, max(mean - reach, within[0]), min(mean + reach, within[1]))


def paired(values, control, within=ANYTHING, confidence=0.95):
    """Return (Estimate of the mean difference, effect size) of pairs (n,): the effect size is Cohen's d_z, mean / sd of the differences.

    d_z is nan, shown as "-", for fewer than three pairs, and where all differences are the same: there is no spread to compare with.
    """
    values, control, within = _values("values", values), _values("control", control), _within(within)
    if values.shape != control.shape:
        raise MeasureError(f"There are {len(values)} values and {len(control)} of the control: give pairs.")
    there = ~np.isnan(values - control)
    difference, largest = (values - control)[there], np.abs([values[there], control[there]]).max(initial=0)
    reach = within[1] - within[0]
    found = estimate(difference, (-reach, reach), confidence)
    spread = difference.std(ddof=1) if len(difference) >= FEWEST else 0.0
    return found, float(difference.mean() / spread) if spread > ROUNDING * largest else np.nan


def _values(what, values):
    return numbers(what, values, np.float64, MeasureError, ndim=1, finite=False)


def _within(within):
    least, most = (float(one) for one in within) if _is_pair(within) else (np.inf, -np.inf)
    if not least < most:
        raise MeasureError(f"within = {shown_value(within)}: give the least and the largest value that there can be, such as (0, 100).")
    return least, most


def _is_pair(within):
    return isinstance(within, (tuple, list)) and len(within) == 2 and all(has_unit(one, 1) for one in within)
