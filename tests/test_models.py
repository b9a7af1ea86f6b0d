"""The contract: what every rule in models/ keeps. A new rule enters by being there."""

import warnings
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from brian2 import ms
from neurofa.models.golden.common import SIZES, TRIALS

from neurofa import (
    Learner,
    Network,
    NotSettled,
    Plasticity,
    Recorder,
    RuleError,
    Trial,
    evaluate,
    lookup,
    present,
    settle,
    tasks,
    train,
)
from neurofa.rules.pathways import product_of_transposes
from neurofa.rules.text import names_used

MODELS = lookup.model_names()
TARGETS = ("cpp", "numpy")
# Through random cells of its own, a layer's readout can ask for what the output does not need.
OWN_COSTS = ["local losses, hidden", "local losses, two hidden"]
# Cells that excite cells may be silent, all of them, and dendrites learn first what to foresee.
SILENT_AT_FIRST = ["dendritic target propagation"]
# Pathways that learn something else than to meet the output's target: to reconstruct, to predict,
# a goal of their own layer, or the target even where it is met.
UNTAUGHT = {
    "BFA": ("B",),
    "BDFA": ("B",),
    "local losses": ("W", "P"),
    "local losses, random": ("W", "P"),
    "local losses, hidden": ("W", "H", "P"),
    "local losses, two hidden": ("W", "H", "G", "P"),
    "LoCo": ("W", "P"),
    "weight mirror": ("B",),
    "DRTP": ("W",),
    "DFC, learned feedback": ("Q",),
    "DFC-SS, learned feedback": ("Q",),
    "CLAPP": ("W", "P", "R"),
    "hinge CPC": ("W", "P", "R"),
    "hinge CPC, random": ("W", "P", "R"),
    "dendritic target propagation": ("W", "Y"),
    "DTP": ("Q",),
    "SDTP": ("Q",),
    "Strong-DFC, two phases": ("Q",),
    "TP": ("W", "Q"),
    "Strong-DFC": ("W", "Q"),
}
# Rules whose hidden layers learn of the target itself, which comes with the stimulus, and at the end
# of the first phase: what teaches them is there from the start, and how long it takes to settle
# depends on it. That they learn whatever is answered: golden/projections.py.
TOLD_AT_ONCE = ("DRTP",)
K = TRIALS  # as in the golden checks, so that the same circuits are compiled


@pytest.fixture(params=MODELS)
def rule(request):
    return lookup.rule(request.param)


def network(rule, target=None, seed=3, **options):
    return Network(SIZES, rule, trials=K, seed=seed, target=target, **options)


@cache
def noisy_phases(name):
    """Return the phases that noise keeps from settling, of the rule of that name."""
    [rule] = [rule for rule in map(lookup.rule, MODELS) if rule.name == name]
    return network(rule, "numpy").noisy_phases


def at_once(rule):
    """Whether weights move while activity flows: as long as there is an error, nothing settles."""
    return any(line.every for line in rule.plasticity)


def trial(rule, length=settle(1e-10, 20000 * ms)):
    """Return the same length for all phases, but those that noise or learning keeps from settling."""
    length = 500 * ms if at_once(rule) else length
    return Trial(dt=1 * ms, default=length, **dict.fromkeys(noisy_phases(rule.name), 50 * ms))


def online(rule):
    """Whether errors come all the while, so that there is no phase without a target."""
    return rule.phases[0].name == "online"


def sample(seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(K, SIZES[0])), np.eye(SIZES[-1])[rng.integers(SIZES[-1], size=K)]


def transposes(net, group, rng):
    """Feedback that is not random: only then must a single update lower the error of a single
    sample."""
    if group.pathway.source == "helper":  # with what enters these, it makes a transpose
        above = int(group.name.lstrip("R")) + 1
        return net[f"W{above}"].T @ net[f"B{above}"].T
    if group.shape[1] == net.sizes[-1]:
        return product_of_transposes("W")(net, group, rng)
    return net["W" + group.name.lstrip("BQY")].T


def everything(net):
    return {name: net[name].copy() for name in net.probeable}


def all_weights(net):
    """Return the weights that learn, or could: those that are made anew after every update change
    anyway."""
    tracking = {g.name for g in net.circuit.groups if g.pathway.tracks}
    return {
        name: net[name].copy()
        for name in net.probeable
        if name.endswith((".w", ".bias")) and name.split(".")[0] not in tracking
    }


def test_it_names_itself_and_its_paper(rule):
    module = [m for m in MODELS if lookup.rule(m) is rule][0]
    documented = __import__(f"neurofa.models.{module}", fromlist=["x"]).__doc__
    assert rule.reference.split()[0] in documented
    assert rule.reference in str(rule)


def test_units_are_checked(rule):
    for name, value in rule.parameters.items():
        if name.startswith("tau"):
            with pytest.raises(RuleError, match="unit"):
                rule.but(**{name: float(value)})


def test_a_plasticity_line_that_is_not_local_is_refused(rule):
    line = rule.plasticity[0]
    for foreign in ("dcost", "cost", "delta", "w_above"):
        with pytest.raises(RuleError, match="not local"):
            rule.but(
                plasticity=(
                    Plasticity(
                        "W",
                        equation=f"{line.equation} + {foreign}",
                        after=line.after,
                        during=line.during,
                        to=line.to,
                    ),
                )
            )


def test_the_target_does_not_influence_what_is_answered(rule):
    """Not in the first phase, where a network is tested."""
    told = (".dcost", ".target")  # what the output is to do, and links to it
    length = trial(rule)[rule.phases[0].name]
    if online(rule):  # errors, and what synapses make of them, are there while the input is
        told += (".v_apical", ".delta", ".residual", ".g", ".g_post")
    if rule.name in TOLD_AT_ONCE:
        told, length = (*told, ".label", ".v_apical", ".delta", ".residual"), 500 * ms
    x, y = sample()
    ends = []
    for target in (y, 7 - 3 * y):
        net = network(rule)
        net.stimulus(x)
        net.target_rates(target)
        net.run(rule.phases[0].name, length)
        ends.append({n: a for n, a in everything(net).items() if n != "output.target"})
    for name in ends[0]:
        if not np.array_equal(ends[0][name], ends[1][name]):
            assert name.endswith(told)


def moving(seed=0, frames=60):
    """Inputs and targets that move in every millisecond."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(SIZES[-1], size=(K, frames))
    return rng.normal(size=(K, frames, SIZES[0])), np.eye(SIZES[-1])[labels]


# whose output is read out at once, so that its error is that of the moment
READ_OUT = ["rflo"]


@pytest.mark.parametrize("model", READ_OUT)
def test_a_target_that_is_always_there_moves_no_rate_before_weights_do(model):
    (x, y), ends = moving(), []
    for target in (y, 7 - 3 * y):
        learner = Learner(network(lookup.rule(model)), Trial(dt=1 * ms))
        [result] = present(learner, x, target, learn=False, frame=1 * ms)
        ends.append((result.trajectory, everything(learner.net)))
    np.testing.assert_array_equal(ends[0][0], ends[1][0])
    rates = [name for name in ends[0][1] if name.endswith(".r")]
    assert len(rates) == len(SIZES)
    for name in rates:
        np.testing.assert_array_equal(ends[0][1][name], ends[1][1][name])


@pytest.mark.parametrize("model", READ_OUT)
def test_a_target_that_is_met_all_the_while_changes_nothing(model):
    learner = Learner(network(lookup.rule(model)), Trial(dt=1 * ms))
    (x, y), before = moving(), all_weights(learner.net)
    [met] = present(learner, x, y, learn=False, frame=1 * ms)
    present(learner, x, met.trajectory, frame=1 * ms)
    for name, weights in all_weights(learner.net).items():
        np.testing.assert_allclose(weights, before[name], atol=1e-15, err_msg=name)
    present(learner, x, y, frame=1 * ms)
    assert any(
        abs(now - before[name]).max() > 1e-6 for name, now in all_weights(learner.net).items()
    )


def test_a_target_that_is_met_changes_nothing(rule):
    if rule.name in ("node perturbation", "weight perturbation"):
        pytest.skip("where the target is met, noise still makes the cost worse")
    if online(rule) and not at_once(rule):
        pytest.skip("none is met before it is there: see the one before")
    net = network(rule)
    x, _ = sample()
    learner = Learner(net, trial(rule, settle(1e-13, 20000 * ms)))
    present(learner, x, np.zeros((K, 3)), learn=False)
    net.reset()
    net.stimulus(x)
    first = rule.phases[0].name
    net.run(first, trial(rule, settle(1e-14, 20000 * ms))[first])
    met = net["output.r"].copy()
    before = all_weights(net)
    if at_once(rule):
        meet(learner, x, met)
    else:
        present(learner, x, met)
    equations = {line.pathway: line.equation for line in rule.plasticity}
    for name, weights in all_weights(net).items():
        pathway = name.split(".")[0].rstrip("0123456789")
        if pathway not in UNTAUGHT.get(rule.name, ()):
            left = kept(net, equations.get(pathway, ""))
            np.testing.assert_allclose(weights, left * before[name], atol=1e-11)


def meet(learner, x, met):
    """Learn for a step where errors have faded: while rates rise to it, the target is not met, nor
    when decay has gone on for long."""
    net, [phase] = learner.net, learner.net.rule.phases
    for length, meanwhile in ((500 * ms, None), (1 * ms, learner.meanwhile(phase.name))):
        net.stimulus(x)
        net.target_rates(met)
        net.run(phase.name, length, meanwhile=meanwhile)
    learner.learn(phase.name)


def kept(net, line):
    """Return what is left of weights that decay as a line says: per update, or step of 1 ms."""
    if "tau_decay" in line:
        return 1 - 1e-3 / float(net.parameters["tau_decay"])
    return 1 - float(net.parameters["decay"]) if "decay" in line else 1


@pytest.mark.parametrize("cost", ["squared", "cross_entropy"])
def test_one_small_update_lowers_the_error_of_its_sample(rule, cost):
    if not {"dcost", "target"} & names_used(rule):
        pytest.skip("nothing in this rule is taught")
    if rule.name in OWN_COSTS:
        pytest.skip("hidden layers lower costs of their own: models/golden/blocks.py")
    if rule.name in SILENT_AT_FIRST:
        pytest.skip("what single updates are: models/golden/dales_law.py")
    aligned = [p if p.weights else replace(p, init=p.init or transposes) for p in rule.pathways]
    net = network(rule.but(eta=0.01, **({"pathways": tuple(aligned)} if aligned else {})))
    assert net.take_cost(cost)
    # what is learned all the while is the more, the longer that is
    learner = Learner(net, trial(rule, 100 * ms) if online(rule) else trial(rule))
    for k in range(4):
        x, y = (a[k : k + 1] for a in sample())
        net.randomise(3)
        before, _ = evaluate(learner, x, y)
        present(learner, x, y)
        after, _ = evaluate(learner, x, y)
        assert after < before


def test_the_same_trial_twice_gives_the_same_record(rule):
    x, y = sample()
    learner = Learner(network(rule), trial(rule, 50 * ms))
    names = [n for n in learner.net.probeable if not n.endswith((".bias", ".residual"))]
    records = []
    for _ in range(2):
        recorder = Recorder(names, every=5)
        learner.net.noise = (0, 0)
        present(learner, x, y, learn=False, record=recorder)
        records.append(recorder.recording())
    assert records[0].dataset.identical(records[1].dataset)
    assert np.ptp(records[0]["output.r"].values) > 0


def test_the_same_seed_gives_the_same_weights(rule):
    task = tasks.Task(*sample(0), "small", *sample(1), cost="cross_entropy")
    trained = []
    for seed in (5, 5, 6):
        net = network(rule, seed=seed)
        train(net, task, 3, trial=trial(rule, settle(1e-6)), seed=seed, progress=False)
        trained.append(all_weights(net))
    assert all(np.array_equal(trained[0][name], trained[1][name]) for name in trained[0])
    assert not np.array_equal(trained[0]["W1.w"], trained[2]["W1.w"])


def test_compiled_and_interpreted_agree(rule):
    x, y = sample()
    ends = []
    for target in TARGETS:
        net = network(rule, target, cost="cross_entropy")
        present(Learner(net, trial(rule, 100 * ms)), x, y)
        ends.append(everything(net))
    assert ends[0].keys() == ends[1].keys()
    for name in ends[0]:
        np.testing.assert_allclose(ends[0][name], ends[1][name], atol=1e-10, err_msg=name)


def test_it_settles_without_complaint(rule):
    with warnings.catch_warnings():
        warnings.simplefilter("error", NotSettled)
        net = network(rule)
        schedule = Trial() if at_once(rule) else trial(rule, settle())
        results = present(Learner(net, schedule), *sample(), learn=not at_once(rule))
    assert all(
        (result.residual <= 1e-6).all()
        for result in results
        if result.phase not in net.noisy_phases
    )


def test_backpropagation_keeps_no_second_copy_of_the_weights():
    assert not [name for name in network(lookup.rule("bp")).probeable if name.startswith("B")]
