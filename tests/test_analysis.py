"""The measures against closed forms, invariants of learning, and the numbers of the published DFC
code."""

import json
from pathlib import Path

import numpy as np
import pytest

from neurofa import analysis, reference

GOLDEN = Path(__file__).resolve().parents[2] / "shared" / "science" / "dfc_golden.json"
CIRCUIT_SIZES = (3, 4, 3, 2)


def circuit():
    """The 3-4-3-2 tanh network whose weights are formulas: W, Q (list of blocks), rates, dphi, J;
    written out here."""
    table = np.fromfunction
    sizes = CIRCUIT_SIZES
    W = [
        table(lambda j, k: 0.6 * np.sin(1 + 2 * i + 1.3 * j + 0.7 * k), (sizes[i], sizes[i - 1]))
        for i in (1, 2, 3)
    ]
    b = [table(lambda j: 0.1 * np.cos(i + j), (sizes[i],)) for i in (1, 2, 3)]
    Q = [
        W[1].T @ W[2].T + table(lambda j, k: 0.1 * np.cos(3 + j + 2 * k), (4, 2)),
        W[2].T + table(lambda j, k: 0.1 * np.cos(6 + j + 2 * k), (3, 2)),
        np.eye(2),
    ]
    r = [table(lambda t, k: np.cos(0.9 * t + 1.1 * k), (2, 3))]
    for w, c in zip(W[:2], b):
        r.append(np.tanh(r[-1] @ w.T + c))
    r.append(r[-1] @ W[2].T + b[2])
    dphi = [1 - r[1] ** 2, 1 - r[2] ** 2, np.ones((2, 2))]
    J2 = W[2] * dphi[1][:, None, :]
    J = np.concatenate(
        [J2 @ W[1] * dphi[0][:, None, :], J2, np.tile(np.eye(2), (2, 1, 1))], axis=-1
    )
    return W, Q, r, dphi, J


# --- angles ---
def test_angles_by_hand():
    assert analysis.angle([1, 0], [1, 1]) == pytest.approx(45, abs=1e-13)
    assert analysis.angle([[1.0, 0], [0, 0]], [[0, 0], [0, 2.0]]) == pytest.approx(90, abs=1e-13)
    # not folded at 90
    assert analysis.angle([1, 0], [-1, 0.5]) == pytest.approx(180 - np.degrees(np.arctan(0.5)))


def test_small_angles_are_accurate():
    v = np.random.default_rng(0).normal(size=100)
    assert analysis.angle(v, 3 * v) < 1e-13
    assert analysis.angle([1, 0], [1, 1e-9]) == pytest.approx(np.degrees(1e-9), rel=1e-6)
    assert analysis.angle(v, -v) == pytest.approx(180, abs=1e-12)


def test_zero_has_no_angle():
    assert np.isnan(analysis.angle(np.zeros(3), np.ones(3)))
    measured = analysis.angles([np.ones(2), np.zeros(2)], [np.ones(2), np.ones(2)])
    assert measured.shape == (2,) and measured[0] == 0 and np.isnan(measured[1])
    assert np.isnan(analysis.norm_ratio(np.ones(3), np.zeros(3)))


def test_trial_angles_are_the_angles_of_the_rows():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(4, 3, 2)), rng.normal(size=(4, 3, 2))
    np.testing.assert_allclose(
        analysis.trial_angles(a, b), [analysis.angle(p, q) for p, q in zip(a, b)], rtol=1e-14
    )


def test_chance_spread_of_random_directions():
    rng = np.random.default_rng(2)
    measured = analysis.trial_angles(rng.normal(size=(4000, 100)), rng.normal(size=(4000, 100)))
    assert measured.mean() == pytest.approx(90, abs=0.4)
    assert measured.std() == pytest.approx(analysis.chance_angle_spread(100), rel=0.05)
    assert analysis.chance_angle_spread(100) == pytest.approx(5.73, abs=0.005)


@pytest.mark.parametrize("concordance", [0.5, 0.75, 1.0])
def test_sign_agreement_and_its_cosine_law(concordance):
    """Gaussian magnitudes drawn anew: cos(angle) = (2c - 1) 2/pi."""
    rng = np.random.default_rng(3)
    W = rng.normal(size=(300, 400))
    B = (
        abs(rng.normal(size=(400, 300)))
        * np.sign(W.T)
        * np.where(rng.random((400, 300)) < concordance, 1, -1)
    )
    assert analysis.sign_agreement(W, B) == pytest.approx(concordance, abs=0.01)
    assert np.cos(np.radians(analysis.alignment(W, B))) == pytest.approx(
        (2 * concordance - 1) * 2 / np.pi, abs=0.01
    )


def test_alignment_and_signs_of_the_transpose():
    W = np.array([[1.0, -2.0, 3.0], [4.0, 5.0, -6.0]])
    assert analysis.alignment(W, 2 * W.T) < 1e-13
    assert analysis.sign_agreement(W, -W.T) == 0
    # absent synapses do not count
    assert analysis.sign_agreement(W, [[1, 0], [-1, 0], [-1, 0]]) == pytest.approx(2 / 3)
    assert analysis.sign_agreement([[1, 0]], [[-1], [0]]) == 0  # nor do two absent ones agree
    assert np.isnan(analysis.sign_agreement(W, 0 * W.T))
    assert analysis.norm_ratio(3 * W.T, W) == pytest.approx(3)


# --- deep feedback control ---
def test_dfc_numbers_of_the_published_code():
    W, Q, r, dphi, J = circuit()
    A = analysis.stability_matrix(W, dphi, Q, alpha=0.01, tau=0.2, k_p=1.0)
    assert analysis.max_real_eigenvalue(A)[0] == pytest.approx(-0.6331034422, abs=1e-10)
    assert analysis.condition_3(J, Q, 0.01)[0] == pytest.approx(1.4090767355, abs=1e-10)
    assert analysis.condition_2(J, Q) == pytest.approx(0.9629184313, abs=1e-10)
    assert analysis.condition_1_as_coded(r) == pytest.approx(0.1898352788, abs=1e-10)
    assert analysis.condition_1(r) == pytest.approx(0.1918287146, abs=1e-10)


def test_dfc_golden_file():
    if not GOLDEN.exists():
        pytest.skip(f"the golden numbers of the published DFC code are not here: {GOLDEN.name}")
    golden = json.loads(GOLDEN.read_text())
    W, Q, r, dphi, J = circuit()
    A = analysis.stability_matrix(W, dphi, Q, alpha=0.01, tau=0.2, k_p=1.0)
    measured = {
        "A_PI_max_real": analysis.max_real_eigenvalue(A)[0],
        "A_instI_max_real": -analysis.condition_3(J, Q, 0.01)[0],
        "cond2": analysis.condition_2(J, Q),
        "cond1_as_coded": analysis.condition_1_as_coded(r),
        "cond1_as_in_paper": analysis.condition_1(r),
    }
    for key, value in measured.items():
        assert value == pytest.approx(golden[key], abs=1e-12), key


def test_condition_1_holds_for_equal_norms():
    # the output does not count
    r = [np.array([[3.0, 4.0]]), np.array([[5.0]]), np.array([[99.0]])]
    assert analysis.condition_1(r) == 0
    r[1] *= 3  # norms 5 and 15: mean 10, sd 5
    assert analysis.condition_1(r) == pytest.approx(0.5)
    assert analysis.condition_1_as_coded(r) == pytest.approx(np.sqrt(2.5))


def test_condition_2_is_one_in_the_row_space_and_chance_otherwise():
    rng = np.random.default_rng(4)
    J = rng.normal(size=(3, 5, 25))
    assert analysis.condition_2(J, np.swapaxes(J, 1, 2) @ rng.normal(size=(5, 5))) == pytest.approx(
        1, abs=1e-12
    )
    assert analysis.condition_2(
        rng.normal(size=(400, 5, 25)), rng.normal(size=(25, 5))
    ) == pytest.approx(0.447, abs=0.03)
    null = np.linalg.svd(J[0])[2][5:].T[:, :5]
    assert analysis.condition_2(J[:1], null) < 1e-12


def test_condition_2_of_a_rank_deficient_jacobian():
    J = np.zeros((1, 2, 4))
    J[0, :, 0] = 1.0  # both outputs see unit 0 alone
    Q = np.ones((4, 2))
    assert analysis.condition_2(J, Q) == pytest.approx(0.5, abs=1e-12)


def test_stability_matrix_is_the_jacobian_of_the_dynamics():
    """By finite differences: du/dt = e + k_p de/dt - alpha u, neurons as usual, in the coordinates
    (v - v_basal, u)."""
    W, Q, r, dphi, _ = circuit()
    tau, alpha, k_p = 0.2, 0.05, 0.7
    v = [np.arctanh(r[1][0]), np.arctanh(r[2][0]), r[3][0]]

    def coordinates(z):
        v1, v2, v3, u = np.split(z, np.cumsum((4, 3, 2)))
        return np.concatenate(
            [
                v1 - v[0],
                v2 - v[1] - W[1] @ (np.tanh(v1) - np.tanh(v[0])),
                v3 - v[2] - W[2] @ (np.tanh(v2) - np.tanh(v[1])),
                u,
            ]
        )

    def velocity(z):
        _, _, v3, u = np.split(z, np.cumsum((4, 3, 2)))
        dv = (np.concatenate(Q) @ u - coordinates(z)[:9]) / tau
        return np.concatenate([dv, v[2] - v3 - k_p * dv[-2:] - alpha * u])

    at_rest = np.concatenate(v + [np.zeros(2)])
    change, dynamics = (reference.numerical_gradient(f, at_rest).T for f in (coordinates, velocity))
    ours = analysis.stability_matrix(W, dphi, Q, alpha, tau, k_p)[0]
    np.testing.assert_allclose(ours, change @ dynamics @ np.linalg.inv(change), atol=1e-7)


def test_fast_neurons_leave_the_controller_alone():
    W, Q, _, dphi, J = circuit()
    slow = analysis.max_real_eigenvalue(analysis.stability_matrix(W, dphi, Q, alpha=0.1, tau=1e-5))
    np.testing.assert_allclose(slow, -analysis.condition_3(J, Q, 0.1), rtol=1e-3)


# --- learning ---
def test_fa_invariant_drifts_only_to_first_order_in_the_learning_rate():
    def drift(eta, steps):
        rng = np.random.default_rng(5)
        W = [
            0.3 * rng.normal(size=(5, 6)),
            0.3 * rng.normal(size=(4, 5)),
            0.3 * rng.normal(size=(3, 4)),
        ]
        B = [rng.normal(size=(5, 4)), rng.normal(size=(4, 3))]
        x = rng.normal(size=(8, 6))
        y = x @ rng.normal(size=(6, 3))
        start = [analysis.fa_invariant(W[i], B[i], W[i + 1]) for i in (0, 1)]
        first = W[0]
        for _ in range(steps):
            deltas = reference.fa_deltas(x, y, W, None, B, "linear")
            dW, _ = reference.gradients(deltas, reference.forward(x, W, None, "linear")[1])
            W = [w - eta * g for w, g in zip(W, dW)]
        assert abs(W[0] - first).max() > 0.05
        return max(
            abs(analysis.fa_invariant(W[i], B[i], W[i + 1]) - start[i]).max() for i in (0, 1)
        )

    coarse, fine = drift(1e-3, 100), drift(1e-4, 1000)
    assert coarse < 0.02 and coarse / fine == pytest.approx(10, rel=0.2)


def test_kolen_pollack_identity():
    rng = np.random.default_rng(6)
    W, B = [rng.normal(size=(5, 6)), rng.normal(size=(3, 5))], rng.normal(size=(5, 3))
    x, y, W_start, B_start, decay = rng.normal(size=(8, 6)), rng.normal(size=(8, 3)), W[1], B, 0.02
    for _ in range(50):
        dW, _ = reference.gradients(
            reference.fa_deltas(x, y, W, None, [B]), reference.forward(x, W)[1]
        )
        W = [w - 0.05 * g - decay * w for w, g in zip(W, dW)]
        B = B - 0.05 * dW[1].T - decay * B
    assert abs(W[1] - W_start).max() > 0.5
    assert analysis.kolen_pollack_residual(W[1], B, W_start, B_start, decay, 50) < 1e-14
    assert analysis.kolen_pollack_residual(W[1], B, W_start, B_start, decay, 49) > 1e-3


def test_errors_and_accuracy():
    y = np.array([[0.0, 2.0], [1.0, 0.0]])
    assert analysis.nse(0 * y, y) == 1
    assert analysis.nse(y + [[1, 0], [0, 0]], y) == pytest.approx(1 / 5)
    assert np.isnan(analysis.nse(y, 0 * y))
    assert analysis.accuracy([[0.1, 0.9], [0.2, 0.3]], y) == 0.5
    assert analysis.accuracy([[0.1, 0.9], [0.2, 0.3]], [1, 1]) == 1.0


@pytest.mark.parametrize(
    "mistake, message",
    [
        (lambda: analysis.angle(np.ones(2), np.ones(3)), r"\(2,\)|\(1, 2\)"),
        (lambda: analysis.angles([np.ones(2)], []), "1 and 0 layers"),
        (lambda: analysis.alignment(np.ones((2, 3)), np.ones((2, 3))), "shape of W"),
        (lambda: analysis.sign_agreement(np.ones((2, 3)), np.ones((2, 3))), "shape of W"),
        (lambda: analysis.condition_2(np.ones((1, 2, 5)), np.ones((4, 2))), r"\(N, n_L\)"),
        (
            lambda: analysis.condition_3(np.ones((2, 5)), np.ones((5, 2)), 0.1),
            r"\(trials, n_L, N\)",
        ),
        (
            lambda: analysis.stability_matrix(
                [np.ones((2, 3))], [np.ones((1, 3))], np.ones((2, 2)), 0.1, 0.2
            ),
            "dphi",
        ),
        (
            lambda: analysis.fa_invariant(np.ones((4, 3)), np.ones((2, 4)), np.ones((2, 4))),
            "shape of W",
        ),
        (
            lambda: analysis.kolen_pollack_residual(
                np.ones((2, 3)), np.ones((2, 3)), np.ones((2, 3)), np.ones((3, 2)), 0, 1
            ),
            "W",
        ),
        (lambda: analysis.nse(np.ones((2, 2)), np.ones((1, 2))), "cannot be compared"),
        (lambda: analysis.accuracy(np.ones((3, 2)), np.ones(2)), "wanted"),
    ],
)
def test_mistakes_are_named(mistake, message):
    with pytest.raises(ValueError, match=message):
        mistake()
