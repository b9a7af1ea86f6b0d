"""Direct Kolen-Pollack: the direct feedback synapses of DFA learn, from the rates of the layer that
they enter and the output's error.

Webster, Choi & Ahn, "Learning the connections in direct feedback alignment", 2021
(openreview.net/forum?id=zgGmAx9ZcY). B makes the change that synapses from its layer straight to
the output would make, transposed, and decays as they would. For the last hidden layer these are
there, W itself, which is Kolen-Pollack: W - B^T = (1 - decay)^t (W - B^T at the start). For the
layers below, nothing computes the transpose of the path: with frozen W, B ends as -(eta/decay)
times the mean of rate and error. In the authors' code B has an optimiser and a rate of its own; here
eta and the decay are those of W. Biases decay as weights do. The paper's rule is discrete and its
networks are convolutional; here errors are potentials, as in models/fa.py.
"""

from . import dfa, kolen_pollack

RULE = kolen_pollack.RULE.but(
    name="direct Kolen-Pollack",
    reference="Webster et al. 2021",
    pathways=dfa.RULE.pathways,
)
