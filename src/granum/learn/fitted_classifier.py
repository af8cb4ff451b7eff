"""`FittedClassifier`: what every trained classifier is; the forms (linear, gaussian, trees, network) add their kernel.

Kernels take a range of blocks and hold no lock, so threads share the blocks of a call. No parallel loops of numba: a
server that predicts for two users at once would break on platforms where those may not overlap.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, ClassVar

import numba
import numpy as np
from numpy.typing import NDArray

from granum.errors import ModelError, ShapeError
from granum.learn.block_kernels import BLOCK

__all__ = ["FittedClassifier", "take_array", "take_standardisation"]

Arrays = dict[str, NDArray[Any]]
_FEWEST_BLOCKS = 32  # per thread: 8,192 pixels


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedClassifier:
    """A trained classifier; its own numbers only, nothing of the package that trained it.

    Parameters
    ----------
    family : str
        Name of its family.
    n_classes, n_features : int
        K rows of probabilities, F planes.
    present : tuple of int
        Indices of the classes that it was trained on, ascending; the others get probability 0.
    importance : (F,) ndarray of float32
        Share of each feature in its decisions; the sum is 1 (0 when it decides nothing).
    settings : dict
        That it was trained with, JSON types.
    """

    family: str
    n_classes: int
    n_features: int
    present: tuple[int, ...]
    importance: NDArray[np.float32]
    settings: dict[str, Any] = field(default_factory=dict)
    form: ClassVar[str] = ""

    def probabilities(
        self, planes: NDArray[np.float32], *, rows: NDArray[np.int64] | None = None, threads: int | None = None
    ) -> NDArray[np.float32]:
        """Return the probability of every class.

        Parameters
        ----------
        planes : (F, n) ndarray of float32
            Feature planes; NaN counts as the mean of the training pixels.
        rows : (F,) ndarray of int, optional
            Which rows of `planes` are its features, so that a subset needs no copy; `planes` may have more then.
        threads : int, optional
            Default: as many as numba uses.

        Returns
        -------
        probabilities : (K, n) ndarray of float32
            They sum to 1; bit for bit the same for any chunking and number of threads.

        Raises
        ------
        ShapeError
            When the number of features is another one.
        """
        rows = np.arange(self.n_features) if rows is None else np.asarray(rows, np.int64)
        if planes.ndim != 2 or len(rows) != self.n_features:
            raise ShapeError(f"planes: {planes.shape} with {len(rows)} rows; must be ({self.n_features}, n) features.")
        if self.n_features and not (rows.min() >= 0 and rows.max() < len(planes)):
            raise ShapeError(f"planes: {len(planes)} features, but the classifier needs {self.n_features}.")
        planes = np.ascontiguousarray(planes, np.float32)
        n = planes.shape[1]
        out = np.zeros((self.n_classes, n), np.float32)
        slots = np.asarray(self.present, np.int64)
        n_blocks = -(-n // BLOCK)
        parts = max(1, min(threads or numba.get_num_threads(), n_blocks // _FEWEST_BLOCKS))
        if parts == 1:
            self._fill(planes, rows, slots, 0, n_blocks, out)
            return out
        parts *= 2  # other threads of the machine take time from one or the other
        bounds = [n_blocks * part // parts for part in range(parts + 1)]
        with ThreadPoolExecutor(parts // 2) as pool:
            jobs = [pool.submit(self._fill, planes, rows, slots, first, last, out) for first, last in pairwise(bounds)]
            for job in jobs:
                job.result()
        return out

    def _fill(
        self,
        planes: NDArray[np.float32],
        rows: NDArray[np.int64],
        slots: NDArray[np.int64],
        first: int,
        last: int,
        out: NDArray[np.float32],
    ) -> None:
        """Write the probabilities of the blocks first..last - 1; the form's kernel."""
        raise NotImplementedError

    def to_state(self) -> tuple[dict[str, Any], Arrays]:
        """Return it as JSON types and arrays, what `load_classifier` takes."""
        about = {
            "form": self.form,
            "family": self.family,
            "n_classes": self.n_classes,
            "n_features": self.n_features,
            "present": [*self.present],
            "settings": self.settings,
        }
        return about, {"importance": self.importance}


def take_array(arrays: Arrays, name: str, kind: str, shape: tuple[int | None, ...]) -> NDArray[Any]:
    """Return one array of a saved classifier after checking it.

    Parameters
    ----------
    arrays : dict of ndarray
        All of them.
    name : str
        Which.
    kind : str
        Its dtype.
    shape : tuple of int or None
        None is any size.

    Raises
    ------
    ModelError
        When it is missing, has another dtype or shape, or holds NaN or infinity.
    """
    found = arrays.get(name)
    if found is None:
        raise ModelError(f"model: the array {name!r} is missing; the file is damaged.")
    fits = len(found.shape) == len(shape) and all(
        want in (None, size) for want, size in zip(shape, found.shape, strict=True)
    )
    if found.dtype != np.dtype(kind) or not fits:
        wanted = ", ".join("n" if size is None else str(size) for size in shape)
        raise ModelError(f"model: the array {name!r} is {found.dtype} {found.shape}, must be {kind} ({wanted}).")
    if found.dtype.kind == "f" and not np.isfinite(found).all():
        raise ModelError(f"model: the array {name!r} holds NaN or infinity; the file is damaged.")
    return np.ascontiguousarray(found)


def take_standardisation(arrays: Arrays, n_features: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return shift and factor of every feature out of a saved classifier."""
    shift, factor = (take_array(arrays, name, "float32", (n_features,)) for name in ("shift", "factor"))
    return shift, factor
