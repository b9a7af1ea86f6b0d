"""Manipulations as text."""

import inspect

import pytest
from brian2 import ms
from neurofa.models import bp, fa, ifa

from neurofa.base.errors import RuleError
from neurofa.rules import pathways
from neurofa.rules.pathways import (
    at_angle,
    deg,
    delayed,
    epoch,
    gain,
    lesioned,
    noisy,
    product_of_transposes,
    sparse,
)
from neurofa.rules.pathways.reading import VALUES, read, through


@pytest.mark.parametrize(
    "text, values",
    [
        ("sparse(0.5)", [sparse(0.5)]),
        ("sparse(0.5) | delayed(20*ms)", [sparse(0.5), delayed(20 * ms)]),
        (
            "at_angle(60*deg, tracked=True)|gain(2)|lesioned(at=epoch(3), channels=(0, 2))",
            [at_angle(60 * deg, tracked=True), gain(2), lesioned(at=epoch(3), channels=(0, 2))],
        ),
        ("noisy(0.1*ms**0.5)", [noisy(0.1 * ms**0.5)]),
        ("noisy(sigma=.1, tau=1/0.1*ms, shared=True)", [noisy(0.1, 10 * ms, shared=True)]),
        ("gain(-2.5)", [gain(-2.5)]),
        ("product_of_transposes('W')", [product_of_transposes("W")]),
        ("lesioned(at=20*ms, until=None, layer=(1, 2))", [lesioned(at=20 * ms, layer=(1, 2))]),
    ],
)
def test_text_stands_for_values(text, values):
    assert read(text) == values


def test_every_manipulation_and_start_can_be_written():
    public = {name for name in pathways.__all__ if inspect.isclass(getattr(pathways, name))}
    assert set(VALUES) == public - {"Manipulation", "Start"}


def test_all_feedback_or_what_is_named():
    assert [p.through for p in through(fa.RULE, "sparse(0.5)").all_pathways] == [(), (sparse(0.5),)]
    assert [p.through for p in through(fa.RULE, "W: sparse(0.5)").all_pathways] == [
        (sparse(0.5),),
        (),
    ]
    assert [p.through for p in through(fa.RULE, "W, B: gain(2)").all_pathways] == [
        (gain(2),),
        (gain(2),),
    ]
    relay = through(ifa.RULE, "sparse(0.5) | gain(2)").pathways
    # the relay uses the synapses of W
    assert [p.through for p in relay] == [(sparse(0.5), gain(2)), (gain(2),)]


@pytest.mark.parametrize(
    "rule, text, message",
    [
        (fa.RULE, "spars(1)", "Did you mean 'sparse'"),
        (fa.RULE, "sparse(0.5", "cannot be read"),
        (fa.RULE, "sparse(2)", "at most 1"),
        (fa.RULE, "sparse(0.5, 1, 2)", "cannot be made"),
        (fa.RULE, "20*ms", "is no manipulation"),
        (fa.RULE, "X: sparse(0.5)", "no pathway 'X'"),
        (fa.RULE, "__import__('os').getcwd()", "__import__"),
        (
            fa.RULE,
            "gain(sparse.__init__.__globals__['__builtins__']['__import__']('os').getcwd())",
            "sparse.__init__",
        ),
        (fa.RULE, "gain((1).__class__)", "nothing that can be read"),
        (fa.RULE, "gain([x for x in (1, 2)])", "nothing that can be read"),
        (fa.RULE, "B: gain(lambda: 1)", "cannot be read"),
        (fa.RULE, "gain(2 if 1 else 3)", "nothing that can be read"),
        (fa.RULE, "gain(f'{1}')", "nothing that can be read"),
        (fa.RULE, "gain(sparse)", "'sparse' is no unit"),
        (fa.RULE, "gain(**dict(factor=2))", "without [*][*]"),
        (fa.RULE, "gain(*(2,))", "nothing that can be read"),
        (fa.RULE, "gain(9**9**9)", "exponent"),
        (fa.RULE, "gain(10.**8**8)", "exponent"),
        (fa.RULE, "gain(1/0)", "cannot be made"),
        (fa.RULE, "delayed(10-ms)", "nothing that can be read"),
        (fa.RULE, "delayed(20)", "20[*]ms"),
        (fa.RULE, "delayed('20 ms' * ms)", "cannot be made"),
        (fa.RULE, "gain(" + "(" * 5000 + "2" + ")" * 5000 + ")", "cannot be read"),
        (fa.RULE, "gain(" + "-" * 900 + "2)", "cannot be read"),
        (fa.RULE, "gain(2)" + " | gain(2)" * 2000, "cannot be read"),
        (fa.RULE, "gain(2)\0", "cannot be read"),
        (fa.RULE, "", "cannot be read"),
        (bp.RULE, "sparse(0.5)", "synapses of its own"),
    ],
)
def test_what_cannot_be_read_is_said(rule, text, message):
    with pytest.raises(RuleError, match=message.replace("(", r"\(")):
        through(rule, text)
