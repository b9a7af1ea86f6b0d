"""Optimisers against loops over single synapses, written as in the textbooks."""

from math import sqrt

import numpy as np
import pytest

from neurofa import ADAM, GRADIENT, MOMENTUM, NetworkError
from neurofa.optimisers import OPTIMISERS, Optimiser, optimiser

SHAPE, UPDATES, ETA = (3, 4), 15, 0.03


def changes(seed=0):
    """What the line asks for at each update: -eta times a gradient whose size differs between synapses and updates."""
    rng = np.random.default_rng(seed)
    return -ETA * rng.normal(size=(UPDATES, *SHAPE)) * 10.0 ** rng.integers(-4, 3, SHAPE)


def start(dtype=float):
    return np.random.default_rng(9).normal(size=SHAPE).astype(dtype)


def updated(chosen, asked, eta=ETA, dtype=float, first=None):
    """The weights after all updates that are asked for."""
    state = {"w": (start() if first is None else first).astype(dtype)}
    state |= {name: np.zeros_like(state["w"]) for name in chosen.state}
    for n, dw in enumerate(asked, 1):
        chosen.update(state, dw.astype(dtype), n, eta)
    return state["w"]


def plain_gradient(w, gradients, eta):
    for g in gradients:
        w -= eta * g
    return w


def heavy_ball(w, gradients, eta, mu=0.9):
    velocity = 0.0
    for g in gradients:
        velocity = mu * velocity - eta * g
        w += velocity
    return w


def adam(w, gradients, eta, beta1=0.9, beta2=0.999, epsilon=1e-8):
    """Kingma & Ba 2015, algorithm 1, in the form of torch.optim.Adam."""
    mean = square = 0.0
    for n, g in enumerate(gradients, 1):
        mean = beta1 * mean + (1 - beta1) * g
        square = beta2 * square + (1 - beta2) * g * g
        corrected = sqrt(square) / sqrt(1 - beta2 ** n) + epsilon
        w -= eta / (1 - beta1 ** n) * mean / corrected
    return w


BOOKS = [(GRADIENT, plain_gradient), (MOMENTUM, heavy_ball), (ADAM, adam), (MOMENTUM.but(mu=0.5), lambda w, g, eta: heavy_ball(w, g, eta, 0.5)),
         (ADAM.but(beta1=0.5, beta2=0.9, epsilon=1e-2), lambda w, g, eta: adam(w, g, eta, 0.5, 0.9, 1e-2))]


@pytest.mark.parametrize("chosen, book", BOOKS, ids=["gradient", "momentum", "adam", "momentum, other mu", "adam, other constants"])
def test_each_synapse_is_updated_as_in_the_book(chosen, book):
    found, first, gradients = updated(chosen, changes()), start(), changes() / -ETA
    for index in np.ndindex(SHAPE):
        wanted = book(first[index], gradients[(slice(None), *index)], ETA)
        assert found[index] == pytest.approx(wanted, rel=1e-11)
        assert abs(wanted - first[index]) > 1e-7


@pytest.mark.parametrize("chosen", OPTIMISERS.values(), ids=OPTIMISERS)
def test_no_synapse_sees_another(chosen):
    one, other = changes(), changes(seed=1)
    other[:, 1, 2] = one[:, 1, 2]
    a, b = updated(chosen, one), updated(chosen, other)
    assert a[1, 2] == b[1, 2]
    assert np.sum(a == b) == 1


@pytest.mark.parametrize("chosen", OPTIMISERS.values(), ids=OPTIMISERS)
def test_single_precision_stays_single(chosen):
    found = updated(chosen, changes(), dtype=np.float32)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, updated(chosen, changes()), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("chosen", OPTIMISERS.values(), ids=OPTIMISERS)
def test_weights_change_in_place(chosen):
    """The array of the simulator is changed, not replaced."""
    w = start()
    state = {"w": w} | {name: np.zeros(SHAPE) for name in chosen.state}
    chosen.update(state, changes()[0], 1, ETA)
    assert state["w"] is w and (w != start()).all()


@pytest.mark.parametrize("chosen", OPTIMISERS.values(), ids=OPTIMISERS)
def test_a_learning_rate_of_zero_changes_nothing(chosen):
    with np.errstate(all="ignore"):
        assert (updated(chosen, 0 * changes(), eta=0.0) == start()).all()


def test_the_first_step_of_adam_has_the_size_of_the_learning_rate():
    found = updated(ADAM, changes()[:1])
    np.testing.assert_allclose(found - start(), ETA * np.sign(changes()[0]), rtol=1e-3)


# --- names ---
def test_optimisers_are_found_by_name_or_are_themselves():
    assert optimiser("adam") is ADAM and optimiser("momentum") is MOMENTUM and optimiser("gradient") is GRADIENT
    own = ADAM.but(beta1=0.5)
    assert optimiser(own) is own


def test_unknown_optimiser():
    with pytest.raises(NetworkError, match=r"'adm'.*adam, gradient, momentum.*Did you mean 'adam'\?"):
        optimiser("adm")


def test_unknown_parameter():
    with pytest.raises(NetworkError, match=r"adam has no parameter 'beta'.*beta1, beta2, decay, epsilon"):
        ADAM.but(beta=0.9)


def test_but_leaves_the_original():
    assert MOMENTUM.but(mu=0.5).parameters["mu"] == 0.5
    assert MOMENTUM.parameters["mu"] == 0.9


def test_optimisers_are_frozen():
    with pytest.raises(AttributeError):
        ADAM.but().name = "other"
    with pytest.raises(TypeError):
        ADAM.but().parameters["beta1"] = 0.0


@pytest.mark.parametrize("text", [
    "w = dw.tofile('x')", "w = __import__('os')", "w = exec('1')", "w = (lambda: 1)()", "w = w[0]", "v = w", "w += dw", "w = 'x'.join(w)", "w ="])
def test_text_reaches_nothing_but_numbers(text):
    with pytest.raises(NetworkError, match="optimiser"):
        Optimiser("mine", "", (), text)


# --- decay ---
@pytest.mark.parametrize("value", [-1, np.nan, "0.1", True, None])
@pytest.mark.parametrize("name", ["decay", "mu"])
def test_a_decay_and_a_parameter_are_numbers(name, value):
    with pytest.raises(NetworkError, match=f"momentum: {name} = .*at least 0"):
        MOMENTUM.but(**{name: value})


@pytest.mark.parametrize("line, said", [
    ("w = w + dw / 0", "divides by zero"), ("w = w + dw * (1 / (mu - mu))", "cannot calculate"), ("w = int(dw in w)", "operation 'In'"),
    ("w = w + dw\u00e9", "character"), ("w = (mu - 1)**0.5 * dw", "no real number"), ("w = exp + dw", "cannot calculate"), ("w = dw(1)", "cannot|func"),
    ("w = clip(dw)", "arguments"), ("w = w + sin(dw, w)", "arguments"), ("w = w // 2", "Write floor"), ("w = dw > 0", "true or false"), ("w = 9**9**9 * dw", "no finite number"),
    ("w = " + "+".join(["dw"] * 300), "operations deep"), ("w = (1e300 + mu)**64 + dw", "cannot calculate")])
def test_what_cannot_be_calculated_is_no_optimiser(line, said):
    with pytest.raises(NetworkError, match=f"^The optimiser mine.*({said})"):
        Optimiser("mine", "", (), line, dict(mu=0.5))
