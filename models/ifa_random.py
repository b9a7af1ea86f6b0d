"""Indirect feedback alignment with a relay of its own: errors climb through fixed random synapses
beside W.

Nokland, "Direct feedback alignment provides learning in deep neural networks", NeurIPS 2016.
As models/ifa.py, but no synapse carries both rates and errors.
"""

from neurofa.pathways import normal
from neurofa.rule import Pathway

from . import ifa

RULE = ifa.RULE.but(
    name="IFA, random relay",
    pathways=(
        ifa.RULE.pathways[0],
        Pathway(
            "relay", source="below", signal="delta", into="v_apical", to="later", init=normal()
        ),
    ),
)
