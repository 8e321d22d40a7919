"""Times several ways to do the same thing, in turns, so that a busy moment of the machine hits all of them alike."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

__all__ = ["race", "use_one_thread"]


def use_one_thread() -> None:
    """Holds the BLAS libraries to one thread. To be called before NumPy is imported for the first time."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
        os.environ[name] = "1"


def race(contestants: Mapping[str, Callable[[], Any]], seconds: float = 2.0, most: int = 2000) -> dict[str, float]:
    """The median seconds that a call of each contestant takes.

    They take turns until `seconds` are over or each was called `most` times. A turn is a run of calls, as in training,
    of a thirtieth of a second or so; the first of them is not counted, as the one before has left the processor's
    caches full of its own. What is so slow that one call takes more than a tenth of the time is called three times
    only, apart from the others.
    """
    times: dict[str, list[float]] = {name: [] for name in contestants}

    def run(name: str) -> None:
        began = time.perf_counter()
        contestants[name]()
        times[name].append(time.perf_counter() - began)

    quick = []
    for name in contestants:
        run(name)  # the first call compiles, allocates, loads
        run(name)
        if times[name][-1] < 0.1 * seconds:
            quick.append(name)
        else:
            run(name)
            run(name)
        times[name].pop(0)
    for name in quick:
        times[name].clear()
    stop = time.perf_counter() + seconds
    while quick and (len(times[quick[0]]) < 5 or (time.perf_counter() < stop and len(times[quick[0]]) < most)):
        for name in quick:
            contestants[name]()
            turn = time.perf_counter() + 0.03
            run(name)
            while time.perf_counter() < turn:
                run(name)
    return {name: median(each) for name, each in times.items()}
