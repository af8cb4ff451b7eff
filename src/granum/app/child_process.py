"""A process of the server's own at the other end of a pipe, and a thread that waits for it or for a call."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from typing import Any

__all__ = ["ChildProcess"]


class ChildProcess:
    """Starts, hears and ends one process; started anew as often as it dies.

    Parameters
    ----------
    target : callable
        What the process runs, with its end of the pipe.
    name : str
        Of the process.

    Attributes
    ----------
    process : Process or None
        None while there is none.
    connection : Connection or None
        This end of the pipe.

    Notes
    -----
    One thread starts, waits, reads and ends; any thread may `wake` it.
    """

    def __init__(self, target: Callable[[Connection], None], name: str) -> None:
        self.process: Any = None
        self.connection: Connection | None = None
        self._target, self._name = target, name
        self._wake_reader, self._wake_writer = multiprocessing.Pipe(duplex=False)

    def start(self) -> Connection:
        """Start the process and return this end of the pipe."""
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe()
        process = context.Process(target=self._target, args=(there,), name=self._name, daemon=True)
        process.start()
        there.close()  # so that the death of the process ends the connection
        self.process, self.connection = process, here
        return here

    def end(self) -> None:
        """Kill the process, if there is one."""
        if self.process is not None:
            self.process.kill()
            self.process.join()
        if self.connection is not None:
            self.connection.close()
        self.process = self.connection = None

    def wake(self) -> None:
        """End the `wait` of the other thread, or its next one."""
        self._wake_writer.send(None)

    def wait(self, timeout_s: float | None = None) -> tuple[bool, bool]:
        """Wait; return whether it was called or the process has something to say, and whether the latter."""
        listened: list[Connection] = [self._wake_reader]
        if self.connection is not None:
            listened.append(self.connection)
        ready = wait(listened, timeout_s)
        if self._wake_reader in ready:
            while self._wake_reader.poll():
                self._wake_reader.recv()
        return bool(ready), self.connection is not None and self.connection in ready

    def close(self) -> None:
        """Let go of what `wake` needs; nobody calls after this."""
        self._wake_writer.close()
        self._wake_reader.close()
