"""`side_by_side`: independent pieces of work on several threads, their results in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

__all__ = ["side_by_side"]

Item = TypeVar("Item")
Result = TypeVar("Result")


def side_by_side(function: Callable[[Item], Result], items: Sequence[Item], *, threads: int) -> Iterator[Result]:
    """Return what a function makes of each item, in the order of the items.

    Parameters
    ----------
    function : callable
        Must not depend on what it makes of other items.
    items : sequence
        What it is given.
    threads : int
        How many items are worked on at a time; 1 works when the next result is asked for.

    Notes
    -----
    When the results are not all asked for, or one raises an error, what has not begun is left out.
    """
    if threads <= 1 or len(items) < 2:
        yield from map(function, items)
        return
    with ThreadPoolExecutor(min(threads, len(items))) as pool:
        jobs = [pool.submit(function, item) for item in items]
        try:
            for job in jobs:
                yield job.result()
        finally:
            for job in jobs:
                job.cancel()
