"""Difference target propagation: targets descend through learned inverses, less what the inverses
get wrong without a teacher.

Lee, Zhang, Fischer & Bengio, "Difference target propagation", ECML 2015. The output's target is a
step down the cost and the inverses carry it from there, as in the paper's equations; its code takes
the gradient step at the last hidden layer. Otherwise as models/target_propagation.py.
"""

from . import target_propagation as tp

NEURON = tp.NEURON.replace("phi(from_goal)", "r + phi(from_goal) - recalled")  # the difference
RULE = tp.RULE.but(name="DTP", reference="Lee et al. 2015", neuron=NEURON)
