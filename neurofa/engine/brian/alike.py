"""Code that differs in names alone is compiled once: a circuit takes as long to compile as it has kinds of
populations and of synapse groups, however deep it is.

What a piece of code has of its circuit is where things lie: arrays, numbers of units, packed weights,
delays. The piece that is shared reads these places from a table `_at`, and each of those that share it
hands over a table of its own.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

_PLACE = re.compile(
    r"\b(?P<pointer>_ptr)?(?P<array>_array_\w+)|\bneurofa_units_(?P<units>\w+)"
    r"|(?P<row>_me->(?:ready|packed|lines))\[(?P<number>\d+)\]|\b(?P<space>\w+_space)\b"
)
_FUNCTION = re.compile(r"^static (\w+) (\w+)\((NeurofaCircuit[^)]*)\)", re.MULTILINE)


def compiled_once(
    sources: Sequence[str], types: Mapping[str, str], populations: Sequence[str]
) -> list[str]:
    """Return the sources of code objects, each a namespace with its functions, those that compute the
    same as an earlier one without code of their own.

    `types` are those of arrays in C++, by symbol in the order in which arrays are counted;
    `populations` are names in the order in which populations are.
    """
    pieces = [_by_place(source, types, populations) for source in sources]
    times = Counter(shared for shared, _, _ in pieces)
    names: dict[str, str] = {}
    written = []
    for source, (shared, at, space) in zip(sources, pieces):
        if times[shared] == 1:
            written.append(source)
            continue
        first = shared not in names
        name = names.setdefault(shared, f"shared_by_{len(names)}")
        own = _handing_over(shared, at, space, name)
        written.append(_body(shared, name) + own if first else own)
    return written


def _by_place(source, types, populations):
    """Return a source that reads from `_at` where things lie, what stands there, and the name of its
    namespace."""
    symbols, spaces, at = list(types), [], {}

    def read(match):
        if match["space"]:
            spaces.append(match["space"])
            return "_space"
        if match["array"] in types:
            place = f"(({types[match['array']]}*)_me->data[{{}}])", symbols.index(match["array"])
        elif match["units"] in populations:
            place = "_me->units[{}]", populations.index(match["units"])
        elif match["row"]:
            place = f"{match['row']}[{{}}]", int(match["number"])
        else:
            return match[0]
        k = at.setdefault(place, len(at))
        return f"_ptr{k}" if match["pointer"] else place[0].format(f"_at[{k}]")

    shared = _PLACE.sub(read, source)
    return shared, [number for _, number in at], spaces[0]


def _body(shared, name):
    """Return the code that is shared: the compiler must not make a copy of it for every table."""
    asked = r"__attribute__((noinline, noclone)) static \1 \2(\3, const int* const _at)"
    return _FUNCTION.sub(asked, shared).replace("namespace _space", f"namespace {name}", 1)


def _handing_over(shared, at, space, name):
    """Return functions that call those which are shared."""
    lines = [f"static const int _at[] = {{ {', '.join(map(str, at))} }};"]
    for type, function, parameters in _FUNCTION.findall(shared):
        given = ", ".join(one.split()[-1] for one in parameters.split(","))
        call = f"{name}::{function}({given}, _at)"
        lines.append(f"static {type} {function}({parameters}) {{ return {call}; }}")
    return "\n".join([f"\nnamespace {space} {{", *lines, "}\n"])
