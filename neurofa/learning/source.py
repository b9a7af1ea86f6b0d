"""The texts of plasticity lines and optimisers as functions of C++: of a factor, an expression in
the variables of one cell, and of an optimiser, assignments to the variables of one synapse.

A variable x of the text is called v_x.
"""

import ast
from collections.abc import Collection, Mapping, Sequence

import numpy as np
from brian2.utils.stringtools import get_identifiers

from ..engine.brian.teaching import Library, library
from ..rules.activations import Activation
from ..rules.cpp import RealCpp
from .optimisers import Optimiser, assignments


def activation_functions(number: int, activation: Activation) -> str:
    """Return phi and dphi of an activation, as phi_<number> and dphi_<number>."""
    return "\n".join(
        f"template <typename T> static inline T {name}_{number}(T x) {{ return {code}; }}"
        for name, code in (("phi", activation.cpp_phi), ("dphi", activation.cpp_dphi))
    )


def factor_function(
    name: str,
    code: str,
    arrays: Sequence[str],
    parameters: Sequence[str],
    functions: Mapping[str, str],
) -> str:
    """Return a function that evaluates `code` for every unit and trial, in the circuit's precision.

    It is given `arrays` of the population and `parameters`, in this order; `functions` says what
    phi and dphi are called.
    """
    names = {one: f"v_{one}" for one in (*arrays, *parameters)} | dict(functions)
    lines = [f"const T v_{one} = T(values[{k}]);" for k, one in enumerate(parameters)]
    read = [f"const T v_{one} = in[{k}][i];" for k, one in enumerate(arrays)]
    return f"""
static void {name}(const Real* const* in, const double* values, int64_t n, Real* out) {{
    typedef Real T;
    {" ".join(lines)}
    #pragma omp simd
    for (int64_t i = 0; i < n; i++) {{ {" ".join(read)} out[i] = T({RealCpp(names).render_expr(code)}); }}
}}"""


def update_function(name: str, optimiser: Optimiser) -> str:
    """Return a function that makes an optimiser's assignments for synapses [first, last), in double
    precision.

    Its values are n, eta, and the optimiser's parameters in their order; its state w and the
    moments.
    """
    states, scalars = ("w", *optimiser.state), ("n", "eta", *optimiser.parameters)
    names = {one: f"v_{one}" for one in (*states, *scalars, "dw")}
    before: list[str] = []
    steps = []
    for target, code in assignments(optimiser.text):
        code = _without_constants(code, {*states, "dw"}, before)
        cpp = RealCpp(names).render_expr(code)
        steps.append(f"v_{target} = Real({cpp});")
    once = [
        f"const T {CONSTANT}{k} = {RealCpp(names).render_expr(c)};" for k, c in enumerate(before)
    ]
    return f"""
static void {name}(Real* const* state, const Real* change, const double* values, int64_t first, int64_t last) {{
    typedef double T;
    {" ".join(f"const T v_{one} = values[{k}];" for k, one in enumerate(scalars))}
    {" ".join(f"Real* const a_{one} = state[{k}];" for k, one in enumerate(states))}
    {" ".join(once)}
    #pragma omp simd
    for (int64_t i = first; i < last; i++) {{
        const Real v_dw = change[i];
        {" ".join(f"Real v_{one} = a_{one}[i];" for one in states)}
        {" ".join(steps)}
        {" ".join(f"a_{one}[i] = v_{one};" for one in states)}
    }}
}}"""


CONSTANT = "constant_"


def _without_constants(code: str, varying: Collection[str], found: list[str]) -> str:
    """Return an expression in which all that is the same for every synapse has a name of its own,
    and add what that stands for to `found`."""

    class Names(ast.NodeTransformer):
        def visit(self, node):
            if not isinstance(node, (ast.BinOp, ast.Call, ast.UnaryOp)):
                return self.generic_visit(node)
            used = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
            if used & {*varying}:
                return self.generic_visit(node)
            found.append(ast.unparse(node))
            return ast.Name(f"{CONSTANT}{len(found) - 1}", ast.Load())

    return ast.unparse(Names().visit(ast.parse(code, mode="eval")))


PHI = ("phi", "dphi")


class Sources:
    """The functions that learning needs, each once, by numbers in the order in which they were asked
    for."""

    def __init__(self) -> None:
        self._factors: dict[tuple[str, int], tuple[list[str], list[str]]] = {}
        self._updates: dict[str, None] = {}
        self._activations: list[Activation] = []

    def factor(
        self, code: str, variables: Collection[str], parameters: Collection[str], own: Activation
    ) -> tuple[int, list[str], list[str]]:
        """Return (number of the function, its arrays, its parameters) of an expression in the
        variables of a population with the activation `own`."""
        if own not in self._activations:
            self._activations.append(own)
        key = code, self._activations.index(own)
        if key not in self._factors:
            used = get_identifiers(code)
            arrays = sorted(used & {*variables})
            self._factors[key] = arrays, sorted(used & {*parameters} - {*arrays})
        return [*self._factors].index(key), *self._factors[key]

    def update(self, optimiser: Optimiser) -> int:
        """Return the number of an optimiser's function."""
        code = update_function("NAME", optimiser)
        self._updates.setdefault(code)
        return [*self._updates].index(code)

    def library(self, dtype: np.dtype) -> Library:
        """Return the compiled Library of all that was asked for."""
        factors = [
            factor_function(
                f"factor_{k}", code, *used, {name: f"{name}_{activation}" for name in PHI}
            )
            for k, ((code, activation), used) in enumerate(self._factors.items())
        ]
        updates = [code.replace("NAME", f"update_{k}") for k, code in enumerate(self._updates)]
        needed = [activation_functions(k, a) for k, a in enumerate(self._activations)]
        return library(
            (*needed, *factors, *updates),
            tuple(f"factor_{k}" for k in range(len(factors))),
            tuple(f"update_{k}" for k in range(len(updates))),
            dtype.name,
        )
