"""A photograph as a function of position."""

import numpy as np

from ..base.arguments import whole
from ..base.errors import TaskError
from .streams import streams
from .task import Task

PHOTOGRAPH = "flower.jpg"  # scikit-learn's; its middle is the flower


def picture(side: int = 64, octaves: int = 5, seed: int = 0) -> Task:
    """Return a photograph as a function of position: x (side^2 / 2, 4 octaves) what is told of
    where a pixel is, y (side^2 / 2, 3) its red, green and blue in 0..1; the other half of the
    pixels is held out.

    The code of a position (p, q), each in -1..1, is sin and cos of pi 2^k p and of pi 2^k q, for k
    from 0 to `octaves` - 1: that of Mildenhall et al., "NeRF", ECCV 2020, in whose networks Launay
    et al. 2020 (arXiv:2006.12878) replace backpropagation by direct feedback alignment. Our
    choice: a picture in place of a scene, so that nothing is rendered; the photograph
    (scikit-learn's flower, its middle, by means over squares of pixels), and that `seed` draws
    which pixels are held out.

    Examples
    --------
    >>> tasks.picture(side=16).x.shape
    (128, 20)
    """
    (rng,) = streams("picture", seed, 1)
    x, y = pixel_codes(side, octaves), photograph(side).reshape(-1, 3)
    shown, held_out = np.array_split(rng.permutation(side**2), 2)
    return Task(x[shown], y[shown], "picture", x[held_out], y[held_out], "squared")


def photograph(side: int = 64) -> np.ndarray:
    """Return the photograph of `picture`, (side, side, 3), rows from above, colours in 0..1.

    Examples
    --------
    >>> tasks.photograph(16).shape
    (16, 16, 3)
    """
    from sklearn.datasets import load_sample_image

    side = _side(side)
    image = load_sample_image(PHOTOGRAPH) / 255
    edge = min(image.shape[:2]) // side  # pixels that one is the mean of
    top, left = ((n - edge * side) // 2 for n in image.shape[:2])
    square = image[top : top + edge * side, left : left + edge * side]
    return square.reshape(side, edge, side, edge, 3).mean((1, 3))


def pixel_codes(side: int = 64, octaves: int = 5) -> np.ndarray:
    """Return what `picture` tells of where each pixel is, row by row from above, (side^2, 4
    octaves).

    Examples
    --------
    >>> tasks.pixel_codes(side=16).shape
    (256, 20)
    """
    along = np.linspace(-1, 1, _side(side))
    octaves = whole("picture: octaves", octaves, TaskError, 1, 16)
    places = np.stack(np.meshgrid(along, along, indexing="ij"), -1).reshape(-1, 2)
    angles = (np.pi * 2.0 ** np.arange(octaves) * places[:, :, None]).reshape(len(places), -1)
    return np.hstack([np.sin(angles), np.cos(angles)])


def _side(side):
    return whole("picture: side", side, TaskError, 2, 320)
