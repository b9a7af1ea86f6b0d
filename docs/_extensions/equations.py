"""Lines of a learning rule as LaTeX, term by term in the order in which they are written."""

import ast
import re

GREEK = "alpha beta gamma delta eta phi psi sigma tau xi Sigma".split()
SYMBOLS = {name: rf"\{name}" for name in GREEK} | {
    "lam": r"\lambda",
    "eps": r"\varepsilon",
    "dphi": r"\phi'",
    "dcost": r"\frac{\partial C}{\partial r}",
}
SUM, PRODUCT, POWER, ATOM = range(4)  # how tightly the outermost operation of a term binds
OPERATORS = {
    ast.Gt: ">", ast.Lt: "<", ast.GtE: r"\geq", ast.LtE: r"\leq", ast.Eq: "=", ast.NotEq: r"\neq",
}  # fmt: skip


def symbol(name: str) -> str:
    """Return a variable's name as LaTeX: `v_basal_post` has a subscript and a superscript."""
    if name in SYMBOLS:
        return SYMBOLS[name]
    base, *parts = name.split("_")
    above = [parts.pop()] if parts and parts[-1] in ("pre", "post") else []
    written = SYMBOLS.get(base) or (base if len(base) == 1 else rf"\mathrm{{{base}}}")
    below = ",".join(SYMBOLS.get(p) or (p if len(p) == 1 else rf"\mathrm{{{p}}}") for p in parts)
    return (
        written
        + (f"_{{{below}}}" if below else "")
        + (rf"^{{\mathrm{{{above[0]}}}}}" if above else "")
    )


def expression(text: str) -> str:
    """Return an expression in Brian2's notation as LaTeX. Raises ValueError for what is none."""
    return _written(ast.parse(text.strip(), mode="eval").body)[0]


def line(text: str) -> str:
    """Return one line as LaTeX: `dv/dt = ... : 1`, `r = phi(v) : 1`, `setpoint : 1`, `w += ...`."""
    left, operator, right = re.match(
        r"([^=+:]+?)\s*(?:(\+?=)\s*([^:]+))?\s*(?::.*)?$", text
    ).groups()
    if change := re.fullmatch(r"d(\w+)/dt", left):
        left = rf"\frac{{\mathrm{{d}}{symbol(change[1])}}}{{\mathrm{{d}}t}}"
    elif operator == "+=":
        left, operator = rf"\Delta {symbol(left)}", "="
    else:
        left = symbol(left)
    return f"{left} = {expression(right)}" if operator else left


def lines(text: str) -> list[tuple[str, str]]:
    """Return [(line, comment)] of a text of equations, without its empty lines."""
    parts = (row.partition("#") for row in text.splitlines())
    return [(row.strip(), comment.strip()) for row, _, comment in parts if row.strip()]


def _written(node: ast.AST) -> tuple[str, int]:
    """Return a term as LaTeX, and how tightly its outermost operation binds."""
    match node:
        case ast.Name():
            return symbol(node.id), ATOM
        case ast.Constant():
            return _number(node.value), ATOM
        case ast.UnaryOp(op=ast.USub()):
            return "-" + _bound(node.operand, PRODUCT), SUM
        case ast.BinOp(op=ast.Div()):
            above, below = _written(node.left)[0], _written(node.right)[0]
            return rf"\frac{{{above}}}{{{below}}}", PRODUCT
        case ast.BinOp(op=ast.Mult()):
            first = _written(node.left)[0] if _negative(node.left) else _bound(node.left, PRODUCT)
            return rf"{first} \, {_bound(node.right, PRODUCT)}", PRODUCT
        case ast.BinOp(op=ast.Pow()):
            return f"{_bound(node.left, ATOM)}^{{{_written(node.right)[0]}}}", POWER
        case ast.BinOp(op=ast.Add()):
            return f"{_written(node.left)[0]} + {_written(node.right)[0]}", SUM
        case ast.BinOp(op=ast.Sub()):
            return f"{_written(node.left)[0]} - {_bound(node.right, PRODUCT)}", SUM
        case ast.Compare(ops=[operator]):
            left, right = _written(node.left)[0], _written(node.comparators[0])[0]
            return f"{left} {OPERATORS[type(operator)]} {right}", SUM
        case ast.Call():
            return _called(node.func.id, [_written(a)[0] for a in node.args]), ATOM
    raise ValueError(f"'{ast.unparse(node)}' has no LaTeX here yet: add it to _written.")


def _called(name, arguments):
    given = ", ".join(arguments)
    special = {
        "int": _fenced("[", given, "]"),
        "abs": _fenced("|", given, "|"),
        "sqrt": rf"\sqrt{{{given}}}",
    }
    function = SYMBOLS.get(name, rf"\mathrm{{{name}}}")
    return special.get(name, function + _fenced("(", given, ")"))


def _fenced(left, inside, right):
    """Return something in brackets, which are large where there is a fraction in it."""
    return rf"\left{left} {inside} \right{right}" if r"\frac" in inside else left + inside + right


def _bound(node, least):
    """Return a term as LaTeX, in brackets if it binds less tightly than `least`."""
    written, binds = _written(node)
    return written if binds >= least else _fenced("(", written, ")")


def _negative(node):
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)


def _number(value):
    mantissa, _, exponent = f"{value:g}".partition("e")
    power = f"10^{{{int(exponent)}}}" if exponent else ""
    return (
        power if mantissa == "1" and power else rf"{mantissa} \cdot {power}" if power else mantissa
    )
