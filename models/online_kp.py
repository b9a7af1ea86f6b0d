"""Kolen-Pollack without phases: input, error and the plasticity of both pathways run at once.

Bacvanski, Ziyin & Poggio, "On biologically plausible learning in continuous time", arXiv 2510.18808
(2025); what is known of the paper, and what is not, is said in models/online_fa.py. W and B change
and decay alike, so that W - B^T fades as exp(-t / tau_decay), whatever is shown, and however late
the feedback is. Biases decay as weights do.
"""

from brian2 import second

from neurofa.rule import Plasticity

from . import online_fa

W = "dw/dt = -eta * delta_post * r_pre / tau_w - w / tau_decay"
B = "dw/dt = -eta * r_post * delta_pre / tau_w - w / tau_decay"  # the same product
RULE = online_fa.RULE.but(
    name="Kolen-Pollack, without phases",
    plasticity=tuple(
        Plasticity(name, during="online", equation=line, every="dt")
        for name, line in (("W", W), ("B", B))
    ),
    parameters=dict(
        tau_decay=300 * second,  # forgetting
    ),
)
