"""Hinge-loss CPC whose errors descend through fixed random synapses, as in feedback alignment.

Tang, Yang & Amit, "Biologically plausible training mechanisms for self-supervised learning in deep
networks", Frontiers in Computational Neuroscience 2022 (read: abstract and tables), for contrastive
learning end to end through random feedback. The loss and all else are those of models/hinge_cpc.py;
theirs compares cell by cell, without P. Both errors of a cell use the same synapses.
"""

from neurofa.rule import Pathway

from . import hinge_cpc

RULE = hinge_cpc.RULE.but(
    name="hinge CPC, random",
    reference="Tang et al. 2022",
    pathways=(
        *hinge_cpc.RULE.pathways[:-2],
        Pathway("B", source="above", signal="delta", into="v_apical"),
        Pathway("C", source="above", signal="delta_c", into="v_past", weights="B"),
    ),
)
