"""Labels that expand, level by level, into patches of symbols, the lowest of which are images."""

import itertools
from collections.abc import Sequence

import numpy as np

from ..base.arguments import kind, whole
from ..base.errors import TaskError
from .streams import streams
from .task import Task

PATCHES = 2  # that a symbol may become, where single places tell of it
MOST_IMAGES = 64


def hierarchical(
    levels: int = 2,
    branches: int = 2,
    symbols: int = 4,
    informative: bool | Sequence[bool] = True,
    samples: int = 8000,
    test: int = 2000,
    seed: int = 0,
) -> Task:
    """Return images of digits that a label has expanded to: x (samples, 64 branches^levels), from
    the first digit to the last, 8 x 8 pixels in 0..1 each, and y (samples, symbols), the label.

    Malach & Shalev-Shwartz, "A provably correct algorithm for deep learning that actually works",
    2018 (arXiv:1803.09522; abstract and introduction were read): images are generated level by
    level from semantic classes, and a network learns them layer by layer. Here a label is a
    symbol; at each level, every symbol becomes a patch of so many `branches`, one of its patches
    (see `grammar`), all alike; in the end, symbol k is an image of the digit k, one of
    scikit-learn's. A quarter of these images is seen in held-out samples alone. Our choice: the
    sizes, and the two kinds of patches.

    Examples
    --------
    >>> tasks.hierarchical(samples=100, test=20).x.shape
    (100, 256)
    """
    counts = [
        whole(f"hierarchical: {what}", n, TaskError)
        for what, n in (("samples", samples), ("test", test))
    ]
    patches = grammar(levels, branches, symbols, informative, seed)
    drawn = zip(counts, _images(symbols), streams("hierarchical", seed)[1:])
    (x, y), (x_test, y_test) = (_expanded(patches, *each) for each in drawn)
    return Task(x, y, "hierarchical", x_test, y_test, "cross_entropy")


def grammar(
    levels: int = 2,
    branches: int = 2,
    symbols: int = 4,
    informative: bool | Sequence[bool] = True,
    seed: int = 0,
) -> list[np.ndarray]:
    """Return the patches of `hierarchical`, per level from the label down, each an array (symbols,
    patches, branches): what every symbol may become.

    On a level that is `informative`, or on all, a symbol has two patches, which are drawn such
    that none is that of two symbols, and every place of a patch, by itself, tells of every symbol.
    On the others, the patches of symbol k are all whose sum is k, modulo how many symbols there
    are: what is at any place, and at all of them but one, is the same for all symbols; only the
    whole patch tells.

    Examples
    --------
    >>> [patches.shape for patches in tasks.grammar()]
    [(4, 2, 2), (4, 2, 2)]
    """
    levels = whole("hierarchical: levels", levels, TaskError)
    branches = whole("hierarchical: branches", branches, TaskError, 2, 4)
    symbols = whole("hierarchical: symbols", symbols, TaskError, 3, 10)
    if branches**levels > MOST_IMAGES:
        raise TaskError(
            f"hierarchical: {branches} branches at {levels} levels are {branches**levels} images. Give at most {MOST_IMAGES}."
        )
    tell, rng = _levels(informative, levels), streams("hierarchical", seed)[0]
    every = np.array([*itertools.product(range(symbols), repeat=branches)])
    sums = np.stack([every[every.sum(1) % symbols == k] for k in range(symbols)])
    return [_telling(every, symbols, rng) if one else sums for one in tell]


def _levels(informative, levels):
    """Return a truth value for every level."""
    given = informative if isinstance(informative, (tuple, list)) else [informative] * levels
    for one in given:
        kind("hierarchical: informative", one, (bool, np.bool_), "True or False", TaskError)
    if len(given) != levels:
        raise TaskError(
            f"hierarchical: informative has {len(given)} truth values for {levels} levels. Give one, or one per level."
        )
    return given


def _telling(every, symbols, rng):
    """Return patches that are drawn until every place tells symbols from each other."""
    while True:
        patches = rng.permutation(every)[: symbols * PATCHES].reshape(symbols, PATCHES, -1)
        seen = np.sort(patches, axis=1)  # at every place by itself
        if all(len(np.unique(place, axis=0)) == symbols for place in np.moveaxis(seen, 2, 0)):
            return patches


def _images(symbols):
    """Return the images of each digit that is a symbol, those to learn from and those held out."""
    from sklearn.datasets import load_digits

    pixels, digits = load_digits(return_X_y=True)
    each = [pixels[digits == k] / 16 for k in range(symbols)]
    return [own[len(own) // 4 :] for own in each], [own[: len(own) // 4] for own in each]


def _expanded(levels, samples, images, rng):
    """Return the images that so many labels become, and the labels, one-hot."""
    labels = rng.integers(len(images), size=samples)
    found = labels[:, None]
    for patches in levels:
        chosen = rng.integers(patches.shape[1], size=found.shape)
        found = patches[found, chosen].reshape(samples, -1)
    which = rng.random(found.shape)
    x = np.empty((*found.shape, 64))
    for k, own in enumerate(images):
        x[found == k] = own[(which[found == k] * len(own)).astype(int)]
    return x.reshape(samples, -1), np.eye(len(images))[labels]
