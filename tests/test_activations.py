"""Activations: the derivative by finite differences, extreme potentials, and the same numbers in
C++ as in NumPy."""

import pickle
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
from brian2 import ms
from neurofa.models import fa

from neurofa import ExperimentError, Learner, Network, NetworkError, Trial, present, tasks, train
from neurofa.base.description import as_data, from_data
from neurofa.learning.checkpoint import Checkpoint
from neurofa.rules.activations import ACTIVATIONS, Activation, activation

# no kink among them
V = np.array([-30.0, -7.0, -2.0, -0.7, -0.1, 0.05, 0.4, 1.3, 3.0, 9.0, 30.0])
EXTREME = np.array([-1000.0, -750.0, -100.0, -20.0, 0.0, 20.0, 100.0, 750.0, 1000.0])
LIMITS = dict(
    linear=(-1000, 1000, 1, 1),
    tanh=(-1, 1, 0, 0),
    logistic=(0, 1, 0, 0),
    relu=(0, 1000, 0, 1),
    softplus=(0, 1000, 0, 1),
)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_dphi_is_the_slope_of_phi(name):
    phi, dphi, step = activation(name).phi, activation(name).dphi, 1e-5
    np.testing.assert_allclose(dphi(V), (phi(V + step) - phi(V - step)) / (2 * step), atol=1e-9)


@pytest.mark.parametrize(
    "name, definition",
    [
        ("linear", lambda v: v),
        ("tanh", lambda v: (np.exp(v) - np.exp(-v)) / (np.exp(v) + np.exp(-v))),
        ("logistic", lambda v: 1 / (1 + np.exp(-v))),
        ("relu", lambda v: np.where(v > 0, v, 0)),
        ("softplus", lambda v: np.log(1 + np.exp(v))),
    ],
)
def test_phi_by_definition(name, definition):
    np.testing.assert_allclose(activation(name).phi(V), definition(V), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_extreme_potentials(name, dtype):
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        phi, dphi = (
            activation(name).phi(EXTREME.astype(dtype)),
            activation(name).dphi(EXTREME.astype(dtype)),
        )
    assert phi.dtype == dphi.dtype == dtype
    assert (phi[0], phi[-1], dphi[0], dphi[-1]) == LIMITS[name]
    assert np.isfinite(phi).all() and (np.diff(phi) >= 0).all() and (dphi >= 0).all()


def evaluated(activations, v, dtype, target):
    """Return a circuit with one of the activations in every hidden layer, which has evaluated each
    at the potentials `v`."""
    rule = replace(fa.RULE, neuron=fa.NEURON + "slope = dphi(v) : 1")
    sizes = [len(v)] * (len(activations) + 2)
    net = Network(sizes, rule, activation=activations, dtype=dtype, target=target)
    for layer in range(1, len(activations) + 1):
        net[f"hidden{layer}.v"], net[f"W{layer}"] = v[None], 0.0
    net["output.v"] = v[None]
    net.set(tau_v=1e9 * ms)  # potentials stay where they are
    net.run("free", Trial(dt=1 * ms, free=1 * ms)["free"])
    return net


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_circuit_evaluates_the_same_function(name, dtype, target):
    v = np.concatenate([V, EXTREME])
    net = evaluated([*ACTIVATIONS], v, dtype, target)
    layer = f"hidden{[*ACTIVATIONS].index(name) + 1}"
    found = net[f"{layer}.v"][0]
    np.testing.assert_allclose(found, v, rtol=1e-6)
    close = dict(rtol=1e-14, atol=1e-300) if dtype == "float64" else dict(rtol=1e-6, atol=1e-37)
    if name == "tanh":  # 1 - tanh^2 has no digits left where tanh is near 1
        slope = dict(rtol=close["rtol"], atol=np.finfo(dtype).eps)
    else:
        slope = close
    np.testing.assert_allclose(net[f"{layer}.r"][0], activation(name).phi(found), **close)
    np.testing.assert_allclose(net[f"{layer}.slope"][0], activation(name).dphi(found), **slope)
    # the output is linear unless told otherwise
    np.testing.assert_array_equal(net["output.r"][0], net["output.v"][0])


def test_hidden_and_output_have_their_own(target):
    net = Network(
        (3, 3, 3), fa.RULE, activation="relu", output_activation="logistic", target=target
    )
    net.stimulus(np.ones((1, 3)))
    net.run("free", Trial(dt=1 * ms, free=30 * ms)["free"])
    np.testing.assert_allclose(net["hidden1.r"], np.maximum(net["hidden1.v"], 0), rtol=1e-14)
    np.testing.assert_allclose(net["output.r"], 1 / (1 + np.exp(-net["output.v"])), rtol=1e-14)
    assert np.ptp(net["output.v"]) > 1e-3


@pytest.mark.parametrize("options", [dict(activation="tahn"), dict(output_activation="tahn")])
def test_unknown_activation(options):
    with pytest.raises(
        NetworkError, match=r"'tahn'.*linear, logistic, relu, softplus, tanh.*Did you mean 'tanh'\?"
    ):
        Network((1, 1), fa.RULE, target="numpy", **options)


# one of a user's own ------------------------------------------------------------------------------

LEAKY = Activation(
    "leaky",
    lambda x: np.where(x > 0, x, 0.1 * x),
    lambda x: np.where(x > 0, 1.0, 0.1),
    lambda x: np.zeros_like(x),
    "x > T(0) ? x : T(0.1) * x",
    "x > T(0) ? T(1) : T(0.1)",
)
SOFT = replace(ACTIVATIONS["tanh"], name="soft")


def trained(activation, target, dtype="float64"):
    net = Network((4, 5, 3), fa.RULE, 2, seed=1, activation=activation, target=target, dtype=dtype)
    x = np.random.default_rng(0).normal(size=(2, 4))
    present(Learner(net, Trial(dt=10 * ms, default=50 * ms)), x, np.eye(3)[:2])
    return net, x


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_an_activation_of_ones_own_is_what_it_says(target, dtype):
    (own, _), (known, _) = trained(SOFT, target, dtype), trained("tanh", target, dtype)
    np.testing.assert_array_equal(own["W1"], known["W1"])
    net, x = trained(LEAKY, target, dtype)
    fresh = Network((4, 5, 3), fa.RULE, 2, seed=1, target="numpy")
    np.testing.assert_allclose(
        net["hidden1.r"], LEAKY.phi(x @ fresh["W1"].T), rtol=1e-5 if dtype == "float32" else 1e-12
    )
    np.testing.assert_allclose(
        net["hidden1.delta"], LEAKY.dphi(net["hidden1.v"]) * net["hidden1.v_apical"], rtol=1e-5
    )


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_built_in_activation_may_be_given_itself(name):
    assert activation(ACTIVATIONS[name]) is ACTIVATIONS[name]


def test_two_of_one_name_do_not_share_a_library(needs_compiler):
    other = replace(
        LEAKY,
        phi=lambda x: np.where(x > 0, x, 0.5 * x),
        dphi=lambda x: np.where(x > 0, 1.0, 0.5),
        cpp_phi="x > T(0) ? x : T(0.5) * x",
        cpp_dphi="x > T(0) ? T(1) : T(0.5)",
    )
    rates = [trained(activation, "cpp")[0]["hidden1.r"] for activation in (LEAKY, other)]
    assert (rates[0] < 0).any() and not np.allclose(*rates)


@pytest.mark.parametrize(
    "wrong, message",
    [
        (
            replace(LEAKY, dphi=lambda x: np.ones_like(x)),
            "dphi is not the derivative: at -4 it is 1 in place of 0.1",
        ),
        (replace(SOFT, ddphi=lambda x: 0 * x), "ddphi is not the derivative"),
        (replace(LEAKY, phi=lambda x: x if x > 0 else 0.1 * x), "cannot be evaluated for an array"),
        (replace(LEAKY, phi=lambda x: 1.0), "must return an array of the shape"),
        (replace(LEAKY, dphi=None), "cannot be evaluated"),
        (replace(LEAKY, name="tanh"), "'tanh': that is the name of another one"),
        (replace(SOFT, name="relu"), "'relu': that is the name of another one"),
        (replace(LEAKY, cpp_phi=None), "cpp_phi and cpp_dphi are texts"),
        (
            replace(SOFT, phi=np.log, dphi=lambda x: 1 / x),
            "phi is nan at -4. Potentials of both signs",
        ),
        (
            replace(LEAKY, dphi=lambda x: np.where(x == 0, np.inf, np.where(x > 0, 1.0, 0.1))),
            "dphi is inf at 0.*trials start at 0",
        ),
        (Activation(3, "x"), "3: its name, cpp_phi and cpp_dphi are texts"),
        (Activation("tanh", "x"), "the name of another one"),
    ],
)
def test_what_is_wrong_with_ones_own_is_said(wrong, message):
    with pytest.raises(NetworkError, match=message):
        activation(wrong)


# what both targets compute ------------------------------------------------------------------------


def module_phi(x):
    return np.arctan(x)


def module_dphi(x):
    return 1 / (1 + x**2)


def module_ddphi(x):
    return -2 * x / (1 + x**2) ** 2


ARCTAN = Activation(
    "arctan", module_phi, module_dphi, module_ddphi, "std::atan(x)", "T(1) / (T(1) + x * x)"
)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    "changed, message",
    [
        (
            dict(cpp_phi="std::tanh(x)"),
            r"'arctan': its C\+\+ and its NumPy function differ. At -19.9843, cpp_phi is -1 and phi is -1.5208\.",
        ),
        (dict(cpp_dphi="T(1)"), r"At -19.9843, cpp_dphi is 1 and dphi is 0.00249768"),
        # beyond where derivatives are tried
        (
            dict(cpp_phi="x > T(9) ? T(2) : std::atan(x)"),
            "At 9.01571, cpp_phi is 2 and phi is 1.46033",
        ),
        (dict(cpp_phi="std::atan(x) / (x != x)"), "cpp_phi is -inf and phi is"),
    ],
)
def test_cpp_that_is_another_function_is_found(changed, message, dtype, needs_compiler):
    wrong = replace(ARCTAN, **changed)
    for options in (
        dict(activation=wrong),
        dict(activation=["tanh", wrong]),
        dict(output_activation=wrong),
    ):
        with pytest.raises(NetworkError, match=message):
            Network((4, 5, 4, 3), fa.RULE, dtype=dtype, **options)
    # where it does not matter
    assert Network((4, 5, 4, 3), fa.RULE, activation=wrong, dtype=dtype, target="numpy")


def test_cpp_is_compared_with_what_is_given_now(needs_compiler):
    """The library is in the cache by then; the NumPy function is another."""
    Network((4, 5, 3), fa.RULE, activation=ARCTAN)
    other = replace(
        ARCTAN,
        phi=np.tanh,
        dphi=lambda x: 1 - np.tanh(x) ** 2,
        ddphi=lambda x: -2 * np.tanh(x) * (1 - np.tanh(x) ** 2),
    )
    with pytest.raises(NetworkError, match="cpp_phi is -1.5208 and phi is -1\\."):
        Network((4, 5, 3), fa.RULE, activation=other)


def test_two_of_one_name_in_one_network_are_compared_each(needs_compiler):
    half = replace(
        LEAKY,
        phi=lambda x: np.where(x > 0, x, 0.5 * x),
        dphi=lambda x: np.where(x > 0, 1.0, 0.5),
        cpp_phi="x > T(0) ? x : T(0.5) * x",
        cpp_dphi="x > T(0) ? T(1) : T(0.5)",
    )
    assert Network((4, 5, 4, 3), fa.RULE, activation=[LEAKY, half])
    with pytest.raises(NetworkError, match="'leaky': its C.. and its NumPy function differ"):
        Network((4, 5, 4, 3), fa.RULE, activation=[LEAKY, replace(half, cpp_phi=LEAKY.cpp_phi)])


@pytest.mark.parametrize("target", [None, "cpp"])
@pytest.mark.parametrize(
    "changed, message",
    [
        (
            dict(cpp_phi="atn(x)"),
            r"arctan: its C\+\+ cannot be compiled. cpp_phi = 'atn\(x\)': error: .*atn.* Mend it",
        ),
        (
            dict(cpp_dphi="T(1) / (T(1) + x * x"),
            r"cpp_dphi = 'T\(1\) / \(T\(1\) \+ x \* x': error: ",
        ),
        (dict(cpp_phi="std::atan(y)"), "cpp_phi = .*error: .*y"),
        (dict(cpp_dphi="}"), "cpp_dphi = '}': error"),
    ],
)
def test_cpp_that_cannot_be_compiled_is_named(changed, message, target, needs_compiler):
    with pytest.raises(NetworkError, match=message) as caught:
        Network((4, 5, 3), fa.RULE, activation=replace(ARCTAN, **changed), target=target)
    assert "CXX" not in str(caught.value)


# one text -----------------------------------------------------------------------------------------

TEXTS = {
    "log(1 + exp(2*x))/2": lambda v: np.log1p(np.exp(2 * v)) / 2,
    "x*int(x > 0) + 0.1*x*int(x <= 0)": lambda v: np.where(v > 0, v, 0.1 * v),
    "clip(x, -1, 2)": lambda v: np.clip(v, -1, 2),
    "x/(1 + abs(x))": lambda v: v / (1 + abs(v)),
    "tanh(pi*x) + x/3": lambda v: np.tanh(np.pi * v) + v / 3,
    "1.7159*tanh(2*x/3)": lambda v: 1.7159 * np.tanh(2 * v / 3),
    "arctan(x)*exp(1)": lambda v: np.arctan(v) * np.e,
    "x**3/9 - x": lambda v: v**3 / 9 - v,
    "exp(-x**2/2)": lambda v: np.exp(-(v**2) / 2),
    "sqrt(1 + x**2) + sin(x)*cos(x)": lambda v: np.hypot(1, v) + np.sin(2 * v) / 2,
    "x*int(x > -1 and not x > 2) + sign(x)": lambda v: (
        np.where((v > -1) & (v <= 2), v, 0) + np.sign(v)
    ),
    "2**x": lambda v: np.exp2(v),
    "x + (x % 2.5)/4 + floor(x)": lambda v: v + np.mod(v, 2.5) / 4 + np.floor(v),
    "arcsin(x/40) + log10(2 + cosh(x/9))": lambda v: (
        np.arcsin(v / 40) + np.log10(2 + np.cosh(v / 9))
    ),
    "log1p(exp(-abs(x))) + expm1(x/9) + ceil(x)": lambda v: (
        np.log1p(np.exp(-abs(v))) + np.expm1(v / 9) + np.ceil(v)
    ),
    "1": np.ones_like,
    "x": lambda v: v,
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("text, definition", TEXTS.items(), ids=TEXTS)
def test_one_text_is_one_function_everywhere(text, definition, dtype, target):
    own = Activation("own", text)
    close = dict(rtol=1e-12, atol=1e-12) if dtype == "float64" else dict(rtol=2e-5, atol=2e-6)
    texts = [Activation(f"own{k}", each) for k, each in enumerate(TEXTS)]
    net = evaluated(texts, V / 2 + 0.013, dtype, target)
    layer = f"hidden{[*TEXTS].index(text) + 1}"
    v = net[f"{layer}.v"][0].astype(float)
    np.testing.assert_allclose(net[f"{layer}.r"][0], definition(v), **close)
    slope = (definition(v + 1e-6) - definition(v - 1e-6)) / 2e-6
    np.testing.assert_allclose(net[f"{layer}.slope"][0], slope, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(own.phi(v.astype(dtype)), definition(v), **close)
    assert own.phi(v.astype(dtype)).dtype == own.dphi(v.astype(dtype)).dtype == np.dtype(dtype)
    assert (
        own.text == text
        and own == Activation("own", text)
        and own.phi(np.ones((2, 3))).shape == (2, 3)
    )


@pytest.mark.parametrize(
    "text, message",
    [
        ("y + x", "'y \\+ x' uses 'y'. It is an expression in x"),
        ("tahn(x)", "uses 'tahn'.*Valid names: abs, .*tanh, x"),
        ("x > 0", r"Write int\(x > 0\)"),
        ("", "cannot be read"),
        ("exp(x, x)", "called with 2 parameters"),
        ("x.real", "uses 'real'"),
        ("__import__('os')", "'os' is no finite real number"),
        ("x if x > 0 else 0", "uses 'else'"),
        ("1/0", "divides by zero"),
        ("x**99", "exponent beyond"),
        ("rand()*x", "uses 'rand'"),
        ("x = 1", "cannot be read"),
        ("(" * 99 + "x" + ")" * 99, ""),
        ("x" * 30000, "characters"),
        ("lambda x: x", ""),
        ("x +", "cannot be read"),
        ("x\n+ é", "character"),
        ("[x]", "List|uses"),
        ("x[0]", "Subscript|operation"),
        ("'x'", ""),
    ],
)
def test_what_is_no_expression_is_refused_when_it_is_made(text, message):
    if text.startswith("(("):
        assert Activation("own", text).phi(2.0) == 2  # brackets are no operations
        return
    with pytest.raises(NetworkError, match=f"Activation 'own'.*{message}"):
        Activation("own", text)


def test_a_text_takes_nothing_beside_it():
    with pytest.raises(NetworkError, match="follow from its text. Leave them out"):
        Activation("own", "x", dphi=lambda x: np.ones_like(x))
    with pytest.raises(NetworkError, match="phi is nan at 0|dphi is nan at 0"):
        activation(Activation("own", "sin(x)/x"))


# identity, files, copies --------------------------------------------------------------------------

TEXT = Activation("swish", "x/(1 + exp(-x))")


def same_numbers(one, other):
    for net in (one, other):
        present(Learner(net, Trial(dt=10 * ms, default=50 * ms)), np.ones((2, 4)), np.eye(3)[:2])
    np.testing.assert_array_equal(one["W1"], other["W1"])


def test_a_text_is_in_the_file(tmp_path, target):
    net, _ = trained([TEXT], target)
    net.save(tmp_path / "net.h5")
    assert Network.load(tmp_path / "net.h5").activation_of("hidden1") == TEXT
    same_numbers(net, Network.load(tmp_path / "net.h5"))


def test_functions_are_given_again(tmp_path, target):
    net, _ = trained(LEAKY, target)
    net.save(tmp_path / "net.h5")
    with pytest.raises(
        ExperimentError,
        match="The activation was 'leaky', of which a file holds no more than the name.*activation=...",
    ):
        Network.load(tmp_path / "net.h5")
    same_numbers(net, Network.load(tmp_path / "net.h5", activation=LEAKY))


def test_code_in_a_file_is_not_run(tmp_path):
    data = dict(as_data(TEXT), cpp_phi="system(0)", phi="x")
    assert from_data(data) == Activation("swish", "x")
    with pytest.raises(ExperimentError, match="cannot be made of what was saved"):
        from_data(dict(data, phi="__import__('os')"))


@pytest.mark.parametrize(
    "own", [TEXT, ARCTAN, ACTIVATIONS["relu"], replace(TEXT, name="other")], ids=str
)
def test_pickles_and_copies(own, target):
    net, _ = trained(own, target)
    assert pickle.loads(pickle.dumps(own)) == deepcopy(own) == own
    same_numbers(deepcopy(net), pickle.loads(pickle.dumps(net)))
    learner = pickle.loads(pickle.dumps(Learner(net, Trial(dt=10 * ms))))
    assert learner.net.activation_of("hidden1") == own


def test_a_lambda_is_copied_but_not_pickled():
    net, _ = trained(LEAKY, "numpy")
    same_numbers(deepcopy(net), deepcopy(net))
    for one in (LEAKY, net, Learner(net, Trial(dt=10 * ms))):
        with pytest.raises(
            NetworkError,
            match="'leaky' cannot be pickled: phi, dphi, ddphi cannot be imported by name.*with def in a module.*one text",
        ):
            pickle.dumps(one)


def test_a_checkpoint_knows_ones_own_by_what_it_computes(tmp_path):
    task, path = (
        tasks.Task(np.random.default_rng(0).normal(size=(6, 4)), np.eye(3)[[0, 1, 2, 0, 1, 2]]),
        tmp_path / "c.h5",
    )

    def run(own):
        return train(
            Network((4, 5, 3), fa.RULE, 2, activation=own, target="numpy"),
            task,
            1,
            trial=Trial(dt=10 * ms, default=50 * ms),
            progress=False,
            checkpoint=Checkpoint(path),
        )

    run(LEAKY)
    # another function object of the same values
    run(replace(LEAKY, phi=lambda x: np.where(x > 0, x, x / 10)))
    for other in (
        replace(
            LEAKY,
            phi=lambda x: np.where(x > 0, x, 0.1001 * x),
            dphi=lambda x: np.where(x > 0, 1.0, 0.1001),
        ),
        replace(LEAKY, phi=lambda x: np.where(x > 10, 10, LEAKY.phi(x))),
        replace(LEAKY, cpp_phi="x"),
        replace(LEAKY, name="mine"),
        Activation("leaky", "x*int(x > 0) + 0.1*x*int(x <= 0)"),
    ):
        with pytest.raises(ExperimentError, match="of another training: it differs in activations"):
            run(other)
    path.unlink()
    run(TEXT)
    with pytest.raises(
        ExperimentError,
        match=r"activations activation phi \(x/\(1 \+ exp\(-x\)\) there, x/\(1 \+ exp\(-2\*x\)\) here\)",
    ):
        run(
            replace(
                TEXT,
                **{
                    name: getattr(Activation("swish", "x/(1 + exp(-2*x))"), name)
                    for name in ("phi", "dphi", "ddphi", "cpp_phi", "cpp_dphi")
                },
            )
        )


# names --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, meant",
    [
        ("sigmoid", "'logistic'"),
        ("Identity", "'linear'"),
        ("softmax", "cost='cross_entropy'"),
        ("tahn", "Did you mean 'tanh'"),
        (3, "Valid activations"),
        (["relu"], "Valid activations"),
    ],
)
def test_other_names_are_understood_and_refused(name, meant):
    with pytest.raises(NetworkError, match=meant):
        activation(name)
