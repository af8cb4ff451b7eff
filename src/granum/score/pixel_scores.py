"""How well a mask agrees with the true mask, pixel by pixel and along the outline."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from granum.arrays import check_mask, check_same_shape
from granum.errors import SettingError
from granum.steps import Range

__all__ = ["PixelScores", "score_pixels"]


@dataclass(frozen=True)
class PixelScores:
    """Agreement of two masks; every share is 1 when both masks are empty.

    Parameters
    ----------
    iou : float
        Shared pixels over pixels of either, 0 to 1.
    dice : float
        Twice the shared pixels over the sum of both, 0 to 1; the F1 of pixels.
    boundary_f : float
        Harmonic mean of the shares of outline pixels that lie within `tolerance` of the other outline, 0 to 1.
    tolerance : float
        Distance in px that an outline may be off.
    """

    iou: float
    dice: float
    boundary_f: float
    tolerance: float

    def to_row(self) -> dict[str, float]:
        """Return the scores as one flat row."""
        return asdict(self)


def _outline(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the pixels of a mask with a background pixel among their four neighbours; the image border is none."""
    cross = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)
    inner = cv2.erode(mask.view(np.uint8), cross, borderType=cv2.BORDER_CONSTANT, borderValue=(255, 0, 0, 0))
    return mask & (inner == 0)


def _share_near(points: NDArray[np.bool_], outline: NDArray[np.bool_], tolerance: float) -> float:
    """Return the share of `points` within `tolerance` of `outline`."""
    # DIST_MASK_PRECISE is exact; squares of integers stay exact in float32 far beyond any tolerance
    distance = cv2.distanceTransform((~outline).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return float(np.count_nonzero(distance[points] <= tolerance + 1e-4) / np.count_nonzero(points))


def _boundary_f(truth: NDArray[np.bool_], mask: NDArray[np.bool_], tolerance: float) -> float:
    true_outline, outline = _outline(truth), _outline(mask)
    if not (true_outline.any() and outline.any()):
        return float(true_outline.any() == outline.any())
    precision = _share_near(outline, true_outline, tolerance)
    recall = _share_near(true_outline, outline, tolerance)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def score_pixels(
    truth: ArrayLike, mask: ArrayLike, *, tolerance: Annotated[float, Range(0, 1000)] = 2.0
) -> PixelScores:
    """Score a mask against the true one.

    Parameters
    ----------
    truth, mask : (Y, X) array_like
        Masks, or labels; anything that is not zero is inside.
    tolerance : float
        Distance in px that the outline may be off, 0 to 1000.

    Returns
    -------
    scores : PixelScores
        IoU, Dice and boundary F.

    Raises
    ------
    ShapeError
        Not two axes, or two sizes.
    SettingError
        A tolerance outside its range.

    Notes
    -----
    Labels are taken as one mask, so an outline between touching objects is not seen here; `score_objects` sees it.

    References
    ----------
    G. Csurka et al., "What is a good evaluation measure for semantic segmentation?", BMVC 2013, doi:10.5244/C.27.32.

    Examples
    --------
    >>> score_pixels([[1, 1, 0, 0]], [[0, 1, 1, 0]]).dice
    0.5
    """
    if not 0 <= tolerance <= 1000:
        raise SettingError(f"tolerance: {tolerance!r} is out of range, must be 0 to 1000 px.")
    truth, mask = check_mask(truth, name="truth"), check_mask(mask)
    check_same_shape(mask, truth.shape, name="mask")
    shared = int(np.count_nonzero(truth & mask))
    both = int(np.count_nonzero(truth)) + int(np.count_nonzero(mask))
    return PixelScores(
        shared / (both - shared) if both else 1.0,
        2 * shared / both if both else 1.0,
        _boundary_f(truth, mask, tolerance),
        float(tolerance),
    )
