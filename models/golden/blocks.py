"""Local losses whose errors go further than one synapse: to the layer below, or through cells of
the readout's own."""

import numpy as np
from brian2 import ms

from neurofa import Learner, present, reference

from .common import COSTS, TANH, circuit, everything, golden, gradient, play, states, worst
from .errors import AT_ONCE

DEEP = (6, 5, 4, 5, 3)


def slopes(cost, arrays):
    """Return the gradients of `cost(arrays)` by each array of a dictionary, by name."""
    return {
        name: gradient(lambda a, n=name: cost(arrays | {n: a}), array)
        for name, array in arrays.items()
    }


def moved(net, x, y):
    """Return how far an update with these samples moves all weights and biases, by name, over
    -eta."""
    before, eta = everything(net), float(net.parameters["eta"])
    present(Learner(net, AT_ONCE), x, y)
    return {name: (before[name] - now) / eta for name, now in everything(net).items()}


@golden("loco")
def overlapping(model, target):
    """W of each layer descends the sum of two costs, its own and that of the layer above; a readout
    descends its own."""
    for cost in COSTS:
        net, x, y = circuit(model, DEEP, cost=cost, target=target)
        start, last = everything(net), len(DEEP) - 1
        v, r = reference.forward(
            x, *([start[f"W{k}.{part}"] for k in range(1, last + 1)] for part in ("w", "bias"))
        )

        def own(k, v, p):
            answer = v if k == last else TANH(v) @ p[f"P{k}.w"].T + p[f"P{k}.bias"]
            return reference.cost(answer, y, cost).sum()

        def both(k, v, p):
            above = TANH(v) @ start[f"W{k + 1}.w"].T + start[f"W{k + 1}.bias"]
            return own(k, v, p) + own(k + 1, above, p)

        play(net, x, y)
        deltas, changes = states(net, "delta"), moved(net, x, y)
        by_v, ours, expected = [], [], []
        for k in range(1, last):
            mine = {name: start[name] for name in (f"W{k}.w", f"W{k}.bias")}
            readout = {name: start[name] for name in (f"P{k}.w", f"P{k}.bias")}
            by_v.append(gradient(lambda a: both(k, a, start), v[k - 1]))
            found = slopes(
                lambda p: both(k, r[k - 1] @ p[f"W{k}.w"].T + p[f"W{k}.bias"], start), mine
            ) | slopes(lambda p: own(k, v[k - 1], p), readout)
            expected += [slope / len(x) for slope in found.values()]
            ours += [changes[name] for name in found]
        yield f"delta = gradient of two costs, {cost}", worst(deltas[:-1], by_v), 1e-9
        yield f"dW, dP = -eta gradients, {cost}", worst(ours, expected), 1e-9


@golden("loco")
def one_layer_up(model, target):
    """What is two layers up or more does not reach a layer, to the last bit; what is one up does."""
    net, x, y = circuit(model, DEEP, target=target)
    play(net, x, y, length=100 * ms)
    first, second = (net[f"hidden{k}.delta"].copy() for k in (1, 2))
    for name in ("W3", "W4", "P3", "W3.bias"):
        net[name] = net[name] + 1
    play(net, x, y, length=100 * ms)
    yield (
        "layers from the third: delta of the first stays",
        worst([net["hidden1.delta"]], [first]),
        0,
    )
    apart = np.abs(net["hidden2.delta"] - second).max()
    yield "and that of the second does not", 0 if apart > 1e-3 else 1, 0


# the matrices of a readout, from its layer to its answer
READOUTS = {"local_losses_hidden": "HP", "local_losses_two_hidden": "HGP"}


@golden(*READOUTS)
def own_cost_through_cells(model, target):
    """Each layer, and all matrices of its readout, descend the gradient of the readout's cost."""
    *hidden, last = READOUTS[model]
    for cost in COSTS:
        net, x, y = circuit(model, cost=cost, target=target)
        start = everything(net)
        v = reference.forward(
            x, *([start[f"W{k}.{part}"] for k in (1, 2, 3)] for part in ("w", "bias"))
        )[0]

        def own(k, p):
            cells = TANH(p["v"])
            for pathway in hidden:
                cells = TANH(cells @ p[f"{pathway}{k}.w"].T + p[f"{pathway}{k}.bias"])
            return reference.cost(cells @ p[f"{last}{k}.w"].T + p[f"{last}{k}.bias"], y, cost).sum()

        play(net, x, y)
        deltas, changes = states(net, "delta"), moved(net, x, y)
        by_v, ours, expected = [], [], []
        for k in (1, 2):
            names = [
                f"{pathway}{k}.{part}" for pathway in READOUTS[model] for part in ("w", "bias")
            ]
            found = slopes(lambda p: own(k, p), {"v": v[k - 1]} | {n: start[n] for n in names})
            by_v.append(found.pop("v"))
            expected += [slope / len(x) for slope in found.values()]
            ours += [changes[name] for name in names]
        yield f"delta = gradient of the layer's own cost, {cost}", worst(deltas[:2], by_v), 1e-9
        matrices = ", ".join(f"d{pathway}" for pathway in READOUTS[model])
        yield f"{matrices} = -eta gradients, {cost}", worst(ours, expected), 1e-9


@golden(*READOUTS)
def own_block(model, target):
    """No error crosses layers: whatever is above the first hidden layer, its error stays the same
    to the last bit."""
    net, x, y = circuit(model, target=target)
    play(net, x, y, length=100 * ms)
    first = net["hidden1.delta"].copy()
    for name in ("W2", "W3", "H2", "P2", "W2.bias"):
        net[name] = net[name] + 1
    play(net, x, y, length=100 * ms)
    yield (
        "other layers changed: delta of the first stays",
        worst([net["hidden1.delta"]], [first]),
        0,
    )
