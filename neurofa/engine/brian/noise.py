"""Standard normal numbers as functions of (seed, stream, time step, trial, unit): the NumPy twin of
normal.h."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_LOW = np.uint64(0xFFFFFFFF)


def philox(counter: Sequence, key: Sequence, rounds: int = 7) -> tuple:
    """Return the block of four 32-bit numbers for four counter words (arrays) and two key words.

    Philox4x32 of Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC
    2011.
    """
    c0, c1, c2, c3 = (np.asarray(c, np.uint64) for c in counter)
    k0, k1 = (int(k) for k in key)
    for _ in range(rounds):
        p0, p1 = np.uint64(0xD2511F53) * c0, np.uint64(0xCD9E8D57) * c2
        c0, c1, c2, c3 = (
            (p1 >> np.uint64(32)) ^ c1 ^ np.uint64(k0),
            p1 & _LOW,
            (p0 >> np.uint64(32)) ^ c3 ^ np.uint64(k1),
            p0 & _LOW,
        )
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return c0, c1, c2, c3


def normals(
    trials: int,
    units: int,
    seed: int,
    stream: int,
    now: int,
    dtype: npt.DTypeLike = float,
    keys: np.ndarray | None = None,
) -> np.ndarray:
    """Return standard normal numbers, shape (trials, units), of one population at time step `now`.

    `keys` says which trial's numbers every trial has; by default its own.
    """
    blocks = -(-units // 4)
    trial, block = np.meshgrid(
        np.arange(trials) if keys is None else keys, np.arange(blocks), indexing="ij"
    )
    words = philox(
        (block, trial, now & 0xFFFFFFFF, stream ^ now >> 32), (seed & 0xFFFFFFFF, seed >> 32)
    )
    if np.dtype(dtype) == np.float32:
        uniform = [
            ((w >> np.uint64(8)).astype(np.float32) + np.float32(0.5)) * np.float32(2.0**-24)
            for w in words
        ]
    else:
        uniform = [(w.astype(float) + 0.5) * 2.0**-32 for w in words]
    found = []
    for radius, angle in (uniform[:2], uniform[2:]):
        length, turn = np.sqrt(-2 * np.log(radius)), 2 * np.pi * angle
        found += [length * np.cos(turn), length * np.sin(turn)]
    return np.concatenate(found, axis=1)[:, :units].astype(dtype)
