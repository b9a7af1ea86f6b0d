"""Views of images, against loops in plain Python and the moments that were asked for."""

import numpy as np
import pytest

from neurofa import TaskError, tasks

X = np.random.default_rng(0).uniform(1, 2, size=(300, 16))


def moved(image, down, right):
    found = np.zeros((4, 4))
    for i in range(4):
        for j in range(4):
            if 0 <= i + down < 4 and 0 <= j + right < 4:
                found[i, j] = image.reshape(4, 4)[i + down, j + right]
    return found.ravel()


def test_a_view_is_moved_by_up_to_so_many_pixels_and_all_ways_are_as_likely():
    seen = tasks.views(X, np.random.default_rng(1), shift=1, noise=0, contrast=0)
    ways = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    candidates = np.stack([[moved(image, *way) for way in ways] for image in X])
    which = (candidates == seen[:, None]).all(axis=2)
    assert (which.sum(axis=1) == 1).all()
    assert which.sum(axis=0).min() > 15  # of 300/9 = 33, with a standard deviation of 5.4


def test_contrast_and_noise_have_the_spread_that_was_asked_for():
    still = dict(shift=0)
    strength = tasks.views(X, np.random.default_rng(1), noise=0, contrast=0.5, **still) / X
    np.testing.assert_allclose(np.ptp(strength, axis=1), 0, atol=1e-14)  # one for all pixels
    assert 0.5 < strength.min() < 0.52 and 1.48 < strength.max() < 1.5
    noise = tasks.views(X, np.random.default_rng(1), noise=0.1, contrast=0, **still) - X
    assert noise.std() == pytest.approx(0.1, rel=0.05)  # 4800 samples: 1 %


def test_glances_differ_and_can_be_repeated():
    rng = np.random.default_rng(2)
    one, other = tasks.views(X, rng), tasks.views(X, rng)
    assert (one != other).all()
    np.testing.assert_array_equal(one, tasks.views(X, np.random.default_rng(2)))
    np.testing.assert_array_equal(X, tasks.views(X, rng, 0, 0, 0))


@pytest.mark.parametrize(
    "wrong, says",
    [
        (dict(x=X[:, :15]), "square images"),
        (dict(x=X[0]), "square images"),
        (dict(x=X[:0]), "square images"),
        (dict(rng=0), "a generator"),
        (dict(shift=5), "at most 4"),
        (dict(shift=-1), "at least 0"),
        (dict(noise=-0.1), "noise"),
        (dict(contrast=1.5), "contrast"),
        (dict(x=np.full((2, 16), np.nan)), "views: x"),
    ],
)
def test_what_is_no_view_is_refused(wrong, says):
    with pytest.raises(TaskError, match=says):
        tasks.views(**dict(x=X, rng=np.random.default_rng(0)) | wrong)
