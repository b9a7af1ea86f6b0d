"""Indirect feedback alignment: the output's error enters the first hidden layer, and climbs from
there with the activity.

Nokland, "Direct feedback alignment provides learning in deep neural networks", NeurIPS 2016. That
errors climb through W itself is how others render the paper, whose own text was not at hand (some
say: through fixed random synapses, models/ifa_random.py). The paper's rule is discrete; here errors
are potentials, as in models/fa.py. The synapses of W carry two signals side by side, rates and
errors.
"""

from neurofa.rule import Pathway

from . import fa

RULE = fa.RULE.but(
    name="IFA",
    reference="Nokland 2016",
    pathways=(
        Pathway("B", source="output", signal="delta", into="v_apical", to="first"),
        Pathway("relay", source="below", signal="delta", into="v_apical", to="later", weights="W"),
    ),
)
