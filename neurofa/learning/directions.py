"""Directions: the change of synapses that a rule asks for, beside those of backpropagation, minimum
norm and Gauss-Newton.

A direction is `(dW, db)`, a list each, an array per layer, as in neurofa/theory/reference.py: a
mean over the samples, to be added to the feedforward weights (post, pre) and biases (post,). What a
rule does not change is None. Nothing here changes a network. `damping` is added to the diagonal of
the matrix that is inverted, sample by sample.

Meulemans et al., "Credit assignment in neural networks through deep feedback control", NeurIPS 2021
(the last two)
"""

import numpy as np
import numpy.typing as npt

from ..base.arguments import kind, number, samples
from ..rules.activations import Activation
from ..simulate.network import Network
from ..theory import analysis, reference
from .learner import Learner
from .requested import requested_changes

Direction = tuple[list[np.ndarray | None], list[np.ndarray | None]]


def asked(learner: Learner, x: npt.ArrayLike, y: npt.ArrayLike) -> Direction:
    """Return what the rule asks for when the samples `x` and `y` are presented, times its eta
    (neurofa/learning/snapshots.py).

    Examples
    --------
    >>> net = Network([4, 3, 2], fa.RULE, trials=2, seed=1)
    >>> x, y = np.ones((2, 4)), np.eye(2)
    >>> learner = Learner(net, Trial(dt=10*ms))
    >>> from neurofa import directions
    >>> dW, db = directions.asked(learner, x, y)
    >>> [one.shape for one in dW]
    [(3, 4), (2, 3)]
    """
    kind("learner", learner, Learner, "a Learner, such as Learner(net, trial)")
    changes = requested_changes(learner, x, y)
    dW, db = (
        [changes.get(f"{name}.{part}") for name in _names(learner.net)] for part in ("w", "bias")
    )
    return dW, db


def weights(net: Network, gain: float = 1.0) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return `(W, b)` as they are now, b of zeros where there are no biases, all of them times
    `gain`.

    Examples
    --------
    >>> net = Network([4, 3, 2], fa.RULE, trials=2, seed=1)
    >>> from neurofa import directions
    >>> W, b = directions.weights(net)
    >>> [one.shape for one in W]
    [(3, 4), (2, 3)]
    """
    names, gain = (
        _names(kind("net", net, Network, "a Network")),
        number("gain", gain, example="1.0"),
    )
    W = [gain * net[name] for name in names]
    return W, [
        gain * net[f"{name}.bias"] if _biased(net) else np.zeros(len(w))
        for name, w in zip(names, W)
    ]


def backprop(net: Network, x: npt.ArrayLike, y: npt.ArrayLike, gain: float = 1.0) -> Direction:
    """Return minus the gradient of the mean cost of the feedforward network with these weights.

    `gain` is how much of a basal potential reaches the soma, where that is not all, as with
    conductances.

    Examples
    --------
    >>> net = Network([4, 3, 2], fa.RULE, trials=2, seed=1)
    >>> x, y = np.ones((2, 4)), np.eye(2)
    >>> from neurofa import directions
    >>> dW, db = directions.backprop(net, x, y)
    >>> [one.shape for one in dW]
    [(3, 4), (2, 3)]
    """
    W, b = weights(net, gain)
    x, y = _samples(net, x, y)
    deltas = reference.backprop_deltas(x, y, W, b, *_functions(net), net.cost.name)
    dW, db = reference.gradients(deltas, reference.forward(x, W, b, *_functions(net))[1])
    return [-d for d in dW], [-d for d in db] if _biased(net) else [None] * len(W)


def minimum_norm(
    net: Network, x: npt.ArrayLike, y: npt.ArrayLike, lam: float = 1.0, damping: float = 0.0
) -> Direction:
    """Return what makes the smallest change of all potentials that moves the output by `lam` times
    minus the cost's gradient.

    Examples
    --------
    >>> net = Network([4, 3, 2], fa.RULE, trials=2, seed=1)
    >>> x, y = np.ones((2, 4)), np.eye(2)
    >>> from neurofa import directions
    >>> dW, db = directions.minimum_norm(net, x, y)
    >>> [one.shape for one in dW]
    [(3, 4), (2, 3)]
    """
    return _towards(reference.minimum_norm_update, net, x, y, lam, damping)


def gauss_newton(
    net: Network, x: npt.ArrayLike, y: npt.ArrayLike, lam: float = 1.0, damping: float = 0.0
) -> Direction:
    """Return the smallest change of all weights and biases that moves the output as in
    `minimum_norm`.

    Examples
    --------
    >>> net = Network([4, 3, 2], fa.RULE, trials=2, seed=1)
    >>> x, y = np.ones((2, 4)), np.eye(2)
    >>> from neurofa import directions
    >>> dW, db = directions.gauss_newton(net, x, y)
    >>> [one.shape for one in dW]
    [(3, 4), (2, 3)]
    """
    return _towards(reference.gauss_newton_update, net, x, y, lam, damping)


def to_backprop(
    learner: Learner, x: npt.ArrayLike, y: npt.ArrayLike, gain: float = 1.0
) -> np.ndarray:
    """Return the angle in degrees, shape (layers,), of what the rule asks for to backpropagation's:
    the `angles` of the weights.

    Examples
    --------
    >>> net = Network([4, 3, 2], fa.RULE, trials=2, seed=1)
    >>> x, y = np.ones((2, 4)), np.eye(2)
    >>> learner = Learner(net, Trial(dt=10*ms))
    >>> from neurofa import directions
    >>> angles = directions.to_backprop(learner, x, y)
    >>> angles.shape, bool(angles[-1] < 1e-3)
    ((2,), True)
    """
    return angles(asked(learner, x, y), backprop(learner.net, x, y, gain))


def feedback_angles(
    net: Network, x: npt.ArrayLike, y: npt.ArrayLike, pathway: str = "B"
) -> tuple[np.ndarray, np.ndarray]:
    """Return two arrays (hidden layers,), in degrees: the angle of B to W^T, and, a mean over
    samples, that of B delta to W^T delta.

    `pathway` is one whose errors go from layer to layer; delta is the rule's own: the cost's
    gradient at the output, and what B makes of it below. Akrout et al., "Deep learning without
    weight transport", NeurIPS 2019, show these for one sample.

    Examples
    --------
    >>> net = Network([4, 3, 2], fa.RULE, trials=2, seed=1)
    >>> x, y = np.ones((2, 4)), np.eye(2)
    >>> from neurofa import directions
    >>> of_weights, of_errors = directions.feedback_angles(net, x, y)
    >>> of_weights.shape, of_errors.shape
    ((1,), (1,))
    """
    kind("pathway", pathway, str, "the name of a pathway, such as 'B'")
    (W, b), (x, y) = weights(net), _samples(net, x, y)
    B = [net[f"{pathway}{layer}"] for layer in range(2, len(net.sizes))]
    deltas = reference.fa_deltas(x, y, W, b, B, *_functions(net), net.cost.name)
    return (
        np.array([analysis.angle(back, w.T) for back, w in zip(B, W[1:])]),
        np.array(
            [
                analysis.trial_angles(delta @ back.T, delta @ w).mean()
                for back, w, delta in zip(B, W[1:], deltas[1:])
            ]
        ),
    )


def angles(one: Direction, other: Direction) -> np.ndarray:
    """Return the angle in degrees between two directions' weights, shape (layers,); nan where a
    layer does not learn.

    Examples
    --------
    >>> net = Network([4, 3, 2], fa.RULE, trials=2, seed=1)
    >>> x, y = np.ones((2, 4)), np.eye(2)
    >>> from neurofa import directions
    >>> one = directions.backprop(net, x, y)
    >>> directions.angles(one, one)
    array([0., 0.])
    """
    return np.array(
        [
            np.nan if a is None or b is None else analysis.angle(a, b)
            for a, b in zip(one[0], other[0], strict=True)
        ]
    )


def angle(one: Direction, other: Direction) -> float:
    """Return the angle in degrees between two directions as a whole, over the weights and biases
    that both of them change.

    Examples
    --------
    >>> net = Network([4, 3, 2], fa.RULE, trials=2, seed=1)
    >>> x, y = np.ones((2, 4)), np.eye(2)
    >>> from neurofa import directions
    >>> one = directions.backprop(net, x, y)
    >>> round(directions.angle(one, one), 6)
    0.0
    """
    both = [
        (a, b)
        for part in zip(one, other, strict=True)
        for a, b in zip(*part, strict=True)
        if a is not None and b is not None
    ]
    return (
        analysis.angle(*(np.concatenate([a.ravel() for a in side]) for side in zip(*both)))
        if both
        else float("nan")
    )


def _towards(update, net, x, y, lam, damping):
    (W, b), (x, y) = weights(net), _samples(net, x, y)
    lam, damping = (
        number("lam", lam, example="1.0"),
        number("damping", damping, least=0, example="0.1"),
    )
    r = reference.forward(x, W, b, *_functions(net))[1][-1]
    delta = -lam * reference.cost_gradient(r, y, net.cost.name)
    dW, db = update(x, delta, W, b if _biased(net) else None, damping, *_functions(net))
    return dW, db if _biased(net) else [None] * len(W)


def _samples(net, x, y):
    x = samples("inputs", x, net.sizes[0])
    return x, samples("targets", y, net.sizes[-1], len(x))


def _names(net):
    return [f"{net.rule.feedforward.name}{layer}" for layer in range(1, len(net.sizes))]


def _biased(net):
    return net.rule.feedforward.bias


def _functions(net: Network) -> tuple[list[str | Activation], str | Activation]:
    """Return the activations as neurofa/reference.py takes them: of those that it knows by name, it
    has functions of its own."""
    hidden = [f"hidden{layer}" for layer in range(1, len(net.sizes) - 1)]
    own = [one.name if one.built_in else one for one in map(net.activation_of, (*hidden, "output"))]
    return own[:-1], own[-1]
