"""Small particles on an uneven support: what stands out of its own surroundings at the scale of the particles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from granum.arrays import check_area, check_image
from granum.errors import SettingError
from granum.steps import Range

__all__ = ["SPOT_SCALES", "Spots", "find_spots"]

SPOT_SCALES = (1.4, 2.0, 2.8, 4.0, 5.6, 8.0, 11.0, 16.0)
_LARGEST_KERNEL = 4.0
_DENSEST = 0.2


@dataclass(frozen=True)
class Spots:
    """Spots of one scale.

    Parameters
    ----------
    peaks : (N, 2) ndarray of float64
        Where they are, as (y, x), strongest response of each.
    strength : (N,) ndarray of float64
        Response over the local noise of the responses.
    scale : float
        Gaussian scale in pixels; a disc of radius about 1.4 x scale answers most.
    table : list of dict
        Evidence and number of spots of every scale tried.
    """

    peaks: NDArray[np.float64]
    strength: NDArray[np.float64]
    scale: float
    table: list[dict[str, float]]


def _responses(image: NDArray[np.float32], scale: float) -> tuple[NDArray[np.float32], NDArray[np.float32], int]:
    """Return the difference of Gaussians, its local noise, and by how much both are shrunk."""
    shrink, small = 1, image
    while scale / shrink > _LARGEST_KERNEL and min(small.shape) >= 16:
        shrink *= 2
        small = cv2.resize(small, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    sigma = scale / shrink
    response = cv2.GaussianBlur(small, (0, 0), sigma) - cv2.GaussianBlur(small, (0, 0), 1.6 * sigma)
    typical = 1.4826 * float(np.median(np.abs(response - np.median(response))))
    # clipped, so that the particles themselves do not count as noise of their neighbourhood
    deviation = np.minimum(np.abs(response), 4 * typical)
    local = 1.2533 * cv2.GaussianBlur(deviation, (0, 0), 8 * sigma)
    # nor may the rounding of float32 look like a spot
    largest = max(float(np.ptp(image)), float(np.abs(image).max()))
    return response, np.maximum(local, max(0.3 * typical, 1e-6 * largest, 1e-12)), shrink


def find_spots(
    image: ArrayLike, area: ArrayLike | None = None, *, min_strength: Annotated[float, Range(0.1, 1000)] = 4.0
) -> Spots:
    """Find bright spots at the scale at which the most evidence for them adds up.

    Parameters
    ----------
    image : (Y, X) array_like
        Spots brighter than their surroundings.
    area : (Y, X) array_like of bool, optional
        Spots outside are dropped.
    min_strength : float
        Least response over the local noise, 0.1 to 1000.

    Returns
    -------
    spots : Spots
        Of the best scale; none when nothing stands out.

    Raises
    ------
    ShapeError
        Not a (Y, X) image of real numbers, or an area of another shape.
    SettingError
        `min_strength` is out of its range.

    Notes
    -----
    The evidence of a scale is the sum over its spots of log(strength / min_strength), times the scale: many clear spots
    win over a few, and one particle over the specks it is made of. Only scales under a twelfth of the image are
    tried, and a scale at which the spots with their surroundings (3 scales) fill over a fifth of it counts nothing.
    granum's own; the response is the difference of Gaussians of Marr and Hildreth [1]_ as used for blobs by Lowe [2]_.
    Fails for particles of very different sizes: those far from the chosen scale are missed.

    References
    ----------
    .. [1] D. Marr, E. Hildreth, Proc. R. Soc. B 207, 187-217 (1980), :doi:`10.1098/rspb.1980.0020`.
    .. [2] D. G. Lowe, Int. J. Comput. Vis. 60, 91-110 (2004), :doi:`10.1023/B:VISI.0000029664.99615.94`.
    """
    if not 0.1 <= min_strength <= 1000:
        raise SettingError(f"find_spots: min_strength is {min_strength!r}, must be 0.1 to 1000.")
    image = check_image(image).astype(np.float32, copy=False)
    area = check_area(area, image.shape)
    best: tuple[float, float, NDArray[np.float64], NDArray[np.float64]] | None = None
    table = []
    for scale in SPOT_SCALES:
        if scale > min(image.shape) / 12 and best is not None:
            break
        response, noise, shrink = _responses(image, scale)
        side = int(2 * scale / shrink) | 1
        around = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
        strength = response / noise
        at = np.argwhere((response >= cv2.dilate(response, around)) & (strength > min_strength))
        strengths = strength[tuple(at.T)].astype(np.float64)
        peaks: NDArray[np.float64] = (at.astype(np.float64) + 0.5) * shrink - 0.5
        if area is not None and len(peaks):
            inside = area[tuple(np.clip(np.rint(peaks).astype(int), 0, np.array(area.shape) - 1).T)]
            peaks, strengths = peaks[inside], strengths[inside]
        evidence = float(np.log(strengths / min_strength).sum() * scale)
        table.append({"scale": scale, "evidence": evidence, "n_spots": float(len(peaks))})
        # spots this dense are the grain of the picture, not particles on a support
        if len(peaks) * np.pi * (3 * scale) ** 2 > _DENSEST * image.size:
            evidence = 0.0
        if best is None or evidence > best[0]:
            best = (evidence, scale, peaks, strengths)
    if best is None:
        return Spots(np.zeros((0, 2)), np.zeros(0), SPOT_SCALES[0], table)
    return Spots(best[2], best[3], best[1], table)
