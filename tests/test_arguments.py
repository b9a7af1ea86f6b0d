"""Validators: what passes, in which form it comes out, and that the message names value, place and
an example."""

import warnings
from decimal import Decimal

import numpy as np
import pytest
from brian2 import Hz, ms, mV, second

from neurofa.base.arguments import (
    able,
    batch,
    fraction,
    has_unit,
    kind,
    number,
    numbers,
    one_of,
    quantity,
    seed_of,
    several,
    shown,
    whole,
)
from neurofa.base.errors import NetworkError, RuleError, TaskError

NOT_WHOLE = (
    0,
    -3,
    2.0,
    2.5,
    True,
    np.True_,
    "3",
    None,
    [3],
    np.nan,
    3 * ms,
    1j,
    np.ones(2, int),
    2**40,
)
NOT_REAL = (
    True,
    "1",
    None,
    1j,
    np.nan,
    np.inf,
    1 * ms,
    [1.0],
    np.ones(2),
    10**400,
    [],
    np.datetime64("2020-01-01"),
)


@pytest.mark.parametrize("value", NOT_WHOLE)
def test_what_is_no_whole_number(value):
    with pytest.raises(RuleError, match="^k = .*: give a whole number of at least 1.*such as 3"):
        whole("k", value, RuleError)


def test_whole_numbers_come_out_as_int():
    for value in (3, np.int8(3), np.uint64(3), np.array(3)):
        assert type(whole("k", value)) is int and whole("k", value) == 3
    assert (
        seed_of("seed", 0) == 0
        and seed_of("seed", 2**32 - 1) == 2**32 - 1
        and several("f(k", (np.int64(2), 0), "unit") == (2, 0)
    )
    with pytest.raises(NetworkError, match="at most 4294967295"):
        seed_of("seed", 2**32)


@pytest.mark.parametrize("value", NOT_REAL)
def test_what_is_no_number(value):
    for check in (lambda: number("a", value, TaskError), lambda: fraction("a", value, TaskError)):
        with pytest.raises(TaskError, match="^a = .*such as 0.5"):
            check()
    assert not has_unit(value, 1) or np.isinf(value)


@pytest.mark.parametrize(
    "bounds, value, said",
    [
        (dict(least=0), -1, "of at least 0,"),
        (dict(least=0, open_at=(0,)), 0, "larger than 0,"),
        (dict(most=2), 3, "at most 2,"),
        (dict(least=0, most=1, open_at=(0, 1)), 1, "between 0 and 1,"),
        (dict(least=0, most=1), 2, "of at least 0 and at most 1,"),
    ],
)
def test_bounds_are_said(bounds, value, said):
    with pytest.raises(NetworkError, match=said):
        number("a", value, **bounds)


def test_quantities_have_their_unit():
    assert quantity("t", 3 * ms, second, "10*ms") == 3 * ms and has_unit(np.float32(3), 1)
    for value in (3, 3 * Hz, -1 * ms, 0 * ms, np.inf * ms, "3 ms", None, np.ones(2) * ms, True):
        with pytest.raises(RuleError, match="^t = .*positive, finite value such as 10.ms"):
            quantity("t", value, second, "10*ms", RuleError)


@pytest.mark.parametrize(
    "values, said",
    [
        (np.ma.masked_equal([1.0, 2.0], 2), "x has masked entries"),
        ([np.ma.masked, 1.0], "x has masked entries"),
        ([[1.0, 2.0], np.ma.masked_equal([1.0, 2.0], 2)], "x has masked entries"),
        (np.ones(2) * mV, "x has a unit.*divide"),
        ([1 * ms, 2 * ms], "x has a unit"),
        ([[1 * ms]], "x has a unit"),
        ([1e300], "x: float32 cannot hold 1e.300, in place .0,.*3e.38"),
        ([1, np.longdouble("1e400")], "cannot hold|infinite"),
        (np.ones(2) * 1j, "x holds complex128"),
        (["a"], "x holds <U1.*float"),
        ([object()], "x holds object"),
        ([None], "x holds object"),
        ([Decimal(1)], "x holds object"),
        ([[1, 2], [3]], "x is no array.*one length"),
        (np.array(["2020"], "datetime64"), "x holds datetime"),
        (
            [1, np.nan, -np.inf],
            r"x is NaN or infinite in unit 1, and in 2 places in all \(1 NaN, 1 inf\)|in place",
        ),
    ],
    ids=lambda value: None,
)
def test_arrays_that_would_lose_what_they_mean_are_refused(values, said):
    with warnings.catch_warnings(), pytest.raises(TaskError, match=said):
        warnings.simplefilter("error")
        numbers("x", values, np.float32, TaskError)


def test_arrays_that_are_real_numbers_pass():
    for values in (
        [[1, 0]],
        np.ones((1, 2), bool),
        np.ma.array([[1.0, 0.0]]),
        np.float16([[1, 0]]),
        ((1, 0),),
        [np.array([1.0, 0.0])],
    ):
        found = numbers("x", values)
        assert found.dtype == np.float64 and found.shape == (1, 2) and type(found) is np.ndarray
    assert numbers("t", [1 * ms, 2 * ms], unit=second).tolist() == [0.001, 0.002]
    assert numbers("t", 3 * ms, unit=second) == 0.003


def test_a_batch_says_trial_and_unit():
    with pytest.raises(NetworkError, match="The stimulus is NaN or infinite in trial 1, unit 0"):
        batch("stimulus", [[0, 0], [np.nan, 0]], 2, 3, np.float64)
    with pytest.raises(
        NetworkError, match=r"shape \(trials, 2\) with at most 3 trials, not \(2, 2, 1\)"
    ):
        batch("stimulus", np.zeros((2, 2, 1)), 2, 3, np.float64)


def test_kinds_and_names():
    class Bad:
        def __repr__(self):
            raise KeyError("no repr")

    assert (
        kind("a", 3, int, "a number") == 3
        and one_of("a", "b", ("b", "c")) == "b"
        and able("f", len, "__call__", "a function") is len
    )
    with pytest.raises(NetworkError, match="a = something: give a Learner"):
        kind("a", Bad(), int, "a Learner")
    with pytest.raises(RuleError, match=r"a = \[\]. Valid types: b, c"):
        one_of("a", [], ("b", "c"), RuleError, "type")
    with pytest.raises(NetworkError, match="measure = 3: give a function"):
        able("measure", 3, "__call__", "a function")
    assert len(shown("x" * 1000)) < 90
