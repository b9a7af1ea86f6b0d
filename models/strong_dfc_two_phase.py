"""Strong deep feedback control in two phases: awake, the output is driven to the label; asleep,
feedback learns from noise.

Meulemans, Tristany Farinha, Cervera, Sacramento & Grewe, "Minimizing control for credit assignment
with strong feedback", ICML 2022 (two-phase). Feedforward synapses change once, when control has
settled, as in models/dfc_ss.py. Asleep, the target is the circuit's own output, as in
models/dfc_learned.py; the authors' code keeps the label.
"""

from neurofa.rule import Phase, Population

from . import dfc_learned, dfc_ss

OUTPUT = """
error = feedback_on * (own - dcost) : 1                          # label - softmax(r) in the cross-entropy, label - r in the squared
own : 1                                                          # asleep: the error that is the circuit's own
"""
CONTROLLER = """
dU/dt = feedback_on * (k_i*error - alpha*u) / tau_u : 1          # integral part, leak on the whole output
u = U + k_p * error : 1                                          # control signal
"""
RULE = dfc_learned.RULE.but(
    name="Strong-DFC, two phases",
    reference="Meulemans et al. 2022",
    output=OUTPUT,
    populations=(Population("controller", CONTROLLER, links={"error": "output.error"}),),
    phases=(
        Phase("free"),
        Phase("feedback", on=("feedback_on",), start={"output": "own = 0"}),
        Phase("rest", start={"controller": "U = 0"}),
        Phase("sleep", on=("feedback_on", "sleep_on"), start={"output": "own = dcost"}),
    ),
    plasticity=(*dfc_ss.RULE.plasticity, dfc_learned.RULE.plasticity[1]),
    parameters=dict(beta=0.05),  # decay of Q: less, because softmax weakens what noise does
)
