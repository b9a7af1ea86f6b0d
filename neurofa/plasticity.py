"""One plasticity line -> outer products over trials.

A line is a sum of (what the postsynaptic cell contributes) x (what the presynaptic cell contributes), and of terms in the
weight alone. Each product, averaged over K trials, is one matrix product; nothing per synapse and trial is ever formed.
"""

import re
from dataclasses import dataclass

import numpy as np
import sympy
from brian2.parsing.sympytools import str_to_sympy, sympy_to_str
from scipy.special import exprel

from .errors import RuleError

_LINE = re.compile(r"\s*(?P<left>w\s*\+=|dw\s*/\s*dt\s*=)\s*(?P<code>[^#]+)")


@dataclass(frozen=True)
class Term:
    """`w**power * post * pre`: `post` and `pre` are expressions in the variables of one cell, or "1"."""

    post: str
    pre: str
    power: int
    of_activity: bool      # False: a decay, which depends on no cell and which optimisers leave alone


@dataclass(frozen=True)
class Split:
    """The right-hand side of a line, and its terms."""

    code: str
    terms: tuple[Term, ...]


def split(line, where):
    """Split a Plasticity line into its terms. Raises RuleError if it is not a sum of (post) x (pre) x (power of w)."""
    match = _LINE.fullmatch(line.equation.strip())
    if not match:
        raise RuleError(f"{where} is neither 'w += ...' nor 'dw/dt = ...'.")
    if match["left"].startswith("dw") != bool(line.during):
        raise RuleError(f"{where}: write 'w += ...' for a change after a phase, 'dw/dt = ...' for one during it.")
    code = match["code"].strip()
    try:
        expression = sympy.expand_mul(str_to_sympy(code))
    except SyntaxError as problem:
        raise RuleError(f"{where} cannot be read: {problem}") from None
    posts = {}
    for term in sympy.Add.make_args(expression):
        post, pre, power = _factors(term, where)
        posts[pre, power] = posts.get((pre, power), 0) + post
    return Split(code, tuple(_term(post, pre, power) for (pre, power), post in posts.items()))


def _factors(term, where):
    """Return (post, pre, power of w) of one product; plain numbers and parameters go with `post`."""
    post, pre, power = sympy.Integer(1), sympy.Integer(1), 0
    for factor in sympy.Mul.make_args(term):
        names = {symbol.name for symbol in factor.free_symbols}
        ends = {name.rsplit("_", 1)[-1] for name in names if name.endswith(("_pre", "_post"))}
        base, exponent = factor.as_base_exp()
        if "w" in names:
            if base.name != "w" if base.is_Symbol else True:
                raise RuleError(f"{where}: '{factor}' mixes w with other names. Write a sum of terms w**n * (...) * (...).")
            if not (exponent.is_Integer and exponent > 0):
                raise RuleError(f"{where}: w may stand to a positive whole power only, not '{factor}'.")
            power += int(exponent)
        elif ends == {"pre", "post"}:
            raise RuleError(f"{where}: '{factor}' cannot be written as (post) x (pre), so it would need one value per synapse "
                            "and trial. Write a sum of products.")
        elif ends == {"pre"}:
            pre *= factor
        else:
            post *= factor
    return post, pre, power


def _term(post, pre, power):
    of_activity = pre != 1 or any(symbol.name.endswith("_post") for symbol in post.free_symbols)
    return Term(_without_suffix(post, "_post"), _without_suffix(pre, "_pre"), power, of_activity)


def _without_suffix(expression, suffix):
    """Return the expression as text in the names that the cell itself uses."""
    names = {s: sympy.Symbol(s.name.removesuffix(suffix), real=True) for s in expression.free_symbols}
    return sympy_to_str(expression.subs(names))


FUNCTIONS = dict(exp=np.exp, log=np.log, log10=np.log10, sqrt=np.sqrt, abs=np.abs, sign=np.sign, clip=np.clip, sin=np.sin,
                 cos=np.cos, tan=np.tan, sinh=np.sinh, cosh=np.cosh, tanh=np.tanh, arcsin=np.arcsin, arccos=np.arccos,
                 arctan=np.arctan, int=np.int_, floor=np.floor, ceil=np.ceil, exprel=exprel)


class Plastic:
    """The synapses that one line changes in one synapse group, with their moments.

    `net` gives the arrays; `optimiser` says how the change that the line asks for becomes a change of weight.
    """

    def __init__(self, net, group, line, optimiser):
        self.net, self.group, self.line, self.optimiser = net, group, line, optimiser
        self.terms = split(line, f"{net.rule.name}: plasticity of {line.pathway}").terms
        self.updates = 0
        self.states = {name: {"w": net[name]} | {m: np.zeros_like(net[name]) for m in optimiser.state}
                       for name in (f"{group.name}.w", f"{group.name}.bias") if name in net.probeable}

    def change(self):
        """Return the change that the line asks for now: `{array name: (of activity, decay)}`."""
        found = {name: [np.zeros((), state["w"].dtype)] * 2 for name, state in self.states.items()}
        for k, term in enumerate(self.terms):
            for name, change in self._of_term(k, term).items():
                part = 0 if term.of_activity else 1
                found[name][part] = found[name][part] + change * self.states[name]["w"] ** term.power \
                    if term.power else found[name][part] + change
        return found

    def learn(self):
        """Change the weights once."""
        self.updates += 1
        eta = float(self.net.parameters.get("eta", 1.0))
        for name, (dw, decay) in self.change().items():
            state = self.states[name]
            if any(term.of_activity for term in self.terms):
                self.optimiser.update(state, dw, self.updates, eta)
            state["w"] += decay

    def _of_term(self, k, term):
        """Return what one term adds to the weights (post, pre) and to the bias (post,), averaged over the trials."""
        n = self.net.active
        weights, bias = f"{self.group.name}.w", f"{self.group.name}.bias"
        post = self._post(k, term)
        if not term.of_activity:
            return {name: float(post) for name in self.states}
        name = f"{self.group.name}:post_{self.group.name}_{k}.g"
        if self.line.during and name in self.net.arrays:
            found = {weights: self.net.arrays[name] / n}
        else:
            pre = self._evaluate(term.pre, self.group.source, (n, self.group.shape[1]))
            found = {weights: post.T @ pre / n}
        if bias in self.states:      # a synapse from a unit whose signal is always 1
            found[bias] = post.mean(axis=0) * self._constant(term.pre)
        return found

    def _post(self, k, term):
        if self.line.during:
            summed = self.net[f"{self.group.target}.sum_post_{self.group.name}_{k}"][:self.net.active]
            return summed if term.of_activity else summed.flat[0]
        shape = (self.net.active, self.group.shape[0]) if term.of_activity else ()
        return self._evaluate(term.post, self.group.target, shape)

    def _constant(self, pre):
        """Return the presynaptic factor of a unit whose variables are all 1."""
        names = {s.name: 1.0 for s in str_to_sympy(pre).free_symbols}
        return 1.0 if pre == "1" else float(eval(pre, dict(FUNCTIONS), names | self._parameters()))

    def _parameters(self):
        return {name: float(value) for name, value in self.net.parameters.items()}

    def _evaluate(self, code, population, shape):
        names = self._parameters()
        if shape:
            names |= self.net.variables(population)
        value = np.asarray(eval(code, dict(FUNCTIONS), names), dtype=self.net.dtype)
        return np.broadcast_to(value, shape)


def plastic_groups(line, groups):
    """Return the synapse groups that a plasticity line changes."""
    return [g for g in groups if g.pathway.name == line.pathway and (line.to is None or g.target.startswith(line.to))]


def plastic_of(net, optimiser):
    """Return `{phase: [Plastic]}`: all that learns in `net`, by the phase after which it does."""
    found = {phase.name: [] for phase in net.rule.phases}
    for line in net.rule.plasticity:
        for group in plastic_groups(line, net.circuit.groups):
            found[line.phase].append(Plastic(net, group, line, optimiser))
    return found
