"""Planes that are learnt from and predicted: all channels of a plane, and what of it may be analysed.

The same pixels and the same area as the steps `preprocess.crop` and `segment.learned` of a run get.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from granum.app.learn_jobs import PlaneKey
from granum.app.preview_worker import PreviewSource
from granum.errors import GranumError
from granum.learn import IntensityScale, measure_intensity

__all__ = ["LARGEST_BYTES", "OpenPlane", "OpenPlanes"]

LARGEST_BYTES = 2 << 30
"""Of one plane with all channels; larger ones are not opened."""
_KEPT_BYTES = 1 << 30


@dataclass(frozen=True, eq=False)
class OpenPlane:
    """One plane in memory.

    Parameters
    ----------
    key : PlaneKey
        Image id, t, z.
    name : str
        For people.
    channels : (C, Y, X) ndarray
        Pixels as they are in the file; what is not finite is filled as a run fills it.
    area : (Y, X) ndarray of bool or None
        What may be analysed; None when all may.
    channel_names : tuple of str
        Empty when the file gives none.
    pixel_size_nm : float or None
        Where it is known.
    """

    key: PlaneKey
    name: str
    channels: NDArray[Any]
    area: NDArray[np.bool_] | None
    channel_names: tuple[str, ...]
    pixel_size_nm: float | None

    @property
    def shape(self) -> tuple[int, int]:
        """(Y, X)."""
        return self.channels.shape[1], self.channels.shape[2]

    @cached_property
    def intensity(self) -> IntensityScale:
        """Offset and scale of the grey levels of this image, measured once: 15 ms per Mpx."""
        return measure_intensity(self.channels, area=self.area)

    @property
    def nbytes(self) -> int:
        """Memory."""
        return self.channels.nbytes + (0 if self.area is None else self.area.nbytes)


class OpenPlanes:
    """Planes that are in use; those that were not used for longest are dropped.

    Parameters
    ----------
    most_bytes : int
        Memory; the newest plane is kept whatever it takes.
    """

    def __init__(self, most_bytes: int = _KEPT_BYTES) -> None:
        self._most_bytes = most_bytes
        self._planes: OrderedDict[PlaneKey, OpenPlane] = OrderedDict()

    def get(self, source: PreviewSource, t: int, z: int) -> OpenPlane:
        """Return a plane, read when it is not in memory: about 10 ms per Mpx and 20 ms to find its area.

        Raises
        ------
        ReadError
            The file cannot be read.
        GranumError
            The plane is too large.
        """
        key = (source.image, t, z)
        known = self._planes.get(key)
        if known is None:
            known = self._planes[key] = _open(source, t, z)
        self._planes.move_to_end(key)
        total = sum(plane.nbytes for plane in self._planes.values())
        while total > self._most_bytes and len(self._planes) > 1:
            total -= self._planes.popitem(last=False)[1].nbytes
        return known


def _open(source: PreviewSource, t: int, z: int) -> OpenPlane:
    from granum.preprocess import find_analysed_area
    from granum.read import read_image

    image = read_image(source.path, pixel_size=source.pixel_size)
    n_bytes = image.shape[1] * math.prod(image.shape[3:]) * image.dtype.itemsize
    if n_bytes > LARGEST_BYTES:
        raise GranumError(
            f"{source.path.name}: a plane of {n_bytes / 2**30:.1f} GB is more than is learnt from in the app; cut it "
            "into pieces, or use granum predict."
        )
    channels, picture = read_channels(image, t, z)
    area, _ = find_analysed_area(picture)
    size = image.pixel_size
    return OpenPlane(
        (source.image, t, z),
        source.path.name,
        channels,
        None if area.all() else area,
        image.channel_names,
        None if size is None else math.sqrt(size.nm[0] * size.nm[1]),
    )


def read_channels(image: Any, t: int, z: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return all channels of a plane, filled, and the picture in which info bars are looked for, not filled."""
    from granum.arrays import check_image

    planes = [image.plane(frame=t, channel=number, z=z) for number in range(image.shape[1])]
    filled = [check_image(plane) for plane in planes]
    if len(planes) == 1:
        picture = np.asarray(planes[0])
    else:
        mean = np.stack(planes).mean(axis=0, dtype=np.float64 if planes[0].dtype.kind != "f" else None)
        picture = np.rint(mean).astype(planes[0].dtype) if planes[0].dtype.kind in "iu" else mean
    return (np.stack(filled) if len(filled) > 1 else filled[0][None]), picture
