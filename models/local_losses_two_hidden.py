"""Local losses with readouts that are deeper still: two hidden populations beside every hidden
layer.

Belilovsky, Eickenberg & Oyallon, "Greedy layerwise learning can scale to ImageNet", ICML 2019, who
go from one hidden layer to two and three (read: abstract, and the public code of their second
paper). All else is as in models/local_losses_hidden.py.
"""

from . import local_losses_hidden

RULE = local_losses_hidden.rule(
    "local losses, two hidden", {"helper": ("H", "L"), "helper_b": ("G", "F")}
)
