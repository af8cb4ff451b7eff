"""How long work shows itself: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["show_progress"]

_SECONDS_BETWEEN_LINES = 10.0


@contextmanager
def show_progress(*, unit: str = "done") -> Iterator[Callable[[int, int, str], None]]:
    """Give a function ``(n_done, n_all, name)`` that shows how far the work is, on standard error.

    `unit` is the word after the two numbers.
    """
    if sys.stderr.isatty():
        with _bar(unit) as show:
            yield show
    else:
        yield _lines(unit)


@contextmanager
def _bar(unit: str) -> Iterator[Callable[[int, int, str], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    words = (TextColumn(unit, markup=False), TimeRemainingColumn(), TextColumn("{task.description}", markup=False))
    with Progress(BarColumn(), MofNCompleteColumn(), *words, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=None)
        yield lambda n_done, n_all, name: bar.update(task, completed=n_done, total=n_all, description=name)


def _lines(unit: str) -> Callable[[int, int, str], None]:
    """Return a function that prints a line now and then, and one at the end."""
    last = time.monotonic()

    def show(n_done: int, n_all: int, name: str) -> None:
        nonlocal last
        now = time.monotonic()
        if n_done == n_all or now - last >= _SECONDS_BETWEEN_LINES:
            last = now
            print(f"{n_done} of {n_all} {unit} ({name})", file=sys.stderr, flush=True)

    return show
