"""
A first network
===============

Feedback alignment learns to recognise handwritten digits.
"""

from brian2 import ms

from neurofa import Network, Trial, tasks, train
from neurofa.models import fa

task = tasks.digits()
net = Network([64, 30, 10], fa.RULE.but(eta=0.3), trials=32, cost="cross_entropy", seed=1)
history = train(net, task, epochs=5, trial=Trial(dt=10 * ms))
print(f"held-out accuracy {history.test_accuracy[-1]:.1%}")
