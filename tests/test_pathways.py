"""What synapses start from: distributions, products, and streams of random numbers that do not
touch each other."""

from dataclasses import replace

import numpy as np
import pytest
from neurofa.models import bp, dfa, dfc, fa

from neurofa import Network, Pathway, Population, RuleError
from neurofa.circuit.topology import topology
from neurofa.rules.pathways import (
    at_angle,
    constant,
    copy_of,
    dale,
    deg,
    fixed_signs,
    gain,
    glorot,
    identity,
    low_rank,
    masked,
    normal,
    product_of_transposes,
    quantised,
    reaching,
    shares,
    sparse,
    spectral,
    uniform,
)

PRE, POST = 150, 200
SIZES = (6, 5, 4, 3)


def drawn(init, seed=0):
    """What `init` gives for a synapse group (POST, PRE)."""
    return init(None, topology((PRE, POST, 2), fa.RULE).group("W1"), np.random.default_rng(seed))


def test_shares_are_positive_and_sum_to_their_total():
    w = drawn(shares(2.0))
    assert (w > 0).all() and np.unique(w).size == w.size
    np.testing.assert_allclose(w.sum(axis=1), 2, rtol=1e-14)
    with pytest.raises(RuleError, match="shares"):
        shares(-1.0)


def network(rule, sizes=SIZES, seed=0):
    return Network(sizes, rule, seed=seed, target="numpy")


def lateral(init, sizes=SIZES, to="hidden"):
    return network(
        fa.RULE.but(
            pathways=(
                *fa.RULE.pathways,
                Pathway("C", source="below", signal="r", into="c", to=to, init=init),
            )
        ),
        sizes,
    )


@pytest.mark.parametrize(
    "init, std, kurtosis",
    [
        (normal(), PRE**-0.5, 3),
        (normal(0.3), 0.3, 3),
        (uniform(0.3), 0.3 / 3**0.5, 9 / 5),
        (glorot(), (2 / (PRE + POST)) ** 0.5, 3),
        (glorot(0.5), (0.5 / (PRE + POST)) ** 0.5, 3),
    ],
    ids=["normal", "normal, std", "uniform", "glorot", "glorot, gain"],
)
def test_moments_of_random_weights(init, std, kurtosis):
    """Mean, standard deviation and kurtosis lie within five standard errors of those of the
    distribution."""
    w = drawn(init)
    n = w.size
    assert w.shape == (POST, PRE)
    assert abs(w.mean()) < 5 * std / n**0.5
    assert abs(w.std() / std - 1) < 5 * ((kurtosis - 1) / 4 / n) ** 0.5
    # the normal's eighth moment is 105
    assert abs(np.mean((w / std) ** 4) - kurtosis) < 5 * (96 / n) ** 0.5
    assert abs(np.corrcoef(w[:-1].ravel(), w[1:].ravel())[0, 1]) < 5 / n**0.5


def test_uniform_weights_fill_their_range():
    w = drawn(uniform(0.3))
    assert np.abs(w).max() < 0.3
    # missed with probability exp(-10)
    assert w.min() < -0.3 * (1 - 20 / w.size) and w.max() > 0.3 * (1 - 20 / w.size)


def test_a_network_starts_from_normal_weights_and_no_bias():
    net = network(fa.RULE, (PRE, POST, 50))
    for name, n in (("W1", PRE), ("W2", POST), ("B2", 50)):
        assert abs(net[name].std() * n**0.5 - 1) < 5 * (2 * net[name].size) ** -0.5
    assert not net["W1.bias"].any() and not net["W2.bias"].any()


# --- structure ---
def test_identity_is_one_to_one():
    net = lateral(identity(), (4, 4, 4, 2))
    np.testing.assert_array_equal(net["C1"], np.eye(4))
    np.testing.assert_array_equal(net["C2"], np.eye(4))


def test_identity_between_other_sizes():
    with pytest.raises(RuleError, match="C1 .*from 6 to 5 units"):
        lateral(identity())


@pytest.mark.parametrize("seed", [0, 1])
def test_product_of_transposes_is_the_transposed_jacobian_of_a_linear_network(seed):
    net = network(dfc.RULE, seed=seed)
    W2, W3 = net["W2"], net["W3"]
    for j in range(5):
        for k in range(3):
            # from unit j of hidden1 to output k
            path = sum(W3[k, i] * W2[i, j] for i in range(4))
            assert net["Q1"][j, k] == pytest.approx(path, rel=1e-12)
    np.testing.assert_array_equal(net["Q2"], W3.T)
    np.testing.assert_array_equal(net["Q3"], np.eye(3))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("radius", [0.9, 1.5])
def test_spectral_weights_are_normal_ones_of_a_chosen_radius(radius, seed):
    group = topology((PRE, PRE, 2), fa.RULE).group("W1")
    w, plain = (
        init(None, group, np.random.default_rng(seed)) for init in (spectral(radius), normal())
    )
    assert abs(np.linalg.eigvals(w)).max() == pytest.approx(radius, rel=1e-12)
    np.testing.assert_allclose(w / w[0, 0], plain / plain[0, 0], rtol=1e-9)
    # those of variance 1/n fill a disc of radius 1 (Girko's circular law)
    assert w.std() * PRE**0.5 == pytest.approx(radius, rel=0.15)


@pytest.mark.parametrize(
    "m",
    [
        sparse(0.3),
        reaching(0.5),
        masked(np.arange(900).reshape(30, 30) % 3 == 0, layer=1),
        low_rank(4),
        dale(0.7),
        fixed_signs(),
        gain(0.5),
    ],
    ids=str,
)
def test_spectral_weights_have_their_radius_whatever_the_synapses_are_like(m):
    pathway = Pathway("C", "same", "r", into="c", to="first", init=spectral(0.9)) | m
    net = network(fa.RULE.but(pathways=(*fa.RULE.pathways, pathway)), (3, 30, 2))
    plain = network(
        fa.RULE.but(pathways=(*fa.RULE.pathways, replace(pathway, init=normal()))), (3, 30, 2)
    )
    assert abs(np.linalg.eigvals(net["C1"])).max() == pytest.approx(0.9, rel=1e-10)
    # the same synapses, and what they keep to fits them
    np.testing.assert_allclose(
        net["C1"] * np.linalg.norm(plain["C1"]), plain["C1"] * np.linalg.norm(net["C1"]), atol=1e-12
    )
    net.synapses.check_all()


def test_what_has_no_spectral_radius():
    with pytest.raises(RuleError, match="C1 cannot have a spectral radius: it goes from 6 to 5"):
        lateral(spectral(0.9))
    upper = np.triu(np.ones((5, 5), bool), 1)  # a chain: no unit hears itself
    pathway = Pathway("C", "same", "r", into="c", to="first", init=spectral(0.9)) | masked(upper)
    with pytest.raises(RuleError, match="C1 cannot have the spectral radius 0.9: .* no loop"):
        network(fa.RULE.but(pathways=(*fa.RULE.pathways, pathway)), (3, 5, 2))
    with pytest.raises(RuleError, match="spectral and quantised do not go together"):
        fa.RULE.but(pathways=(*fa.RULE.pathways, replace(pathway, through=(quantised(3),))))
    with pytest.raises(RuleError, match="uses the synapses of W.T, so that spectral can only"):
        bp.RULE.through(spectral(0.9), "B")
    for radius in (0, -1, float("nan"), "1"):
        with pytest.raises(RuleError, match=r"spectral\(radius\) = .*larger than 0, such as 0.9"):
            spectral(radius)


def between(init, source, to, sizes=SIZES):
    return network(
        fa.RULE.but(
            pathways=(
                *fa.RULE.pathways,
                Pathway("C", source=source, signal="r", into="c", to=to, init=init),
            )
        ),
        sizes,
    )


@pytest.mark.parametrize(
    "source, to, way", [("hidden3", "hidden1", "23"), ("above", "hidden", "2")]
)
def test_product_of_transposes_begins_at_the_source(source, to, way):
    net = between(product_of_transposes(), source, to, (3, 4, 4, 4, 4))
    wanted = np.linalg.multi_dot([*(net[f"W{k}"].T for k in way), np.eye(4)])
    np.testing.assert_allclose(net["C1" if to == "hidden1" else "C2"], wanted, rtol=1e-12)


def test_an_angle_to_the_way_of_a_skip():
    net = between(at_angle(60 * deg), "hidden3", "hidden1", (3, 6, 5, 4, 2))
    way = net["W2"].T @ net["W3"].T
    cosine = (net["C1"] * way).sum() / np.linalg.norm(way) / np.linalg.norm(net["C1"])
    assert cosine == pytest.approx(0.5, rel=1e-12)


@pytest.mark.parametrize(
    "init, source, to",
    [
        (product_of_transposes(), "hidden1", "hidden2"),
        (product_of_transposes(), "below", "hidden"),
        (at_angle(60 * deg), "same", "hidden"),
    ],
)
def test_no_way_down(init, source, to):
    with pytest.raises(RuleError, match="there is no transpose of W, and no product"):
        between(init, source, to)


def test_a_way_for_other_units():
    cells = Population("cells", "du/dt = -u / tau_v : 1", size=2)
    pathway = Pathway("C", source="cells", signal="u", into="c", init=product_of_transposes())
    rule = fa.RULE.but(populations=(cells,), pathways=(*fa.RULE.pathways, pathway))
    with pytest.raises(RuleError, match="C1 goes from cells to hidden1: there is no transpose"):
        network(rule)


def test_product_of_transposes_follows_when_weights_are_drawn_anew():
    net = network(dfc.RULE)
    before = net["Q1"].copy()
    net.randomise(7)
    np.testing.assert_allclose(net["Q1"], net["W2"].T @ net["W3"].T, rtol=1e-12)
    assert (net["Q1"] != before).all()


# --- seeds ---
def test_rules_of_one_seed_start_from_the_same_feedforward_weights():
    nets = [network(rule, seed=3) for rule in (fa.RULE, dfa.RULE, dfc.RULE, bp.RULE)]
    for name in ("W1", "W2", "W3"):
        assert all((net[name] == nets[0][name]).all() for net in nets)


def test_a_seed_says_it_all():
    one, two, other = network(fa.RULE, seed=3), network(fa.RULE, seed=4), network(fa.RULE, seed=3)
    assert all((one[n] == other[n]).all() and (one[n] != two[n]).any() for n in one.groups)
    two.randomise(3)
    assert all((one[n] == two[n]).all() for n in one.groups)


def test_another_pathway_leaves_the_draws_of_the_first_alone():
    extra = fa.RULE.but(
        pathways=(Pathway("A", source="above", signal="r", into="a"), *fa.RULE.pathways)
    )
    one, two = network(fa.RULE), network(extra)
    assert all((one[n] == two[n]).all() for n in one.groups)


def test_groups_are_independent_of_each_other():
    net = network(fa.RULE, (40,) * 4)
    names = net.groups
    weights = np.array([net[n].ravel() for n in names])
    correlations = np.corrcoef(weights)[np.triu_indices(len(names), 1)]
    assert len(correlations) == 10 and np.abs(correlations).max() < 5 / 40
    # nor of another's transpose
    across = np.corrcoef(weights, [net[n].T.ravel() for n in names])[:5, 5:]
    assert np.abs(across[~np.eye(5, dtype=bool)]).max() < 5 / 40


def test_consecutive_seeds_are_independent():
    weights = [network(fa.RULE, (40, 40), seed=s)["W1"].ravel() for s in range(4)]
    assert np.abs(np.corrcoef(weights)[np.triu_indices(4, 1)]).max() < 5 / 40


def test_the_init_of_a_rule_is_its_own():
    rule = replace(fa.RULE, pathways=(replace(fa.RULE.pathways[0], init=uniform(0.01)),))
    net = network(rule)
    assert 0 < np.abs(net["B2"]).max() < 0.01 < np.abs(net["W2"]).max()


def test_copies_have_the_same_source_or_else_the_same_target():
    net = Network(
        [4, 3, 2],
        fa.RULE.but(
            parameters=dict(gain=2.0),
            neuron=fa.NEURON + "extra = gain * r : 1\n",
            pathways=(
                *fa.RULE.pathways,
                Pathway(
                    "C",
                    source="below",
                    signal="r",
                    into="c",
                    to="layers",
                    init=copy_of("W", "-3*gain"),
                ),
            ),
        ),
        seed=1,
    )
    for k in (1, 2):
        np.testing.assert_allclose(net[f"C{k}"], -6 * net[f"W{k}"])
    with pytest.raises(RuleError, match="C2 cannot start as a copy of W"):
        Network(
            [4, 3, 2],
            fa.RULE.but(
                pathways=(
                    *fa.RULE.pathways,
                    Pathway("C", source="above", signal="r", into="c", init=copy_of("W")),
                )
            ),
        )


def test_a_copy_of_a_skip():
    skip = Pathway("S", "hidden1", "r", into="skip", to="hidden3")
    twin = replace(skip, name="T", into="twin", init=copy_of("S"))
    net = network(fa.RULE.but(pathways=(*fa.RULE.pathways, skip, twin)), (3, 5, 4, 4, 2))
    np.testing.assert_array_equal(net["T3"], net["S3"])


def test_a_constant_sums_its_source():
    net = Network(
        [4, 3, 2],
        fa.RULE.but(
            pathways=(
                *fa.RULE.pathways,
                Pathway("C", source="below", signal="r", into="c", to="layers", init=constant(0.5)),
            )
        ),
    )
    assert (net["C1"] == 0.5).all()
