"""Steps of noise: exact at every dt where a state is noise and its own leak; elsewhere
Euler-Maruyama, in Ito's sense; or refused."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from brian2 import ms
from neurofa.models import fa

from neurofa import LearningRule, Length, Network, Phase, Recorder, RuleError, lookup
from neurofa.circuit.equations import PopulationText
from neurofa.circuit.topology import topology
from neurofa.rules.costs import cost
from neurofa.rules.noise import noises
from neurofa.rules.pathways import gain, noisy

SHORT = (0.01, 0.1, 0.5, 1.0)  # dt, in time constants
SIZES = (2, 300, 2)


def within(found, expected, errors, n):
    """Whether a mean square of n normal numbers is what it should be, to so many standard
    errors."""
    assert found == pytest.approx(expected, rel=errors * (2 / n) ** 0.5)


def check(net, state, phase, sigma, tau, per_trial=False):
    """Hold a state's mean, variance and autocorrelation against those of the process: from known
    numbers on, over 1 and 3 steps."""
    rng = np.random.default_rng(0)
    for share in SHORT:
        net.reset()
        # the first step of a trial may be another
        net.run(phase, Length(tau * ms, dt=tau * ms))
        begin = sigma * rng.normal(size=net[state].shape)
        net[state] = begin = np.repeat(begin[:, :1], begin.shape[1], axis=1) if per_trial else begin
        recorder = Recorder([state])
        net.run(phase, Length(3 * share * tau * ms, dt=share * tau * ms), recorder)
        x = recorder.recording()[state].transpose("time", "trial", ...).values
        begin, x = (begin[:, :1], x[:, :, :1]) if per_trial else (begin, x)
        n = begin.size
        for steps in (1, 3):
            left = np.exp(-steps * share)
            new = x[steps - 1] - left * begin
            # the autocorrelation
            assert abs((new * begin).mean()) < 5 * sigma * new.std() / n**0.5, (share, steps)
            within((new**2).mean(), sigma**2 * (1 - left**2), 5, n)
            within((x[steps - 1] ** 2).mean(), sigma**2, 5, n)


def test_all_noise_on_the_shelf_takes_exact_steps():
    noisy_models = set()
    for model in lookup.model_names():
        rule = lookup.rule(model)
        for units in (circuit := topology((3, 4, 4, 2), rule)).units:
            text = PopulationText(circuit, rule, units, cost("squared"))
            states = {
                name for name, e in text.equations.items() if e.expr is not None and noises([e])
            }
            assert states == set(text.exact), (model, units.name)
            noisy_models |= {model} if states else set()
    assert noisy_models == {
        "weight_mirror",
        "node_perturbation",
        "target_propagation",
        "difference_target_propagation",
        "sdtp",
        "dfc_learned",
        "dfc_ss_learned",
        "strong_dfc",
        "strong_dfc_two_phase",
    }


@pytest.mark.parametrize(
    "model, phase, tau",
    [
        ("weight_mirror", "mirror", "tau_z"),
        ("target_propagation", "noise", "tau_z"),
        ("strong_dfc", "feedback", "tau_z"),
        ("dfc_learned", "sleep", "tau_a"),
    ],
)
def test_noise_of_rules_has_its_standard_deviation_and_autocorrelation_at_every_dt(
    model, phase, tau
):
    net = Network(
        SIZES,
        lookup.rule(model).but(
            **{name: 10 * ms for name in lookup.rule(model).parameters if name.startswith("tau_")},
            sigma=0.3,
        ),
        trials=30,
        target="numpy",
        dtype="float32" if model == "weight_mirror" else "float64",
    )
    assert tau in net.time_constants()["hidden1.z"][0]
    check(net, "hidden1.z", phase, 0.3, 10)


@pytest.mark.parametrize("shared", [False, True])
def test_noise_of_pathways_has_its_standard_deviation_and_autocorrelation_at_every_dt(
    target, shared
):
    trials, sizes = (4000, (2, 2, 2)) if shared else (30, SIZES)
    net = Network(
        sizes,
        fa.RULE.through(gain(2.0)).through(noisy(0.1, 10 * ms, shared=shared)),
        trials=trials,
        target=target,
    )
    check(net, "hidden1.noise_B", "free", 0.1, 10, per_trial=shared)


@pytest.mark.parametrize("share", SHORT)
def test_noise_of_pathways_is_what_it_will_always_be_from_the_first_step_on(target, share):
    net = Network(SIZES, fa.RULE.through(noisy(0.1, 10 * ms)), trials=30, target=target)
    for _ in range(2):
        net.reset()
        recorder = Recorder(["hidden1.noise_B"])
        net.run("free", Length(20 * ms * share, dt=10 * ms * share), recorder)
        net.run("feedback", Length(10 * ms * share, dt=10 * ms * share), recorder)
        x = recorder.recording()["hidden1.noise_B"].transpose("time", "trial", ...).values
        for now in x:
            within((now**2).mean(), 0.01, 5, now.size)
        assert (x[0] * x[2]).mean() == pytest.approx(
            0.01 * np.exp(-2 * share), abs=5 * 0.01 / x[0].size ** 0.5
        )


def test_compiled_and_interpreted_steps_are_the_same(needs_compiler):
    found = []
    for options in (dict(target="cpp"), dict(target="numpy"), dict(target="cpp", dtype="float32")):
        net = Network(SIZES, fa.RULE.through(noisy(0.1, 10 * ms)), trials=3, **options)
        net.run("free", Length(20 * ms, dt=4 * ms))
        found.append(net["hidden1.noise_B"].copy())
    np.testing.assert_allclose(found[0], found[1], rtol=0, atol=1e-15)
    assert found[2].dtype == np.float32 and 0.09 < found[2].std() < 0.11


def said(rule, phase, dt, duration=50, **options):
    """Return what is said of a time step of so many ms, in two trials."""
    net = Network((2, 3, 2), rule, target="numpy", **options)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(2):
            net.reset()
            net.run(phase, Length(duration * ms, dt=dt * ms))
    return [str(w.message) for w in caught]


def test_a_time_step_near_the_time_constant_of_a_noise_is_said_once():
    near = "dt = 10 ms is near the time constant of a noise"
    for rule, phase, place in (
        (lookup.rule("weight_mirror"), "mirror", "tau_z = 10 ms. hidden1.z"),
        (fa.RULE.through(noisy(0.1, 10 * ms)), "feedback", "tau_B = 10 ms. hidden1.noise_B"),
    ):
        [found] = said(rule, phase, 10)
        assert (
            f"{phase} phase: {near}, {place} takes exact steps, but states that hear it" in found
            and "Use dt <= 1 ms" in found
        )
        assert said(rule, phase, 1) == []
    assert said(fa.RULE.through(noisy(0.1, 10 * ms)), "free", 10) == []  # nothing learns from it
    # held while the circuit settles, and exact
    assert said(lookup.rule("target_propagation"), "noise", 10) == []
    [found] = said(fa.RULE.through(noisy(0.1 * ms**0.5)), "feedback", 10)
    assert (
        "near the time constant of what hears a noise, tau_v = 10 ms. hidden1.noise_B takes exact steps"
        in found
    )


def test_noise_that_is_added_to_another_state_is_euler_maruyama_and_that_is_said():
    direct = rule("dx/dt = (-x + v) / tau_v + 0.1*sqrt(2/tau_v)*xi")
    [found] = said(direct, "free", 5)
    assert (
        "dt = 5 ms is near the time constant of a noise, tau_v = 10 ms. hidden1.x takes steps of Euler-Maruyama"
        in found
    )
    assert (
        "variance is 1.33 times" in found
        and "dx/dt = -x/tau + sigma*sqrt(2/tau)*xi, takes exact steps" in found
    )
    assert said(direct, "free", 1) == []
    net = Network((2, 2000, 2), direct, trials=10, target="numpy")
    net.run("free", Length(400 * ms, dt=5 * ms))
    within(net["hidden1.x"].var(), 0.01 / (1 - 0.25), 5, 20000)


# noise that depends on the state ------------------------------------------------------------------

NEURON = """
dv/dt = (-v + v_basal) / tau_v : 1
{} : 1
r = phi(v) : 1
"""


def rule(line, **parameters):
    return LearningRule(
        name="noisy",
        reference="none",
        plasticity=(),
        neuron=NEURON.format(line),
        phases=(Phase("free", on=("open_on",)), Phase("shut")),
        parameters=dict(tau_v=10 * ms, **parameters),
    )


def moved(line, target, steps=1, start=0.5, phase="free", **parameters):
    """Return x (samples,) after some steps of 1 ms."""
    net = Network((2, 2000, 2), rule(line, **parameters), trials=10, target=target)
    net.stimulus(np.ones((10, 2)))
    for population in ("hidden1", "output"):
        net[f"{population}.x"] = start
    net.run(phase, Length(steps * ms, dt=1 * ms))
    return net["hidden1.x"].ravel()


def test_noise_that_a_state_multiplies_is_itos(target):
    """dx = -x/tau dt + x dW/sqrt(tau) has the mean exp(-t/tau); of Stratonovich's calculus it would
    be exp(-t/(2 tau))."""
    x = moved("dx/dt = -x/tau_v + x*xi/sqrt(tau_v)", target, steps=10, start=1.0)
    mean, square = 0.9**10, (0.9**2 + 0.1) ** 10  # of these steps
    assert x.mean() == pytest.approx(mean, abs=5 * (square - mean**2) ** 0.5 / x.size**0.5)
    assert (x**2).mean() == pytest.approx(square, rel=0.1)


@pytest.mark.parametrize(
    "line, mean, spread, parameters",
    [
        (
            "dx/dt = -x/tau_v + sigma*r*xi/sqrt(tau_v) + sigma*x**2*xi_2/sqrt(tau_v)",
            0.45,
            0.05 * 0.1**0.5,
            dict(sigma=0.2),
        ),
        ("dx/dt = (-x + open_on*sqrt(x)*xi*sqrt(tau_v)) / tau_v", 0.45, 0.05**0.5, {}),
        ("dx/dt = -x/tau_v + int(x > 0)*xi/sqrt(tau_v)", 0.45, 0.1**0.5, {}),
        ("dx/dt = -x/tau_v + (x - 0.5)*xi/sqrt(tau_v)", 0.45, 0.0, {}),
    ],
    ids=["two", "gate", "step", "factor"],
)
def test_noise_times_a_state_a_gate_an_input_or_a_parameter_is_a_step_of_euler_maruyama(
    line, mean, spread, parameters
):
    """What other states are in the step does not matter: r is 0 still."""
    x = moved(line, "numpy", **parameters)
    assert x.mean() == pytest.approx(mean, abs=5 * spread / x.size**0.5 + 1e-12)
    assert x.std() == pytest.approx(spread, rel=5 * (0.5 / x.size) ** 0.5, abs=1e-12)


def test_noise_times_a_state_is_compiled_too(needs_compiler):
    line = "dx/dt = -x/tau_v + v_basal*x*xi/sqrt(tau_v) + open_on*xi_2/sqrt(tau_v)"
    np.testing.assert_allclose(
        moved(line, "cpp", steps=5), moved(line, "numpy", steps=5), rtol=1e-10
    )
    assert np.ptp(moved("dx/dt = -x/tau_v + open_on*x*xi/sqrt(tau_v)", "numpy", phase="shut")) == 0


@pytest.mark.parametrize(
    "term",
    [
        "exp(xi*sqrt(tau_v))/tau_v",
        "xi**2",
        "xi*xi_2",
        "abs(xi)/sqrt(tau_v)",
        "int(xi*sqrt(tau_v) > 0)/tau_v",
        "1/(xi*tau_v**1.5)",
        "phi(xi*sqrt(tau_v))/tau_v",
        "clip(xi*sqrt(tau_v), 0, 1)/tau_v",
    ],
)
def test_functions_of_white_noise_are_refused_when_the_rule_is_made(term):
    with pytest.raises(
        RuleError,
        match="noisy: hidden: the line of 'x': the white noise xi.* may only be added.*let a state be the noise",
    ):
        rule(f"dx/dt = -x/tau_v + {term}")


def test_noise_in_a_line_that_is_no_differential_equation_is_refused():
    for line in ("x = xi*sqrt(tau_v)", "x = v + exp(xi*sqrt(tau_v))"):
        with pytest.raises(
            RuleError, match="'x' contains the symbol 'xi' but is not a differential"
        ):
            rule(line)
    with pytest.raises(RuleError):
        replace(fa.RULE, output=fa.OUTPUT.replace("dcost", "(dcost + xi*sqrt(tau_v))"))
