"""Least control: a controller drives the circuit to a state of no cost, and synapses learn to make the
control that this takes as small as it can be.

Meulemans, Zucchet, Kobayashi, von Oswald & Sacramento, "The least-control principle for local learning
at equilibrium", NeurIPS 2022, in a feedforward circuit. All cells are moved by their control psi. That
of the output integrates minus the gradient of the cost; that of hidden cells descends through B, and
is found by the circuit as it settles (dynamic inversion). With B = W^T, psi is the smallest control
that leads there, and psi r^T is minus the gradient of |psi|^2/2, or, with a leak, of |psi|^2/2 +
cost/alpha; B need not be W^T here, and is random. Deviations: cross-entropy with labels of one cell has
no state of no cost, so that there is a leak as shipped; a free phase shows what the circuit does by itself.
"""

from brian2 import ms

from neurofa.rule import LearningRule, Pathway, Plasticity

NEURON = """
dv/dt = (-v + v_basal + psi) / tau_v : 1                        # soma: feedforward input and control
dpsi/dt = (-psi + dphi(v) * v_apical) / tau_psi : 1             # control, from that of the layer above
r = phi(v) : 1                                                  # firing rate
"""
OUTPUT = """
du/dt = feedback_on * (-dcost - alpha * u) / tau_u : 1          # leaky integral controller
psi = dphi(v) * u : 1                                           # control
"""
RULE = LearningRule(
    name="least control",
    reference="Meulemans et al. 2022",
    neuron=NEURON,
    output=OUTPUT,
    pathways=(Pathway("B", source="above", signal="psi", into="v_apical"),),
    plasticity=(Plasticity("W", after="feedback", equation="w += eta * psi_post * r_pre"),),
    parameters=dict(
        tau_v=10 * ms,  # membrane
        tau_psi=10 * ms,  # control of hidden cells
        tau_u=100 * ms,  # controller
        alpha=0.5,  # its leak
        eta=0.1,  # learning rate
    ),
    advice="A larger alpha or a longer tau_u keep the loop stable.",
)
