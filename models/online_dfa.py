"""Direct feedback alignment without phases: input, error and plasticity run at once.

Bacvanski, Ziyin & Poggio, "On biologically plausible learning in continuous time", arXiv 2510.18808
(2025); what is known of the paper, and what is not, is said in models/online_fa.py. An error is late
once, whatever the layer, where one that descends from layer to layer is late once per layer.
"""

from . import dfa, online_fa

RULE = online_fa.RULE.but(name="DFA, without phases", pathways=dfa.RULE.pathways)
