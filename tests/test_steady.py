"""The steady states alone, in few steps: they are those of the integrated circuit, and as close as
was asked for."""

import os
import subprocess
import sys
from functools import cache

import numpy as np
import pytest
from brian2 import ms, second
from neurofa.models.golden.common import SIZES, TRIALS

from neurofa import (
    Learner,
    Network,
    NetworkError,
    SteadyState,
    Trial,
    analysis,
    evaluate,
    lookup,
    present,
    settle,
    tasks,
    train,
)
from neurofa.learning.checkpoint import Checkpoint
from neurofa.learning.predict import predict
from neurofa.learning.requested import requested_changes
from neurofa.rules.pathways.reading import through

SETTLING = (
    "bp",
    "fa",
    "dfa",
    "ifa",
    "kolen_pollack",
    "local_losses",
    "dfc_ss",
    "dfc_ssa",
    "predictive_coding",
    "equilibrium_propagation",
    "dendritic_microcircuit",
)


def network(model, sizes=SIZES, trials=TRIALS, **options):
    rule = lookup.rule(model)
    if model == "equilibrium_propagation":
        # with large weights, there are several equilibria
        rule = through(rule, "W: normal(0.1)")
    return Network(sizes, rule, trials, **dict(dict(seed=2), **options))


def samples(seed=0, n=TRIALS):
    rng = np.random.default_rng(seed)
    return rng.normal(0, 0.5, (n, SIZES[0])), rng.normal(0, 0.5, (n, SIZES[-1]))


def settled(net, trial, learn=False):
    """Return the states after a trial, (trials, states), and the results of its phases."""
    results = present(learner := Learner(net, trial), *samples(n=net.trials), learn=learn)
    return (
        np.concatenate([net[name][: net.active] for name in net.time_constants()], axis=1),
        results,
        learner,
    )


@pytest.mark.parametrize("model", SETTLING)
def test_the_states_are_those_of_the_integrated_circuit(model):
    slow, _, _ = settled(network(model), Trial(dt=0.2 * ms, default=settle(1e-11)))
    fast, results, _ = settled(network(model), SteadyState(1e-9))
    np.testing.assert_allclose(fast, slow, atol=2e-8 * max(1, abs(slow).max()))
    assert not any(result.unsettled.any() for result in results)


@pytest.mark.parametrize("model", ["fa", "dfc_ss"])
@pytest.mark.parametrize("target", ["cpp", "numpy"])
def test_weights_change_as_they_do_in_the_integrated_circuit(model, target):
    nets = [network(model, target=target) for _ in range(2)]
    for net, trial in zip(nets, (Trial(dt=0.2 * ms, default=settle(1e-11)), SteadyState(1e-10))):
        settled(net, trial, learn=True)
    for name in ("W1", "W2.bias", "W3"):
        np.testing.assert_allclose(nets[1][name], nets[0][name], atol=1e-9)
        assert not np.array_equal(nets[1][name], network(model)[name])


@cache
def way(model):
    """Return the states where the last phase begins, and where it ends."""
    begin, _, _ = settled(
        network(model), SteadyState(1e-12, **{lookup.rule(model).phases[1].name: 1 * ms})
    )
    exact, _, _ = settled(network(model), SteadyState(1e-12))
    return begin, exact


@pytest.mark.parametrize("tolerance", [1e-2, 1e-3, 1e-5])
@pytest.mark.parametrize(
    "model", ["dfc_ss", "predictive_coding", "equilibrium_propagation", "dendritic_microcircuit"]
)
@pytest.mark.slow
def test_what_is_left_of_the_way_is_the_tolerance(model, tolerance):
    begin, exact = way(model)
    there, _, _ = settled(network(model), SteadyState(tolerance))
    whole = np.linalg.norm(exact - begin, axis=1)
    assert (np.linalg.norm(there - exact, axis=1) <= 1.5 * tolerance * whole).all() and (
        whole > 0
    ).all()


def test_without_a_loop_it_takes_as_many_steps_as_layers():
    _, results, learner = settled(network("fa"), SteadyState(1e-6, dt=1 * ms))
    # down by one layer a step; the last two find that nothing moves
    assert [result.steps for result in results] == [3, 5]
    assert learner.trial.plans["feedback"].taus == dict(tau_v=1e-3, tau_delta=1e-3)


def test_few_steps_are_needed_and_as_many_as_predicted():
    _, (_, feedback), learner = settled(network("dfc_ss", (6, 8, 7, 3), 5), SteadyState(1e-4))
    plan = learner.trial.plans["feedback"]
    assert feedback.steps < 30 and abs(feedback.steps - plan.steps) <= 4
    assert 0 < plan.radius < 0.7 and plan.residual <= 1e-4


def test_the_radius_is_at_most_that_of_a_step_of_the_linear_circuit():
    net = network("dfc_ss", activation="linear")
    _, _, learner = settled(net, SteadyState(1e-10))
    net.set(**{name: tau * second for name, tau in learner.trial.plans["feedback"].taus.items()})
    radius = analysis.stability(net).spectral_radius(1e-3).max()
    # not every perturbation is on the way
    assert 0.8 * radius < learner.trial.plans["feedback"].radius < 1.02 * radius


def test_settled_trials_rest_while_others_do_not():
    net, (x, y) = network("dfc_ss"), samples()
    y[0] = 0
    trial, states = SteadyState(1e-3).of(net), []
    # the second time, the first trial alone is at its target, so that it settles at once
    for _ in range(2):
        net.reset()
        net.stimulus(x)
        net.target_rates(y)
        free = net.run("free", trial.length(net, "free"))
        y[0] = free.output[0]
        trial.phase_ended(net, free)
        result = net.run("feedback", trial.length(net, "feedback"))
        trial.phase_ended(net, result)
        states.append(net["controller.U"][0].copy())
    assert result.settled_after[0] < result.settled_after[1:].min()
    assert abs(states[0]).max() > 1e-3 and abs(states[1]).max() < 1e-12


@pytest.mark.filterwarnings("ignore::neurofa.NotSettled")
def test_time_constants_are_chosen_anew_when_weights_have_grown():
    net, (x, y) = network("dfc_ss"), samples()
    learner = Learner(net, SteadyState(1e-3))
    present(learner, x, y, learn=False)
    before = learner.trial.plans["feedback"]
    net["Q1"] *= 3
    net["Q2"] *= 3
    net["Q3"] *= 3
    steps = [present(learner, x, y, learn=False)[1].steps for _ in range(40)]
    after = learner.trial.plans["feedback"]
    assert after.taus != before.taus and steps[-1] < steps[0]


def test_a_phase_that_is_named_has_the_time_constants_of_the_network():
    net = network("dfc_ss")
    learner = Learner(net, SteadyState(1e-3, feedback=30 * ms))
    results = present(learner, *samples(), learn=False)
    assert results[1].duration == pytest.approx(0.03) and [*learner.trial.plans] == ["free"]


def time_constants(net):
    """Return all that says how fast a network moves: what the user sees, and what the simulator
    reads."""
    return (
        dict(net.parameters),
        net.time_constants(),
        {
            n: net.arrays[f"{p}.{n}"].tolist()
            for p in net.populations
            for n in net.parameters
            if f"{p}.{n}" in net.arrays
        },
    )


def test_a_network_keeps_its_own_time_constants_but_within_a_phase():
    net = network("dfc_ss")
    before, learner = time_constants(net), Learner(net, SteadyState(1e-3))
    seen, run = [], net.engine.run
    net.engine.run = lambda request: (
        seen.append((dict(net.parameters), net["controller.tau_u"].item(0))),
        run(request),
    )[1]
    present(learner, *samples())
    evaluate(learner, *samples())
    assert time_constants(net) == before
    assert all(parameters == before[0] for parameters, _ in seen) and seen[1][1] != float(
        before[0]["tau_u"]
    )


@pytest.mark.parametrize("problem", [KeyboardInterrupt, MemoryError, ZeroDivisionError])
@pytest.mark.parametrize(
    "call",
    [
        lambda learner: present(learner, *samples()),
        lambda learner: predict(learner, samples()[0]),
        lambda learner: evaluate(learner, *samples()),
        lambda learner: requested_changes(learner, *samples()),
    ],
    ids=["present", "predict", "evaluate", "asked"],
)
def test_also_where_it_is_broken_off(call, problem):
    net = network("dfc_ss", target="numpy")
    before, learner = time_constants(net), Learner(net, SteadyState(1e-3))

    def broken_off(request):
        raise problem

    net.engine.run = broken_off
    with pytest.raises(problem):
        call(learner)
    assert time_constants(net) == before


@pytest.mark.parametrize(
    "model, pathway, why",
    [
        ("dfc", "", r"Q?W learns during the phase feedback"),
        ("weight_mirror", "", "B learns during the phase mirror"),
        ("fa", "noisy(0.1, 10*ms)", "noise keeps the phase"),
        ("fa", "delayed(5*ms)", "the time of a trial matters to B"),
        ("dfc_ss", "only_during(20*ms)", "a window"),
    ],
)
def test_where_time_matters_it_is_refused(model, pathway, why):
    rule = lookup.rule(model)
    net = Network(SIZES, through(rule, pathway) if pathway else rule, TRIALS, target="numpy")
    with pytest.raises(
        NetworkError, match=f"SteadyState cannot be used, because .*{why}.*Use Trial"
    ):
        Learner(net, SteadyState())


def test_a_phase_of_noise_can_be_named():
    net = network("weight_mirror", target="numpy")
    assert Learner(net, SteadyState(mirror=50 * ms)).trial["mirror"].duration == 50 * ms


def test_one_trial_serves_several_networks():
    trial = SteadyState(1e-3)
    learners = [settled(network(model), trial)[2] for model in ("fa", "dfc_ss")]
    assert not trial.plans and learners[0].trial.plans != learners[1].trial.plans


def test_a_training_goes_on_from_a_checkpoint_with_the_very_numbers(tmp_path):
    task = tasks.linear_map((SIZES[0], SIZES[-1]), samples=40, test=10)
    whole, parts = network("dfc_ss"), [network("dfc_ss") for _ in range(2)]
    learn = lambda net, epochs, **more: train(
        net, task, epochs, trial=SteadyState(1e-3), optimiser="adam", progress=False, **more
    )
    learn(whole, 4)
    for net, epochs in zip(parts, (2, 4)):
        learn(net, epochs, checkpoint=Checkpoint(tmp_path / "training.h5", every=3))
    for name in ("W1", "W3", "W2.bias"):
        np.testing.assert_array_equal(parts[1][name], whole[name])


def test_repr_names_it():
    assert repr(SteadyState(1e-3, mirror=50 * ms)).startswith(
        "SteadyState(dt=1. ms, default=settle(0.001, relative), mirror=50. ms"
    )


def test_a_trial_that_does_not_settle_teaches_nothing():
    nets, (x, y) = [network("dfc_ss") for _ in range(2)], samples()
    for net in nets:
        present(Learner(net, SteadyState(1e-3)), x, y, learn=False)
    learner = Learner(nets[0], SteadyState(1e-3))
    learner.learn("feedback", unsettled=np.arange(TRIALS) >= 3)
    present(Learner(nets[1], SteadyState(1e-3)), x[:3], y[:3])
    np.testing.assert_allclose(nets[0]["W2"], nets[1]["W2"], atol=1e-5)
    before = nets[0]["W2"].copy()
    assert not learner.learn("feedback", unsettled=np.ones(TRIALS, bool)) and np.array_equal(
        nets[0]["W2"], before
    )


@pytest.mark.slow
@pytest.mark.subprocess
def test_the_choice_does_not_depend_on_the_process():
    code = (
        "import numpy as np, os; from neurofa import *; from neurofa import lookup; x = np.random.default_rng(0).normal(size=(8, 6))\n"
        "net = Network((6, 5, 4, 3), lookup.rule('dfc_ss'), 8, seed=2, target='numpy'); learner = Learner(net, SteadyState(1e-3))\n"
        "present(learner, x, x[:, :3], learn=False); print(learner.trial.state, flush=True)\n"
        "os._exit(0)"  # the end of a process takes longer than this
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3", "4")
    ]
    assert len(set(said)) == 1 and "tau_u" in said[0]
