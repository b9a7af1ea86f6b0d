"""Backpropagation, the control: errors descend through the transpose of the feedforward synapses.

Rumelhart, Hinton & Williams, "Learning representations by back-propagating errors", Nature 1986.
The feedback synapses *are* the feedforward ones, read backwards. This is the one step here that no
synapse could do: not local.
"""

from neurofa.rule import Pathway

from . import fa

RULE = fa.RULE.but(
    name="BP",
    reference="Rumelhart et al. 1986",
    pathways=(Pathway("B", source="above", signal="delta", into="v_apical", weights="W.T"),),
)
