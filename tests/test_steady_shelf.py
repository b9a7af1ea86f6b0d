"""Every rule as it ships settles by SteadyState wherever it does in a Trial, and learns the
same."""

import warnings

import numpy as np
import pytest
from brian2 import ms, second
from neurofa.models.golden.common import SIZES, TRIALS
from neurofa.models.tuned import digits

from neurofa import Learner, Network, NotSettled, SteadyState, Trial, lookup, present, settle
from neurofa.learning.requested import requested_changes

K = TRIALS  # as in the golden checks, so that the same circuits are compiled


def samples(seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(K, SIZES[0])), np.eye(SIZES[-1])[rng.integers(SIZES[-1], size=K)]


def not_for_steady_states(net):
    """Return lengths for the phases that are no search for a steady state: noise in them, or
    plasticity during them."""
    return dict.fromkeys(
        {*net.noisy_phases, *(line.during for line in net.rule.plasticity if line.during)}, 20 * ms
    )


def untouched_by_noise(net):
    """Return the names of the synapse groups that learn before there is any noise, which depends on
    how many steps were made."""
    phases = [phase.name for phase in net.rule.phases]
    quiet = phases[: min([phases.index(name) for name in net.noisy_phases], default=len(phases))]
    learning = {line.pathway for line in net.rule.plasticity if line.phase in quiet}
    return {g.name for g in net.circuit.groups if g.pathway.name in learning}


def unsettled_and_asked(net, trial):
    """Return how many trials did not settle, and the changes that the rule asks for, of groups that
    noise leaves alone."""
    learner = Learner(net, trial)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotSettled)
        results = present(learner, *samples(), learn=False)
        changes = requested_changes(learner, *samples())
    return (
        sum(result.unsettled.sum() for result in results),
        {
            name: change
            for name, change in changes.items()
            if name.split(".")[0] in untouched_by_noise(net)
        },
    )


def compare(net):
    named = not_for_steady_states(net)
    fast, found = unsettled_and_asked(net, SteadyState(1e-6, **named))
    slow, expected = unsettled_and_asked(
        net, Trial(dt=1 * ms, default=settle(1e-9, 20 * second), **named)
    )
    assert fast <= slow == 0
    for name, change in expected.items():
        assert np.linalg.norm(found[name] - change) <= 1e-4 * np.linalg.norm(change) + 1e-10, name


@pytest.mark.parametrize("model", lookup.model_names())
def test_at_its_defaults(model):
    compare(Network(SIZES, lookup.rule(model), K, seed=3))


@pytest.mark.parametrize(
    "model",
    ["dfc_integral_leak", "dfc_ss", "equilibrium_propagation", "equilibrium_propagation_centred"],
)
def test_with_the_settings_for_digits_when_it_has_learned(model, needs_compiler):
    rule, optimiser, trial, cost = digits.settings(model)
    net = Network(SIZES, rule, K, seed=3, cost=cost)
    learner = Learner(net, trial, optimiser)
    for seed in range(30):
        present(learner, *samples(seed))
    compare(net)


@pytest.mark.parametrize(
    "model, activation",
    [
        ("dfc_integral_leak", "softplus"),
        ("dfc_ss", "relu"),
        ("equilibrium_propagation", "logistic"),
    ],
)
def test_with_other_activations(model, activation, needs_compiler):
    compare(Network(SIZES, lookup.rule(model), K, seed=3, activation=activation))


@pytest.mark.parametrize("k_p", [1.0, 2.0])
def test_a_controller_with_much_leak_and_a_proportional_part(k_p, needs_compiler):
    compare(Network(SIZES, lookup.rule("dfc_ss").but(alpha=1.0, k_p=k_p), K, seed=3))


def test_a_circuit_of_which_nothing_is_known_settles_slowly_once_and_then_fast(needs_compiler):
    """At rest, equilibrium propagation looks unstable; where it has arrived, it is not."""
    net = Network(SIZES, lookup.rule("equilibrium_propagation"), K, seed=3)
    learner = Learner(net, SteadyState(1e-3))
    first, second_time = (present(learner, *samples(), learn=False)[0] for _ in range(2))
    assert not first.unsettled.any() and not second_time.unsettled.any()
    assert second_time.steps < first.steps / 2
