"""Deep feedback control that learns its feedback: in sleep, noise makes the controller say how
every neuron moves the output.

Meulemans et al., "Credit assignment in neural networks through deep feedback control", NeurIPS 2021
(equation 12, theorem 6). Asleep, the target is the circuit's own free output, so that the control
signal answers noise and nothing else. The circuit first rests, because weights changed when it was
awake. Feedback moves neurons at once when awake, as in models/dfc.py, and through a slow apical
potential in sleep, as in the authors' code; that code also gives the controller other constants in
sleep, here they are the same. Apical noise z is a part of that potential that is a state of its
own, which makes it exact at every dt: from 0 as sleep begins, its standard deviation is
sigma*sqrt(1 - exp(-2t/tau_a)), its autocorrelation exp(-lag/tau_a). The code takes Euler-Maruyama
steps, with which it would be larger by 1/sqrt(1 - dt/(2*tau_a)). It adds the new apical potential
to v where forward Euler adds the one of a step ago, and multiplies u with the apical potential of
the step before where both are of the same step here: this vanishes with dt. It divides by the noise
of one time unit, this by the variance.
"""

from brian2 import ms

from neurofa.pathways import identity
from neurofa.rule import Pathway, Phase, Plasticity

from . import dfc

NEURON = """
dv/dt = (-v + v_basal + v_apical) / tau_v : 1                    # soma: feedback moves it
da/dt = sleep_on * (-a + v_feedback) / tau_a : 1                 # asleep: feedback, slow
dz/dt = sleep_on * (-z / tau_a + sigma * sqrt(2/tau_a) * xi) : 1 # and noisy
v_slow = a + z : 1                                               # apical potential, asleep
v_apical = (1 - sleep_on) * v_feedback + v_slow : 1              # awake: feedback at once
r = phi(v) : 1                                                   # firing rate
r_basal = phi(v_basal) : 1                                       # the rate that feedforward input alone would give
"""
RULE = dfc.RULE.but(
    name="DFC, learned feedback",
    neuron=NEURON,
    pathways=(
        Pathway("Q", source="controller", signal="u", into="v_feedback"),
        Pathway(
            "Q", source="controller", signal="u", into="v_feedback", to="output", init=identity()
        ),
    ),
    phases=(
        *dfc.RULE.phases,
        Phase("rest", start={"controller": "U = 0"}),
        Phase("sleep", on=("feedback_on", "sleep_on"), start={"output": "setpoint = r"}),
    ),
    plasticity=(
        *dfc.RULE.plasticity,
        Plasticity(
            "Q",
            during="sleep",
            equation="dw/dt = -eta_q * (v_slow_post * u_pre / sigma**2 + beta * w) / tau_u",
            rate="eta_q",
        ),
    ),
    parameters=dict(
        # apical potential, asleep; much longer than tau_v, or the noise of lower layers counts less
        tau_a=100 * ms,
        sigma=0.05,  # standard deviation of the apical noise
        eta_q=0.02,  # learning rate of Q, per tau_u of sleep
        beta=0.5,  # decay of Q: where it ends, about J^T tau_a / (tau_u + alpha*tau_a) / beta
    ),
)
