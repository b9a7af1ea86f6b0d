"""How Brian2 turns our objects into code: its own generators, with templates of ours in front of
its templates.

In a rule's text all numbers are real, in both targets alike: int, floor, ceil, sign and clip give
numbers of the circuit's precision, however large, and a % b has the sign of b. Brian2's own are of
C's and NumPy's whole numbers, which differ beyond 32 bits and by zero.
"""

from typing import Any

import numpy as np
from brian2.codegen.generators.cpp_generator import CPPCodeGenerator
from brian2.codegen.runtime.numpy_rt import NumpyCodeObject
from brian2.core.functions import DEFAULT_FUNCTIONS
from brian2.devices.cpp_standalone.codeobject import CPPStandaloneCodeObject
from brian2.parsing.rendering import CPPNodeRenderer
from brian2.utils.stringtools import word_substitute
from scipy.special import exprel

from ...base.reals import REALS

IN_CPP = {
    "int_": "neurofa::whole",
    "floor": "neurofa::floor",
    "ceil": "neurofa::ceil",
    "_sign": "neurofa::sign",
    "_clip": "neurofa::clip",
    **{name: f"neurofa::{name}" for name in ("exp", "tanh", "log", "sin", "cos", "sqrt")},
}
"""Functions as Brian2 calls them in C++ -> those of reals.h and vectormath.h."""


class StandaloneCode(CPPStandaloneCodeObject):
    """C++ in a user's own standalone script."""

    templater = CPPStandaloneCodeObject.templater.derive("neurofa.engine.brian")


class RealRenderer(CPPNodeRenderer):
    """C++ in which all numbers are real."""

    def render_Call(self, node: Any) -> str:
        name, arguments = node.func.id, ", ".join(map(self.render_node, node.args))
        return f"{IN_CPP[name]}({arguments})" if name in IN_CPP else super().render_Call(node)

    def render_BinOp(self, node: Any) -> str:
        code = super().render_BinOp(node)
        return (
            code.replace("_brian_mod(", "neurofa::mod(", 1)
            if type(node.op).__name__ == "Mod"
            else code
        )


class RealGenerator(CPPCodeGenerator):
    """Brian2's generator of C++, of expressions in which all numbers are real."""

    # what Brian2's texts use of its own is said once (library/api.cpp), not once per object
    universal_support_code = ""

    def translate_expression(self, expr: str) -> str:
        code = word_substitute(expr, self.func_name_replacements)
        return RealRenderer(auto_vectorise=self.auto_vectorise).render_expr(code).strip()


class LibraryCode(CPPStandaloneCodeObject):
    """C++ in the shared library of a network: functions of a range of trials."""

    templater = CPPStandaloneCodeObject.templater.derive(
        "neurofa.engine.brian", templates_dir="library"
    )
    generator_class = RealGenerator


class NumpyCode(NumpyCodeObject):
    """NumPy, for a user's runtime script and for machines without a compiler."""

    templater = NumpyCodeObject.templater.derive("neurofa.engine.brian")

    def variables_to_namespace(self) -> None:
        super().variables_to_namespace()
        self.namespace.update(REALS)


# Functions that Brian2 has in C++ alone. They are added for our code, and for nobody else's.
for _name, _function in dict(exprel=exprel, expm1=np.expm1, log1p=np.log1p).items():
    DEFAULT_FUNCTIONS[_name].implementations.add_implementation(NumpyCode, _function)
