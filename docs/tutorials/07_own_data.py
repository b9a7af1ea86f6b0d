"""
Your own data
=============

**How does a circuit get to see my data?** A task is two arrays: inputs (samples, units), and
targets (samples, units) or whole-number labels of classes. Whatever ``numpy.asarray`` takes will
do: NumPy arrays, columns of a table, images in a folder, tensors.
"""

# %%
# Arrays
# ------
#
# Three clouds of points, and which cloud each belongs to. Labels are whole numbers from 0; the task
# makes one output per class of them.

import numpy as np

from neurofa.tasks import Task

rng = np.random.default_rng(0)
labels = rng.integers(3, size=600)
centres = np.array([[0, 1], [-1, -1], [1, -1]])
x = centres[labels] + 0.5 * rng.standard_normal((600, 2))

clouds = Task(x[:450], labels[:450], "clouds", x[450:], labels[450:], cost="cross_entropy")
print(clouds)
print(clouds.statistics)

# %%
# A task says how many inputs and outputs a network needs. After training, :func:`neurofa.predict`
# gives the output's rates for any inputs: here, on a grid.

from brian2 import ms

from neurofa import Network, Trial, predict, train
from neurofa.models import dfa

inputs, outputs = clouds.sizes
net = Network([inputs, 20, outputs], dfa.RULE.but(eta=0.01), trials=30, seed=1)
trial = Trial(dt=10 * ms)
history = train(net, clouds, epochs=20, trial=trial, optimiser="adam")
print(f"held-out accuracy {history.test_accuracy[-1]:.1%}")

import matplotlib.pyplot as plt

horizontal, vertical = np.meshgrid(np.linspace(-2.5, 2.5, 60), np.linspace(-2.5, 2.5, 60))
grid = np.column_stack([horizontal.ravel(), vertical.ravel()])
decided = predict(net, grid, trial).argmax(axis=1).reshape(horizontal.shape)

figure, axes = plt.subplots(figsize=(4, 3.6), layout="constrained")
axes.contourf(horizontal, vertical, decided, levels=[-0.5, 0.5, 1.5, 2.5], alpha=0.3)
axes.scatter(*clouds.x_test.T, c=labels[450:], s=12)
axes.set(xlabel="Input 0", ylabel="Input 1")
plt.show()

# %%
# A table
# -------
#
# The wines of scikit-learn, as a pandas DataFrame. Columns of such different size must be brought
# to one scale first, with the mean and standard deviation of what is learned from alone.

from sklearn.datasets import load_wine

table = load_wine(as_frame=True).frame.sample(frac=1, random_state=0)  # in another order
print(table[["alcohol", "proline", "target"]].head(3))

features = table.drop(columns="target")
features = (features - features[:130].mean()) / features[:130].std()
wines = Task(
    features[:130],
    table["target"][:130],
    "wines",
    features[130:],
    table["target"][130:],
    cost="cross_entropy",
)
print(wines)

net = Network([13, 20, 3], dfa.RULE.but(eta=0.01), trials=10, seed=1)
history = train(net, wines, epochs=20, trial=trial, optimiser="adam")
print(f"held-out accuracy {history.test_accuracy[-1]:.1%}")

# %%
# Images in a folder
# ------------------
#
# Say, one folder per class, with images of one size in it. First we make such a folder:

import tempfile
from pathlib import Path

folder = Path(tempfile.mkdtemp())
for kind in ("horizontal", "vertical"):
    (folder / kind).mkdir()
    for k in range(100):
        image = 0.3 * rng.random((12, 12))
        image[rng.integers(12)] = 1.0  # a row, white
        path = folder / kind / f"{k:03}.png"
        plt.imsave(path, image if kind == "horizontal" else image.T, cmap="gray")

# %%
# And then read it. Pixels become numbers from 0 to 1, an image a row.

kinds = sorted(path.name for path in folder.iterdir())
images, labels = [], []
for label, kind in enumerate(kinds):
    for path in sorted((folder / kind).glob("*.png")):
        images.append(plt.imread(path)[:, :, 0].ravel())  # (144,): one of three equal channels
        labels.append(label)

order = rng.permutation(len(images))
images, labels = np.array(images)[order], np.array(labels)[order]
bars = Task(images[:150], labels[:150], "bars", images[150:], labels[150:], cost="cross_entropy")
net = Network([144, 20, 2], dfa.RULE.but(eta=0.01), trials=30, seed=1)
history = train(net, bars, epochs=20, trial=trial, optimiser="adam")
print(f"{bars}\nheld-out accuracy {history.test_accuracy[-1]:.1%}")

figure, axes = plt.subplots(1, 4, figsize=(6, 1.8), layout="constrained")
for panel, image, label in zip(axes, bars.x_test, labels[150:]):
    panel.imshow(image.reshape(12, 12), cmap="gray")
    panel.set(title=kinds[label], xticks=[], yticks=[])
plt.show()

# %%
# Many images are better kept in the IDX files of MNIST, as bytes: ``tasks.idx(folder)`` reads them,
# and the bytes stay bytes in memory.
#
# Tensors
# -------
#
# Tensors of PyTorch that are on the CPU and need no gradient are arrays to NumPy, and so to a task:
#
# .. code-block:: python
#
#    from torchvision.datasets import FashionMNIST
#
#    data = FashionMNIST("data", download=True)
#    x = data.data.reshape(-1, 784) / 255  # a torch.Tensor (60000, 784)
#    y = data.targets
#    task = Task(x[:50000], y[:50000], "fashion", x[50000:], y[50000:], "cross_entropy")
#
# Others first go through ``tensor.detach().cpu()``.
#
# Targets that are no classes
# ---------------------------
#
# Floats of shape (samples, units) are rates that the output is to have, with the cost
# ``"squared"``. A single column is ``reshape(-1, 1)``.

angle = rng.uniform(-np.pi, np.pi, (500, 1))
circle = Task(np.hstack([np.cos(angle), np.sin(angle)]), np.cos(2 * angle), "double angle")
print(circle)

# %%
# Data that do not fit are refused with a sentence that says what to do:

from neurofa import TaskError

try:
    Task(x[:450], labels[:150], "mixed up")
except TaskError as error:
    print(error)

# %%
# What to try next
# ----------------
#
# - A task with a time axis: ``Task(x, y, "mine", frame=5*ms)`` with x of shape (samples, frames,
#   units).
# - A package of yours may bring tasks under names of their own, which ``tasks.task("name")`` and
#   all experiments find: see the README on entry points.
# - :class:`neurofa.tasks.Task` lists everything that a task may say.
