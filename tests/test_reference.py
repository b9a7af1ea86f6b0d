"""The reference answers against finite differences, closed forms, scipy.optimize.root and
published-code trajectories."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import root

from neurofa import reference as ref
from neurofa.base.errors import NeurofaError
from neurofa.theory.analysis import angle

GOLDEN = Path(__file__).resolve().parents[2] / "shared" / "science" / "dfc_golden.json"
SIZES = (3, 4, 3, 2)
ALPHA = 0.01
RUN = dict(dt=0.02, tau=0.2, steps=399, k_p=1.0)


@pytest.fixture(scope="module")
def golden():
    if not GOLDEN.exists():
        pytest.skip(f"the golden numbers of the published DFC code are not here: {GOLDEN.name}")
    return {
        k: np.array(v)
        for k, v in json.loads(GOLDEN.read_text()).items()
        if isinstance(v, (list, float))
    }


def table(f, *shape):
    return np.fromfunction(f, shape)


def circuit():
    """The 3-4-3-2 network whose weights are formulas: W, b, Q (list of blocks), x (2 trials),
    r_star."""
    W = [
        table(lambda j, k: 0.6 * np.sin(1 + 2 * i + 1.3 * j + 0.7 * k), SIZES[i], SIZES[i - 1])
        for i in (1, 2, 3)
    ]
    b = [table(lambda j: 0.1 * np.cos(i + j), SIZES[i]) for i in (1, 2, 3)]
    Q = [W[1].T @ W[2].T, W[2].T, np.eye(2)]
    for i in (1, 2):
        Q[i - 1] = Q[i - 1] + table(lambda j, k: 0.1 * np.cos(3 * i + j + 2 * k), SIZES[i], 2)
    x = table(lambda t, k: np.cos(0.9 * t + 1.1 * k), 2, 3)
    y = table(lambda t, k: 0.5 * np.sin(t + k), 2, 2)
    # mean squared error, lambda = 0.5
    return W, b, Q, x, 0.75 * ref.forward(x, W, b)[1][-1] + 0.25 * y


def random_circuit(sizes=(4, 6, 5, 3), trials=5, seed=0):
    rng = np.random.default_rng(seed)
    W = [rng.normal(size=(m, n)) / np.sqrt(n) for n, m in zip(sizes, sizes[1:])]
    b = [0.3 * rng.normal(size=m) for m in sizes[1:]]
    return W, b, rng.normal(size=(trials, sizes[0])), rng.normal(size=(trials, sizes[-1])), rng


def one_hot(y):
    return np.eye(y.shape[1])[y.argmax(1)]


def close(a, b, tolerance):
    np.testing.assert_allclose(a, b, rtol=0, atol=tolerance)


# --- gradients ---
@pytest.mark.parametrize("output", ["linear", "logistic"])
@pytest.mark.parametrize("kind", ref.COSTS)
@pytest.mark.parametrize("activation", ref.ACTIVATIONS)
def test_backprop_is_the_gradient_of_the_cost(activation, kind, output):
    W, b, x, y, _ = random_circuit()
    y = one_hot(y) * 0.8 + 0.1  # soft labels that do not sum to one

    def mean_cost(W, b):
        return ref.cost(ref.forward(x, W, b, activation, output)[1][-1], y, kind).mean()

    r = ref.forward(x, W, b, activation, output)[1]
    dW, db = ref.gradients(ref.backprop_deltas(x, y, W, b, activation, output, kind), r)
    for i in range(len(W)):
        close(
            dW[i],
            ref.numerical_gradient(lambda w: mean_cost(W[:i] + [w] + W[i + 1 :], b), W[i]),
            2e-9,
        )
        close(
            db[i],
            ref.numerical_gradient(lambda c: mean_cost(W, b[:i] + [c] + b[i + 1 :]), b[i]),
            2e-9,
        )


@pytest.mark.parametrize("name", ref.ACTIVATIONS)
def test_activation_derivatives(name):
    phi, dphi = ref.ACTIVATIONS[name]
    v = np.array([-30.0, -2.0, -0.3, 0.4, 1.7, 30.0])
    close(dphi(v), np.diag(ref.numerical_gradient(phi, v)), 1e-8)
    assert np.isfinite([phi(np.array([-1e4, 1e4])), dphi(np.array([-1e4, 1e4]))]).all()


def test_costs_by_hand():
    r, y = np.array([[1.0, 3.0]]), np.array([[0.0, 1.0]])
    assert ref.cost(r, y)[0] == 0.5 * (1 + 4)
    assert ref.cost(r, y, "cross_entropy")[0] == pytest.approx(np.log(1 + np.exp(-2)), rel=1e-14)
    close(
        ref.cost_gradient(r, y, "cross_entropy"),
        [[1 / (1 + np.exp(2)), -1 / (1 + np.exp(2))]],
        1e-15,
    )


def test_forward_without_biases_is_the_matrix_product():
    W, _, x, _, _ = random_circuit()
    v, r = ref.forward(x, W, activation="linear")
    close(r[-1], (W[2] @ W[1] @ W[0] @ x.T).T, 1e-14)
    assert len(v) == 3 and len(r) == 4 and (r[0] == x).all()


def test_numerical_gradient_of_a_vector_function():
    M = np.arange(6.0).reshape(2, 3)
    close(ref.numerical_gradient(lambda a: M @ a, np.ones(3)), M.T, 1e-9)


def test_fa_and_dfa_trial_by_trial():
    W, b, x, y, rng = random_circuit()
    B = [rng.normal(size=(6, 5)), rng.normal(size=(5, 3))]
    D = [rng.normal(size=(6, 3)), rng.normal(size=(5, 3))]
    fa, dfa = ref.fa_deltas(x, y, W, b, B, "logistic"), ref.dfa_deltas(x, y, W, b, D, "logistic")
    logistic = lambda v: 1 / (1 + np.exp(-v))
    for t in range(len(x)):
        r1 = logistic(W[0] @ x[t] + b[0])
        r2 = logistic(W[1] @ r1 + b[1])
        delta3 = W[2] @ r2 + b[2] - y[t]
        delta2 = r2 * (1 - r2) * (B[1] @ delta3)
        close(fa[2][t], delta3, 1e-14)
        close(fa[1][t], delta2, 1e-14)
        close(fa[0][t], r1 * (1 - r1) * (B[0] @ delta2), 1e-14)
        close(dfa[1][t], r2 * (1 - r2) * (D[1] @ delta3), 1e-14)
        close(dfa[0][t], r1 * (1 - r1) * (D[0] @ delta3), 1e-14)


def test_one_hidden_layer_makes_fa_and_dfa_one_rule():
    W, b, x, y, rng = random_circuit((4, 6, 3))
    B = [rng.normal(size=(6, 3))]
    for fa, dfa in zip(ref.fa_deltas(x, y, W, b, B), ref.dfa_deltas(x, y, W, b, B)):
        assert (fa == dfa).all()


def test_feedback_gain_is_a_layerwise_learning_rate_in_fa():
    W, b, x, y, rng = random_circuit()
    B = [rng.normal(size=(6, 5)), rng.normal(size=(5, 3))]
    plain, strong = ref.fa_deltas(x, y, W, b, B), ref.fa_deltas(x, y, W, b, [2 * m for m in B])
    for gain, a, g in zip((4, 2, 1), plain, strong):
        close(g, gain * a, 1e-14)


@pytest.mark.parametrize("activation, output", [("tanh", "linear"), ("softplus", "logistic")])
def test_jacobian_against_finite_differences(activation, output):
    W, b, x, _, _ = random_circuit()
    J = ref.per_layer(ref.jacobian(x, W, b, activation, output), W)
    for i in range(len(W)):  # a bias shifts the potentials of its layer in every trial
        shift = lambda c: ref.forward(x, W, b[:i] + [c] + b[i + 1 :], activation, output)[1][-1]
        close(J[i], np.moveaxis(ref.numerical_gradient(shift, b[i]), 0, -1), 1e-9)


# --- deep feedback control: fixed points ---
def test_steady_state_solves_the_whole_system():
    W, b, Q, x, r_star = circuit()
    state = ref.dfc_steady_state(x, r_star, W, b, Q, ALPHA)
    for t in range(2):

        def equations(z):
            v1, v2, v3, u = np.split(z, np.cumsum((4, 3, 2)))
            return np.concatenate(
                [
                    W[0] @ x[t] + b[0] + Q[0] @ u - v1,
                    W[1] @ np.tanh(v1) + b[1] + Q[1] @ u - v2,
                    W[2] @ np.tanh(v2) + b[2] + Q[2] @ u - v3,
                    r_star[t] - v3 - ALPHA * u,
                ]
            )

        ours = np.concatenate([v[t] for v in state.v] + [state.u[t]])
        assert abs(equations(ours)).max() < 1e-13
        close(ours, root(equations, np.zeros(11), tol=1e-13).x, 1e-10)
    close(state.u, [[0.0599244073, 0.0647104167], [0.1063511742, 0.1658465440]], 1e-10)
    for v, v_basal, block in zip(state.v, state.v_basal, Q):
        close(v - v_basal, state.u @ block.T, 1e-14)


def test_steady_state_far_from_linear_and_out_of_reach():
    W, b, Q, x, r_star = circuit()
    far = r_star + 5.0
    state = ref.dfc_steady_state(x, far, W, b, Q, ALPHA)
    assert abs(ALPHA * state.u - far + state.r[-1]).max() < 1e-12
    with pytest.raises(NeurofaError, match="trial .: residual .* after 1 Newton"):
        ref.dfc_steady_state(x, far, W, b, Q, ALPHA, max_steps=1)
    with pytest.raises(NeurofaError):
        ref.dfc_steady_state(x, far, W, b, Q, 0.0, output="tanh")  # tanh never reaches 5
    with pytest.raises(NeurofaError, match="singular"):
        ref.dfc_steady_state(x, r_star, W, b, [0 * block for block in Q], 0.0)


def test_ssa_is_the_ss_update_in_a_linear_network():
    W, b, Q, x, r_star = circuit()
    ssa = ref.dfc_ssa_update(
        x, r_star - ref.forward(x, W, b, "linear")[1][-1], W, b, Q, ALPHA, "linear"
    )
    ss = ref.dfc_ss_update(
        ref.dfc_steady_state(x, r_star, W, b, Q, ALPHA, "linear"), W, b, "linear"
    )
    for ours, exact in zip(sum(ssa, []), sum(ss, []), strict=True):
        close(ours, exact, 1e-13)


def test_linear_response_is_the_steady_state_of_a_linear_network():
    W, b, Q, x, r_star = circuit()
    J = ref.jacobian(x, W, b, "linear")
    u = ref.dfc_linear_response(J, Q, ALPHA, r_star - ref.forward(x, W, b, "linear")[1][-1])
    close(u, ref.dfc_steady_state(x, r_star, W, b, Q, ALPHA, "linear").u, 1e-13)


def test_linear_response_error_is_second_order():
    W, b, Q, x, _ = circuit()
    r_L, J, delta = (
        ref.forward(x, W, b)[1][-1],
        ref.jacobian(x, W, b),
        np.array([[1.0, -0.5], [0.3, 0.8]]),
    )

    def gap(size):
        exact = ref.dfc_steady_state(x, r_L + size * delta, W, b, Q, ALPHA).u
        return np.linalg.norm(ref.dfc_linear_response(J, Q, ALPHA, size * delta) - exact)

    assert gap(1e-2) / gap(1e-3) == pytest.approx(100, rel=0.05)


def test_leak_on_the_integral_part():
    W, b, Q, x, r_star = circuit()
    alpha, k_i, k_p = 0.2, 0.7, 1.5
    state = ref.dfc_steady_state(x, r_star, W, b, Q, ref.effective_leak(alpha, k_i, k_p))
    error = r_star - state.r[-1]
    close(state.u, k_i * error / alpha + k_p * error, 1e-12)
    assert ref.effective_leak(alpha) == alpha


def test_large_leak_with_q_equal_j_transposed_is_backprop():
    W, b, _, x, r_star = circuit()
    r = ref.forward(x, W, b)[1]
    J, alpha, step, y = ref.jacobian(x, W, b), 1e4, 0.25, 4 * r_star - 3 * r[-1]
    u = ref.dfc_linear_response(J, np.swapaxes(J, 1, 2), alpha, r_star - r[-1])
    dv = ref.per_layer(np.einsum("tki,tk->ti", J, u), W)
    for update, gradient in zip(
        ref.gradients(dv, r)[0], ref.gradients(ref.backprop_deltas(x, y, W, b), r)[0]
    ):
        assert angle(-update, gradient) < 0.002
        assert np.linalg.norm(update) == pytest.approx(
            step / alpha * np.linalg.norm(gradient), rel=2e-4
        )


def test_no_leak_with_condition_2_is_the_pseudo_inverse():
    W, b, x, y, rng = random_circuit()
    J, delta = ref.jacobian(x, W, b), 0.1 * y
    Q = np.swapaxes(J, 1, 2) @ rng.normal(size=(3, 3))
    dv = np.einsum("tik,tk->ti", Q, ref.dfc_linear_response(J, Q, 0.0, delta))
    close(dv, np.einsum("tik,tk->ti", np.linalg.pinv(J), delta), 1e-11)


# --- deep feedback control: trajectories and updates ---
def test_trajectory_of_the_published_code():
    W, b, Q, x, r_star = circuit()
    u = ref.simulate_dfc(x, r_star, W, b, Q, ALPHA, **RUN).u
    close(u[0], 0, 0)
    close(u[1], (0.02 + 1.0) * (r_star - ref.forward(x, W, b)[1][-1]), 1e-15)
    close(u[2], [[0.1347044122, 0.1260718595], [0.2201687478, 0.2500940908]], 1e-10)
    close(u[399], [[0.0599078829, 0.0646517440], [0.1063417370, 0.1655592569]], 1e-10)


@pytest.mark.parametrize(
    "options, u",
    [
        (dict(proactive=False), 0.0710964553),
        (dict(inst_transmission=False), 0.0739612620),
        (dict(tau=0.02, k_p=0.0), 0.0236239381),
    ],
)
def test_variants_of_the_published_code(options, u):
    W, b, Q, x, r_star = circuit()
    assert ref.simulate_dfc(x, r_star, W, b, Q, ALPHA, **RUN | dict(steps=10) | options).u[10][
        0, 0
    ] == pytest.approx(u, abs=1e-10)


@pytest.mark.parametrize(
    "options", [dict(output="tanh"), dict(proactive=False), dict(inst_transmission=False)]
)
def test_every_trajectory_ends_in_the_steady_state(options):
    W, b, Q, x, r_star = circuit()
    end = ref.simulate_dfc(x, r_star, W, b, Q, ALPHA, **RUN | dict(steps=4000), **options).at(-1)
    exact = ref.dfc_steady_state(x, r_star, W, b, Q, ALPHA, output=options.get("output", "linear"))
    close(end.u, exact.u, 1e-8)
    for name in ("v", "r", "v_basal"):
        for ours, theirs in zip(getattr(end, name), getattr(exact, name), strict=True):
            close(ours, theirs, 1e-8)


def test_linear_instantaneous_trajectory_is_the_closed_form():
    W, b, Q, x, r_star = circuit()
    delta = r_star - ref.forward(x, W, b, "linear")[1][-1]
    u = ref.simulate_dfc(x, r_star, W, b, Q, ALPHA, "linear", dt=0.02, tau=0.02, steps=60).u
    M = ref.jacobian(x, W, b, "linear")[0] @ np.concatenate(Q) + ALPHA * np.eye(2)
    for t in (1, 2, 10, 60):
        decay = np.linalg.matrix_power(np.eye(2) - 0.02 * M, t)
        close(u[t], np.linalg.solve(M, (np.eye(2) - decay) @ delta.T).T, 1e-14)


@pytest.mark.parametrize(
    "name, options",
    [
        ("pi", RUN),
        ("pi_reactive", RUN | dict(proactive=False)),
        ("pi_delayed", RUN | dict(inst_transmission=False)),
        ("i_inst", RUN | dict(tau=0.02, k_p=0.0)),
    ],
)
def test_golden_trajectories(golden, name, options):
    W, b, Q, x, r_star = circuit()
    close(r_star, golden["target_neurips"], 1e-14)
    run = ref.simulate_dfc(x, r_star, W, b, Q, ALPHA, **options)
    for t in (1, 2, 10, 399):
        close(run.u[t], golden[f"{name}_u{t}"], 1e-11)
    close(run.r[-1][-1], golden[f"{name}_rL_last"], 1e-11)
    for key, updates in dict(
        cont=ref.dfc_continuous_update(run), ss=ref.dfc_ss_update(run.at(-1), W, b)
    ).items():
        if f"{name}_{key}_gW0" in golden:
            check_golden_gradients(golden, f"{name}_{key}", updates)
    if f"{name}_vs_last0" in golden:
        close(run.v[0][-1], golden[f"{name}_vs_last0"], 1e-11)


def check_golden_gradients(golden, prefix, updates):
    dW, db = updates
    for i in range(3):  # the published code stores -2 times the update as the gradient
        close(-2 * dW[i], golden[f"{prefix}_gW{i}"], 1e-11)
        close(-2 * db[i], golden[f"{prefix}_gb{i}"], 1e-11)


def test_golden_fixed_points_and_ssa(golden):
    W, b, Q, x, r_star = circuit()
    r_L, J = ref.forward(x, W, b)[1][-1], ref.jacobian(x, W, b)
    close(r_L, golden["r_ff"], 1e-14)
    close(J[0], golden["J0"], 1e-13)
    close(ref.dfc_linear_response(J, Q, ALPHA, r_star - r_L), golden["ndi_u"], 1e-11)
    check_golden_gradients(golden, "ndi", ref.dfc_ssa_update(x, r_star - r_L, W, b, Q, ALPHA))
    exact = ref.dfc_steady_state(x, r_star, W, b, Q, ALPHA)
    close(exact.u, golden["u_ss_exact"], 1e-11)
    close(exact.v[0], golden["v1_ss_exact"], 1e-11)


def test_ss_update_of_an_exact_steady_state_trial_by_trial():
    W, b, Q, x, r_star = circuit()
    state = ref.dfc_steady_state(x, r_star, W, b, Q, ALPHA)
    dW, db = ref.dfc_ss_update(state, W, b)
    difference = np.tanh(state.v[1]) - np.tanh(np.tanh(state.v[0]) @ W[1].T + b[1])
    close(
        dW[1],
        np.mean([np.outer(d, np.tanh(v)) for d, v in zip(difference, state.v[0])], axis=0),
        1e-14,
    )
    close(db[1], difference.mean(0), 1e-14)


def test_updates_of_a_trajectory_that_has_not_settled():
    W, b, Q, x, r_star = circuit()
    run = ref.simulate_dfc(
        x, r_star, W, b, Q, ALPHA, **RUN | dict(steps=3, inst_transmission=False)
    )
    end = run.at(-1)
    v_basal = end.r[1] @ W[1].T + b[1]
    # layer 2 still saw the rates of a step ago
    assert abs(v_basal - end.v_basal[1]).max() > 1e-3
    post = np.tanh(end.v[1] - end.v_basal[1] + v_basal) - np.tanh(v_basal)
    close(ref.dfc_ss_update(end, W, b)[0][1], post.T @ end.r[1] / 2, 1e-15)
    steps = [
        (np.tanh(run.v[1][t]) - np.tanh(run.v_basal[1][t])).T @ run.r[1][t] / 2 for t in range(4)
    ]
    close(ref.dfc_continuous_update(run)[0][1], np.mean(steps, axis=0), 1e-15)


# --- reference directions ---
@pytest.mark.parametrize("damping", [0.0, 0.1])
def test_gauss_newton_against_the_full_parameter_jacobian(damping):
    W, b, x, y, _ = random_circuit((3, 4, 2), trials=3)
    dW, db = ref.gauss_newton_update(x, y, W, b, damping)
    sizes = [a.size for a in W + b]

    def output(theta):
        parts = [p.reshape(a.shape) for p, a in zip(np.split(theta, np.cumsum(sizes)[:-1]), W + b)]
        return ref.forward(x, parts[:2], parts[2:])[1][-1]

    J = np.moveaxis(
        ref.numerical_gradient(output, np.concatenate([a.ravel() for a in W + b])), 0, -1
    )
    steps = [
        j.T @ np.linalg.solve(j @ j.T + damping * np.eye(2), target) for j, target in zip(J, y)
    ]
    close(np.concatenate([a.ravel() for a in dW + db]), np.mean(steps, axis=0), 1e-8)


def test_gauss_newton_without_biases_solves_a_linear_layer_at_once():
    W, _, x, y, _ = random_circuit((4, 3), trials=1)
    dW, _ = ref.gauss_newton_update(x, y - ref.forward(x, W)[1][-1], W)
    close(ref.forward(x, [W[0] + dW[0]])[1][-1], y, 1e-13)


def test_minimum_norm_is_ssa_with_the_damped_transpose_at_the_feedforward_rates():
    W, b, x, y, _ = random_circuit()
    v, r = ref.forward(x, W, b)
    J = ref.jacobian(x, W, b)
    dv = [j.T @ np.linalg.solve(j @ j.T + 0.3 * np.eye(3), target) for j, target in zip(J, y)]
    pushes = ref.per_layer(np.array(dv), W)
    dW, db = ref.minimum_norm_update(x, y, W, b, 0.3)
    close(dW[0], (np.tanh(v[0] + pushes[0]) - np.tanh(v[0])).T @ x / len(x), 1e-13)
    close(db[2], pushes[2].mean(0), 1e-13)


def test_minimum_norm_without_damping_is_the_pseudo_inverse_even_with_dead_outputs():
    W, b, x, y, _ = random_circuit()
    J = ref.jacobian(x, W, b, "linear", "relu")
    assert (abs(J).sum(-1) == 0).any()
    _, db = ref.minimum_norm_update(x, y, W, b, 0.0, "linear", "relu")
    dv = np.einsum("tik,tk->ti", np.linalg.pinv(J), y).mean(0)
    close(np.concatenate(db[:2]), dv[:11], 1e-12)


# --- mistakes ---
@pytest.mark.parametrize(
    "mistake, message",
    [
        (lambda W, b, x, y: ref.forward(x[:, :2], W, b), r"W\[0\].*\(6, 4\)"),
        (lambda W, b, x, y: ref.forward(x[0], W, b), "trials, pre"),
        (lambda W, b, x, y: ref.forward(x, W, b[:2]), "b must be None or 3"),
        (lambda W, b, x, y: ref.forward(x, W, b, "tanhh"), "Did you mean 'tanh'"),
        (lambda W, b, x, y: ref.cost(y, y, "hinge"), "cross_entropy, squared"),
        (
            lambda W, b, x, y: ref.backprop_deltas(x, y[:, :2], W, b),
            r"\(5, 3\) and its target \(5, 2\)",
        ),
        (lambda W, b, x, y: ref.fa_deltas(x, y, W, b, W[1:]), r"B\[1\].*wanted \(5, 3\)"),
        (lambda W, b, x, y: ref.dfa_deltas(x, y, W, b, []), "wanted 2"),
        (lambda W, b, x, y: ref.dfc_steady_state(x, y, W, b, W[0], 0.1), r"wanted \(14, 3\)"),
        (
            lambda W, b, x, y: ref.dfc_steady_state(x, y[:1], W, b, np.ones((14, 3)), 0.1),
            r"target \(1, 3\)",
        ),
        (
            lambda W, b, x, y: ref.simulate_dfc(
                x, y[:1], W, b, np.ones((14, 3)), 0.1, dt=1, tau=1, steps=1
            ),
            r"\(1, 3\)",
        ),
    ],
)
def test_mistakes_are_named(mistake, message):
    with pytest.raises(ValueError, match=message):
        mistake(*random_circuit()[:4])
