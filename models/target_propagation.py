"""Target propagation: targets descend through learned inverses, and every layer learns to reach its
own.

Bengio, "How auto-encoders could provide credit assignment in deep networks via target propagation",
arXiv:1407.7906, 2014; the inverse loss |g(f(h + z)) - (h + z)|^2 as in Lee, Zhang, Fischer &
Bengio, "Difference target propagation", ECML 2015. The papers' rules are discrete; here targets are
potentials that settle. Inverses have no biases. The output learns its cost directly. Inverses learn
in every trial, where Lee et al. alternate epochs. Noise is drawn in a phase of its own, and held
while the circuit settles: all layers are noisy at once, and none sends its own noise down. It
starts from 0, and its standard deviation after a time t is sigma*sqrt(1 - exp(-2t/tau_z)) at every
dt: let the phase last for at least 3*tau_z.
"""

from brian2 import ms

from neurofa.rule import LearningRule, Pathway, Phase, Plasticity

NEURON = """
dv/dt = (-v + v_basal) / tau_v : 1                                        # soma: feedforward input only
dgoal/dt = (-goal + phi(from_goal)) / tau_v : 1                           # target rate: the inverse of the target above
dz/dt = noise_on * (-z / tau_z + sigma * sqrt(2/tau_z) * xi) : 1          # noise: drawn in its phase, then held
seen = phi(v) : 1                                                         # response to the layer below; feedback carries it
r = seen + z : 1                                                          # firing rate
recalled = phi(from_seen) : 1                                             # the inverse of the response above
"""
OUTPUT = """
dgoal/dt = (-goal + seen - feedback_on * step * dcost) / tau_v : 1        # the teacher: a step down the cost
z = 0 : 1
recalled = seen : 1
"""
RULE = LearningRule(
    name="TP",
    reference="Bengio 2014",
    neuron=NEURON,
    output=OUTPUT,
    pathways=(
        Pathway("Q", source="above", signal="goal", into="from_goal"),
        # the same synapses
        Pathway("R", source="above", signal="seen", into="from_seen", weights="Q"),
    ),
    phases=(
        Phase("free"),
        Phase("feedback", on=("feedback_on",)),
        Phase("noise", on=("noise_on",)),
        Phase("inverse"),
    ),
    plasticity=(
        Plasticity(
            "W",
            after="feedback",
            equation="w += eta * (goal_post - seen_post) * dphi(v_post) * r_pre",
        ),
        Plasticity(
            "Q",
            after="inverse",
            equation="w += eta_q * (r_post - recalled_post) * dphi(from_seen_post) * seen_pre",
            rate="eta_q",
        ),
    ),
    parameters=dict(
        tau_v=10 * ms,  # membrane, and targets
        tau_z=10 * ms,  # noise
        sigma=0.3,  # its standard deviation
        step=1.0,  # how far the output's target is down the cost
        eta=0.1,  # learning rate
        eta_q=0.05,  # learning rate of inverses
    ),
)
