"""The equations of online learning against their definitions: averages over Gaussian potentials, by
quadrature, of what one update does; no closed form is shared."""

import itertools

import numpy as np
import pytest
from scipy.special import erf

from neurofa import NeurofaError, order_parameters

ETA = 0.7


def drawn(K, M, seed=0, scale=0.4):
    """Return overlaps Q, R, T and second layers v, v_teacher of a student and a teacher."""
    rng = np.random.default_rng(seed)
    directions = scale * rng.normal(size=(K + M, K + M))
    C = directions @ directions.T
    return C[:K, :K], C[:K, K:], C[K:, K:], rng.normal(size=K), rng.normal(size=M)


def by_quadrature(Q, R, T, v, v_teacher, F, nodes=32):
    """Return the error, and dQ, dR and dv per unit of time, as averages over potentials."""
    K, C = len(v), np.block([[Q, R], [R.T, T]])
    points, weights = np.polynomial.hermite_e.hermegauss(nodes)
    grid = np.array(list(itertools.product(points, repeat=len(C)))).T
    chance = np.prod(list(itertools.product(weights, repeat=len(C))), axis=1)
    chance /= chance.sum()
    h = np.linalg.cholesky(C) @ grid
    g, slope = erf(h / np.sqrt(2)), np.sqrt(2 / np.pi) * np.exp(-(h[:K] ** 2) / 2)
    e = v @ g[:K] - v_teacher @ g[K:]
    change = -ETA * F[:, None] * slope * e  # of w, along x / sqrt(N), whose square is 1
    moved = (change * chance) @ h[:K].T
    dQ = moved + moved.T + (change * chance) @ change.T
    return (
        chance @ e**2 / 2,
        dQ,
        (change * chance) @ h[K:].T,
        -ETA * g[:K] @ (chance * e),
    )


@pytest.mark.parametrize("K, M", [(1, 1), (2, 1), (1, 2), (2, 2)])
def test_error_and_flow_are_the_averages_that_define_them(K, M):
    given, F = drawn(K, M), np.array([1.0, -0.5])[:K]
    error, *rates = by_quadrature(*given, F)
    np.testing.assert_allclose(order_parameters.error(*given), error, rtol=1e-9)
    for ours, theirs in zip(order_parameters.flow(*given, ETA, F), rates):
        np.testing.assert_allclose(ours, theirs, atol=1e-9)


def test_without_a_feedback_vector_it_is_backpropagation():
    given = drawn(2, 2)
    for ours, theirs in zip(
        order_parameters.flow(*given, ETA), by_quadrature(*given, given[3])[1:]
    ):
        np.testing.assert_allclose(ours, theirs, atol=1e-9)


def test_a_student_that_is_its_teacher_stays():
    Q, _, _, v, _ = drawn(2, 2)
    assert order_parameters.error(Q, Q, Q, v, v) == pytest.approx(0, abs=1e-15)
    for rate in order_parameters.flow(Q, Q, Q, v, v, ETA, [1.0, -0.5]):
        np.testing.assert_allclose(rate, 0, atol=1e-15)


def test_integrated_is_what_many_small_steps_make_of_it():
    *given, F = *drawn(2, 2), np.array([1.0, -0.5])
    course = order_parameters.integrate(*given, ETA, [0, 1.0, 2.0], F)
    np.testing.assert_array_equal(course.Q[0], given[0])
    assert course.error[0] == order_parameters.error(*given)
    (Q, R, T, v, v_teacher), dt = given, 1e-3
    for _ in range(1000):  # by midpoints: off by dt^2
        half = [a + dt / 2 * d for a, d in zip((Q, R, v), order_parameters.flow(*given, ETA, F))]
        middle = (half[0], half[1], T, half[2], v_teacher)
        Q, R, v = (a + dt * d for a, d in zip((Q, R, v), order_parameters.flow(*middle, ETA, F)))
        given = (Q, R, T, v, v_teacher)
    for ours, theirs in ((course.Q[1], Q), (course.R[1], R), (course.v[1], v)):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


@pytest.mark.parametrize(
    "wrong, says",
    [
        (dict(Q=np.eye(3)), "Q has the shape"),
        (dict(T=np.eye(1)), "T has the shape"),
        (dict(v=[1.0]), "v has 1 numbers: give 2"),
        (dict(F=[1.0, 2.0, 3.0]), "F has 3 numbers"),
        (dict(times=[1.0, 1.0]), "larger than the one before"),
        (dict(eta=np.nan), "eta"),
    ],
)
def test_what_does_not_fit_is_refused(wrong, says):
    names = ("Q", "R", "T", "v", "v_teacher")
    given = dict(zip(names, drawn(2, 2))) | dict(eta=ETA, times=[1.0], F=[1.0, -0.5])
    with pytest.raises(NeurofaError, match=says):
        order_parameters.integrate(**given | wrong)
