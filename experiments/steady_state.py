"""Does the settled circuit compute what the theory says?

Every rule's differential equations are integrated until they settle, and compared with an answer that shares no code with
them: closed forms and root finding in neurofa/reference.py. 6-5-4-3 tanh unless stated otherwise, 8 trials, float64.

About 20 seconds:  neurofa run steady_state
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from brian2 import ms, second

from neurofa import Network, Trial, lookup, reference, settle
from neurofa.experiment import Run, print_table
from neurofa.training import Learner, present

SIZES, TRIALS = (6, 5, 4, 3), 8


def settled(rule, seed=0, cost="squared", activation="tanh", tolerance=1e-12, target=None, prepare=None):
    """Return a network of `rule` at the end of its feedback phase, and the stimulus and target that it saw."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(TRIALS, SIZES[0]))
    y = np.eye(SIZES[-1])[rng.integers(SIZES[-1], size=TRIALS)]
    net = Network(SIZES, rule, trials=TRIALS, activation=activation, cost=cost, seed=seed, target=target)
    if prepare:
        prepare(net)
    for name in (f"W{k}.bias" for k in range(1, len(SIZES))):
        net[name] = rng.normal(size=net[name].shape) / 4
    present(Learner(net, Trial(dt=1*ms, default=settle(tolerance, 60*second))), x, y, learn=False)
    return net, x, y


def _layers(net, pattern):
    return [net[pattern.format(k)].copy() for k in range(1, len(SIZES)) if pattern.format(k) in net.probeable]


def _weights(net):
    return _layers(net, "W{}.w"), _layers(net, "W{}.bias")


def _states(net, variable):
    return [net[f"{name}.{variable}"] for name in net.populations if name.startswith("hidden") or name == "output"]


def _worst(ours, theirs):
    return max(float(np.abs(a - b).max()) for a, b in zip(ours, theirs, strict=True))


def error_rules(cost):
    """Yield (rule, what, largest difference, limit) for the rules that carry errors, with one cost."""
    closed = dict(bp=lambda x, y, W, b, net: reference.backprop_deltas(x, y, W, b, kind=cost),
                  fa=lambda x, y, W, b, net: reference.fa_deltas(x, y, W, b, _layers(net, "B{}.w"), kind=cost),
                  dfa=lambda x, y, W, b, net: reference.dfa_deltas(x, y, W, b, _layers(net, "B{}.w"), kind=cost))
    for model, deltas in closed.items():
        net, x, y = settled(lookup.rule(model), cost=cost)
        yield model, f"delta = closed form, {cost}", _worst(_states(net, "delta"), deltas(x, y, *_weights(net), net)), 1e-8

    def tie(net):
        for k in range(2, len(SIZES)):
            net[f"B{k}"] = net[f"W{k}"].T
    net, x, y = settled(lookup.rule("fa"), cost=cost, prepare=tie)
    yield "fa", f"B = W^T: delta = backprop, {cost}", _worst(
        _states(net, "delta"), reference.backprop_deltas(x, y, *_weights(net), kind=cost)), 1e-8


def control_rules(cost):
    """Yield (rule, what, largest difference, limit) for the rules with a controller, with one cost."""
    for model, gains in (("dfc", {}), ("dfc_ss", dict(k_p=0.5)), ("dfc_integral_leak", dict(k_p=0.5, k_i=0.8))):
        rule = lookup.rule(model).but(alpha=0.5, **gains)
        net, x, y = settled(rule, cost=cost)
        values = {name: float(v) for name, v in net.parameters.items()}
        leak = (reference.effective_leak(values["alpha"], values["k_i"], values["k_p"]) if model == "dfc_integral_leak"
                else values["alpha"] / values["k_i"])
        W, b = _weights(net)
        Q, u = _layers(net, "Q{}.w"), net["controller.u"]
        yield model, f"error = alpha~ u, {cost}", _worst([net["controller.error"]], [leak * u]), 1e-9
        yield model, f"v - v_basal = Q u, {cost}", _worst(
            [v - basal for v, basal in zip(_states(net, "v"), _states(net, "v_basal"))], [u @ q.T for q in Q]), 1e-9
        root = reference.dfc_steady_state(x, net["output.setpoint"], W, b, np.vstack(Q), leak)
        yield model, f"u = root of the equations, {cost}", _worst([u], [root.u]), 1e-9


def linear_control():
    """Yield the check of the linear circuit: u = (J Q + alpha I)^-1 delta_L."""
    net, x, y = settled(lookup.rule("dfc_ss").but(alpha=0.5), activation="linear")
    W, b = _weights(net)
    _, rates = reference.forward(x, W, b, "linear")
    u = reference.dfc_linear_response(reference.jacobian(x, W, b, "linear"), np.vstack(_layers(net, "Q{}.w")), 0.5,
                                      net["output.setpoint"] - rates[-1])
    yield "dfc_ss", "linear: u = (JQ + alpha I)^-1 delta_L", _worst([net["controller.u"]], [u]), 1e-9


def run(quick=False):
    """Return every check as a Dataset over `check`: rule, what is compared, the largest difference, and its limit."""
    import xarray
    rows = [row for cost in (("squared",) if quick else ("squared", "cross_entropy"))
            for rows in (error_rules(cost), control_rules(cost)) for row in rows] + list(linear_control())
    rule, what, difference, limit = zip(*rows)
    return xarray.Dataset({name: ("check", list(values)) for name, values in dict(
        rule=rule, what=what, difference=difference, limit=limit).items()})


def plot(data):
    """Draw every difference beside its limit, and return the figure."""
    from neurofa import plot
    figure, axes = plot.figure(height=0.2 * data.sizes["check"] + 0.8, width=plot.PAGE)
    rows = np.arange(data.sizes["check"])
    axes.semilogx(np.maximum(data.difference, 1e-17), rows, "o", color="black", label="measured")
    axes.semilogx(data.limit, rows, "|", color="black", markersize=10, label="limit")
    axes.set_yticks(rows, [f"{r}: {w}" for r, w in zip(data.rule.values, data.what.values)])
    axes.invert_yaxis()
    axes.set_xlabel("Largest difference over trials and units")
    axes.set_xlim(1e-17, 1e-6)
    axes.legend(frameon=False, loc="upper left", fontsize="small")
    return figure


def report(data):
    """Print the table of differences."""
    print_table("Settled circuit against independent answers", ["rule", "what", "largest difference", "limit", "holds"],
                [[r, w, f"{d:.1e}", f"{l:.0e}", "yes" if d <= l else "NO"]
                 for r, w, d, l in zip(*(data[n].values for n in ("rule", "what", "difference", "limit")))])


def main(quick: Annotated[bool, typer.Option(help="One cost only.")] = False,
         out: Annotated[Path, typer.Option(help="Where run folders are made.")] = Path("runs")):
    """Compare the settled circuit of every rule with closed forms and root finding."""
    rules = [lookup.rule(n) for n in ("bp", "fa", "dfa", "dfc", "dfc_ss", "dfc_integral_leak")]
    folder = Run.start("steady_state", dict(quick=quick), rules, out)
    data = run(quick)
    folder.save(data)
    report(data)
    print(f"Figure: {folder.save_figure(plot(data), 'steady_state')}")


if __name__ == "__main__":
    typer.run(main)
