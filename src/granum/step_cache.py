"""`Cache`: results of single steps, kept within a number of bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np

from granum.choice import Choice
from granum.errors import SettingError

__all__ = ["Cache", "StepResult"]


@dataclass
class StepResult:
    """What one step wrote, chose and warned about.

    Parameters
    ----------
    outputs : dict
        Layer -> array or table.
    choices : tuple of Choice
        What the step chose by itself.
    warnings : tuple of str
        What the user must know.
    n_bytes : int
        Size of the arrays; `Cache.put` fills it in.
    """

    outputs: dict[str, Any]
    choices: tuple[Choice, ...]
    warnings: tuple[str, ...]
    n_bytes: int = 0


class Cache:
    """Results of steps, the least recently used dropped first when they exceed a number of bytes.

    Parameters
    ----------
    max_bytes : int
        Largest sum of the sizes of all kept arrays.

    Notes
    -----
    A result is kept under the hash of its step, its settings and the hashes of its inputs. It may be shared between
    threads. Treat what comes out of a `Result` as read-only when its run had a cache.
    """

    def __init__(self, max_bytes: int = 1 << 30) -> None:
        if max_bytes < 0:
            raise SettingError(f"max_bytes: {max_bytes} is out of range, must be at least 0.")
        self.max_bytes = max_bytes
        self._kept: OrderedDict[str, StepResult] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def n_bytes(self) -> int:
        """Sum of the sizes of what is kept."""
        with self._lock:
            return sum(kept.n_bytes for kept in self._kept.values())

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: str) -> StepResult | None:
        """Return what is kept under `key`, and mark it as used."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put(self, key: str, kept: StepResult) -> None:
        """Keep a result, and drop the oldest while there are too many bytes."""
        kept.n_bytes = sum(_n_bytes(value) for value in kept.outputs.values())
        with self._lock:
            self._kept[key] = kept
            self._kept.move_to_end(key)
            total = sum(entry.n_bytes for entry in self._kept.values())
            while total > self.max_bytes:
                total -= self._kept.popitem(last=False)[1].n_bytes

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()


def _n_bytes(value: Any) -> int:
    if isinstance(value, dict):
        return sum(_n_bytes(item) for item in value.values())
    return value.nbytes if isinstance(value, np.ndarray) else 0
