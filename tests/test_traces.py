"""Synapses with variables of their own, beside Brian2's clock-driven synapses and NumPy."""

from dataclasses import replace
from types import SimpleNamespace

import brian2 as b2
import numpy as np
import psutil
import pytest
from brian2 import ms

from neurofa import (
    Learner,
    Network,
    NetworkError,
    Recorder,
    Trial,
    present,
    train,
)
from neurofa.base.description import as_data, from_data
from neurofa.base.errors import RuleError
from neurofa.learning.batches import Batches
from neurofa.learning.requested import requested_changes
from neurofa.rule import LearningRule, Pathway, Phase, Plasticity
from neurofa.tasks import Task

NEURON = "dr/dt = (-r + phi(v_basal + v_rec)) / tau : 1"
OUTPUT = """
dr/dt = (-r + v_basal) / tau : 1
error = target - r : 1
"""
TRACE = "dp/dt = (-p + dphi(v_basal_post + v_rec_post)*r_pre) / tau : 1"
LINE = Plasticity("R", during="run", synapse=TRACE, equation="dw/dt = eta*fed_post*p")
RULE = LearningRule(
    name="traces",
    reference="none",
    neuron=NEURON,
    output=OUTPUT,
    feedforward=Pathway("W", source="below", signal="r", into="v_basal", to="layers"),
    pathways=(
        Pathway("R", source="same", signal="r", into="v_rec"),
        Pathway("B", source="output", signal="error", into="fed"),
    ),
    phases=(Phase("run"),),
    plasticity=(replace(LINE, every="dt"), replace(LINE, pathway="W", to="hidden")),
    parameters=dict(tau=10 * ms, eta=1 / (10 * ms)),
)
SIZES, TRIALS, FRAMES = (2, 5, 2), 3, 7
rng = np.random.default_rng(0)
X, Y = rng.normal(size=(TRIALS, FRAMES, 2)), rng.normal(size=(TRIALS, FRAMES, 2))


def network(target, rule=RULE, **options):
    return Network(SIZES, rule, TRIALS, seed=1, target=target, **options)


def weights(net):
    return SimpleNamespace(**{name: net[name].astype(float) for name in net.groups})


def by_hand(w, trials):
    """Return weights, traces and the course of R1.p after so many presentations: forward Euler, of
    weights too."""
    R, W, course = w.R1.copy(), w.W1.copy(), []
    for _ in range(trials):
        r, o, error = np.zeros((3, 5)), np.zeros((3, 2)), np.zeros((3, 2))
        p, q, g = np.zeros((3, 5, 5)), np.zeros((3, 5, 2)), 0
        for step in range(5 * FRAMES):
            x, y = X[:, step // 5], Y[:, step // 5]
            u = x @ W.T + r @ R.T
            slope = (1 - np.tanh(u) ** 2)[:, :, None]
            p, q = p + 0.1 * (slope * r[:, None] - p), q + 0.1 * (slope * x[:, None] - q)
            fed = (error @ w.B1.T)[:, :, None]
            r = r + 0.1 * (np.tanh(u) - r)
            o = o + 0.1 * (r @ w.W2.T - o)
            error = y - o
            R, g = R + 0.1 * (fed * p).mean(0), g + 0.1 * (fed * q).mean(0)
            course.append(p)
        W = W + g
    return R, W, p, q, np.array(course)


@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-12), ("float32", 1e-5)])
def test_weights_and_traces_are_those_of_forward_euler(target, dtype, tolerance):
    net = network(target, dtype=dtype)
    record, learner = Recorder(["R1.p", "W1.p[1, 0]"]), Learner(net, Trial(dt=1 * ms))
    R, W, p, q, course = by_hand(weights(net), 2)
    for _ in range(2):
        present(learner, X, Y, frame=5 * ms, record=record)
    for found, wanted in ((net["R1"], R), (net["W1"], W), (net["R1.p"], p), (net["W1.p"], q)):
        np.testing.assert_allclose(found, wanted, rtol=0, atol=tolerance)
    seen = record.recording()["R1.p"]
    assert seen.dims == ("trial", "time", "R1_post", "R1_pre") and len(seen.time) == len(course)
    np.testing.assert_allclose(seen.transpose("time", ...).values, course, rtol=0, atol=tolerance)
    one = record.recording()["W1.p[1, 0]"].isel(time=-1).squeeze()
    np.testing.assert_allclose(one, q[:, 1, 0], rtol=0, atol=tolerance)


def test_they_are_clock_driven_synapses_of_brian2(target, runtime):
    net = network(target, RULE.but(plasticity=(LINE,)))
    learner, record = Learner(net, Trial(dt=1 * ms)), Recorder(["R1.p", "hidden1.r"])
    before, taught = weights(net), 0.0
    present(learner, X, Y, frame=5 * ms, record=record)
    for trial in range(TRIALS):
        found = _in_brian2(before, X[trial], Y[trial])
        seen = record.recording().dataset.isel(trial=trial)
        np.testing.assert_allclose(seen["R1.p"].values, found.p, rtol=0, atol=1e-10)
        np.testing.assert_allclose(seen["hidden1.r"].values, found.r, rtol=0, atol=1e-10)
        taught = taught + found.g / TRIALS
    np.testing.assert_allclose(net["R1"], before.R1 + taught, rtol=0, atol=1e-10)


def _in_brian2(w, x, y):
    """Return the courses of p (time, post, pre) and r, and the integral of what p teaches, of one
    trial in plain Brian2."""
    b2.start_scope()
    b2.defaultclock.dt, tau, eta = 1 * ms, 10 * ms, 1 / (10 * ms)
    names = dict(
        tau=tau, eta=eta, x=b2.TimedArray(x, 5 * ms), y=b2.TimedArray(y, 5 * ms), dphi=_slope()
    )
    source = b2.NeuronGroup(2, "r = x(t, i) : 1", namespace=names)
    hidden = b2.NeuronGroup(
        5,
        "dr/dt = (-r + tanh(v_basal + v_rec)) / tau : 1\nv_basal : 1\nv_rec : 1\nfed : 1",
        method="euler",
        namespace=names,
    )
    output = b2.NeuronGroup(
        2,
        "dr/dt = (-r + v_basal) / tau : 1\nv_basal : 1\nerror : 1",
        method="euler",
        namespace=names,
    )
    sums = [
        _summed(source, hidden, "v_basal", "r", w.W1, 0, names),
        _summed(output, hidden, "fed", "error", w.B1, 0, names),
        _summed(hidden, output, "v_basal", "r", w.W2, 5, names),
    ]
    traces = b2.Synapses(
        hidden,
        hidden,
        """w : 1
        v_rec_post = w*r_pre : 1 (summed)
        dp/dt = (-p + dphi(v_basal_post + v_rec_post)*r_pre) / tau : 1 (clock-driven)
        g : 1""",
        method="euler",
        namespace=names,
    )
    traces.connect()
    traces.w = w.R1[traces.j[:], traces.i[:]]
    traces.summed_updaters["v_rec_post"].order = 0
    traces.state_updater.order, hidden.state_updater.order, output.state_updater.order = 1, 2, 6
    error = output.run_regularly("error = y(t, i) - r", when="groups", order=7)
    taught = traces.run_regularly("g += eta*fed_post*p*dt", when="end")
    seen = [
        b2.StateMonitor(traces, "p", record=True, when="end"),
        b2.StateMonitor(hidden, "r", record=True, when="end"),
    ]
    b2.Network(source, hidden, output, traces, error, taught, *sums, *seen).run(35 * ms)
    p, g = np.zeros((35, 5, 5)), np.zeros((5, 5))
    p[:, traces.j[:], traces.i[:]] = seen[0].p.T
    g[traces.j[:], traces.i[:]] = traces.g
    return SimpleNamespace(p=p, r=seen[1].r.T, g=g)


def _summed(source, target, into, signal, weights, order, names):
    made = b2.Synapses(
        source, target, f"w : 1\n{into}_post = w*{signal}_pre : 1 (summed)", namespace=names
    )
    made.connect()
    made.w = weights[made.j[:], made.i[:]]
    made.summed_updaters[f"{into}_post"].order = order
    return made


def _slope():
    slope = b2.Function(lambda x: 1 - np.tanh(x) ** 2, arg_units=[1], return_unit=1)
    slope.implementations.add_implementation("numpy", slope.pyfunc)
    slope.implementations.add_implementation(
        "cython", "cdef double dphi(double x) noexcept:\n    return 1 - tanh(x)**2", name="dphi"
    )
    return slope


TWO = """
dp/dt = (-p + phi(r_pre)*w) / tau : 1            # the weight itself, and an activation of the source
dq/dt = (p - q*r_post) / tau : 1                 # another variable of the same synapse
"""


def test_variables_of_a_synapse_may_depend_on_each_other_on_its_weight_and_on_both_cells(target):
    lines = (
        replace(LINE, synapse=TWO, equation="dw/dt = (q*dphi(r_post) - w*p) / tau", every=2 * ms),
    )
    net = network(target, replace(RULE, plasticity=lines, parameters=dict(tau=10 * ms)))
    w = weights(net)
    present(Learner(net, Trial(dt=1 * ms)), X, Y, frame=5 * ms)
    R, r, p, q, g = w.R1.copy(), np.zeros((3, 5)), np.zeros((3, 5, 5)), np.zeros((3, 5, 5)), 0
    for step in range(5 * FRAMES):
        u = X[:, step // 5] @ w.W1.T + r @ R.T
        p, q = (
            p + 0.1 * (-p + np.tanh(r)[:, None] * R),
            q + 0.1 * (p - q * r[:, :, None]),
        )
        r = r + 0.1 * (np.tanh(u) - r)
        slope = (1 - np.tanh(r) ** 2)[:, :, None]
        g = g + 0.1 * (q * slope - R * p).mean(0)
        if step % 2 or step == 5 * FRAMES - 1:
            R, g = R + g, 0
    np.testing.assert_allclose(net["R1"], R, rtol=0, atol=1e-12)
    np.testing.assert_allclose(net["R1.q"], q, rtol=0, atol=1e-12)


def test_batches_in_one_call_are_those_one_by_one(needs_compiler, monkeypatch):
    task = Task(np.repeat(X, 3, 0) * 0.5, np.repeat(Y, 3, 0), frame=5 * ms)
    found = []
    for many in (Batches.many, lambda batches, left: 0):
        monkeypatch.setattr(Batches, "many", many)
        net = network("cpp")
        history = train(Learner(net, None, "adam"), task, 2, progress=False)
        found.append((weights(net), history.train_cost[1:]))
    assert found[0][1] == found[1][1]
    for name, array in vars(found[0][0]).items():
        assert (array == vars(found[1][0])[name]).all(), name


def test_threads_share_trials_and_synapses(needs_compiler):
    alone, together = network("cpp"), network("cpp", threads=2)
    for net in (alone, together):
        present(Learner(net, Trial(dt=1 * ms)), X, Y, frame=5 * ms)
    np.testing.assert_allclose(alone["R1"], together["R1"], rtol=0, atol=1e-14)
    np.testing.assert_allclose(alone["R1.p"], together["R1.p"], rtol=0, atol=1e-14)


def test_they_start_every_trial_at_0_and_are_saved(target, tmp_path):
    net = network(target)
    learner = Learner(net, Trial(dt=1 * ms))
    present(learner, X, Y, frame=5 * ms)
    assert net["R1.p"].any()
    net.save(tmp_path / "net.h5")
    assert (Network.load(tmp_path / "net.h5")["R1.p"] == net["R1.p"]).all()
    net.reset()
    assert not net["R1.p"].any()


def test_what_is_asked_for_is_known_without_learning(target):
    net = network(target, RULE.but(plasticity=(LINE,)))
    before = weights(net)
    asked = requested_changes(Learner(net, Trial(dt=1 * ms)), X, Y, frame=5 * ms)["R1.w"]
    assert (net["R1"] == before.R1).all()
    present(Learner(net, Trial(dt=1 * ms)), X, Y, frame=5 * ms)
    np.testing.assert_allclose(net["R1"] - before.R1, asked, rtol=0, atol=1e-14)


def test_a_rule_with_them_is_printed_and_read_again():
    again = from_data(as_data(RULE))
    assert again == RULE and again.plasticity[0].every == "dt"
    assert TRACE in str(RULE) and "every step" in str(RULE)
    paced = RULE.but(plasticity=(replace(LINE, every=5 * ms),))
    assert from_data(as_data(paced)) == paced and "every 5. ms" in str(paced)


@pytest.mark.parametrize(
    "changes, message",
    [
        (
            dict(during=None, after="run", equation="w += fed_post*p"),
            "give during= in place of after=",
        ),
        (dict(synapse="p = r_pre : 1"), "'p' has no differential equation"),
        (dict(synapse="dp/dt = -p/tau + xi*tau**-0.5 : 1"), "there is no noise at synapses"),
        (dict(synapse="dw/dt = -w/tau : 1"), "'w' is a name that neurofa supplies"),
        (dict(synapse="dp_post/dt = -p_post/tau : 1"), "'p_post' is a name that neurofa supplies"),
        (
            dict(synapse="dp/dt = (-p + dphi(r_post + r_pre)) / tau : 1"),
            "must be of variables of one of the two cells",
        ),
        (
            dict(synapse="dp/dt = (-p + dphi(p)) / tau : 1"),
            "must be of variables of one of the two",
        ),
        (dict(synapse="dp/dt = (-p + r_pro) / tau : 1"), "uses 'r_pro'"),
        (dict(synapse="dp/dt = -p*r_pre : 1"), "should have the unit"),
        (dict(synapse="dp/dt = -p/tau : second"), "should have the unit"),
        (dict(synapse="dp/dt = -p/tau"), "has no unit"),
        (dict(synapse="dbias/dt = -bias/tau : 1"), "cannot be called 'bias'"),
        (dict(synapse="dtau/dt = -tau/eta : 1"), "cannot be called 'tau'"),
    ],
)
def test_what_no_synapse_can_have_is_refused(changes, message):
    with pytest.raises(RuleError, match=message.replace("(", r"\(")):
        RULE.but(plasticity=(replace(LINE, **changes),))


def test_pathways_without_synapses_of_their_own_or_with_a_bias_have_no_traces():
    tied = (replace(RULE.pathways[0], weights="W.T"), RULE.pathways[1])
    with pytest.raises(RuleError, match="uses the synapses of W.T; make those plastic"):
        RULE.but(pathways=tied, plasticity=(LINE,))
    biased = (replace(RULE.pathways[0], bias=True), RULE.pathways[1])
    with pytest.raises(RuleError, match="has a bias, which is no synapse"):
        RULE.but(pathways=biased, plasticity=(LINE,))


def test_memory_is_looked_for_before_it_is_taken(monkeypatch, target):
    free = SimpleNamespace(available=100 * 2**20)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: free)
    with pytest.raises(
        NetworkError, match=r"need 2\.\d+ GB, .*'R1\.p' \(8 bytes per synapse and trial.*free"
    ):
        Network([200, 1000, 10], RULE, 250, target=target)
    assert network(target)["R1.p"].shape == (3, 5, 5)
