"""Delayed signals: the same trace, later; where that changes what a circuit settles to, and where
it makes a loop unstable."""

import numpy as np
import pytest
from brian2 import ms, second
from neurofa.models import dfc_ss, fa

from neurofa import Learner, Length, Network, NotSettled, Pathway, Recorder, Trial, present, settle
from neurofa.engine.brian import engine
from neurofa.rules.pathways import constant, copy_of, delayed

SIZES, K = (4, 6, 5, 3), 5

# Pairs of pathways with the same synapses, one of them delayed; they touch nothing else.
BOTH = fa.RULE.but(
    name="FA, listened to twice",
    pathways=(
        *fa.RULE.pathways,
        Pathway("Late", source="above", signal="delta", into="late", init=copy_of("B"))
        | delayed(6 * ms),
        Pathway("Up", source="below", signal="r", into="up", to="layers"),
        Pathway(
            "Uplate", source="below", signal="r", into="uplate", to="layers", init=copy_of("Up")
        )
        | delayed(6 * ms),
        Pathway(
            "Old",
            source="below",
            signal="r",
            into="old",
            to="layers",
            init=copy_of("Up"),
            reads="old",
        ),
        Pathway(
            "Oldlate",
            source="below",
            signal="r",
            into="oldlate",
            to="layers",
            init=copy_of("Up"),
            reads="old",
        )
        | delayed(6 * ms),
    ),
)
PAIRS = [
    (f"{layer}.{now}", f"{layer}.{late}", delay)
    for layer in ("hidden1", "hidden2", "output")
    for now, late, delay in (
        ("v_apical", "late", "Late"),
        ("up", "uplate", "Uplate"),
        ("old", "oldlate", "Oldlate"),
    )
    if not (layer == "output" and late == "late")
]
PHASES = (("free", 20 * ms, 1 * ms), ("feedback", 40 * ms, 2 * ms))


def traces(phases=PHASES, active=K, every=1, rule=BOTH, parameters={}, **options):
    """Return the end of every recorded step in ms, and `{name: (trials, steps, units)}`."""
    net = Network(SIZES, rule, trials=K, seed=1, activation="logistic", **options)
    net.set(**parameters)
    rng = np.random.default_rng(0)
    recorder = Recorder([name for pair in PAIRS for name in pair[:2]], every=every)
    net.reset()
    net.stimulus(rng.normal(size=(K, SIZES[0]))[:active])
    net.target_rates(rng.normal(size=(K, SIZES[-1]))[:active])
    for phase, length, dt in phases:
        net.run(phase, Length(length, dt=dt), recorder)
    found = recorder.recording()
    return (
        net,
        found[PAIRS[0][0]].time.values,
        {
            n: found[n].transpose("trial", "time", ...).values[:active]
            for pair in PAIRS
            for n in pair[:2]
        },
    )


@pytest.mark.parametrize(
    "options",
    [
        dict(target="numpy"),
        dict(target="cpp"),
        dict(target="cpp", threads=3),
        dict(target="cpp", active=2),
        dict(target="numpy", active=2),
        dict(target="cpp", dtype="float32"),
        dict(target="cpp", every=2),
    ],
    ids=str,
)
def test_a_delayed_copy_is_the_shifted_trace(monkeypatch, request, options):
    """To the last bit, across a boundary where the time step changes, in a recording made of
    pieces."""
    if options["target"] == "cpp":
        request.getfixturevalue("needs_compiler")
    monkeypatch.setattr(engine, "PIECE", 3000)
    net, t, found = traces(**options)
    earlier = {round(now, 6): k for k, now in enumerate(t)}
    for now, late, name in PAIRS:
        assert abs(found[now]).max() > 0.01
        compared = 0
        for k, time in enumerate(t):
            if time > 6.5:
                before = earlier.get(round(time - 6, 6))
                if before is not None:
                    # threads share the trials of a step, but what comes from a clamped input is one
                    # product for all
                    off = 1e-15 if "threads" in options and now.startswith("hidden1") else 0
                    np.testing.assert_allclose(
                        found[late][:, k],
                        found[now][:, before],
                        0,
                        off,
                        err_msg=f"{late} at {time} ms",
                    )
                    compared += 1
        assert compared >= 8
    # before that, of the circuit at rest
    for layer, index in (("hidden1", 1), ("hidden2", 2), ("output", 3)):
        rest = net[f"Up{index}"] @ np.full(SIZES[index - 1], 0.5 * (index > 1))
        wanted = np.broadcast_to(rest, found[f"{layer}.uplate"][:, t < 5.5].shape)
        np.testing.assert_allclose(
            found[f"{layer}.uplate"][:, t < 5.5], wanted, rtol=1e-6 if "dtype" in options else 1e-13
        )


def test_between_time_steps_it_is_interpolated(target):
    _, _, found = traces(
        phases=PHASES[:1],
        target=target,
        parameters=dict(delay_Late=2.25 * ms, delay_Uplate=0.5 * ms, delay_Oldlate=3.9 * ms),
    )
    for now, late, name in PAIRS:
        whole, part = dict(Late=(2, 0.25), Uplate=(0, 0.5), Oldlate=(3, 0.9))[name]
        u = found[now]
        wanted = (1 - part) * u[:, 1 : u.shape[1] - whole] + part * u[:, : -1 - whole]
        np.testing.assert_allclose(found[late][:, 1 + whole :], wanted, rtol=0, atol=1e-14)


def test_a_finer_time_step_finds_the_past_by_interpolation(target):
    _, t, found = traces(
        (("free", 20 * ms, 2 * ms), ("feedback", 10 * ms, 0.5 * ms)), target=target
    )
    for now, late, name in PAIRS:
        first = np.flatnonzero((t > 20.2) & (t < 25.8))  # what is heard is of the first phase
        assert len(first) == 11
        for k in first:
            wanted = [[np.interp(t[k] - 6, t, u) for u in trial.T] for trial in found[now]]
            np.testing.assert_allclose(
                found[late][:, k], wanted, rtol=0, atol=1e-13, err_msg=f"{late} at {t[k]} ms"
            )


def test_no_delay_is_no_delay_and_the_second_trial_is_like_the_first(target):
    plain = Network(SIZES, fa.RULE, trials=2, target=target)
    none = Network(
        SIZES,
        fa.RULE.through(delayed(0 * ms)).through(delayed(0 * second), "W"),
        trials=2,
        target=target,
    )
    late = Network(
        SIZES,
        fa.RULE.through(delayed(7 * ms)).through(delayed(3 * ms), "W"),
        trials=2,
        target=target,
    )
    late.set(delay_B=0 * ms, delay_W=0 * ms)
    rng, trial = np.random.default_rng(0), Trial(default=40 * ms)
    for x, y in zip(rng.normal(size=(2, 2, 4)), rng.normal(size=(2, 2, 3))):
        for net in (plain, none, late):
            present(Learner(net, trial), x, y)
        for name in ("hidden1.delta", "output.v", "W1", "W3"):
            assert (plain[name] == none[name]).all() and (plain[name] == late[name]).all()
    once = Network(SIZES, fa.RULE.through(delayed(7 * ms)), trials=2, target=target)
    present(Learner(once, trial), x, y, learn=False)
    first = once["hidden1.delta"].copy()
    present(Learner(once, trial), x, y, learn=False)
    assert (once["hidden1.delta"] == first).all() and first.any()


def test_a_delay_of_one_layer_leaves_the_others_alone(target):
    """B3 enters layer 2 and B2 layer 1: an error comes down two steps."""
    for layer, arrivals in ((1, (42, 1)), (2, (42, 41)), (None, (82, 41))):
        net = Network(
            SIZES, fa.RULE.through(delayed(40 * ms, layer=layer)), trials=1, target=target
        )
        rng, recorder = np.random.default_rng(0), Recorder(["hidden1.v_apical", "hidden2.v_apical"])
        net.stimulus(rng.normal(size=(1, 4)))
        net.run("free", 100 * ms)
        net.target_rates(rng.normal(size=(1, 3)))
        net.run("feedback", 100 * ms, recorder)
        for k, arrival in zip((1, 2), arrivals):
            trace = recorder.recording()[f"hidden{k}.v_apical"].transpose("time", ...).values
            moving = abs(trace).reshape(len(trace), -1).max(axis=1) > 1e-12
            assert int(np.argmax(moving)) == arrival


def test_the_steady_state_of_feedback_alignment_does_not_feel_it(target):
    """Though the delay is thirty time constants long, and nothing moves meanwhile."""
    rng, trial = np.random.default_rng(0), Trial(default=settle(1e-10))
    x, y = rng.normal(size=(2, 4)), rng.normal(size=(2, 3))
    nets = [
        Network(SIZES, rule, trials=2, target=target)
        for rule in (
            fa.RULE,
            fa.RULE.through(delayed(300 * ms)),
            fa.RULE.through(delayed(299.5 * ms), "W", "B").through(delayed(0.7 * ms), "B"),
        )
    ]
    results = [present(Learner(net, trial), x, y) for net in nets]
    for net, (free, feedback) in zip(nets[1:], results[1:]):
        for name in ("hidden1.delta", "hidden2.delta", "output.v", "W1", "W2"):
            np.testing.assert_allclose(net[name], nets[0][name], rtol=0, atol=1e-9)
        assert (feedback.settled_after > 0.6).all() and not feedback.unsettled.any()
    assert (results[2][0].settled_after > 0.9).all() and (results[1][0].settled_after < 0.4).all()


def test_a_phase_that_is_too_short_for_the_delay_has_not_settled(target):
    net = Network(SIZES, fa.RULE.through(delayed(300 * ms)), trials=2, target=target)
    net.stimulus(np.ones((2, 4)))
    net.run("free", 200 * ms)
    net.target_rates(np.ones((2, 3)))
    with pytest.warns(NotSettled, match=r"delayed signals .* 250 ms \(2 of 2 trials\).*Lengthen"):
        result = net.run("feedback", settle(1e-6, at_most=250 * ms))
    assert result.unsettled.all() and result.steps == 250 and not net["hidden1.delta"].any()


@pytest.mark.parametrize("tolerance", [1e-5, 3e-6])
def test_a_recording_in_pieces_settles_at_the_same_step(monkeypatch, needs_compiler, tolerance):
    def steps():
        net = Network(SIZES, fa.RULE.through(delayed(7 * ms)), trials=2, target="cpp")
        net.set(delay_B=0 * ms)
        net.stimulus(np.ones((2, 4)))
        recorder = Recorder(["hidden1.v"])
        result = net.run("free", settle(tolerance), recorder)
        return result.steps, result.settled_after.tolist(), recorder.recording()["hidden1.v"].values

    whole = steps()
    for rows in (3, 7, 13):
        monkeypatch.setattr(engine, "PIECE", rows * 2 * 6 * 8)
        pieces = steps()
        assert pieces[:2] == whole[:2] and (pieces[2] == whole[2]).all()


@pytest.mark.parametrize("lam, alpha", [(1.0, 0.0), (2.0, 0.5), (5.0, 2.0)])
def test_a_control_loop_becomes_unstable_at_the_delay_of_theory(needs_compiler, lam, alpha):
    """tau_u du/dt = -alpha u - lambda u(t-d) is stable up to d* = tau_u
    arccos(-alpha/lambda)/sqrt(lambda^2 - alpha^2)."""
    tau_u, dt = 50.0, 0.1
    d = tau_u * np.arccos(-alpha / lam) / (lam**2 - alpha**2) ** 0.5
    rule = dfc_ss.RULE.through(constant(1.0), "Q").through(delayed(1 * ms), "Q")
    net = Network((2, 1), rule, target="cpp")
    for factor, grows in ((0.95, False), (1.05, True)):
        net.set(
            delay_Q=factor * d * ms, k_i=lam, alpha=alpha, tau_v=dt * ms, tau_u=tau_u * ms, k_p=0.0
        )
        net.reset()
        net.stimulus(np.ones((1, 2)))
        net.target_rates(np.ones((1, 1)))
        net.run("free", Length(5 * ms, dt=dt * ms))
        recorder = Recorder(["controller.u"])
        net.run("feedback", Length(40 * d * ms, dt=dt * ms), recorder)
        u = recorder.recording()["controller.u"].values.ravel()
        early, late = (
            np.ptp(part) for part in (u[len(u) // 4 : len(u) // 2], u[3 * len(u) // 4 :])
        )
        assert (late > 1.2 * early) if grows else (late < early / 1.2), (factor, late / early)
