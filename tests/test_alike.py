"""Code that differs in names alone is compiled once."""

import re

import numpy as np
import pytest
from brian2 import ms
from neurofa.models import fa

from neurofa import Network
from neurofa.engine.brian import alike
from neurofa.engine.brian.alike import compiled_once

PIECE = """
namespace {name}_space {{
static void run(NeurofaCircuit* const _me, const int _first, const int _last)
{{
    double* _ptr_array_{name}_v = _array_{name}_v;
    const double* _ptr_array_{reads} = _array_{reads};
    for (int i = 0; i < neurofa_units_{name}; i++) _ptr_array_{name}_v[i] = {factor} * _ptr_array_{reads}[i];
}}
}}
"""
TYPES = {
    "_array_a_v": "double",
    "_array_b_v": "double",
    "_array_n": "int32_t",
    "_array_x": "double",
}


def pieces(*rows):
    return [PIECE.format(name=name, reads=reads, factor=factor) for name, reads, factor in rows]


def test_a_later_piece_hands_its_places_to_the_first():
    first, second = compiled_once(pieces(("a", "x", 2), ("b", "x", 2)), TYPES, ["a", "b"])
    assert "namespace shared_by_0 {" in first and "for (" in first
    assert "for (" not in second and "_ptr" not in second
    assert "_at[] = { 0, 3, 0 };" in first and "_at[] = { 1, 3, 1 };" in second


@pytest.mark.parametrize(
    "other",
    [("b", "x", 3), ("b", "n", 2), ("b", "b_v", 2)],
    ids=["number", "type", "one array for two"],
)
def test_what_computes_something_else_stays_as_it_is(other):
    sources = pieces(("a", "x", 2), other)
    assert compiled_once(sources, TYPES, ["a", "b"]) == sources


def test_a_deep_circuit_has_no_more_code_than_a_shallow_one(
    monkeypatch, tmp_path, new_cache, needs_compiler
):
    written = []

    def look(*circuit):
        written.append("".join(compiled_once(*circuit)))
        raise Stop

    monkeypatch.setenv("NEUROFA_CACHE", str(new_cache(tmp_path / "cache")))
    monkeypatch.setattr(alike, "compiled_once", look)
    for sizes in ([2, 3, 3, 2], [2, 3, 3, 3, 3, 3, 2]):
        with pytest.raises(Stop):
            Network(sizes, fa.RULE)
    shallow, deep = (len(re.findall(r"^\{", text, re.MULTILINE)) for text in written)
    assert shallow == deep > 0


def test_populations_that_share_code_compute_what_they_do_alone(target):
    x = np.random.default_rng(1).standard_normal((2, 3))
    net = Network([3, 7, 1, 4, 2], fa.RULE, trials=2, seed=1, target=target)
    net.stimulus(x)
    net.run("free", 500 * ms)
    rates = x
    for k, layer in enumerate(("hidden1", "hidden2", "hidden3"), 1):
        rates = np.tanh(rates @ net[f"W{k}"].T + net[f"W{k}.bias"])
        assert np.abs(net[f"{layer}.r"] - rates).max() < 1e-9


class Stop(Exception):
    pass
