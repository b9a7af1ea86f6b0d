"""A dask cluster of processes on the loopback address, which end with the test or its process."""

import asyncio
import os
import shutil
import signal
import threading
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from pathlib import Path


@contextmanager
def cluster(folder: Path, workers: int = 3):
    """Give (address of the scheduler, processes of the workers): all but the first have a cache of
    compiled circuits of their own, in `folder`.

    They are forked from a process that has imported what they need.
    """
    context = get_context("forkserver")
    context.set_forkserver_preload(["distributed", "neurofa.experiments.compare", __name__])
    ours, theirs = context.Pipe()
    first = context.Process(target=_scheduler, args=(theirs,), daemon=True)
    first.start()
    assert ours.poll(60)
    address, others = ours.recv(), folder / "cache"
    shutil.copytree(os.environ["NEUROFA_CACHE"], others)
    others.chmod(0o700)
    made = [
        context.Process(target=_worker, args=(address, str(others) if k else None), daemon=True)
        for k in range(workers)
    ]
    for one in made:
        one.start()
    try:
        yield address, made
    finally:
        for one in (*made, first):
            one.kill()
            one.join()


def _scheduler(pipe):
    from distributed import Scheduler

    async def run():
        async with Scheduler(host="127.0.0.1", port=0, dashboard_address=":0") as scheduler:
            pipe.send(scheduler.address)
            await scheduler.finished()

    _run(run)


def _worker(address, cache):
    from distributed import Worker

    async def run():
        async with Worker(address, nthreads=1, host="127.0.0.1") as worker:
            await worker.finished()

    if cache:
        os.environ["NEUROFA_CACHE"] = cache
    _run(run)


def _run(coroutine):
    threading.Thread(target=_end_with, args=(parent_process(),), daemon=True).start()
    asyncio.run(coroutine())


def _end_with(test):
    test.join()
    os.kill(os.getpid(), signal.SIGKILL)
