"""Costs and accuracy over time against loops in plain Python."""

import math

import numpy as np
import pytest
from brian2 import ms

from neurofa import Frame
from neurofa.data.over_time import accuracy_over_time, after, costs_over_time
from neurofa.rules.costs import COSTS

RNG = np.random.default_rng(3)
RATES = RNG.normal(size=(4, 6, 3))
MOVING = np.eye(3)[RNG.integers(3, size=(4, 6))]
STILL = MOVING[:, 0]
SCORED = np.array([False, True, True, False, True, False])


def by_hand(name, r, y):
    """Return the cost of one frame, r and y lists."""
    if name == "squared":
        return sum((a - b) ** 2 for a, b in zip(r, y)) / 2
    if name == "cross_entropy":
        z = sum(math.exp(a) for a in r)
        return -sum(b * math.log(math.exp(a) / z) for a, b in zip(r, y))
    p = [1 / (1 + math.exp(-a)) for a in r]
    return -sum(b * math.log(q) + (1 - b) * math.log(1 - q) for q, b in zip(p, y))


@pytest.mark.parametrize("name", COSTS)
@pytest.mark.parametrize("y", [MOVING, STILL], ids=["moving", "still"])
def test_a_cost_is_the_mean_over_the_frames_that_are_scored(name, y):
    found = costs_over_time(COSTS[name], RATES, y, SCORED)
    assert found.shape == (4,)
    for sample in range(4):
        values = [
            by_hand(name, RATES[sample, k], y[sample, k] if y.ndim == 3 else y[sample])
            for k in (1, 2, 4)
        ]
        assert found[sample] == pytest.approx(sum(values) / 3, rel=1e-12)


@pytest.mark.parametrize("y", [MOVING, STILL], ids=["moving", "still"])
def test_accuracy_is_over_all_frames_that_are_scored(y):
    right = 0
    for sample in range(4):
        for k in (1, 2, 4):
            target = list(y[sample, k] if y.ndim == 3 else y[sample])
            rates = list(RATES[sample, k])
            right += rates.index(max(rates)) == target.index(1)
    assert 0 < right < 12
    assert accuracy_over_time(RATES, y, "squared", (0, 1), SCORED) == right / 12
    assert np.isnan(accuracy_over_time(RATES, y, "squared", None, SCORED))


def test_of_one_output_the_threshold_decides_in_every_frame():
    rates = np.array([[[0.4], [0.6], [-1.0]], [[0.7], [0.2], [5.0]]])
    y = np.array([[0.0, 1.0, 1.0], [0.0, 0.0, 1.0]])[..., None]
    assert accuracy_over_time(rates, y, "squared", (0, 1), np.ones(3, bool)) == pytest.approx(4 / 6)
    # of logits, 0 is the middle
    found = accuracy_over_time(rates, y, "binary_cross_entropy", (0, 1), np.ones(3, bool))
    assert found == pytest.approx(2 / 6)


@pytest.mark.parametrize(
    "settling, first",
    [(0, 0), (4.9, 0), (5, 1), (5.1, 1), (9.999, 1), (10, 2), (15, 3), (20, 4)],
)
def test_frames_that_are_over_do_not_count(settling, first):
    found = after(settling * ms, Frame(5 * ms), 4)
    assert found.tolist() == [k >= first for k in range(4)]


def test_times_need_not_be_exact():
    """0.1 + 0.1 + 0.1 is no 0.3 in double precision."""
    for n in range(1, 1000):
        assert after(sum([0.1] * n) * ms, Frame(0.1 * ms), n + 1).tolist() == [False] * n + [True]


def test_what_does_not_move_is_one_frame():
    assert after(0 * ms, None, 1).tolist() == [True]
