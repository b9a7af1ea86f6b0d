"""Activations as Brian2 functions: in C++, for the compiled loop, and in NumPy."""

from brian2 import Function

from ..base.arguments import shown
from ..rules.activations import Activation
from .brian.toolchain import complaint_about

HEADERS = [
    "<algorithm>"
]  # (library/common_group.cpp) what a user's own C++ may use beside what all circuits have


def in_cpp(activation: Activation) -> dict[str, str]:
    """Return `{"phi": C++, "dphi": C++}`: expressions in x of the type T."""
    return dict(phi=activation.cpp_phi, dphi=activation.cpp_dphi)  # type: ignore[dict-item]  # they were checked


def functions_of(activation: Activation) -> dict[str, Function]:
    """Return phi and dphi as Brian2 functions."""
    made = {}
    for name, code in in_cpp(activation).items():
        numpy = getattr(activation, name)
        function = Function(numpy, arg_units=[1], return_unit=1, stateless=True)
        whole = "\n".join(
            f"static inline double {name}({kind} x) {{ return {name}(double(x)); }}"
            for kind in ("bool", "char", "int32_t", "int64_t")
        )
        function.implementations.add_implementation(
            "cpp",
            f"{_template(name, code)}\n{whole}",
            name=name,
            compiler_kwds={} if activation.built_in else {"headers": HEADERS},
        )
        function.implementations.add_implementation("numpy", numpy)
        made[name] = function
    return made


def broken(activation: Activation) -> str | None:
    """Return what the compiler says of an activation's C++ alone, "cpp_phi: error: ...", or None if
    it compiles that."""
    for name, code in in_cpp(activation).items():
        includes = "\n".join(
            f"#include {file}" for file in (*HEADERS, "<cmath>", "<cstdint>", '"vectormath.h"')
        )
        used = "\n".join(
            f"{kind} as_{kind}({kind} x) {{ return {name}(x); }}" for kind in ("double", "float")
        )
        complaint = complaint_about(f"{includes}\n{_template(name, code)}\n{used}\n")
        if complaint:
            return f"cpp_{name} = {shown(code)}: {complaint}"
    return None


def _template(name, code):
    return f"template <typename T> static inline T {name}(T x) {{ return {code}; }}"
