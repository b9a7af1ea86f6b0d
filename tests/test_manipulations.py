"""What synapses are like: each manipulation of weights against what it must leave as it was, at the
start and while learning."""

import numpy as np
import pytest
from brian2 import ms
from neurofa.models import bp, dfa, dfc, fa, ifa, kolen_pollack

from neurofa import Learner, Network, NetworkError, RuleError, Trial, present
from neurofa.rules.pathways import (
    at_angle,
    constant,
    dale,
    deg,
    delayed,
    epoch,
    fixed_signs,
    gain,
    lesioned,
    low_rank,
    noisy,
    normal,
    only_during,
    quantised,
    reaching,
    saturating,
    sign_concordant,
    sparse,
)

SIZES, TRIALS = (6, 8, 5, 4), 3
FAST = Trial(dt=10 * ms, default=40 * ms)  # dt = tau: exact
KP = kolen_pollack.RULE.but(eta=0.3)


def network(rule, sizes=SIZES, seed=2, target=None, **options):
    return Network(sizes, rule, trials=TRIALS, seed=seed, target=target, **options)


def learn(net, updates, seed=0):
    """Learn from so many batches of random numbers, and yield the network after each."""
    rng, learner = np.random.default_rng(seed), Learner(net, FAST)
    for _ in range(updates):
        present(
            learner,
            rng.normal(size=(TRIALS, net.sizes[0])),
            3 * rng.normal(size=(TRIALS, net.sizes[-1])),
        )
        yield net


def angle(a, b):
    """Return the angle in degrees, also where its cosine is too flat to tell."""
    a, b = a.ravel() / np.linalg.norm(a), b.ravel() / np.linalg.norm(b)
    return np.degrees(2 * np.arctan2(np.linalg.norm(a - b), np.linalg.norm(a + b)))


def descending(net, group):
    """What backpropagation has in place of B or Q."""
    layer = net.circuit.group(group).layer
    product = net[f"W{layer + 1}"].T if layer < len(net.sizes) - 1 else np.eye(net.sizes[-1])
    if net.circuit.group(group).source in ("controller", "output"):
        for k in range(layer + 2, len(net.sizes)):
            product = product @ net[f"W{k}"].T
    return product


# what stays as it was -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "nothing", [sparse(1.0), reaching(1.0), low_rank(8), fixed_signs()], ids=str
)
def test_at_its_limit_a_manipulation_is_the_identity(nothing):
    one, other = network(KP), network(KP.through(nothing))
    assert all((one[n] == other[n]).all() for n in one.groups)
    if not isinstance(nothing, fixed_signs):
        list(zip(learn(one, 3), learn(other, 3)))
        assert all((one[n] == other[n]).all() for n in one.groups)


@pytest.mark.parametrize(
    "m",
    [
        sparse(0.5),
        reaching(0.5),
        low_rank(2),
        quantised(2),
        dale(),
        lesioned(fraction=0.5),
        at_angle(60 * deg),
        sign_concordant(0.8),
    ],
    ids=str,
)
def test_other_groups_keep_the_weights_that_they_start_from(m):
    one, other = network(fa.RULE), network(fa.RULE.through(m))
    for name in one.groups:
        assert (one[name] == other[name]).all() == (not name.startswith("B")), name
    if not isinstance(m, (at_angle, sign_concordant)):
        # B3 enters layer 2
        layered = network(fa.RULE.through(type(m)(**{**vars(m), "layer": 2})))
        assert (layered["B2"] == one["B2"]).all() and (layered["B3"] == other["B3"]).all()


def test_what_is_drawn_does_not_depend_on_what_else_is_done():
    rule = fa.RULE.through(sparse(0.5)).through(quantised(2))
    net = network(rule)
    again = network(
        fa.RULE.through(gain(2.0))
        .through(quantised(2))
        .through(delayed(3 * ms))
        .through(sparse(0.5))
    )
    assert all((net[n] == again[n]).all() for n in net.groups)
    net.randomise(5)
    assert all((net[n] == network(rule, seed=5)[n]).all() for n in net.groups)
    assert ((net["B2"] == 0) != (again["B2"] == 0)).any()


def test_feedforward_synapses_can_be_changed_too():
    intact, net = network(fa.RULE), network(fa.RULE.through(sparse(0.5), "W"))
    for k in (1, 2, 3):
        there = net[f"W{k}"] != 0
        np.testing.assert_allclose(net[f"W{k}"][there], intact[f"W{k}"][there] * 2**0.5)
    for _ in learn(net, 3):
        pass
    assert all(((net[f"W{k}"] != 0).sum() == round(0.5 * net[f"W{k}"].size)) for k in (1, 2, 3))
    assert (net["B2"] == intact["B2"]).all() and net["W1.bias"].all()


# structure ----------------------------------------------------------------------------------------


def test_sparse_synapses_are_fewer_and_stronger():
    intact, net = network(fa.RULE), network(fa.RULE.through(sparse(0.25)))
    for name in ("B2", "B3"):
        there = net[name] != 0
        assert there.sum() == round(0.25 * there.size)
        np.testing.assert_allclose(net[name][there], intact[name][there] * 2)


def test_reaching_leaves_out_cells():
    intact, net = network(dfc.RULE), network(dfc.RULE.through(reaching(0.5)))
    for name in ("Q1", "Q2", "Q3"):
        reached = net[name].any(axis=1)
        assert reached.sum() == round(0.5 * len(reached))
        assert (net[name][reached] == intact[name][reached]).all()


def test_errors_in_the_null_space_transmit_exactly_nothing(target):
    net = network(fa.RULE.through(low_rank(2)), (6, 8, 4), target=target)
    B, full = net["B2"], network(fa.RULE, (6, 8, 4))["B2"]
    assert np.linalg.matrix_rank(B, 1e-12) == 2 and np.linalg.norm(B) == pytest.approx(
        np.linalg.norm(full), rel=1e-12
    )
    null, seen = np.linalg.svd(B)[2][[3]], np.linalg.svd(B)[2][[0]]
    for error, felt in ((null, False), (seen, True)):
        net.reset()
        net.stimulus(np.random.default_rng(0).normal(size=(1, 6)))
        net.run("free", FAST["free"])
        net.target_rates(net["output.r"][:1] - error)
        net.run("feedback", FAST["feedback"])
        np.testing.assert_allclose(net["output.delta"][:1], error, atol=1e-15)
        assert (
            abs(net["hidden1.delta"][0]).max() > 0.1
            if felt
            else abs(net["hidden1.delta"][0]).max() < 3e-16
        )


def test_learning_keeps_rank_cells_and_missing_synapses():
    start = [network(KP.through(m)) for m in (low_rank(2), reaching(0.5), sparse(0.5))]
    before = [net["B2"].copy() for net in start]
    low, some, few = ([*learn(net, 20)][-1] for net in start)
    assert np.linalg.matrix_rank(low["B2"], 1e-10) == 2
    np.testing.assert_array_equal(some["B2"].any(axis=1), before[1].any(axis=1))
    np.testing.assert_array_equal(few["B2"] != 0, before[2] != 0)
    assert all(abs(net["B2"] - b).max() > 0.01 for net, b in zip(start, before))


# few values ---------------------------------------------------------------------------------------


def test_rounding_has_the_mean_of_what_is_rounded():
    """The mean of n roundings lies within five standard errors, each from the distance to the two
    neighbours."""
    net, n = network(fa.RULE), 4000
    w, group = net["B2"].copy(), net.circuit.group("B2")
    m = abs(w).max()
    for bits in (1, 2, 5):
        step = 2 * m / (2**bits - 1)
        rounded = np.array(
            [quantised(bits).weights(net, group, w, np.random.default_rng(k))[0] for k in range(n)]
        )
        part = (w + m) / step % 1
        assert (abs(rounded - w) <= step * (1 + 1e-9)).all()
        assert (
            abs(rounded.mean(axis=0) - w) <= 5 * step * np.sqrt(part * (1 - part) / n) + 1e-12
        ).all()
        level = (rounded + m) / step
        assert (
            abs(level - level.round()).max() < 1e-9
            and level.min() > -0.5
            and level.max() < 2**bits - 0.5
        )


@pytest.mark.parametrize(
    "order", [(sparse(0.25), quantised(2)), (quantised(2), sparse(0.25))], ids=["first", "last"]
)
def test_learning_keeps_the_values(order):
    net = network(KP.through(order[0]).through(order[1]))
    start, m = net["B2"].copy(), abs(net["B2"]).max()
    for _ in learn(net, 10):
        found = np.unique(net["B2"].round(12))
        assert (
            abs(found[:, None] - m * np.array([0, -1, -1 / 3, 1 / 3, 1])).min(axis=1) < 1e-11
        ).all()
        np.testing.assert_array_equal(net["B2"] != 0, start != 0)
    assert (net["B2"] != start).any()


# angles -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rule, groups",
    [(fa.RULE, ("B2", "B3")), (dfa.RULE, ("B1", "B2")), (dfc.RULE, ("Q1", "Q2", "Q3"))],
    ids=["FA", "DFA", "DFC"],
)
def test_the_angle_is_exact_at_the_start(rule, groups):
    for theta in (0, 30, 60, 90, 150, 180):
        net = network(rule.through(at_angle(theta * deg)))
        for name in groups:
            assert angle(net[name], descending(net, name)) == pytest.approx(theta, abs=1e-6)
            assert np.linalg.norm(net[name]) == pytest.approx(
                np.linalg.norm(descending(net, name)), rel=1e-12
            )


def test_a_tracked_angle_stays_and_a_static_one_does_not():
    rule = fa.RULE.but(eta=0.3)
    tracked, static = (
        network(rule.through(at_angle(60 * deg, tracked=True))),
        network(rule.through(at_angle(60 * deg))),
    )
    for one, other in zip(learn(tracked, 10), learn(static, 10)):
        for name in ("B2", "B3"):
            assert angle(one[name], descending(one, name)) == pytest.approx(60, abs=1e-6)
            assert abs(angle(other[name], descending(other, name)) - 60) > 1e-3
    assert (static["B2"] == network(rule.through(at_angle(60 * deg)))["B2"]).all()


def test_where_there_is_no_angle():
    with pytest.raises(RuleError, match="W1 .*no transpose"):
        network(fa.RULE.through(at_angle(60 * deg), "W"), (4, 6, 4))
    with pytest.raises(RuleError, match="B2 .*zero"):
        network(fa.RULE.through(constant(0.0), "W").through(at_angle(60 * deg)))
    with pytest.raises(RuleError, match="single synapse"):
        network(fa.RULE.through(at_angle(60 * deg)), (1, 1, 1))


# signs --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "magnitudes, law",
    [("fixed", 2 / np.pi), ("redrawn", 2 / np.pi), ("uniform", (2 / np.pi) ** 0.5)],
)
@pytest.mark.parametrize("c", [0.5, 0.75, 1.0])
def test_sign_concordance_has_the_cosine_that_it_must_have(c, magnitudes, law):
    """Five standard errors of a cosine between n numbers; concordance itself is exact."""
    net = network(fa.RULE.through(sign_concordant(c, magnitudes)), (10, 150, 200, 10))
    for name in ("B2", "B3"):
        W, n = net[name.replace("B", "W")].T, net[name].size
        assert (np.sign(net[name]) == np.sign(W)).sum() == round(c * n)
        assert np.cos(np.radians(angle(net[name], W))) == pytest.approx(
            (2 * c - 1) * law, abs=5 / n**0.5
        )


def test_dale_gives_every_cell_one_sign():
    intact, net = network(fa.RULE), network(fa.RULE.through(dale(0.75)).through(dale(0.75), "W"))
    for name in net.groups:
        signs = np.sign(net[name])
        assert (signs == signs[0]).all() and (signs[0] > 0).sum() == round(0.75 * len(signs[0]))
        np.testing.assert_array_equal(abs(net[name]), abs(intact[name]))
    # both leave hidden2
    np.testing.assert_array_equal(np.sign(net["W3"][0]), np.sign(net["B2"][0]))


@pytest.mark.parametrize("keeps", [fixed_signs(), dale(), "quantised"], ids=str)
def test_no_synapse_changes_its_sign_in_a_thousand_updates(needs_compiler, keeps):
    rule, names = KP.but(eta=0.05, decay=1e-3), ("W1", "W2", "W3", "B2", "B3")
    kept = rule
    for m in (fixed_signs(), quantised(4)) if keeps == "quantised" else (keeps,):
        kept = kept.through(m, "W", "B")
    net, free = network(kept, target="cpp"), network(rule, target="cpp")
    signs, before = ({n: np.sign(one[n]) for n in names} for one in (net, free))
    touched = dict.fromkeys(names, 0)
    for one in learn(net, 1000):
        for n in names:
            assert (one[n] * signs[n] >= 0).all(), n
            touched[n] += (one[n] == 0).sum()
    [*learn(free, 100)]
    # the rule would have liked to
    assert all(touched[n] and (np.sign(free[n]) != before[n]).any() for n in names)


# what is refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: sparse(0), r"sparse\(p\) = 0.*such as 0.5"),
        (lambda: reaching(1.5), r"reaching\(p\) = 1.5.*such as 0.5"),
        (lambda: low_rank(0), r"low_rank\(k\) = 0.*such as 3"),
        (lambda: quantised(2.5), r"quantised\(bits\) = 2.5.*such as 3"),
        (lambda: dale(-0.1), r"dale\(excitatory\) = -0.1.*such as 0.5"),
        (lambda: at_angle(200), r"at_angle\(200\).*60\*deg"),
        (lambda: sign_concordant(1.1), r"sign_concordant\(c\) = 1.1"),
        (lambda: sparse(0.5, layer="hidden1"), r"layer='hidden1'.*such as 1"),
        (lambda: fixed_signs(layer=0), r"layer=0.*such as 1"),
        (lambda: gain("two"), r"gain\(factor\) = 'two'.*such as 2.0"),
        (lambda: delayed(20), r"delayed\(by\) = 20: .*20\*ms"),
        (lambda: delayed(-1 * ms), r"delayed\(by\).*20\*ms"),
        (lambda: noisy(0.1), r"noisy\(sigma\) = 0.1: .*0.1\*ms\*\*0.5"),
        (lambda: noisy(0.1 * ms, 10 * ms), r"noisy\(sigma\).*0.1"),
        (lambda: noisy(0.1, 10), r"noisy\(tau\) = 10: .*10\*ms"),
        (lambda: saturating(0), r"saturating\(limit\) = 0: .*0.5"),
        (lambda: only_during(20), r"only_during\(end\) = 20: .*20\*ms"),
        (lambda: only_during(5 * ms, 5 * ms), "only_during.*empty"),
        (lambda: lesioned(at=3), r"lesioned\(at=3\).*epoch\(3\).*50\*ms"),
        (lambda: epoch(0.5), r"epoch\(0.5\).*whole number"),
        (lambda: lesioned(fraction=2), r"lesioned\(fraction\) = 2"),
        (lambda: lesioned(cells=0.5), r"lesioned\(cells=0.5\).*such as 0"),
        (lambda: lesioned(at=50 * ms, until=20 * ms), "no time at all"),
        (lambda: lesioned(at=epoch(1), until=20 * ms), "same unit"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_means_nothing_is_refused_with_an_example(make, words):
    with pytest.raises(RuleError, match=words):
        make()


def test_numbers_may_come_from_numpy():
    for m in (
        sparse(np.float32(0.5)),
        low_rank(np.int64(3)),
        gain(np.float32(2)),
        at_angle(np.float32(1)),
        lesioned(at=epoch(np.int64(2))),
    ):
        network(fa.RULE.through(m))


@pytest.mark.parametrize("rule, name", [(bp.RULE, "B"), (ifa.RULE, "relay")], ids=["BP", "IFA"])
def test_borrowed_synapses_are_another_pathways(rule, name):
    for m in (
        sparse(0.5),
        dale(),
        lesioned(),
        quantised(2),
        at_angle(60 * deg),
        at_angle(60 * deg, tracked=True),
        normal(0.1),
    ):
        with pytest.raises(RuleError, match=f"{name} uses the synapses of W.*{type(m).__name__}"):
            rule.through(m, name)
    network(
        rule.through(gain(2.0), name)
        .through(noisy(0.1, 10 * ms), name)
        .through(delayed(5 * ms), name)
    )


@pytest.mark.parametrize(
    "one, other, words",
    [
        (low_rank(2), sparse(0.5), "low_rank and sparse"),
        (dale(), low_rank(2), "low_rank and dale"),
        (dale(), fixed_signs(), "fixed_signs"),
        (quantised(2), quantised(3), "twice"),
    ],
    ids=str,
)
def test_what_would_undo_each_other_is_refused_in_the_same_layer(one, other, words):
    with pytest.raises(RuleError, match=f"pathway B: .*{words}"):
        fa.RULE.through(one).through(other)
    rule = fa.RULE.through(type(one)(**vars(one) | {"layer": 1})).through(
        type(other)(**vars(other) | {"layer": 2})
    )
    net, first = network(rule), network(fa.RULE.through(one))
    assert (net["B2"] == first["B2"]).all()


def test_what_is_not_there_is_named():
    with pytest.raises(NetworkError, match=r"sparse\(layer=3\).*B enters the layers 1, 2"):
        network(fa.RULE.through(sparse(0.5, layer=3)))
    with pytest.raises(NetworkError, match=r"lesioned\(cells=7\): B3 has the cells 0..4.*layer="):
        network(fa.RULE.through(lesioned(cells=7)))
    with pytest.raises(RuleError, match="no pathway 'C'"):
        fa.RULE.through(sparse(0.5), "C")
    with pytest.raises(RuleError, match=r"sparse\(0.5\)"):
        fa.RULE.through(0.5)


def test_a_rule_shows_what_is_done_to_its_pathways():
    rule = (
        fa.RULE.through(at_angle(60 * deg))
        .through(sparse(0.5, layer=1))
        .through(delayed(20 * ms))
        .through(lesioned(at=epoch(3), fraction=0.25))
    )
    assert (
        "starts as at_angle(60*deg) | sparse(0.5, layer=1) | delayed(20. ms) | lesioned(epoch(3), fraction=0.25)"
        in str(rule)
        and str(rule).count("|") == 3
    )
