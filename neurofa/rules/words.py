"""Names that an author cannot give to a variable, a parameter or a gate, because the circuit's code
means something else by them."""

import re

SUPPLIED = (
    "phi",
    "dphi",
    "t",
    "dt",
    "dcost",
    "target",
    "w",
    "g",
    "xi",
    "i",
    "N",
    "softmax_r",
    "residual",
)
"""What neurofa supplies to a rule's text, or keeps beside it."""

BEGINNINGS = ("dcost_", "read_", "sum_post_", "normal_xi", "xi_")
ENDINGS = ("_pre", "_post")

CPP = frozenset(
    """
    alignas alignof and and_eq asm auto bitand bitor bool break case catch char char8_t char16_t char32_t class co_await co_return co_yield
    compl concept const const_cast consteval constexpr constinit continue decltype default delete do double dynamic_cast else enum
    explicit export extern false float for friend goto if inline int long mutable namespace new noexcept not not_eq nullptr operator or
    or_eq private protected public register reinterpret_cast requires return short signed sizeof static static_assert static_cast struct
    switch template this thread_local throw true try typedef typeid typename union unsigned using virtual void volatile wchar_t while xor
    xor_eq INFINITY M_E M_PI NAN NULL SIGINT
""".split()
)
"""The keywords of C++ (up to C++20), in which circuits are compiled, and the macros that their code
uses."""


def reserved(name: str) -> bool:
    """Return whether `name` is taken: by neurofa, or by the language in which circuits are
    compiled."""
    return (
        name in SUPPLIED
        or name in CPP
        or name.startswith(BEGINNINGS)
        or name.endswith(ENDINGS)
        or re.fullmatch(r"post_[A-Za-z_]+\d*_\d+_\d+", name) is not None
    )


def why(name: str) -> str:
    """Return the sentence that says why `name` is reserved."""
    if name in CPP:
        return f"'{name}' is a word of C++, in which circuits are compiled. Choose another name, such as '{name}_'."
    return (
        f"'{name}' is a name that neurofa supplies. Choose another one: none of {', '.join(SUPPLIED)}, and none that begins with "
        f"{', '.join(BEGINNINGS)} or ends with {' or '.join(ENDINGS)}."
    )
