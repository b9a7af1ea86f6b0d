"""What the golden checks share: how they are made known, circuits that are not special, and what is
read off them."""

from dataclasses import dataclass

import numpy as np
from brian2 import second

from neurofa import Learner, Network, lookup, reference, settle

SIZES, TRIALS = (6, 5, 4, 3), 8
COSTS = ("squared", "cross_entropy")
TANH, DTANH = reference.ACTIVATIONS["tanh"]
EXACT = settle(1e-12, 60 * second)  # far below the limits of what is exact

COMPARISONS = []


@dataclass(frozen=True)
class Check:
    """One number: how far the model called `rule` is from the answer, and how far it may be."""

    rule: str
    what: str
    difference: float
    limit: float

    @property
    def exact(self):
        """Whether this is an identity, which is off by rounding alone; else it is an average over
        noise, an order or an angle."""
        return self.limit < 1e-5

    @property
    def holds(self):
        """Whether the difference is within its limit; one that is not a number is not."""
        return self.difference <= self.limit


@dataclass(frozen=True)
class Comparison:
    """A function of (model, target) that yields (what, difference, limit), for one model."""

    rule: str
    compare: object
    slow: bool

    @property
    def name(self):
        """The model and what the function is called."""
        return f"{self.rule}: {self.compare.__name__.replace('_', ' ')}"

    def checks(self, target=None):
        """Yield the Checks of this model, with circuits built for `target`."""
        for what, difference, limit in self.compare(self.rule, target):
            yield Check(self.rule, what, float(difference), float(limit))


def golden(*models, slow=False):
    """Make a function known as a comparison of each of `models`; `slow` if it averages over noise
    or trains for long."""

    def known(compare):
        COMPARISONS.extend(Comparison(model, compare, slow) for model in models)
        return compare

    return known


# circuits -----------------------------------------------------------------------------------------


def circuit(rule, sizes=SIZES, trials=TRIALS, seed=0, cost=None, **options):
    """Return a network of `rule`, or of the model of that name, with biases that are not zero;
    inputs, and one-hot targets.

    Inputs have the shape (trials, inputs), targets (trials, outputs). `options` are those of
    Network. A network is told that its cost is cross entropy, and chooses other costs: so both
    kinds of circuit are checked, and neither is compiled for every cost.
    """
    rng, told = np.random.default_rng(seed), cost == "cross_entropy"
    net = Network(
        sizes,
        lookup.rule(rule) if isinstance(rule, str) else rule,
        trials=trials,
        seed=seed,
        cost=cost if told else None,
        **options,
    )
    if cost and not told:
        net.take_cost(cost)
    for name in (n for n in net.probeable if n.endswith(".bias") and n.startswith(("W", "P", "H"))):
        net[name] = rng.normal(size=net[name].shape) / 4
    return (
        net,
        rng.normal(size=(trials, sizes[0])),
        np.eye(sizes[-1])[rng.permutation(trials) % sizes[-1]],
    )


def play(net, x, y, last="feedback", length=EXACT):
    """Run the phases from rest up to the end of `last`, in steps of 1 ms, so that nothing is exact
    before it has settled."""
    net.reset()
    net.stimulus(x)
    net.target_rates(y)
    for phase in net.rule.phases:
        net.run(phase.name, length)
        if phase.name == last:
            return


def only(model, pathway):
    """Return the plasticity of one pathway: with it alone, all other weights are frozen."""
    return tuple(line for line in lookup.rule(model).plasticity if line.pathway == pathway)


# what is read off them ----------------------------------------------------------------------------


def layers(net):
    """Return the names of the hidden populations and of the output."""
    return [name for name in net.populations if name.startswith("hidden") or name == "output"]


def states(net, variable):
    """Return a variable of every layer, copies (trials, units)."""
    return [net[f"{name}.{variable}"].copy() for name in layers(net)]


def weights(net, pathway="W"):
    """Return copies of the matrices (post, pre) of a pathway, lowest layer first."""
    names = (f"{pathway}{k}.w" for k in range(1, len(net.sizes)))
    return [net[name].copy() for name in names if name in net.probeable]


def biases(net):
    """Return copies of the biases of W, (units,), lowest layer first."""
    return [net[f"W{k}.bias"].copy() for k in range(1, len(net.sizes))]


def everything(net):
    """Return copies of all weights and biases by name."""
    return {name: net[name].copy() for name in net.probeable if name.endswith((".w", ".bias"))}


def asked(learner, phase):
    """Return the change that the rule asks for at the end of `phase`: `{array name: (of activity,
    decay)}`."""
    return {
        name: change
        for plastic in learner.plastic[phase]
        for name, change in plastic.change().items()
    }


def off_by(net, dW, db):
    """Return how far the change of W and its biases after feedback is from `dW` and `db`, lists
    over layers, in units of eta."""
    changes, eta = asked(Learner(net), "feedback"), float(net.parameters["eta"])
    ours = [
        changes[f"W{k}.{part}"][0] / eta for part in ("w", "bias") for k in range(1, len(net.sizes))
    ]
    return worst(ours, [*dW, *db])


def worst(ours, theirs):
    """Return the largest absolute difference between two lists of arrays."""
    return max(float(np.abs(np.subtract(a, b)).max()) for a, b in zip(ours, theirs, strict=True))


def apart(ours, theirs):
    """Return |ours - theirs| / |theirs|, Euclidean norms over all entries of two arrays."""
    return np.linalg.norm(np.subtract(ours, theirs)) / np.linalg.norm(theirs)


def gradient(cost, array):
    """Return the numerical gradient of `cost(array)`, to the fourth order of a step at which little is
    lost by rounding."""
    fine, coarse = (reference.numerical_gradient(cost, array, step) for step in (1e-3, 2e-3))
    return (4 * fine - coarse) / 3
