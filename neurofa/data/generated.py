"""Tasks of other kinds than images: who clicks on what, and what the nodes of a graph are."""

import numpy as np

from ..base.arguments import fraction, number, whole
from ..base.errors import TaskError
from .streams import streams
from .task import Task

FACTORS = 3  # of what goes with what
RARE, TASTE, AFFINITY = -1.0, 0.5, 2.0  # of log-odds: mean; deviation by fields, and by their pairs


def click_through(
    fields: int = 8, choices: int = 10, samples: int = 40000, test: int = 5000, seed: int = 0
) -> Task:
    """Return who clicks: x (samples, fields choices) says which of so many choices every field
    has, a 1 for each, and y (samples, 1) is 1 for a click.

    The log-odds of a click are those of a factorisation machine (Rendle, ICDM 2010), on which the
    recommenders are built that Launay et al. 2020 (arXiv:2006.12878) train on the clicks of
    Criteo: what each choice adds, and what each pair of choices does (see `tastes`). Choices are
    drawn alike, and independently. Our choice: all of it; no public record of clicks is read.
    About a third of the samples are clicks, and what they are drawn with does not change with the
    counts of samples.

    Examples
    --------
    >>> tasks.click_through(samples=100, test=10).x.shape
    (100, 80)
    """
    counts = [
        whole(f"click_through: {w}", n, TaskError)
        for w, n in zip(("samples", "test"), (samples, test))
    ]
    known = tastes(fields, choices, seed)
    drawn = streams("click_through", seed)[1:]
    (x, y), (x_test, y_test) = (_clicks(known, n, rng) for n, rng in zip(counts, drawn))
    return Task(x, y, "click_through", x_test, y_test, "binary_cross_entropy")


def tastes(fields: int = 8, choices: int = 10, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return what `click_through` is drawn with: what each choice adds to the log-odds of a click,
    a (fields, choices), and a vector of each, v (fields, choices, 3), whose products every pair
    adds.

    Both are normal, and such that the log-odds have the mean -1, and over choices and draws the
    deviations 0.5 by single fields and 2 by pairs of them.

    Examples
    --------
    >>> a, v = tasks.tastes(fields=8, choices=10)
    >>> a.shape, v.shape
    ((8, 10), (8, 10, 3))
    """
    fields = whole("click_through: fields", fields, TaskError, 2)
    choices = whole("click_through: choices", choices, TaskError, 2)
    rng, pairs = streams("click_through", seed)[0], fields * (fields - 1) / 2
    a = rng.normal(0, TASTE * fields**-0.5, (fields, choices))
    v = rng.normal(0, (AFFINITY**2 / (pairs * FACTORS)) ** 0.25, (fields, choices, FACTORS))
    return a, v


def log_odds(known: tuple[np.ndarray, np.ndarray], x: np.ndarray) -> np.ndarray:
    """Return the log-odds of a click for choices x (samples, fields choices), given `tastes`: the
    best that anybody can know of them, (samples,).

    Examples
    --------
    >>> task = tasks.click_through(samples=100, test=10)
    >>> tasks.log_odds(tasks.tastes(), task.x).shape
    (100,)
    """
    a, v = known
    chosen = x.reshape(len(x), *a.shape)
    single, vectors = (chosen * a).sum((1, 2)), np.einsum("nfc,fcd->nfd", chosen, v)
    pairs = (vectors.sum(1) ** 2 - (vectors**2).sum(1)).sum(1) / 2
    return RARE + single + pairs


def _clicks(known, samples, rng):
    """Return choices that are drawn, and who clicks."""
    fields, choices = known[0].shape
    x = np.eye(choices)[rng.integers(choices, size=(samples, fields))].reshape(samples, -1)
    clicked = rng.random(samples) < 1 / (1 + np.exp(-log_odds(known, x)))
    return x, clicked[:, None].astype(float)


def block_model(
    nodes: int = 2000,
    blocks: int = 24,
    classes: int = 4,
    features: int = 8,
    inside: float = 8.0,
    outside: float = 2.0,
    hops: int = 2,
    test: float = 0.5,
    seed: int = 0,
) -> Task:
    """Return the nodes of a graph, x (nodes, features) what is known of each and its neighbours, y
    (nodes, classes) its class; a share `test` is held out.

    A stochastic block model (Holland et al., Social Networks 1983; see `block_graph`): nodes of a
    block are linked more often. Every class is several blocks. A node's own features are its
    block's, standard normal, and noise of deviation 1.5. What is known of it is the mean over it
    and its neighbours, `hops` times: S^hops features, with S = D^-1/2 (A + I) D^-1/2 of Kipf &
    Welling, ICLR 2017, whose convolutions Launay et al. 2020 (arXiv:2006.12878) train. There, a
    layer of weights follows each step of propagation; here all steps come first, as in Wu et al.,
    "Simplifying graph convolutional networks", ICML 2019, and layers follow that see one node
    each. Held-out nodes are in the graph, without a class. Our choice: all numbers.

    Examples
    --------
    >>> tasks.block_model().x.shape
    (1000, 8)
    """
    A, block = block_graph(nodes, blocks, inside, outside, seed)
    classes = whole("block_model: classes", classes, TaskError, 2, blocks)
    features, hops = (
        whole(f"block_model: {what}", n, TaskError, least)
        for what, n, least in (("features", features, 1), ("hops", hops, 0))
    )
    held_out = round(fraction("block_model: test", test, TaskError) * nodes)
    if not 0 < held_out < nodes:
        raise TaskError(f"block_model: test = {test} leaves nothing on one side. Give about 0.5.")
    rng = streams("block_model", seed)[1]
    x = rng.standard_normal((blocks, features))[block] + 1.5 * rng.standard_normal(
        (nodes, features)
    )
    for _ in range(hops):
        x = propagated(A, x)
    y, order = np.eye(classes)[block % classes], rng.permutation(nodes)
    known, asked = order[held_out:], order[:held_out]
    return Task(x[known], y[known], "block_model", x[asked], y[asked], "cross_entropy")


def block_graph(
    nodes: int = 2000, blocks: int = 24, inside: float = 8.0, outside: float = 2.0, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Return the graph of `block_model`: which nodes are linked, A (nodes, nodes), symmetric, of 0
    and 1, and the block of each, (nodes,).

    Blocks are of one size, but for one node. A node has `inside` links to its own block, and
    `outside` to others, in the mean; each possible one is drawn by itself.

    Examples
    --------
    >>> linked, block = tasks.block_graph(nodes=2000)
    >>> linked.shape, block.shape
    ((2000, 2000), (2000,))
    """
    blocks = whole("block_model: blocks", blocks, TaskError, 2)
    nodes = whole("block_model: nodes", nodes, TaskError, 2 * blocks, 5000)
    size = nodes / blocks
    chances = []
    for what, links, others in (("inside", inside, size - 1), ("outside", outside, nodes - size)):
        given = number(f"block_model: {what}", links, TaskError, 0, others, example="4")
        chances.append(given / others)
    rng, block = streams("block_model", seed)[0], np.arange(nodes) % blocks
    same = block[:, None] == block
    linked = np.triu(rng.random((nodes, nodes)) < np.where(same, *chances), 1)
    return (linked | linked.T).astype(float), block


def propagated(A: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return x (nodes, features) after one step over the links A (nodes, nodes): S x."""
    shares = (A.sum(1) + 1) ** -0.5
    return shares[:, None] * (A @ (shares[:, None] * x) + shares[:, None] * x)
