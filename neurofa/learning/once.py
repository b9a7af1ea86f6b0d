"""What one wants to hear once in a training, and not after every batch."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from threadpoolctl import threadpool_limits
from tqdm.auto import tqdm

from ..base.errors import NotSettled


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Within this context, NumPy's matrix products have one thread: more would take the cores from
    those that share the trials."""
    with threadpool_limits(limits=1, user_api="blas"):
        yield


@contextmanager
def not_settled_once(heard: Any) -> Iterator[None]:
    """Warn of trials that did not settle if `heard.warned` is False, and make it True then; of all
    else, always. Warnings are printed beside progress bars."""
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", NotSettled)
            yield
    finally:
        for warning in caught:
            if warning.category is not NotSettled or not heard.warned:
                tqdm.write(f"{warning.category.__name__}: {warning.message}", file=sys.stderr)
            heard.warned = heard.warned or warning.category is NotSettled
