"""Direct feedback alignment without phases, with presynaptic traces.

After Bacvanski, Ziyin & Poggio, "On biologically plausible learning in continuous time", arXiv
2510.18808 (2025). The trace is that of models/online_fa_trace.py, where its form is discussed.
"""

from . import dfa, online_fa_trace

RULE = online_fa_trace.RULE.but(name="DFA, without phases, traces", pathways=dfa.RULE.pathways)
