"""Direct feedback alignment: the output's error reaches every hidden layer through fixed random
synapses of its own.

Nokland, "Direct feedback alignment provides learning in deep neural networks", NeurIPS 2016.
The paper's rule is discrete; here errors are potentials, as in models/fa.py.
"""

from neurofa.rule import Pathway

from . import fa

RULE = fa.RULE.but(
    name="DFA",
    reference="Nokland 2016",
    pathways=(Pathway("B", source="output", signal="delta", into="v_apical"),),
)
