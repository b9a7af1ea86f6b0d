"""Expressions of a rule's text as expressions of C++, for code that has vectormath.h and needs
nothing of Brian2's beside it."""

import ast
from collections.abc import Mapping

from brian2.parsing.rendering import CPPNodeRenderer

_IN_CPP = {
    "exp": "neurofa::exp",
    "log": "neurofa::log",
    "sin": "neurofa::sin",
    "cos": "neurofa::cos",
    "tanh": "neurofa::tanh",
    "sqrt": "neurofa::sqrt",
    "abs": "std::fabs",
    "arcsin": "std::asin",
    "arccos": "std::acos",
    "arctan": "std::atan",
}
_MADE = {
    "sign": "T(({0} > T(0)) - ({0} < T(0)))",
    "clip": "std::min(std::max({0}, {1}), {2})",
    "int": "std::trunc({0})",
}


class Cpp(CPPNodeRenderer):
    """An expression of C++ in which every number has the type T."""

    def render_Constant(self, node):
        return f"T({super().render_Constant(node)})"

    def render_Name(self, node):
        return {"pi": "T(3.14159265358979323846)", "e": "T(2.71828182845904523536)"}.get(
            node.id
        ) or super().render_Name(node)

    def render_BinOp(self, node):
        left, right = self.render_node(node.left), self.render_node(node.right)
        whole = f"std::floor(({left}) / ({right}))"
        made = {
            "Pow": f"T(std::pow({left}, {right}))",
            "FloorDiv": whole,
            "Mod": f"(({left}) - ({right}) * {whole})",
            "Div": f"(({left}) / ({right}))",
        }
        return made.get(type(node.op).__name__) or super().render_BinOp(node)

    def render_Call(self, node):
        name, operands = node.func.id, [f"T({self.render_node(one)})" for one in node.args]
        if name in _MADE:
            return _MADE[name].format(*operands)
        return f"{_IN_CPP.get(name, f'std::{name}')}({', '.join(operands)})"


_REAL = {
    "sign": "neurofa::sign({0})",
    "clip": "neurofa::clip({0}, {1}, {2})",
    "int": "neurofa::whole({0})",
    "floor": "neurofa::floor({0})",
    "ceil": "neurofa::ceil({0})",
    "exprel": "neurofa::exprel({0})",
    "logical_not": "T(!{0})",
}


class RealCpp(Cpp):
    """The same for code that has reals.h, too, where variables are called `names` and others keep
    theirs."""

    def __init__(self, names: Mapping[str, str]):
        super().__init__()
        self.names = names

    def render_Name(self, node):
        return self.names.get(node.id) or super().render_Name(node)

    def render_BinOp(self, node):
        if isinstance(node.op, ast.Mod):
            left, right = self.render_node(node.left), self.render_node(node.right)
            return f"T(neurofa::mod({left}, {right}))"
        return super().render_BinOp(node)

    def render_Call(self, node):
        operands = [f"T({self.render_node(one)})" for one in node.args]
        name = node.func.id
        if name in self.names:
            return f"{self.names[name]}({', '.join(operands)})"
        return _REAL[name].format(*operands) if name in _REAL else super().render_Call(node)
