"""Rules with random changes, for the tests: in every text that a rule has, and in the numbers beside them."""

import random
import re
import warnings
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace

import numpy as np
from brian2 import Hz, mV, ms

from neurofa import Diverged, Learner, Network, Trial, lookup, present
from neurofa.pathways import Manipulation, Start

SHELF = [lookup.rule(name) for name in lookup.model_names()]

PIECES = ["", "+", "-", "*", "/", "**", "(", ")", "v", "r", "0", "1", "9", "%", "//", ":", "=", "\n", ";", " ", "second", "phi(", "eta", "w", "_pre", "_post",
          "xi", "#", ",", ".", " in ", "not ", "'", "[", "]", "<", "tau_v", "1e999", "\u00e9"]
ATOMS = ["r", "v", "v_basal", "1", "0", "2", "7", "0.5", "1e300", "1e-300", "pi", "inf", "e", "True", "False", "tau_v", "dt/tau_v"]
PLAIN = ["1", "0", "2", "0.5", "3000000000", "1e12", "1e300", "pi", "True"]
FUNCTIONS = ["exp", "log", "sqrt", "tanh", "sin", "abs", "sign", "ceil", "floor", "exprel", "int", "arctan", "phi", "dphi", "log1p"]
WORDS = ["output.r", "output.target", "input.r", "same.v", "below.r", "above.v", "output.", ".", "hidden1.v", "controller.u", "hidden", "hidden1", "output", "input",
         "first", "later", "layers", "above", "same", "W", "W.T", "old", "r", "v", "target", "feedback_on", "free", "feedback", "tau_v", "", "t", "2"]
VALUES = [0, 1, -1, 3, True, None, "x", 1e300, 1e-300, 2**70, float("nan"), 1j, np.ones(2), 0.5, 10*ms, 0*ms, -1*ms, 1e-290*ms, 1e290*ms, 1*mV, 5*Hz]
UNREAD = ("name", "reference", "advice")     # of a rule: no text that means anything


def changed(text, rng):
    """Return a text with a few characters changed."""
    for _ in range(rng.randint(1, 3)):
        start = rng.randrange(len(text) + 1)
        text = text[:start] + rng.choice(PIECES) + text[start + rng.randint(0, 3):]
    return text


def expression(rng, atoms=ATOMS, depth=0):
    """Return an expression of these atoms."""
    kind = rng.random()
    if depth > 3 or kind < .3:
        return rng.choice(atoms)
    a, b = expression(rng, atoms, depth + 1), expression(rng, atoms, depth + 1)
    if kind < .65:
        return f"({a} {rng.choice(['+', '-', '*', '/', '+', '-', '*', '/', '//', '%', '%', '**'])} {b})"
    if kind < .75:
        return f"int({a} {rng.choice(['<', '>', '<=', '>=', '==', '!='])} {b})"
    if kind < .95:
        return f"{rng.choice(FUNCTIONS)}({a})"
    return rng.choice([f"clip({a}, 0, {b})", f"-{a}", f"1 / ({a} - {a})", f"0 * {a}", f"int({a} > 0 and not {b} < 1)"])


def grown(text, rng):
    """Return a text with an expression of the same names in place of one of the names behind an equals sign."""
    names = [match for match in re.finditer(r"\b[A-Za-z_]\w*\b(?!\()", text) if "=" in text[:match.start()].rpartition("\n")[2].partition(":")[0]]
    if not names:
        return changed(text, rng)
    at = rng.choice(names)
    own = [match.group() for match in names if match.group() not in ("second", "xi")]
    return text[:at.start()] + expression(rng, [*own, at.group(), *PLAIN], depth=rng.randint(2, 4)) + text[at.end():]


def places(value, where=()):
    """Return the ways to all texts and numbers of a rule: tuples of field names, positions and (keys,)."""
    if isinstance(value, (Manipulation, Start)):
        return []
    if is_dataclass(value):
        steps = [(f.name, getattr(value, f.name)) for f in fields(value) if not (where == () and f.name in UNREAD)]
    elif isinstance(value, Mapping):
        return [(*where, kind, key) for key in value for kind in ("key", "value")]
    elif isinstance(value, tuple):
        steps = enumerate(value)
    else:
        return [] if callable(value) else [where]
    return [way for step, part in steps for way in places(part, (*where, step))]


def put(value, way, change):
    """Return a rule with what is at the end of a way changed by a function."""
    if not way:
        return change(value)
    if way[0] in ("key", "value"):
        return {(change(k) if way[0] == "key" and k == way[1] else k): (change(v) if way[0] == "value" and k == way[1] else v) for k, v in value.items()}
    if isinstance(way[0], str):
        return replace(value, **{way[0]: put(getattr(value, way[0]), way[1:], change)})
    return tuple(put(part, way[1:], change) if k == way[0] else part for k, part in enumerate(value))


def another(value, rng):
    """Return something else in place of a text or a number."""
    if not isinstance(value, str):
        return rng.choice(VALUES)
    if "=" in value:
        return rng.choice([changed, grown, grown])(value, rng)
    return rng.choice([rng.choice(WORDS), changed(value, rng)])


def with_change(rule, rng):
    """Return a function that makes the rule with one of its texts or numbers changed, and the way to it."""
    ways = {}
    for way in places(rule):      # every kind of place is as likely
        ways.setdefault(tuple(step for step in way if isinstance(step, str))[:3], []).append(way)
    way, chosen = rng.choice(ways[rng.choice(list(ways))]), random.Random(rng.random())
    return lambda: put(rule, way, lambda value: another(value, chosen)), way


def ran(rule, target, optimiser="gradient", nudged=1.0):
    """Return a small network after two updates under a rule; the stimulus is multiplied by `nudged`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net = Network((2, 3, 3, 2), rule, trials=2, target=target, seed=1)
        learner = Learner(net, Trial(dt=1*ms, default=3*ms), optimiser=optimiser)
        for _ in range(2):
            present(learner, np.array([[.3, -.2], [.1, .4]]) * nudged, np.full((2, 2), .1))
    return net


def results(rule, target, optimiser="gradient", nudged=1.0):
    """Return `{name: array}` of all that there is after `ran`; None if it diverged."""
    try:
        net = ran(rule, target, optimiser, nudged)
        return {name: net[name].copy() for name in net.probeable}
    except Diverged:
        return None


def differences(rule, optimiser="gradient"):
    """Return the names of what is not the same compiled and interpreted: beyond rounding, and what rounding of the stimulus moves."""
    compiled, interpreted = results(rule, "cpp", optimiser), results(rule, "numpy", optimiser)
    if compiled is None or interpreted is None:
        return [] if compiled is interpreted else [f"diverged {'compiled' if compiled is None else 'interpreted'} alone"]
    nudged = [results(rule, "numpy", optimiser, 1 + eps) for eps in (1e-13, -1e-13)]
    found = []
    with np.errstate(all="ignore"):
        for name, values in interpreted.items():
            moved = sum(abs(other[name] - values) for other in nudged if other is not None)
            near = abs(compiled[name] - values) <= 1e-9 * abs(values) + 1e-12 + 1e3 * moved
            same = near | (compiled[name] == values) | np.isnan(compiled[name]) & np.isnan(values) | np.isnan(moved) & ~np.isnan(values)
            if not same.all():
                found.append(f"{name}: {compiled[name][~same][0]!r} in place of {values[~same][0]!r}")
    return found
