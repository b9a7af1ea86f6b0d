"""Simplified difference target propagation: the output's target is the label itself, and no
gradient is needed anywhere.

Bartunov, Santoro, Richards, Marris, Hinton & Lillicrap, "Assessing the scalability of
biologically-motivated deep learning algorithms and architectures", NeurIPS 2018 (SDTP). The output
sends down its estimate of the label: target + dcost, which is softmax(r) for the cross-entropy, and
r for the squared error. The inverse loss is that of models/target_propagation.py, where the paper's
asks for the rate without the noise.
"""

from neurofa.rule import Phase

from . import difference_target_propagation as dtp

OUTPUT = """
r = phi(v) : 1                                                            # in the cross-entropy, logits
seen = label_on * (target + dcost) : 1                                    # estimate of the label
dgoal/dt = (-goal + feedback_on * target) / tau_v : 1                     # the label
z = 0 : 1
recalled = seen : 1
"""
RULE = dtp.RULE.but(
    name="SDTP",
    reference="Bartunov et al. 2018",
    output=OUTPUT,
    phases=(
        Phase("free"),
        Phase("feedback", on=("feedback_on", "label_on")),
        Phase("noise", on=("noise_on", "label_on")),
        Phase("inverse", on=("label_on",)),
    ),
)
