"""Views of objects: one image as it looks from one glance to the next."""

import numpy as np
import numpy.typing as npt

from ..base.arguments import kind, number, numbers, whole
from ..base.errors import TaskError


def views(
    x: npt.ArrayLike,
    rng: np.random.Generator,
    shift: int = 1,
    noise: float = 0.1,
    contrast: float = 0.5,
) -> np.ndarray:
    """Return one view of every image, (samples, pixels), of square images `x` (samples, pixels).

    A view is moved by up to `shift` pixels in both directions, zeros coming in; multiplied by a
    number that is uniform from 1 - `contrast` to 1 + `contrast`; and has normal noise of standard
    deviation `noise` added to every pixel. All is drawn from `rng`: calling it twice gives two
    glances at the same objects. Raises TaskError.

    Examples
    --------
    >>> glance = tasks.views(tasks.digits().x[:5], np.random.default_rng(0))
    >>> glance.shape
    (5, 64)
    """
    x = numbers("views: x", x, float, TaskError, axes=("sample", "pixel"))
    side = round(x.shape[-1] ** 0.5)
    if x.ndim != 2 or side**2 != x.shape[1] or not x.size:
        raise TaskError(
            f"views: x has the shape {x.shape}. Give square images, (samples, pixels), such as "
            "(1797, 64)."
        )
    kind("rng", rng, np.random.Generator, "a generator: np.random.default_rng(0)", TaskError)
    shift = whole("views: shift", shift, TaskError, least=0, most=side)
    noise = number("views: noise", noise, TaskError, least=0)
    contrast = number("views: contrast", contrast, TaskError, least=0, most=1)
    images = np.pad(x.reshape(-1, side, side), ((0, 0), (shift, shift), (shift, shift)))
    sample, place = np.arange(len(x))[:, None, None], np.arange(side)
    down, right = rng.integers(0, 2 * shift + 1, (2, len(x), 1))
    moved = images[sample, (down + place)[:, :, None], (right + place)[:, None, :]]
    strength = rng.uniform(1 - contrast, 1 + contrast, (len(x), 1))
    return strength * moved.reshape(x.shape) + noise * rng.standard_normal(x.shape)
