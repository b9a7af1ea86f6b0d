"""Direct random target projection: hidden layers are taught by fixed random projections of the
target itself, before there is an error.

Frenkel, Lefebvre & Bol, "Learning without feedback: fixed random learning signals allow for
feedforward training of deep neural networks", Frontiers in Neuroscience 2021. The output's error is
negative in the row of the label and positive elsewhere: minus a one-hot target stands in for its sign.
The label comes with the stimulus, and no gate holds it back: hidden layers learn at the end of the
free phase, while the output's error is still 0; only the output waits for its teacher. In the
authors' code the sign is left to the random matrix (with the minus here, B is that of DFA), and all
layers learn from the same rates; here phases come one after the other, so that the output learns from
hidden layers that have learned. Hidden layers never stop: they learn of the label, right or wrong.
The paper's rule is discrete; here errors are potentials, as in models/fa.py.
"""

from neurofa.rule import Pathway, Plasticity

from . import fa

DESCENT = fa.RULE.plasticity[0].equation
RULE = fa.RULE.but(
    name="DRTP",
    reference="Frenkel et al. 2021",
    output=fa.OUTPUT
    + """
label = -target : 1                                             # what hidden layers are told in place of the error
""",
    pathways=(Pathway("B", source="output", signal="label", into="v_apical"),),
    plasticity=(
        Plasticity("W", after="free", to="hidden", equation=DESCENT),
        Plasticity("W", after="feedback", to="output", equation=DESCENT),
    ),
)
