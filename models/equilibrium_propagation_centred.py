"""Centred equilibrium propagation: the network is nudged towards the target and away from it, and
learns the difference.

Laborieux et al., "Scaling equilibrium propagation to deep ConvNets by drastically reducing its
gradient estimator bias", Frontiers in Neuroscience 2021. Both nudges together are off the gradient
by beta^2 only, where one alone is off by beta. The third phase starts where the second ended, in
the paper from the free state: for a weak nudge, its equilibrium is the same. Otherwise as
equilibrium_propagation.py.
"""

from neurofa.rule import Phase, Plasticity

from . import equilibrium_propagation as ep

NEURON = """
dv/dt = (-v + dphi(v) * (v_basal + v_apical)) / tau_v : 1        # down the energy; from below and from above alike
r = phi(v) : 1                                                   # firing rate
r_towards : 1                                                    # rate under the nudge towards the target
"""
OUTPUT = """
v_apical = (away_on - towards_on) * beta * dcost : 1             # the teacher: a weak pull, then a weak push
"""
NOTE = "r_towards = r"
RULE = ep.RULE.but(
    name="EP, centred",
    reference="Laborieux et al. 2021",
    neuron=NEURON,
    output=OUTPUT,
    input="r_towards = r : 1",  # clamped in all phases
    phases=(
        Phase("free"),
        Phase("towards", on=("towards_on",)),
        Phase("away", on=("away_on",), start={"hidden": NOTE, "output": NOTE}),
    ),
    plasticity=(
        Plasticity(
            "W",
            after="away",
            equation="w += eta * (r_towards_post*r_towards_pre - r_post*r_pre) / (2*beta)",
        ),
    ),
)
