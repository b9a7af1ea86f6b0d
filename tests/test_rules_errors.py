"""Each rule that carries errors against its identity: closed forms, finite differences and fixed points in plain NumPy."""

import numpy as np
import pytest
from brian2 import ms

from neurofa import Learner, Network, Trial, lookup, present, reference, settle

SIZES, K = (6, 5, 4, 3), 8
EXACT = Trial(dt=10*ms, default=settle(1e-13))     # dt = tau: without a loop, exact in as many steps as there are layers
COSTS = ("squared", "cross_entropy")
PHI, DPHI = reference.ACTIVATIONS["tanh"]


def circuit(model, sizes=SIZES, trials=K, seed=0, cost="squared", **changes):
    """Return a network of a rule, with biases that are not zero, and inputs and one-hot targets for it."""
    rng = np.random.default_rng(seed)
    net = Network(sizes, lookup.rule(model).but(**changes), trials=trials, seed=seed, cost=cost)
    for name in (n for n in net.probeable if n.endswith(".bias") and n.startswith(("W", "P"))):
        net[name] = rng.normal(size=net[name].shape) / 4
    return net, rng.normal(size=(trials, sizes[0])), np.eye(sizes[-1])[rng.permutation(trials) % sizes[-1]]


def only(model, pathway):
    """Return the plasticity of one pathway: with it alone, all other weights are frozen."""
    return tuple(line for line in lookup.rule(model).plasticity if line.pathway == pathway)


def play(net, x, y, last="feedback", length=settle(1e-12)):
    """Run the phases from rest up to the end of `last`, in steps of 1 ms, so that nothing is exact before it has settled."""
    net.reset()
    net.stimulus(x)
    net.target_rates(y)
    for phase in net.rule.phases:
        net.run(phase.name, length)
        if phase.name == last:
            return net


def weights(net, name="W"):
    return [net[f"{name}{k}"].copy() for k in range(1, len(net.sizes)) if f"{name}{k}.w" in net.probeable]


def biases(net):
    return [net[f"W{k}.bias"].copy() for k in range(1, len(net.sizes))]


def passed(net, x):
    """Return (v, r) of the feedforward pass: potentials of the layers, and rates from the input's on."""
    return reference.forward(x, weights(net), biases(net))


def everything(net):
    """Return all weights and biases by name."""
    return {name: net[name].copy() for name in net.probeable if name.endswith((".w", ".bias"))}


# --- indirect feedback alignment ---
@pytest.mark.parametrize("model, relay", [("ifa", "W"), ("ifa_random", "relay")])
@pytest.mark.parametrize("cost", COSTS)
def test_the_error_climbs_from_the_first_hidden_layer(model, relay, cost):
    net, x, y = circuit(model, (6, 5, 4, 4, 3), cost=cost)
    play(net, x, y)
    v, r = passed(net, x)
    error = reference.cost_gradient(r[-1], y, cost)
    delta = DPHI(v[0]) * (error @ net["B1"].T)
    np.testing.assert_allclose(net["hidden1.delta"], delta, atol=1e-10)
    for k in (2, 3):
        delta = DPHI(v[k - 1]) * (delta @ net[f"{relay}{k}"].T)
        np.testing.assert_allclose(net[f"hidden{k}.delta"], delta, atol=1e-10)
    np.testing.assert_allclose(net["output.delta"], error, atol=1e-10)


def test_with_one_hidden_layer_indirect_direct_and_layerwise_feedback_are_the_same():
    found = []
    for model, name in (("fa", "B2"), ("dfa", "B1"), ("ifa", "B1"), ("ifa_random", "B1")):
        net, x, y = circuit(model, (6, 5, 3))
        net[name] = np.random.default_rng(9).normal(size=(5, 3))
        learner = Learner(net, EXACT)
        for _ in range(20):
            present(learner, x, y)
        found.append(np.concatenate([w.ravel() for w in (*weights(net), *biases(net))]))
    assert all(np.array_equal(other, found[0]) for other in found[1:])


def test_a_relay_that_equals_w_is_w():
    one, x, y = circuit("ifa")
    two, _, _ = circuit("ifa_random")
    two["relay2"] = one["W2"]
    np.testing.assert_array_equal(play(one, x, y)["hidden2.delta"], play(two, x, y)["hidden2.delta"])


# --- Kolen-Pollack ---
@pytest.mark.parametrize("optimiser", ["gradient", "momentum", "adam"])
def test_the_two_pathways_forget_how_they_differed(optimiser):
    decay, updates = 0.01, 100
    net, x, y = circuit("kolen_pollack", decay=decay, eta=0.01)
    gap = [net[f"W{k}"] - net[f"B{k}"].T for k in (2, 3)]
    start, learner = net["W2"].copy(), Learner(net, EXACT, optimiser)
    for _ in range(updates):
        present(learner, x, y)
    for k, before in zip((2, 3), gap):
        np.testing.assert_allclose(net[f"W{k}"] - net[f"B{k}"].T, (1 - decay) ** updates * before, rtol=0, atol=1e-12)
    assert np.abs(net["W2"] - (1 - decay) ** updates * start).max() > 0.02      # something was learned meanwhile


# --- bidirectional ---
@pytest.mark.parametrize("model, deltas, first", [("bfa", reference.fa_deltas, 2), ("bdfa", reference.dfa_deltas, 1)])
def test_with_the_teacher_feedback_synapses_carry_errors(model, deltas, first):
    net, x, y = circuit(model)
    wanted = deltas(x, y, weights(net), biases(net), [net[f"B{first}"], net[f"B{first + 1}"]])
    play(net, x, y)
    for name, delta in zip(("hidden1", "hidden2", "output"), wanted):
        np.testing.assert_allclose(net[f"{name}.delta"], delta, atol=1e-10)


def test_in_the_dream_the_label_becomes_an_input_and_the_miss_climbs():
    net, x, y = circuit("bfa")
    W, B = weights(net), weights(net, "B")
    play(net, x, y, "dream")
    drive2 = y @ B[2].T
    drive1 = PHI(drive2) @ B[1].T
    miss0 = PHI(drive1) @ B[0].T - x
    miss1 = DPHI(drive1) * (miss0 @ W[0].T)
    miss2 = DPHI(drive2) * (miss1 @ W[1].T)
    for name, wanted in {"hidden1.h": PHI(drive1), "hidden2.h": PHI(drive2), "input.miss": miss0,
                         "hidden1.miss": miss1, "hidden2.miss": miss2}.items():
        np.testing.assert_allclose(net[name], wanted, atol=1e-10, err_msg=name)


def test_with_transposed_w_the_dream_descends_the_gradient_of_what_is_missed():
    net, x, y = circuit("bfa", plasticity=only("bfa", "B"), eta_b=1.0)
    B = weights(net, "B")
    for k in (1, 2):
        net[f"W{k}"] = B[k - 1].T

    def missed(B, k, changed):
        B1, B2, B3 = (changed if k == j else b for j, b in enumerate(B))
        return 0.5 * ((PHI(PHI(y @ B3.T) @ B2.T) @ B1.T - x) ** 2).sum(axis=1).mean()
    present(Learner(net, EXACT), x, y)
    for k, before in enumerate(B):
        slope = reference.numerical_gradient(lambda changed: missed(B, k, changed), before)
        np.testing.assert_allclose(net[f"B{k + 1}"] - before, -slope, atol=1e-8)


def test_dreaming_makes_the_columns_of_b_the_mean_rates_of_each_class():
    net, x, y = circuit("bdfa", trials=30, plasticity=only("bdfa", "B"), eta_b=1.0)
    learner = Learner(net, EXACT)
    for _ in range(40):                   # a class has a third of the trials, so that 2/3 of the distance is left each time
        present(learner, x, y)
    _, r = passed(net, x)
    for k in (1, 2):
        means = np.stack([r[k][y[:, c] == 1].mean(axis=0) for c in range(3)], axis=1)
        np.testing.assert_allclose(net[f"B{k}"], means, rtol=0, atol=1e-6)


# --- local losses ---
def local_cost(net, k, y, cost):
    """Return the cost of layer k's readout, summed over trials, as a function of the layer's potential, of P or of its bias."""
    P, c = net[f"P{k}"].copy(), net[f"P{k}.bias"].copy()
    return lambda v, P=P, c=c: reference.cost(PHI(v) @ P.T + c, y, cost).sum()


@pytest.mark.parametrize("cost", COSTS)
def test_each_layer_descends_the_gradient_of_its_own_cost(cost):
    net, x, y = circuit("local_losses", cost=cost)
    before = everything(net)
    v, _ = passed(net, x)
    costs = {k: local_cost(net, k, y, cost) for k in (1, 2)}
    play(net, x, y)
    for k in (1, 2):
        slope = reference.numerical_gradient(costs[k], v[k - 1])
        np.testing.assert_allclose(net[f"hidden{k}.delta"], slope, atol=1e-8)
    present(Learner(net, EXACT), x, y)
    for k in (1, 2):
        for name, of in ((f"P{k}.w", dict(P=1)), (f"P{k}.bias", dict(c=1))):
            slope = reference.numerical_gradient(lambda a: costs[k](v[k - 1], **{n: a for n in of}), before[name])
            np.testing.assert_allclose(net[name] - before[name], -0.1 * slope / K, atol=1e-8, err_msg=name)


@pytest.mark.parametrize("cost", COSTS)
def test_local_feedback_through_random_synapses(cost):
    net, x, y = circuit("local_losses_random", cost=cost)
    play(net, x, y)
    v, r = passed(net, x)
    for k in (1, 2):
        error = reference.cost_gradient(r[k] @ net[f"P{k}"].T + net[f"P{k}.bias"], y, cost)
        np.testing.assert_allclose(net[f"hidden{k}.delta"], DPHI(v[k - 1]) * (error @ net[f"L{k}"].T), atol=1e-10)


@pytest.mark.parametrize("model", ["local_losses", "local_losses_random"])
def test_no_error_crosses_layers(model):
    net, x, y = circuit(model)
    first = play(net, x, y, length=100*ms)["hidden1.delta"].copy()
    for name in ("W2", "W3", "P2", "W2.bias"):
        net[name] = net[name] + 1
    np.testing.assert_array_equal(play(net, x, y, length=100*ms)["hidden1.delta"], first)
    net["P1"] = net["P1"] + 1
    assert np.abs(play(net, x, y, length=100*ms)["hidden1.delta"] - first).min() > 0


# --- synthetic gradients ---
def test_hidden_layers_learn_from_the_prediction_before_any_feedback():
    net, x, y = circuit("synthetic_gradients")
    for k in (1, 2):
        net[f"A{k}"] = np.random.default_rng(k).normal(size=net[f"A{k}"].shape)
    v, r = passed(net, x)
    before, A = weights(net), weights(net, "A")
    learner = Learner(net, EXACT)
    net.reset()
    net.stimulus(x)
    net.run("free", EXACT["free"])
    learner.learn("free")
    for k in (1, 2):
        delta = DPHI(v[k - 1]) * (r[k] @ A[k - 1].T)
        np.testing.assert_allclose(net[f"W{k}"] - before[k - 1], -0.1 * delta.T @ r[k - 1] / K, atol=1e-14)
    np.testing.assert_array_equal(net["W3"], before[2])


def test_the_conditioned_prediction_knows_the_label():
    net, x, y = circuit("synthetic_gradients_conditioned")
    for name in ("A1", "A2", "C1", "C2"):
        net[name] = np.random.default_rng(1).normal(size=net[name].shape)
    play(net, x, y)
    v, r = passed(net, x)
    for k in (1, 2):
        delta = DPHI(v[k - 1]) * (r[k] @ net[f"A{k}"].T + y @ net[f"C{k}"].T)
        np.testing.assert_allclose(net[f"hidden{k}.delta"], delta, atol=1e-10)


@pytest.mark.parametrize("model", ["synthetic_gradients", "synthetic_gradients_conditioned"])
def test_predictors_reach_the_regression_of_the_error_on_what_they_see(model, updates=2000):
    """The fixed point is A* = E[g z^T] E[z z^T]^-1, where z is what a predictor sees: rates, 1, and the label if conditioned.

    Each update multiplies the distance E to it by I - eta_p E[z z^T], whose largest factor in the span of z is `left`. Layer 1
    regresses on what layer 2 predicts, which is off by W2^T D2 E2 z2; with eta_p <= 1/(largest eigenvalue) this adds at most
    |W2| |E2| per update. So |E2| <= left^n |E2(0)| and |E1| <= left^n |E1(0)| + n left^(n-1) |W2| |E2(0)|.
    """
    net, x, y = circuit(model, trials=40, seed=3, plasticity=only(model, "A") + only(model, "C"))
    v, r = passed(net, x)
    z = [np.hstack([r[k], np.ones((40, 1))] + [y] * (model != "synthetic_gradients")) for k in (1, 2)]
    gradient2 = (r[3] - y) @ net["W3"]
    goal2 = np.linalg.lstsq(z[1], gradient2, rcond=None)[0].T
    goal1 = np.linalg.lstsq(z[0], (DPHI(v[1]) * (z[1] @ goal2.T)) @ net["W2"], rcond=None)[0].T
    eigenvalues = [np.linalg.eigvalsh(a.T @ a / 40) for a in z]
    seen = [e[e > 1e-10] for e in eigenvalues]
    net.set(eta_p=1 / max(e.max() for e in seen))
    left = 1 - min(e.min() for e in seen) / max(e.max() for e in seen)
    learner = Learner(net, EXACT)
    for _ in range(updates):
        present(learner, x, y)
    limit2 = left ** updates * np.linalg.norm(goal2)
    limit1 = (left ** updates * np.linalg.norm(goal1)
              + updates * left ** (updates - 1) * np.linalg.norm(net["W2"], 2) * np.linalg.norm(goal2))
    for k, goal, limit in ((1, goal1, limit1), (2, goal2, limit2)):
        found = np.hstack([net[f"A{k}"], net[f"A{k}.bias"][:, None]] + [net[n] for n in (f"C{k}",) if n in net.groups])
        assert limit < 1e-6 and np.linalg.norm(goal) > 0.1
        assert np.linalg.norm(found - goal) <= limit + 1e-12


# --- what a target that is met leaves to these rules ---
@pytest.mark.parametrize("model", ["kolen_pollack", "bfa", "bdfa", "local_losses", "local_losses_random"])
def test_a_target_that_is_met_changes_only_what_has_another_reason_to(model):
    """Decay goes on; a dream teaches feedback, not W; a layer's own readout has its own error. The output learns nothing."""
    net, x, _ = circuit(model)
    before, (_, r) = everything(net), passed(net, x)
    present(Learner(net, EXACT), x, r[-1])
    still = {"kolen_pollack": ("W", "B"), "bfa": "W", "bdfa": "W"}.get(model, "W3")
    left = 1 - net.parameters.get("decay", 0)
    for name in (n for n in before if n.startswith(still)):
        np.testing.assert_allclose(net[name], left * before[name], rtol=0, atol=1e-14, err_msg=name)
