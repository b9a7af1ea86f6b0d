"""One plasticity line -> outer products over trials.

A line is a sum of (what the postsynaptic cell contributes) x (what the presynaptic cell contributes), and of terms in the
weight alone. Each product, averaged over K trials, is one matrix product; nothing per synapse and trial is ever formed.
"""

import re
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
import sympy
from brian2.parsing.sympytools import str_to_sympy, sympy_to_str

from .errors import NetworkError, RuleError
from .probes import numbered
from .limits import check_expression, check_text, in_words
from .text import evaluate

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
    check_text(line.equation, where)
    text = " ".join(part.split("#")[0] for part in line.equation.splitlines())
    match = _LINE.fullmatch(text.strip())
    if not match:
        raise RuleError(f"{where} is neither 'w += ...' nor 'dw/dt = ...'.")
    if match["left"].startswith("dw") != bool(line.during):
        raise RuleError(f"{where}: write 'w += ...' for a change after a phase, 'dw/dt = ...' for one during it.")
    code = match["code"].strip()
    check_expression(code, where)
    with in_words(f"{where} cannot be read"):
        expression = sympy.expand(str_to_sympy(code), power_base=False, power_exp=False, log=False)
    posts = {}
    for term in sympy.Add.make_args(expression):
        if not isinstance(term, sympy.Expr):
            raise RuleError(f"{where}: '{term}' is true or false, and no number. Write int({term}).")
        post, pre, power = _factors(term, where)
        of_activity = pre != 1 or any(symbol.name.endswith("_post") for symbol in post.free_symbols)
        key = (pre, power, of_activity)
        posts[key] = posts.get(key, 0) + post
    return Split(code, tuple(
        Term(_without_suffix(post, "_post"), _without_suffix(pre, "_pre"), power, of_activity)
        for (pre, power, of_activity), post in posts.items()))


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


def _without_suffix(expression, suffix):
    """Return the expression as text in the names that the cell itself uses."""
    names = {s: sympy.Symbol(s.name.removesuffix(suffix), real=True) for s in expression.free_symbols}
    return sympy_to_str(expression.subs(names))


class Plastic:
    """The synapses that one line changes in one synapse group, with their moments.

    `net` gives the arrays; `optimiser` says how the change that the line asks for becomes a change of weight.
    """

    def __init__(self, net, group, line, optimiser):
        self.net, self.group, self.line, self.optimiser = net, group, line, optimiser
        self.number = net.rule.plasticity.index(line) if line.during else None
        self.terms = split(line, f"{net.rule.name}: plasticity of {line.pathway}").terms
        self.updates = 0
        self.states = {name: {"w": net[name]} | {m: np.zeros_like(net[name]) for m in optimiser.state}
                       for name in (f"{group.name}.w", f"{group.name}.bias") if name in net.probeable}

    def change(self, teaching=slice(None)):
        """Return the change that the line asks for now: `{array name: (of activity, decay)}`.

        `teaching` are the trials that count, (trials,); for a change after a phase, not for one that is integrated during it.
        """
        found = {name: ([], []) for name in self.states}
        for k, term in enumerate(self.terms):
            for name, change in self._of_term(k, term, teaching).items():
                scaled = change * self.states[name]["w"] ** term.power if term.power else change
                found[name][0 if term.of_activity else 1].append(scaled)
        return {name: tuple(reduce(add, terms) if terms else 0.0 for terms in both) for name, both in found.items()}

    def learn(self, change):
        """Make a `change` that was asked for: what comes of activity through the optimiser, decay as it stands."""
        self.updates += 1
        eta = float(self.net.parameters.get(self.line.rate, 1.0))
        lesions = self.net.synapses.lesions.get(self.group.name)
        for name, (dw, decay) in change.items():
            if any(term.of_activity for term in self.terms):
                if lesions and not name.endswith(".bias"):
                    dw = np.where(lesions.cut, 0.0, dw)     # nor do moments grow there
                if self.optimiser.decay and not name.endswith(".bias"):
                    self.states[name]["w"] *= 1 - eta * self.optimiser.decay
                self.optimiser.update(self.states[name], dw, self.updates, eta)
            if not all(term.of_activity for term in self.terms):
                self.states[name]["w"] += decay

    def _of_term(self, k, term, teaching):
        """Return what one term adds to the weights (post, pre) and to the bias (post,), averaged over the trials."""
        n = self.net.active
        weights, bias = f"{self.group.name}.w", f"{self.group.name}.bias"
        post = self._post(k, term)
        if not term.of_activity:
            return {name: float(post) for name in self.states}
        product = f"{self.group.name}:{factor_name(self.group, self.number, k)}.g"
        if self.line.during and product in self.net.arrays:
            found = {weights: self.net.arrays[product] / n}
        else:
            pre = self._evaluate(term.pre, self.net.variables(self.group.source), (n, self.group.shape[1]))
            if not self.line.during:
                post, pre = post[teaching], pre[teaching]
            found = {weights: (post / len(post)).T @ pre}
        if bias in self.states:
            found[bias] = post.mean(axis=0) * self._of_constant(term.pre)
        return found

    def _post(self, k, term):
        if self.line.during:
            summed = self.net.arrays[f"{self.group.target}.sum_{factor_name(self.group, self.number, k)}"][:self.net.active]
            return summed if term.of_activity else summed.flat[0]
        if not term.of_activity:
            return self._evaluate(term.post, {}, ())
        return self._evaluate(term.post, self.net.variables(self.group.target), (self.net.active, self.group.shape[0]))

    def _of_constant(self, pre):
        """Return the presynaptic factor of the bias: of a unit whose variables are all 1."""
        variables = self.net.variables(self.group.source)
        return self._evaluate(pre, {n: v if callable(v) else np.float64(1) for n, v in variables.items()}, ())

    def _evaluate(self, code, variables, shape):
        parameters = {name: float(value) for name, value in self.net.parameters.items()}
        return np.broadcast_to(np.asarray(evaluate(code, parameters | variables), dtype=self.net.dtype), shape)


def moments(plastic):
    """Return `{name: array}` of what the optimiser keeps of the synapses of several Plastic: "W1.w.m", (post, pre)."""
    found = {}
    for one in plastic:
        for name, state in one.states.items():
            found |= {numbered(f"{name}.{moment}", found): state[moment] for moment in one.optimiser.state}
    return found


def factor_name(group, number, k):
    """Return the name of the postsynaptic factor of the k-th term of a line that is integrated during its phase."""
    return f"post_{group.name}_{number}_{k}"


def plastic_groups(line, groups):
    """Return the synapse groups that a plasticity line changes."""
    return [g for g in groups if g.pathway.name == line.pathway and _reaches(line, g.target)]


def kinds_reached(line):
    """Return the kinds of unit that a line with `to` is restricted to: of "hidden2", ("hidden",); () if there are no such."""
    if not isinstance(line.to, str):
        return ()
    if re.fullmatch(r"hidden([1-9]\d*)?", line.to):
        return ("hidden",)
    return {"layers": ("hidden", "output"), "output": ("output",)}.get(line.to, ())


def _reaches(line, target):
    """Whether a line changes the synapses that enter a population: all, those of a kind, or those of one layer."""
    return line.to is None or target == line.to or line.to in ("hidden", "layers") and re.sub(r"\d+$", "", target) in kinds_reached(line)


def plastic_of(net, optimisers):
    """Return `{phase: [Plastic]}`: all that learns in `net`, by the phase after which it does; `optimisers` are by pathway.

    Raises NetworkError if an optimiser scales changes by a learning rate that the rule does not have.
    """
    found = {phase.name: [] for phase in net.rule.phases}
    for line in net.rule.plasticity:
        optimiser = optimisers[line.pathway]
        if "eta" in optimiser.text and line.rate not in net.parameters:
            raise NetworkError(f"The optimiser {optimiser.name} needs a learning rate, and {net.rule.name} has no parameter "
                               f"'{line.rate}'. Give it one, or use the optimiser 'gradient'.")
        groups = plastic_groups(line, net.circuit.groups)
        if not groups and line.to not in (None, "hidden"):
            entered = sorted(g.target for g in net.circuit.groups if g.pathway.name == line.pathway)
            raise NetworkError(f"Plasticity of {line.pathway} is restricted to '{line.to}', and in this network {line.pathway} enters "
                               f"{', '.join(entered)}.")
        for group in groups:
            found[line.phase].append(Plastic(net, group, line, optimiser))
    return found
