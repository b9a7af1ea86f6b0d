"""Deep feedback control of an output that is to move: the controller follows the target at every
time.

After Meulemans et al., "Credit assignment in neural networks through deep feedback control",
NeurIPS 2021, whose target is noted as feedback sets in, a fraction lambda of the way from the free
output. Here it is the task's own, which may change from frame to frame: rates, whatever the cost
is. With a target that stands still this is models/dfc.py with lam = 1 and the squared cost.
"""

from neurofa.rule import Phase, Population

from . import dfc

CONTROLLER = """
dU/dt = feedback_on * (k_i*error - alpha*u) / tau_u : 1          # integral part, leak on the whole output
u = U + k_p * error : 1                                          # control signal
error = feedback_on * (target - r_out) : 1                       # of the target that there is now
"""
RULE = dfc.RULE.but(
    name="DFC, tracking",
    output="",
    populations=(
        Population(
            "controller", CONTROLLER, links={"target": "output.target", "r_out": "output.r"}
        ),
    ),
    phases=(Phase("free"), Phase("feedback", on=("feedback_on",))),
)
