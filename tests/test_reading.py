"""Manipulations as text."""

import pytest
from brian2 import ms

from neurofa.errors import RuleError
from neurofa.models import bp, fa, ifa
from neurofa.pathways import at_angle, deg, delayed, epoch, gain, lesioned, sparse
from neurofa.pathways.reading import read, through


@pytest.mark.parametrize("text, values", [
    ("sparse(0.5)", [sparse(0.5)]),
    ("sparse(0.5) | delayed(20*ms)", [sparse(0.5), delayed(20*ms)]),
    ("at_angle(60*deg, tracked=True)|gain(2)|lesioned(at=epoch(3), channels=(0, 2))",
     [at_angle(60 * deg, tracked=True), gain(2), lesioned(at=epoch(3), channels=(0, 2))]),
])
def test_text_stands_for_values(text, values):
    assert read(text) == values


def test_all_feedback_or_what_is_named():
    assert [p.through for p in through(fa.RULE, "sparse(0.5)").all_pathways] == [(), (sparse(0.5),)]
    assert [p.through for p in through(fa.RULE, "W: sparse(0.5)").all_pathways] == [(sparse(0.5),), ()]
    assert [p.through for p in through(fa.RULE, "W, B: gain(2)").all_pathways] == [(gain(2),), (gain(2),)]
    relay = through(ifa.RULE, "sparse(0.5) | gain(2)").pathways
    assert [p.through for p in relay] == [(sparse(0.5), gain(2)), (gain(2),)]       # the relay uses the synapses of W


@pytest.mark.parametrize("rule, text, message", [
    (fa.RULE, "spars(1)", "Did you mean 'sparse'"),
    (fa.RULE, "sparse(0.5", "cannot be read"),
    (fa.RULE, "sparse(2)", "at most 1"),
    (fa.RULE, "sparse(0.5, 1, 2)", "cannot be made"),
    (fa.RULE, "20*ms", "is no manipulation"),
    (fa.RULE, "X: sparse(0.5)", "no pathway 'X'"),
    (fa.RULE, "__import__('os').getcwd()", "__import__"),
    (bp.RULE, "sparse(0.5)", "synapses of its own"),
])
def test_what_cannot_be_read_is_said(rule, text, message):
    with pytest.raises(RuleError, match=message.replace("(", r"\(")):
        through(rule, text)
