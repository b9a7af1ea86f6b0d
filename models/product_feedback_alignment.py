"""Product feedback alignment: errors descend through a population beside each layer, and the
product of the synapses into it and out of it comes to be the transpose of W.

Li Ji-An & Benna, "Deep learning without weight symmetry", arXiv:2405.20594, 2024. No cell sends a
synapse to one that it hears: the layer above reaches the helpers through fixed random synapses B,
the helpers the layer below through R, which learns as in Kolen-Pollack. After t updates
R - W^T B^T = (1 - decay)^t (R - W^T B^T at the start), with gradient descent and with momentum (not
with Adam, which scales each weight by itself). So the product RB becomes W^T B^T B, which is W^T
where many helpers make B^T B the identity: for n cells above and N helpers, at an angle of
arctan(sqrt((n + 1)/N)). In the authors' code there are some times as many helpers as cells above;
here there are 100 beside every layer (let them be more in larger circuits, and B be smaller). B and
R are that code's weight_backward_B and weight_backward_R, transposed. Biases decay as weights do. The
paper's rule is discrete and its networks are mostly convolutional; here errors are potentials, as in
models/fa.py, those of helpers too.
"""

from neurofa.pathways import normal
from neurofa.rule import Pathway, Plasticity, Population

from . import kolen_pollack

HELPERS = 100
HELPER = """
dh/dt = (-h + v_error) / tau_delta : 1                          # the error above, spread over many cells
"""
RULE = kolen_pollack.RULE.but(
    name="PFA",
    reference="Li Ji-An & Benna 2024",
    populations=(Population("helper", HELPER, size=HELPERS, along="hidden"),),
    pathways=(
        Pathway(
            "B",
            source="above",
            signal="delta",
            into="v_error",
            to="helper",
            init=normal(HELPERS**-0.5),  # B^T B is the identity on average
        ),
        Pathway("R", source="helper", signal="h", into="v_apical"),
    ),
    plasticity=(
        kolen_pollack.RULE.plasticity[0],
        # as W, whose product with the error it hears
        Plasticity("R", after="feedback", equation="w += -eta * r_post * h_pre - decay * w"),
    ),
)
