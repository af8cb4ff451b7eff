"""Masks of class indices from strokes or from class images, read window by window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from granum.errors import SettingError, ShapeError
from granum.learn.scribble_checks import check_classes, check_scribbles, fit_scribbles
from granum.learn.scribbles import PixelClass
from granum.learn.training_data import TrainingImage

__all__ = ["UNLABELLED", "MaskedImage", "masks_of_classes", "masks_of_strokes"]

UNLABELLED = 255
"""Value of a mask where the class is not known; networks leave it out of their loss ("ignore_index")."""
Window = tuple[int, int, int, int]


@dataclass(frozen=True, eq=False)
class MaskedImage:
    """An image with what is known of its classes.

    Parameters
    ----------
    image : TrainingImage
        The image.
    mask_of : callable
        Window -> class index of each of its pixels, `UNLABELLED` where it is not known.
    counts : (K,) ndarray of int64
        Labelled pixels of each class in all of it.
    """

    image: TrainingImage
    mask_of: Callable[[Window], NDArray[np.uint8]]
    counts: NDArray[np.int64]


def masks_of_strokes(
    images: Sequence[TrainingImage], classes: Sequence[PixelClass]
) -> tuple[tuple[PixelClass, ...], list[MaskedImage], list[str]]:
    """Return the classes that are painted, the painted images, and notes."""
    painted = [
        (image, fit_scribbles(image.scribbles, image.channels, area=image.area))
        for image in images
        if image.scribbles is not None
    ]
    used, notes = check_scribbles([scribbles for _, scribbles in painted], classes)
    index_of = np.full(256, UNLABELLED, np.uint8)
    index_of[[one.id for one in used]] = np.arange(len(used))
    sources = []
    for image, scribbles in painted:
        notes += scribbles.notes
        counts = np.bincount(index_of[scribbles.class_ids], minlength=len(used))

        def mask_of(window: Window, scribbles: Any = scribbles) -> NDArray[np.uint8]:
            return index_of[scribbles.class_plane(window)]

        if scribbles.n_px:
            sources.append(MaskedImage(image, mask_of, counts))
    return used, sources, notes


def masks_of_classes(
    images: Sequence[TrainingImage], masks: Sequence[NDArray[Any] | None], classes: Sequence[PixelClass]
) -> tuple[tuple[PixelClass, ...], list[MaskedImage], list[str]]:
    """Return the classes that masks hold, the images that have them, and notes."""
    check_classes(classes)
    seen = np.zeros(256, np.int64)
    planes: list[tuple[TrainingImage, NDArray[np.uint8], NDArray[np.int64]]] = []
    for image, mask in zip(images, masks, strict=True):
        if mask is None:
            continue
        shape = image.channels.shape[1:]
        if mask.shape != shape or mask.dtype.kind not in "iu":
            raise ShapeError(
                f"{image.name}: the mask is a {mask.dtype} array of shape {mask.shape}; give class ids in the"
                f" shape {shape}."
            )
        if int(mask.min()) < 0 or int(mask.max()) > 255:
            raise ShapeError(f"{image.name}: the mask has numbers from {mask.min()} to {mask.max()}, must be 0 to 255.")
        plane = mask.astype(np.uint8)
        if image.area is not None:
            plane = np.where(image.area, plane, np.uint8(0))
        counts = np.bincount(plane.ravel(), minlength=256)
        seen += counts
        planes.append((image, plane, counts))
    named = {one.id: one for one in classes}
    used = tuple(named.get(id, PixelClass(id, f"class {id}")) for id in map(int, np.flatnonzero(seen)) if id)
    if len(used) < 2:
        raise SettingError(f"masks: hold {len(used)} classes; a network needs at least two to tell apart.")
    ids = [one.id for one in used]
    index_of = np.full(256, UNLABELLED, np.uint8)
    index_of[ids] = np.arange(len(used))
    sources = []
    for image, plane, counts in planes:

        def mask_of(window: Window, plane: NDArray[np.uint8] = plane) -> NDArray[np.uint8]:
            return index_of[plane[window[0] : window[2], window[1] : window[3]]]

        if counts[ids].any():
            sources.append(MaskedImage(image, mask_of, counts[ids]))
    return used, sources, []
