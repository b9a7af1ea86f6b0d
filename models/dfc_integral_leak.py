"""Deep feedback control as the paper writes it: the leak is on the integral part only.

Meulemans et al., "Credit assignment in neural networks through deep feedback control", NeurIPS
2021, equation 4. Settled, error = alpha~ * u with alpha~ = alpha / (k_i + alpha*k_p) instead of
alpha; otherwise as models/dfc_ss.py.
"""

from neurofa.rule import Population

from . import dfc, dfc_ss

CONTROLLER = """
dU/dt = feedback_on * (error - alpha*U) / tau_u : 1              # integral part, with its own leak
u = k_i*U + feedback_on * k_p * error : 1                        # control signal
error = setpoint - r_out : 1
"""
RULE = dfc_ss.RULE.but(
    name="DFC, integral leak",
    populations=(Population("controller", CONTROLLER, links=dfc.RULE.populations[0].links),),
)
