"""`CompileClock`: how long numba has compiled, so that the first use on a computer does not eat a budget of seconds.

On a new installation the kernels of a search take 10 to 60 s to compile, once; a budget of 30 s would end before
anything is scored.
"""

from __future__ import annotations

import time
from types import TracebackType

from numba.core import event

__all__ = ["CompileClock"]


class CompileClock(event.Listener):  # type: ignore[misc]
    """Counts the seconds in which something is compiled, on any thread, while it is entered.

    Kernels that come from the cache on disk do not count. numba compiles one at a time, so nothing is counted twice.
    """

    def __init__(self) -> None:
        self._done_s = 0.0
        self._depth = 0
        self._began = 0.0

    @property
    def seconds(self) -> float:
        """Seconds so far, what is under way included."""
        began = self._began
        return self._done_s + (time.monotonic() - began if self._depth else 0.0)

    def on_start(self, event: object) -> None:
        """Note that a compilation begins; one may ask for another one inside."""
        if not self._depth:
            self._began = time.monotonic()
        self._depth += 1

    def on_end(self, event: object) -> None:
        """Note that a compilation is over."""
        self._depth -= 1
        if not self._depth:
            self._done_s += time.monotonic() - self._began

    def __enter__(self) -> CompileClock:
        event.register("numba:compile", self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        event.unregister("numba:compile", self)
