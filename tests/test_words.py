"""Names that mean something else to a compiler: a variable is called as its author likes, or the
rule is refused when it is made."""

import keyword

import numpy as np
import pytest
from brian2 import ms

from neurofa import (
    Learner,
    LearningRule,
    Network,
    Pathway,
    Phase,
    Plasticity,
    Population,
    RuleError,
    Trial,
    present,
)
from neurofa.rules.pathways import noisy
from neurofa.rules.words import CPP, SUPPLIED

# Macros of C's headers, functions of C and of Python, names of our own code: all of them variables
# of one circuit.
NASTY = (
    "SIGABRT",
    "SIGTERM",
    "si_int",
    "sa_handler",
    "errno",
    "assert_",
    "stdin",
    "stdout",
    "CHAR_BIT",
    "INT_MAX",
    "INT64_MAX",
    "RAND_MAX",
    "EOF",
    "HUGE_VAL",
    "M_LN2",
    "PATH_MAX",
    "SIZE_MAX",
    "MB_CUR_MAX",
    "math_errhandling",
    "linux",
    "unix",
    "major",
    "complex",
    "real",
    "imag",
    "self",
    "np",
    "numpy",
    "scipy",
    "sympy",
    "brian",
    "neurofa",
    "std",
    "T",
    "run",
    "product",
    "arrays",
    "steps",
    "job",
    "min",
    "max",
    "y0",
    "j1",
    "gamma",
    "beta",
    "zeta",
    "index",
    "size_t",
    "int64_t",
    "signal",
    "malloc",
    "printf",
    "main",
    "final",
    "override",
    "list",
    "dict",
    "print",
    "eval",
    "numbers",
    "units",
    "owner",
    "clock",
    "data",
    "keys",
    "S",
    "Q",
    "C",
    "O",
    "Symbol",
    "omp_get_num_threads",
)


def rule(variables=("a",), parameter="p", gate="feedback_on", population="helper", pathway="B"):
    """Return a rule that uses these names, each for what it says; each variable is another multiple
    of v, plus 1."""
    text = "".join(f"{name} = {k + 1.5}*v + {parameter} : 1\n" for k, name in enumerate(variables))
    return LearningRule(
        name="names",
        reference="none",
        neuron="dv/dt = (-v + v_basal + v_apical) / tau_v : 1\nr = phi(v) : 1\nh : 1\n" + text,
        output=f"v_apical = {gate} * dcost : 1\nh = 0 : 1",
        phases=(Phase("free"), Phase("feedback", on=(gate,))),
        populations=(Population(population, "dq/dt = (-q + q_in) / tau_v : 1"),),
        pathways=(
            Pathway(pathway, source="above", signal="r", into="v_apical"),
            Pathway("toward", source="output", signal="r", into="q_in", to=population),
        ),
        plasticity=(Plasticity("W", after="feedback", equation="w += -eta * v_post * r_pre"),),
        parameters={"tau_v": 10 * ms, "eta": 0.1, parameter: 1.0},
    )


def ran(described, target):
    net = Network([3, 4, 2], described, 2, seed=1, target=target)
    present(Learner(net, Trial(dt=2 * ms, default=10 * ms)), np.ones((2, 3)), np.ones((2, 2)))
    return net


def test_macros_and_functions_are_variables_like_others(target):
    net = ran(rule(NASTY), target)
    for k, name in enumerate(NASTY):
        np.testing.assert_allclose(
            net[f"hidden1.{name}"], (k + 1.5) * net["hidden1.v"] + 1, err_msg=name
        )


@pytest.mark.parametrize(
    "name", sorted({*CPP, *SUPPLIED, *keyword.kwlist, "x_pre", "x_post", "read_x", "xi_1"})
)
def test_what_is_reserved_is_refused_in_words(name):
    for described in (
        lambda: rule((name,)),
        lambda: rule(("a",), parameter=name),
        lambda: rule(gate=name),
    ):
        with pytest.raises(RuleError, match=name):
            described()


@pytest.mark.parametrize(
    "population, pathway",
    [
        ("double", "new"),
        ("this", "default"),
        ("SIGINT", "real"),
        ("simulation", "self"),
        ("subclock", "shared"),
        ("short", "clock"),
        ("clockwork", "g"),
        ("sum", "read"),
    ],
)
def test_populations_and_pathways_have_any_name_of_letters(population, pathway, target):
    net = ran(rule(population=population, pathway=pathway), target)
    assert net[f"{pathway}2"].shape == (4, 2) and f"{population}.q" in net.probeable
    assert abs(net[f"{population}.q"]).max() > 0 and net[f"{population}.q"].shape == (2, 2)


@pytest.mark.parametrize("pathway", ["shared", "Bshared", "sharedB", "B"])
@pytest.mark.parametrize("together", [True, False])
def test_noise_is_shared_where_that_is_said_and_nowhere_else(pathway, together, target):
    net = ran(rule(pathway=pathway).through(noisy(0.1, 10 * ms, shared=together), pathway), target)
    noise = net[f"hidden1.noise_{pathway}"]
    assert (noise[:, 1:] == noise[:, :1]).all() == together and abs(noise).min() > 0
