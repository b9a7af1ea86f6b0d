"""One plasticity line -> matrix products over trials, against loops over every synapse and
trial."""

from dataclasses import replace

import numpy as np
import pytest
from brian2 import ms
from neurofa.models import dfc, fa, frozen
from scipy.special import exprel

from neurofa import Learner, Network, Plasticity, Recorder, RuleError, Trial, present
from neurofa.learning.plasticity import split

SIZES, K = (4, 3, 5, 2), 3
TRIAL = Trial(dt=1 * ms, free=30 * ms, feedback=25 * ms)
FUNCTIONS = dict(
    exp=np.exp,
    log=np.log,
    sqrt=np.sqrt,
    abs=abs,
    sign=np.sign,
    clip=np.clip,
    tanh=np.tanh,
    int=int,
    exprel=exprel,
    phi=np.tanh,
    dphi=lambda v: 1 - np.tanh(v) ** 2,
)


def right(equation):
    return equation.split("=", 1)[1].split("#")[0].strip()


def sample(trials=K, sizes=SIZES, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(trials, sizes[0])), rng.normal(size=(trials, sizes[-1]))


def weights(net):
    return {name: net[name].copy() for name in net.probeable if name.endswith((".w", ".bias"))}


def randomise_biases(net):
    for name in net.probeable:
        if name.endswith(".bias"):
            net[name] = np.random.default_rng(len(name)).normal(size=net[name].shape)


# --- the split ---
LINES = (
    "w += -eta * delta_post * r_pre",
    "w += eta * (r_post - r_basal_post) * r_pre",
    "w += eta * (r_post*r_pre - r_post**2*w)",  # Oja
    "w += eta * r_post * r_pre - decay*w",
    "w += eta * (r_post - theta) * (r_pre - theta)",  # covariance
    "w += eta * r_post * (r_post - theta) * r_pre",  # BCM
    "w += eta * dphi(v_post) * delta_post * phi(r_pre) * r_pre**2",
    "w += -decay*w**3 + eta*w**2*r_pre",
    "w += eta * r_post - decay",
    "w += eta * r_post * r_pre / (1 + r_pre**2) / 3",
    "w += eta * (r_post*r_pre)**2 + eta*exp(r_post)*exp(r_pre)",
    "w += eta * sqrt(abs(delta_post)) * sign(r_pre) * int(r_pre > theta)",
)


@pytest.mark.parametrize("equation", LINES)
def test_the_terms_of_a_line_add_up_to_it(equation):
    values = dict(eta=0.3, decay=0.07, theta=0.2)
    pre, post = dict(r=0.6), dict(r=-0.9, r_basal=0.4, v=0.8, delta=1.7)
    w = -1.3
    ends = {f"{n}_pre": x for n, x in pre.items()} | {f"{n}_post": x for n, x in post.items()}
    wanted = eval(right(equation), dict(FUNCTIONS), values | ends | dict(w=w))
    found = sum(
        w**term.power
        * eval(term.post, dict(FUNCTIONS), values | post)
        * eval(term.pre, dict(FUNCTIONS), values | pre)
        for term in split(Plasticity("W", equation, after="feedback"), "here").terms
    )
    assert found == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize(
    "equation, terms",
    [
        # one product of matrices
        ("w += eta * r_post * r_pre - eta * r_basal_post * r_pre", {("r", 0, True)}),
        ("w += eta * (r_post - 1) * r_pre + delta_post * r_pre", {("r", 0, True)}),
        ("w += eta * (r_post*r_pre - r_post**2*w)", {("r", 0, True), ("1", 1, True)}),
        ("w += eta * r_post * r_pre - decay*w", {("r", 0, True), ("1", 1, False)}),
        (
            "w += eta * r_post * r_pre - decay*w - r_post*w",
            {("r", 0, True), ("1", 1, True), ("1", 1, False)},
        ),
        ("w += -decay*w - decay*w**3 - decay", {("1", 1, False), ("1", 3, False), ("1", 0, False)}),
        ("w += eta * r_pre", {("r", 0, True)}),
        ("w += eta * w * r_pre * w", {("r", 2, True)}),
    ],
)
def test_terms_are_grouped_by_presynaptic_factor_and_power_of_w(equation, terms):
    found = split(Plasticity("W", equation, after="feedback"), "here").terms
    assert {(term.pre, term.power, term.of_activity) for term in found} == terms
    assert len(found) == len(terms)


@pytest.mark.parametrize(
    "equation", ["w += eta * (r_post - r_pre)**2", "w += eta * (w + r_post)**2"]
)
def test_squares_of_sums_are_sums_of_products(equation):
    try:
        terms = split(Plasticity("W", equation, after="feedback"), "here").terms
    except RuleError as problem:  # refused is fair too, if the reason is true
        assert "cannot be written as" not in str(problem)
        return
    assert len(terms) == 3


# --- after a phase ---
RULE = fa.RULE.but(
    parameters=dict(decay=0.03),
    plasticity=(
        Plasticity("W", after="feedback", equation="w += -eta * delta_post * r_pre - decay*w"),
    ),
)
AFTER = (
    "w += -eta * delta_post * r_pre",
    "w += eta * (r_post*r_pre - r_post**2*w)",
    "w += -eta * delta_post * r_pre - decay*w",
    "w += -decay*w**3",
    "w += -decay",
    "w += eta * r_post",
    "w += eta * r_pre",
    "w += eta * (r_post - 0.2) * (r_pre - 0.1)",
    "w += eta * dphi(v_post) * v_apical_post * r_pre",
    "w += eta * delta_post * phi(r_pre)",
    "w += eta * dphi(v_post) * phi(r_pre)**2",
    "w += eta * w**2 * r_post * r_pre - decay*w",
    "w += eta * clip(delta_post, -0.1, 0.1) * abs(r_pre)",
    "w += eta * sign(r_post) * exp(-r_pre)",
    "w += eta * int(r_post > 0) * r_pre",
    "w += eta * int(r_post > 0 and delta_post < 0) * r_pre",
    "w += eta * int(r_post > 0 or not (delta_post > 0)) * r_pre",
    "w += eta * sqrt(abs(r_post)) * exprel(r_pre)",
)
FEEDBACK = "w += -eta * r_post * delta_pre - decay*w"
ALL = RULE.but(
    plasticity=(
        *(Plasticity("W", line, after="feedback") for line in AFTER),
        Plasticity("B", FEEDBACK, after="feedback"),
    )
)


@pytest.fixture(scope="module", params=[K, K - 1], ids=["all trials", "fewer trials"])
def circuit(request):
    """A circuit at the end of a trial whose rule has all of these lines, to be asked one by one."""
    net = Network(SIZES, ALL, trials=K, output_activation="tanh", target="numpy", seed=2)
    randomise_biases(net)
    present(Learner(net, TRIAL), *sample(request.param), learn=False)
    return net


def per_synapse(net, group, equation, w, bias=False):
    """The change of every synapse, mean over trials, one at a time; a bias is a synapse from a unit
    that is always at 1."""
    code, change = compile(right(equation), "line", "eval"), np.zeros_like(w)
    parameters = {name: float(value) for name, value in net.parameters.items()}
    pre, post = (
        {
            n.split(".")[1]: net[n]
            for n in net.probeable
            if n.startswith(f"{end}.") and net[n].ndim == 2
        }
        for end in (group.source, group.target)
    )
    for index in np.ndindex(w.shape):
        for k in range(net.active):
            names = (
                parameters
                | {f"{n}_post": a[k, index[0]] for n, a in post.items()}
                | dict(w=w[index])
            )
            names |= {f"{n}_pre": 1.0 if bias else a[k, index[1]] for n, a in pre.items()}
            change[index] += eval(code, FUNCTIONS, names) / net.active
    return change


def change_of(net, name, equation):
    """Return the synapse group, and what this line asks of it: {array name: (of activity,
    decay)}."""
    (found,) = (
        p
        for p in Learner(net, TRIAL).plastic["feedback"]
        if (p.group.name, p.line.equation) == (name, equation)
    )
    return found.group, found.change()


@pytest.mark.parametrize("equation", AFTER)
@pytest.mark.parametrize("name", ["W1", "W2"])
def test_change_after_a_phase(circuit, name, equation):
    group, changes = change_of(circuit, name, equation)
    for array, bias in ((f"{name}.w", False), (f"{name}.bias", True)):
        wanted = per_synapse(circuit, group, equation, circuit[array], bias)
        found = np.broadcast_to(sum(changes[array]), wanted.shape)
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-15)
        assert np.abs(wanted).max() > 1e-4


def test_feedback_synapses_learn_like_any_other(circuit):
    group, changes = change_of(circuit, "B3", FEEDBACK)
    assert list(changes) == ["B3.w"]  # there is no bias
    np.testing.assert_allclose(
        sum(changes["B3.w"]),
        per_synapse(circuit, group, FEEDBACK, circuit["B3"]),
        rtol=1e-12,
        atol=1e-15,
    )


def test_change_is_of_activity_and_decay(circuit):
    activity, decay = change_of(circuit, "W2", "w += -eta * delta_post * r_pre - decay*w")[1][
        "W2.w"
    ]
    np.testing.assert_allclose(decay, -0.03 * circuit["W2"], rtol=1e-14)
    wanted = (
        -0.1
        * circuit["hidden2.delta"][: circuit.active].T
        @ circuit["hidden1.r"][: circuit.active]
        / circuit.active
    )
    np.testing.assert_allclose(activity, wanted, rtol=1e-12)


def learned(rule, phases=("feedback",), target="numpy", **options):
    """The weights before and after learning in `phases` of one trial, and the network."""
    net = Network(SIZES, rule, trials=K, target=target, seed=2, **options)
    randomise_biases(net)
    before, learner, (x, y) = weights(net), Learner(net, TRIAL), sample()
    net.reset()
    net.stimulus(x)
    net.target_rates(y)
    for phase in net.rule.phases:
        net.run(phase.name, TRIAL[phase.name])
        if phase.name in phases:
            learner.learn(phase.name)
    return before, weights(net), net


def test_learning_adds_the_change_to_the_weights(target):
    before, after, net = learned(RULE, target=target, output_activation="tanh")
    for name in ("W1", "W2", "W3"):
        group = net.circuit.group(name)
        for array, bias in ((f"{name}.w", False), (f"{name}.bias", True)):
            change = per_synapse(net, group, RULE.plasticity[0].equation, before[array], bias)
            np.testing.assert_allclose(after[array] - before[array], change, rtol=1e-9, atol=1e-15)
    assert all((after[name] == before[name]).all() for name in ("B2.w", "B3.w"))


@pytest.mark.parametrize(
    "to, changed", [("output", {"W3"}), ("hidden", {"W1", "W2"}), (None, {"W1", "W2", "W3"})]
)
def test_a_line_can_be_for_some_layers_only(to, changed):
    before, after, _ = learned(fa.RULE.but(plasticity=(replace(fa.RULE.plasticity[0], to=to),)))
    assert {name.split(".")[0] for name in before if (after[name] != before[name]).any()} == changed


def test_frozen_learns_at_the_output_only():
    before, after, net = learned(frozen.RULE)
    assert {name for name in before if (after[name] != before[name]).any()} == {"W3.w", "W3.bias"}
    error = net["output.r"] - net["output.target"]
    np.testing.assert_allclose(
        after["W3.w"] - before["W3.w"], -0.1 * error.T @ net["hidden2.r"] / K, rtol=1e-10
    )


def test_the_delta_rule_in_one_line():
    """What the message about locality offers, `dcost_post`, can be used: it is r - target for the
    squared error."""
    rule = frozen.RULE.but(
        plasticity=(
            Plasticity(
                "W", after="feedback", to="output", equation="w += -eta * dcost_post * r_pre"
            ),
        )
    )
    before, after, net = learned(rule)
    error = net["output.r"] - net["output.target"]
    np.testing.assert_allclose(
        after["W3.w"] - before["W3.w"], -0.1 * error.T @ net["hidden2.r"] / K, rtol=1e-10
    )


def test_linked_variables_can_be_used_by_synapses():
    rule = dfc.RULE.but(
        plasticity=(Plasticity("Q", after="feedback", equation="w += eta * v_post * r_out_pre"),)
    )
    before, after, net = learned(rule)
    np.testing.assert_allclose(
        after["Q1.w"] - before["Q1.w"],
        0.1 * net["hidden1.v"].T @ net["output.r"] / K,
        rtol=1e-9,
        atol=1e-15,
    )


def test_lines_after_different_phases():
    """Contrastive Hebbian learning in two lines, each with the rates at the end of its own
    phase."""
    rule = dfc.RULE.but(
        plasticity=(
            Plasticity("W", after="free", equation="w += -eta * r_post * r_pre"),
            Plasticity("W", after="feedback", equation="w += eta * r_post * r_pre"),
        )
    )
    net = Network(SIZES, rule, trials=K, target="numpy", seed=2)
    learner, (x, y), before = Learner(net, TRIAL), sample(), net["W3"].copy()
    net.stimulus(x)
    net.target_rates(y)
    products = []
    for phase in ("free", "feedback"):
        net.run(phase, TRIAL[phase])
        products.append(net["output.r"].T @ net["hidden2.r"] / K)
        learner.learn(phase)
    assert np.abs(products[1] - products[0]).max() > 1e-3
    np.testing.assert_allclose(
        net["W3"] - before, 0.1 * (products[1] - products[0]), rtol=1e-9, atol=1e-14
    )


def test_the_order_of_two_lines_does_not_matter():
    lines = (
        Plasticity("W", after="feedback", equation="w += -eta * delta_post * r_pre"),
        Plasticity("W", after="feedback", equation="w += -decay*w"),
    )
    one, two = (learned(RULE.but(plasticity=order))[1] for order in (lines, lines[::-1]))
    together = learned(RULE)[1]
    for name in one:
        np.testing.assert_allclose(one[name], two[name], rtol=1e-13, atol=1e-15)
        np.testing.assert_allclose(one[name], together[name], rtol=1e-13, atol=1e-15)


# --- during a phase ---
DURING = {
    "DFC": "dw/dt = eta * (r_post - r_basal_post) * r_pre / tau_u",
    "Oja": "dw/dt = eta * (r_post*r_pre - r_post**2*w) / tau_u",
    "decay": "dw/dt = (eta * r_post * r_pre - w) / tau_u",
    "no presynaptic factor": "dw/dt = eta * v_apical_post / tau_u",
    "derivative": "dw/dt = eta * dphi(v_post) * v_apical_post * r_pre / tau_u",
}


def integrated(net, traces, group, equation, w, dt):
    """The change of every synapse: sum over the steps of dt * mean over the trials, from recorded
    traces."""
    code = compile(right(equation), "line", "eval")
    bias, names = w.ndim == 1, {n: float(v) for n, v in net.parameters.items()}
    for name, trace in traces.items():  # (trial, time, unit) -> (time, trial, post, pre)
        owner, variable = name.split(".")
        values = np.asarray(trace).swapaxes(0, 1)
        if owner == group.target:
            names[f"{variable}_post"] = values if bias else values[..., :, None]
        if owner == group.source:
            names[f"{variable}_pre"] = 1.0 if bias else values[..., None, :]
    return (
        np.broadcast_to(eval(code, FUNCTIONS, names | dict(w=w)), (*np.shape(values)[:2], *w.shape))
        .mean(axis=1)
        .sum(axis=0)
        * dt
    )


@pytest.mark.parametrize("case", DURING)
def test_change_during_a_phase(case, target):
    rule = dfc.RULE.but(plasticity=(Plasticity("W", during="feedback", equation=DURING[case]),))
    net = Network(SIZES, rule, trials=K, output_activation="tanh", target=target, seed=2)
    randomise_biases(net)
    learner, (x, y), before = Learner(net, TRIAL), sample(), weights(net)
    net.stimulus(x)
    net.target_rates(y)
    net.run("free", TRIAL["free"])
    recorder = Recorder(
        [n for n in net.probeable if n.split(".")[1] in ("v", "r", "r_basal", "v_apical")]
    )
    net.run("feedback", TRIAL["feedback"], recorder)
    learner.learn("feedback")
    traces = recorder.recording().dataset
    for name in ("W1", "W2", "W3"):  # the source of W1 is clamped: it takes another way
        for array in (f"{name}.w", f"{name}.bias"):
            wanted = integrated(
                net, traces, net.circuit.group(name), DURING[case], before[array], 1e-3
            )
            np.testing.assert_allclose(net[array] - before[array], wanted, rtol=1e-9, atol=1e-14)
            assert np.abs(wanted).max() > 1e-6


def test_a_line_during_one_phase_does_not_see_the_other():
    """Without feedback, r = r_basal once settled: whatever W learns comes from the second phase,
    however long the first."""
    rule = dfc.RULE.but(
        plasticity=(
            Plasticity("W", during="feedback", equation="dw/dt = eta * r_post * r_pre / tau_u"),
        )
    )
    changes = []
    for free in (300 * ms, 400 * ms):
        net = Network(SIZES, rule, trials=K, target="numpy", seed=2)
        before = net["W2"].copy()
        present(Learner(net, Trial(dt=1 * ms, free=free, feedback=30 * ms)), *sample())
        changes.append(net["W2"] - before)
    assert np.abs(changes[0]).max() > 1e-3
    np.testing.assert_allclose(*changes, rtol=1e-6)


def test_the_delta_rule_during_a_phase():
    rule = fa.RULE.but(
        plasticity=(
            Plasticity(
                "W",
                during="feedback",
                to="output",
                equation="dw/dt = -eta * dcost_post * r_pre / tau_v",
            ),
        )
    )
    net = Network(SIZES, rule, trials=K, target="numpy", seed=2)
    recorder, before = Recorder(["output.r", "output.target", "hidden2.r"]), weights(net)
    present(
        Learner(net, Trial(dt=1 * ms, free=1 * ms, feedback=25 * ms)), *sample(), record=recorder
    )
    error = recorder.recording()["output.r"].values - recorder.recording()["output.target"].values
    products = np.einsum("ktj,kti->tji", error, recorder.recording()["hidden2.r"].values) / K
    # all steps but that of the free phase, dt / tau_v = 0.1
    wanted = -0.1 * products[1:].sum(axis=0) * 0.1
    np.testing.assert_allclose(net["W3"] - before["W3.w"], wanted, rtol=1e-9)
    assert (net["W2"] == before["W2.w"]).all()


def test_lines_during_different_phases(target):
    """Anti-Hebbian in one phase, Hebbian in the other: the change of each is that of a rule with
    this line alone."""
    free = Plasticity("W", during="free", equation="dw/dt = -eta * r_post * r_pre / tau_u")
    feedback = Plasticity("W", during="feedback", equation="dw/dt = eta * r_post * r_pre / tau_u")
    changes = []
    for lines in ((free,), (feedback,), (free, feedback)):
        before, after, _ = learned(
            dfc.RULE.but(plasticity=lines, eta=1e-9), phases=("free", "feedback"), target=target
        )
        changes.append((after["W2.w"] - before["W2.w"]) * 1e9)
    np.testing.assert_allclose(changes[2], changes[0] + changes[1], rtol=1e-5)
    assert np.abs(changes[2]).max() > 1e-2


def test_an_expression_as_presynaptic_factor_during_a_phase_is_refused_with_a_remedy():
    rule = fa.RULE.but(
        plasticity=(
            Plasticity(
                "W", during="feedback", equation="dw/dt = eta * delta_post * r_pre**2 / tau_v"
            ),
        )
    )
    with pytest.raises(
        RuleError, match="FA: plasticity of W: .*one variable; give the expression a name"
    ):
        Network(SIZES, rule, target="numpy")


# --- plastic feedback ---
@pytest.mark.parametrize("optimiser", ["gradient", "momentum", "adam"])
def test_kolen_pollack(optimiser):
    """W and B^T receive the same change, so that their difference decays as (1 - decay)^t, whatever
    the optimiser."""
    decay = 0.05
    rule = fa.RULE.but(
        name="KP",
        eta=0.02,
        parameters=dict(decay=decay),
        plasticity=(
            Plasticity("W", after="feedback", equation="w += -eta * delta_post * r_pre - decay*w"),
            Plasticity("B", after="feedback", equation="w += -eta * r_post * delta_pre - decay*w"),
        ),
    )
    net = Network(SIZES, rule, trials=K, seed=2)
    learner, before = (
        Learner(net, Trial(dt=10 * ms, free=30 * ms, feedback=40 * ms), optimiser),
        weights(net),
    )
    for t in range(20):
        present(learner, *sample(seed=t))
    for k in (2, 3):
        start = before[f"W{k}.w"] - before[f"B{k}.w"].T
        np.testing.assert_allclose(
            net[f"W{k}"] - net[f"B{k}"].T, (1 - decay) ** 20 * start, rtol=0, atol=1e-12
        )
        learned_beside = net[f"W{k}"] - (1 - decay) ** 20 * before[f"W{k}.w"]
        assert np.abs(learned_beside).max() > 1e-2


@pytest.mark.parametrize("line", ["w += phi(eta)", "w += dphi(eta) * r_pre", "w += phi(2) * w"])
def test_phi_of_no_cell_is_refused(line):
    with pytest.raises(RuleError, match="is phi of no cell's variable"):
        fa.RULE.but(plasticity=(Plasticity("W", after="feedback", equation=line),))


def test_a_line_that_does_not_use_the_learning_rate_goes_on_where_that_is_zero(target):
    rule = fa.RULE.but(
        eta=0.0,
        plasticity=(
            Plasticity("W", after="feedback", equation="w += -eta * delta_post * r_pre"),
            Plasticity("B", after="feedback", equation="w += 0.1 * r_post * r_pre"),
        ),
    )
    net = Network([3, 4, 2], rule, trials=5, target=target, seed=1)
    before = {name: net[name].copy() for name in ("W1", "W2", "B2")}
    x, y = np.random.default_rng(1).standard_normal((2, 5, 3))
    present(Learner(net, Trial(dt=10 * ms)), x, y[:, :2])
    asked = 0.1 * net["hidden1.r"].T @ net["output.r"] / 5
    assert all(np.array_equal(net[name], before[name]) for name in ("W1", "W2"))
    np.testing.assert_allclose(net["B2"], before["B2"] + asked, rtol=1e-9)
