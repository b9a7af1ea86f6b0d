"""A whole trial, compiled and interpreted, against plain Brian2: `Synapses` with summed variables,
written from the equations.

The plain scripts share no code with the simulator. They visit the populations in the same order
(controller, then layer by layer; Brian2 sums a population's input just before it updates the
population), keep the trials apart by the connection condition, and are recorded at the end of every
time step.
"""

import brian2
import numpy as np
import pytest
from brian2 import NeuronGroup, StateMonitor, Synapses, ms
from neurofa.models import dfa, dfc, fa

from neurofa import Learner, Network, Recorder, Trial, present

SIZES, TRIALS, EVERY = (3, 5, 4, 2), 3, 10
LAYERS = ("hidden1", "hidden2", "output")
DT, FREE, FEEDBACK = 0.5 * ms, 30 * ms, 120 * ms
ERROR, CONTROL = (
    dict(tau_v=10 * ms, tau_delta=8 * ms),
    dict(tau_v=10 * ms, tau_u=50 * ms, alpha=0.1, lam=0.1, k_p=0.5),
)
RULES = dict(
    fa=fa.RULE.but(**ERROR), dfa=dfa.RULE.but(**ERROR), dfc=dfc.RULE.but(k_i=1.0, **CONTROL)
)
NAMES = ERROR | CONTROL
ERROR_UNITS = """
dv/dt = (-v + v_basal) / tau_v : 1
ddelta/dt = (-delta + {dphi} * v_apical) / tau_delta : 1
r = {phi} : 1
v_basal = drive + bias : 1
drive : 1
bias : 1
"""
ERROR_HIDDEN = ERROR_UNITS + "v_apical : 1"
ERROR_OUTPUT = (
    ERROR_UNITS
    + """
v_apical = feedback_on * (r - target) : 1
target : 1
"""
)
CONTROLLED = """
dv/dt = (-v + v_basal + v_apical) / tau_v : 1
r = {phi} : 1
v_basal = drive + bias : 1
r_basal = {phi_basal} : 1
drive : 1
bias : 1
v_apical : 1
"""
# The control signal of a step has the error of the step before in it, and keeps it: it is no
# function of the present state.
CONTROLLER = """
dU/dt = feedback_on * (setpoint - r_out - alpha*u) / tau_u : 1
error = setpoint - r_out : 1
u : 1
setpoint : 1 (linked)
r_out : 1 (linked)
"""
TANH = dict(phi="tanh(v)", dphi="(1 - tanh(v)**2)", phi_basal="tanh(v_basal)")
LINEAR = dict(phi="v", dphi="1", phi_basal="v_basal")


def circuit(rule, target, **options):
    return Network(SIZES, rule, trials=TRIALS, seed=3, target=target, **options)


def start(net):
    """Give every synapse and bias a value, and return stimulus and target."""
    rng = np.random.default_rng(0)
    for name in net.groups:
        if f"{name}.bias" in net.probeable:
            net[f"{name}.bias"] = 0.3 * rng.normal(size=net[f"{name}.bias"].shape)
        net[name] += 0.2 * rng.normal(size=net[name].shape)
    return rng.normal(size=(TRIALS, SIZES[0])), rng.normal(size=(TRIALS, SIZES[-1]))


def variables(net):
    """Return the names of all states, signals and drives."""
    populations = set(net.populations) - {"input"}
    # views of variables that are compared anyway
    same = ("output.dcost", "controller.setpoint", "controller.r_out")
    return [
        n
        for n in net.probeable
        if n.split(".")[0] in populations and not n.endswith(".residual") and n not in same
    ]


def simulated(rule, target, **options):
    """Return the network and `{name: (samples, trials, units)}` of one trial, every tenth step."""
    net = circuit(rule, target, **options)
    x, y = start(net)
    recorder = Recorder(variables(net), every=EVERY)
    present(
        Learner(net, Trial(dt=DT, free=FREE, feedback=FEEDBACK)), x, y, learn=False, record=recorder
    )
    recording = recorder.recording()
    return net, {
        name: recording[name].transpose("time", "trial", ...).values for name in recording.names
    }


def plain(net, kind, names):
    """Return the same trial in plain Brian2; `net` only gives the numbers: weights, stimulus,
    target."""
    x, y = net["input.r"].copy(), net["output.target"].copy()
    brian2.start_scope()
    objects = [NeuronGroup(TRIALS * SIZES[0], "r : 1", name="plain_input")]
    units = {"input": objects[0]}
    texts = dict.fromkeys(LAYERS[:2], ERROR_HIDDEN) | {"output": ERROR_OUTPUT}
    if kind == "dfc":
        texts = dict.fromkeys(LAYERS[:2], CONTROLLED) | {
            "output": CONTROLLED + "target : 1\nsetpoint : 1"
        }
    for k, name in enumerate(LAYERS, start=1):
        text = texts[name].format(**LINEAR if name == "output" else TANH)
        units[name] = NeuronGroup(
            TRIALS * SIZES[k], text, method="euler", order=10 * (k + 1), name=f"plain_{name}"
        )
    if kind == "dfc":
        controller = NeuronGroup(
            TRIALS * SIZES[-1], CONTROLLER, method="euler", order=10, name="plain_controller"
        )
        controller.setpoint = brian2.linked_var(units["output"], "setpoint")
        controller.r_out = brian2.linked_var(units["output"], "r")
        controller.run_regularly(
            "u = U + feedback_on * k_p * error", dt=DT, when="groups", order=11
        )
        units["controller"] = controller
    objects = list(units.values())
    units["input"].r = x.ravel()
    units["output"].target = y.ravel()

    def connect(name, source, target, signal, into):
        weights = net[name]
        post, pre = weights.shape
        synapses = Synapses(
            units[source],
            units[target],
            f"w : 1\n{into}_post = w * {signal}_pre : 1 (summed)",
            name=f"plain_{name}",
        )
        synapses.connect(condition=f"i // {pre} == j // {post}")
        synapses.w = weights[np.asarray(synapses.j) % post, np.asarray(synapses.i) % pre]
        objects.append(synapses)

    for k, (source, target) in enumerate(zip(("input", *LAYERS), LAYERS), start=1):
        connect(f"W{k}", source, target, "r", "drive")
        units[target].bias = np.tile(net[f"W{k}.bias"], TRIALS)
    feedback = dict(
        fa=[("B2", "hidden2", "hidden1"), ("B3", "output", "hidden2")],
        dfa=[("B1", "output", "hidden1"), ("B2", "output", "hidden2")],
        dfc=[(f"Q{k}", "controller", target) for k, target in enumerate(LAYERS, start=1)],
    )[kind]
    for name, source, target in feedback:
        connect(name, source, target, "u" if kind == "dfc" else "delta", "v_apical")

    monitors = {
        name: StateMonitor(
            units[name.split(".")[0]],
            name.split(".")[1],
            record=True,
            when="end",
            name=f"seen_{name.replace('.', '_')}",
        )
        for name in names
    }
    network = brian2.Network(*objects, *monitors.values())
    network.run(FREE, namespace=NAMES | dict(feedback_on=0))
    if kind == "dfc":
        r = np.asarray(units["output"].v)  # a linear output
        units["output"].setpoint = r - NAMES["lam"] * (r - y.ravel())
    network.run(FEEDBACK, namespace=NAMES | dict(feedback_on=1))
    return {
        name: np.asarray(getattr(m, name.split(".")[1])).T.reshape(
            -1, TRIALS, len(m.source) // TRIALS
        )[EVERY - 1 :: EVERY]
        for name, m in monitors.items()
    }


@pytest.fixture
def runtime(runtime):
    """As everywhere, with a time step of its own."""
    brian2.defaultclock.dt = DT


@pytest.mark.parametrize("kind", RULES)
def test_a_trial_is_that_of_plain_brian2(runtime, needs_compiler, kind):
    net, compiled = simulated(RULES[kind], "cpp")
    _, interpreted = simulated(RULES[kind], "numpy")
    theirs = plain(net, kind, list(compiled))
    assert len(compiled) == {"fa": 16, "dfa": 16, "dfc": 20}[kind]
    for name in compiled:
        assert compiled[name].shape == theirs[name].shape and len(compiled[name]) == 30
        np.testing.assert_allclose(
            compiled[name], theirs[name], rtol=0, atol=1e-10, err_msg=f"{name}, compiled"
        )
        np.testing.assert_allclose(
            interpreted[name], theirs[name], rtol=0, atol=1e-10, err_msg=f"{name}, NumPy"
        )


@pytest.mark.parametrize("kind", RULES)
def test_feedback_moved_something(needs_compiler, kind):
    """The comparison above is worth nothing if the signals that it compares stay zero."""
    _, seen = simulated(RULES[kind], "cpp")
    for name, trace in seen.items():
        assert abs(trace[-1]).max() > 1e-3, name
