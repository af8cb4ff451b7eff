"""`Cache`: results of single steps, kept within a number of bytes; `remembered`: the same for a part of a step.

A step is often made of one part that depends on the pixels only and one that a setting changes. Where a run has a
cache, a remembered part is computed once for the same arrays and settings; without a cache nothing is kept.
"""

from __future__ import annotations

import functools
import hashlib
import os
import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from granum.choice import Choice
from granum.errors import SettingError

__all__ = ["Cache", "StepResult", "content_key", "file_key", "layer_key", "remembered"]

P = ParamSpec("P")
R = TypeVar("R")


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
    keys : dict
        Layer -> key that stands for its content.
    n_bytes : int
        Size of the arrays; `Cache.put` fills it in.
    """

    outputs: dict[str, Any]
    choices: tuple[Choice, ...] = ()
    warnings: tuple[str, ...] = ()
    keys: dict[str, str] = field(default_factory=dict)
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

    @contextmanager
    def remembering(self, arrays: Iterable[tuple[str, Any]]) -> Iterator[None]:
        """Keep what `remembered` functions return while a step runs.

        Parameters
        ----------
        arrays : pairs
            Key that stands for the content, and array, of all layers that the step gets.
        """
        token = _scope.set(_Scope(self, {id(value): (key, value) for key, value in arrays}))
        try:
            yield
        finally:
            _scope.reset(token)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()


@dataclass
class _Scope:
    """What is known while one step runs: the arrays whose content has a key. Holding them keeps their ids theirs."""

    cache: Cache
    known: dict[int, tuple[str, Any]]

    def call(self, function: Callable[..., Any], args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        parts = [self._key_of(value) for value in (*args, *named.values())]
        if None in parts:  # an array that was made on the way: nothing is known about its content
            return function(*args, **named)
        text = repr((function.__module__, function.__qualname__, parts, list(named)))
        key = hashlib.sha256(text.encode()).hexdigest()
        kept = self.cache.get(key)
        if kept is None:
            kept = StepResult({"value": function(*args, **named)})
            self.cache.put(key, kept)
        value = kept.outputs["value"]
        for number, item in enumerate(value if isinstance(value, tuple) else (value,)):
            if isinstance(item, np.ndarray):
                self.known.setdefault(id(item), (f"{key}:{number}", item))
        return value

    def _key_of(self, value: Any) -> str | None:
        if isinstance(value, np.ndarray):
            known = self.known.get(id(value))
            return None if known is None else known[0]
        return repr(value) if value is None or isinstance(value, bool | int | float | str) else None


_scope: ContextVar[_Scope | None] = ContextVar("granum_remembered", default=None)


def remembered(function: Callable[P, R]) -> Callable[P, R]:
    """Keep what a part of a step returns, within the cache of the run, for the same arrays and settings.

    Parameters
    ----------
    function : callable
        Takes arrays, numbers, text and None; returns an array or a tuple. It depends on nothing else, does not warn,
        and nobody changes what it returned.

    Returns
    -------
    function : callable
        The same function. Arrays count as the same when they are layers that the step was given, or were returned by a
        remembered function; for any other array, and in a run without a cache, it is simply called.
    """

    @functools.wraps(function)
    def call(*args: P.args, **named: P.kwargs) -> R:
        scope = _scope.get()
        return function(*args, **named) if scope is None else cast("R", scope.call(function, args, named))

    return call


def content_key(array: NDArray[Any]) -> str:
    """Return a hash of an array's type, shape and values."""
    digest = hashlib.sha256(f"{array.dtype.str} {array.shape}".encode())
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def file_key(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file's content; of one that cannot be read, something that never comes twice."""
    try:
        with Path(path).open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return f"unread {uuid.uuid4()}"  # the step will say what is wrong, and another file may lie there next time


def layer_key(value: Any, key: str) -> str:
    """Return what stands for a layer that a step wrote under `key`.

    For a mask that is its content, one bit per pixel: one that a setting did not change costs nothing further on. For
    all else it is the key of the step.
    """
    if isinstance(value, np.ndarray) and value.dtype == np.bool_:
        return f"{content_key(np.packbits(value))} {value.shape}"
    return key


def _n_bytes(value: Any) -> int:
    if isinstance(value, dict):
        return sum(_n_bytes(item) for item in value.values())
    if isinstance(value, tuple):
        return sum(_n_bytes(item) for item in value)
    return _array_bytes(value) if isinstance(value, np.ndarray) else 0


def _array_bytes(array: NDArray[Any]) -> int:
    """Return the memory that an array holds, which for a view is that of the whole."""
    whole = array.base if isinstance(array.base, np.ndarray) else array
    return int(whole.nbytes)
