"""Tasks of other kinds than images, against loops, scikit-learn and what is documented of them."""

import math

import numpy as np
import pytest
from sklearn.datasets import load_sample_image
from sklearn.metrics import roc_auc_score

from neurofa import tasks
from neurofa.base.errors import TaskError

SMALL = dict(
    picture=dict(side=8, octaves=2),
    click_through=dict(fields=3, choices=4, samples=50, test=20),
    block_model=dict(nodes=60, blocks=6, classes=3, inside=4, outside=2),
)


@pytest.mark.parametrize("name", SMALL)
def test_same_seed_same_data(name):
    made, again, other = (tasks.task(name, seed=seed, **SMALL[name]) for seed in (3, 3, 4))
    for what in ("x", "y", "x_test", "y_test"):
        np.testing.assert_array_equal(getattr(made, what), getattr(again, what))
    assert (made.x != other.x).any() and made.name == name


@pytest.mark.parametrize(
    "name, wrong, words",
    [
        ("picture", dict(side=1), "picture: side = 1"),
        ("picture", dict(side=321), "picture: side = 321"),
        ("picture", dict(octaves=0), "picture: octaves = 0"),
        ("picture", dict(octaves=2.5), "picture: octaves = 2.5"),
        ("picture", dict(seed=-1), "picture: the seed = -1"),
        ("click_through", dict(fields=1), "click_through: fields = 1"),
        ("click_through", dict(choices="10"), "click_through: choices = '10'"),
        ("click_through", dict(samples=0), "click_through: samples = 0"),
        ("click_through", dict(test=1.5), "click_through: test = 1.5"),
        ("click_through", dict(seed=None), "click_through: the seed = None"),
        ("block_model", dict(nodes=5), "block_model: nodes = 5"),
        ("block_model", dict(blocks=1), "block_model: blocks = 1"),
        ("block_model", dict(classes=7), "block_model: classes = 7"),
        ("block_model", dict(inside=9.5), "block_model: inside = 9.5"),
        ("block_model", dict(outside=-1), "block_model: outside = -1"),
        ("block_model", dict(features=0), "block_model: features = 0"),
        ("block_model", dict(hops=-1), "block_model: hops = -1"),
        ("block_model", dict(test=0), "block_model: test = 0"),
        ("block_model", dict(test=1), "block_model: test = 1"),
        ("block_model", dict(seed=1.5), "block_model: the seed = 1.5"),
    ],
)
def test_what_cannot_be_drawn_is_said(name, wrong, words):
    with pytest.raises(TaskError) as error:
        tasks.task(name, **SMALL[name] | wrong)
    assert words in str(error.value) and "ive " in str(error.value)


# --- a picture ------------------------------------------------------------------------------------


def test_the_photograph_is_the_middle_of_scikit_learns_by_means_of_squares():
    image, seen = load_sample_image("flower.jpg") / 255.0, tasks.photograph(64)
    edge = min(image.shape[:2]) // 64
    top, left = (image.shape[0] - 64 * edge) // 2, (image.shape[1] - 64 * edge) // 2
    for row, column in ((0, 0), (10, 50), (63, 63)):
        square = image[top + row * edge :, left + column * edge :][:edge, :edge]
        np.testing.assert_allclose(seen[row, column], square.mean((0, 1)), atol=1e-12)
    assert seen.shape == (64, 64, 3) and 0 <= seen.min() and seen.max() <= 1


def test_every_pixel_is_learned_or_held_out_with_its_colour():
    task, codes, seen = tasks.picture(8, 2), tasks.pixel_codes(8, 2), tasks.photograph(8)
    assert task.sizes == (8, 3) and len(task.x) == len(task.x_test) == 32
    for row in range(8):
        for column in range(8):
            p, q = (2 * place / 7 - 1 for place in (row, column))
            angles = [math.pi * 2**k * place for place in (p, q) for k in range(2)]
            code = [math.sin(a) for a in angles] + [math.cos(a) for a in angles]
            np.testing.assert_allclose(codes[8 * row + column], code, atol=1e-12)
    ours = np.vstack([np.hstack([task.x, task.y]), np.hstack([task.x_test, task.y_test])])
    whole = np.hstack([codes, seen.reshape(-1, 3)])
    np.testing.assert_array_equal(ours[np.lexsort(ours.T)], whole[np.lexsort(whole.T)])


# --- clicks ---------------------------------------------------------------------------------------


def test_log_odds_are_those_of_single_choices_and_of_pairs():
    known, task = tasks.tastes(3, 4, seed=1), tasks.click_through(3, 4, 30, 10, seed=1)
    (a, v), chosen = known, task.x.reshape(-1, 3, 4).argmax(2)
    for sample, odds in zip(chosen, tasks.log_odds(known, task.x)):
        by_hand = -1 + sum(a[f, c] for f, c in enumerate(sample))
        for f in range(3):
            for g in range(f):
                by_hand += sum(v[f, sample[f]] * v[g, sample[g]])
        assert odds == pytest.approx(by_hand, abs=1e-12)


def test_one_choice_of_each_field_and_every_choice_alike():
    task = tasks.click_through(seed=2)
    chosen = task.x.reshape(-1, 8, 10)
    assert (chosen.sum(2) == 1).all()
    counts, expected = chosen.sum(0), len(task.x) / 10
    assert np.abs(counts - expected).max() < 4.5 * math.sqrt(0.9 * expected)  # 80 counts


def test_clicks_come_as_often_as_their_log_odds_say():
    known, task = tasks.tastes(seed=0), tasks.click_through(seed=0)
    chances = 1 / (1 + np.exp(-tasks.log_odds(known, task.x)))
    error = (task.y[:, 0] - chances) / np.sqrt(chances * (1 - chances))
    for part in np.array_split(np.argsort(chances), 10):  # the rare and the frequent ones
        assert abs(error[part].mean()) < 4 / math.sqrt(len(part))
    assert 0.25 < task.y.mean() < 0.42


def test_log_odds_have_the_documented_moments():
    """Over 40 draws of the tastes; errors of the means are a fraction of what is allowed."""
    means, squares = [], []
    for seed in range(40):
        odds = tasks.log_odds(
            tasks.tastes(seed=seed), tasks.click_through(samples=500, test=1, seed=seed).x
        )
        means.append(odds.mean())
        squares.append(((odds + 1) ** 2).mean())
    assert np.mean(means) == pytest.approx(-1, abs=4 * np.std(means) / math.sqrt(40))
    assert np.mean(squares) == pytest.approx(4.25, abs=4 * np.std(squares) / math.sqrt(40))


def test_counts_do_not_change_what_is_liked():
    few, many = (tasks.click_through(samples=n, test=10, seed=5) for n in (20, 40))
    np.testing.assert_array_equal(few.x_test, many.x_test)
    np.testing.assert_array_equal(few.y_test, many.y_test)


def test_single_choices_tell_little():
    from sklearn.linear_model import LogisticRegression

    task = tasks.click_through()
    linear = LogisticRegression().fit(task.x, task.y[:, 0]).decision_function(task.x_test)
    best = tasks.log_odds(tasks.tastes(), task.x_test)
    linear, best = (roc_auc_score(task.y_test[:, 0], odds) for odds in (linear, best))
    assert linear < 0.72 and best > 0.82


# --- a graph --------------------------------------------------------------------------------------


def test_links_are_symmetric_and_as_many_as_documented():
    A, block = tasks.block_graph(nodes=1200, blocks=12, inside=8, outside=2, seed=3)
    assert set(np.unique(A)) == {0, 1} and (A == A.T).all() and not A.diagonal().any()
    assert np.bincount(block).tolist() == [100] * 12
    same = block[:, None] == block
    for links, mean in (((A * same).sum(1), 8), ((A * ~same).sum(1), 2)):
        # the mean over nodes of links that are counted twice
        assert links.mean() == pytest.approx(mean, abs=4 * math.sqrt(2 * mean / 1200))


def test_features_are_the_means_over_neighbours():
    A, block = tasks.block_graph(
        **{k: v for k, v in SMALL["block_model"].items() if k != "classes"}
    )
    own, once, twice = (tasks.block_model(**SMALL["block_model"], hops=hops) for hops in (0, 1, 2))
    order = np.random.default_rng([0, *b"block_model"]).spawn(3)[1]
    order.standard_normal((6, 8)), order.standard_normal((60, 8))
    order = order.permutation(60)
    asked, known = order[:30], order[30:]
    for before, after in ((own, once), (once, twice)):
        x = np.empty((60, 8))
        x[known], x[asked] = before.x, before.x_test
        degree = A.sum(1) + 1
        for k, node in enumerate(known):
            near = [other for other in range(60) if A[node, other] or other == node]
            by_hand = sum(x[other] / math.sqrt(degree[node] * degree[other]) for other in near)
            np.testing.assert_allclose(after.x[k], by_hand, atol=1e-12)
    np.testing.assert_array_equal(own.y.argmax(1), block[known] % 3)
    np.testing.assert_array_equal(own.y_test.argmax(1), block[asked] % 3)


def test_neighbours_tell_what_a_node_is():
    from sklearn.neighbors import KNeighborsClassifier

    alone, near = (tasks.block_model(hops=hops) for hops in (0, 2))
    known = [
        KNeighborsClassifier(10).fit(t.x, t.y.argmax(1)).score(t.x_test, t.y_test.argmax(1))
        for t in (alone, near)
    ]
    assert known[0] < 0.6 and known[1] > 0.9
