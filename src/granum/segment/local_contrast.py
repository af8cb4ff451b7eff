"""Cells by local contrast, with a fixed threshold: standard deviation over mean in a small window, after PHANTAST."""

from __future__ import annotations

from typing import Annotated

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from granum.arrays import check_area, check_image
from granum.errors import SettingError
from granum.segment.components import keep_components
from granum.segment.halo import measure_halo, peel_halo
from granum.segment.texture_scale import grey_step, measure_texture_scale
from granum.steps import Range

__all__ = ["local_contrast", "segment_by_local_contrast"]


def segment_by_local_contrast(
    image: ArrayLike,
    area: ArrayLike | None = None,
    *,
    sigma: Annotated[float, Range(0.5, 50, unit="px")] = 1.4,
    epsilon: Annotated[float, Range(0, 10)] = 0.06,
    correct_halo: bool = True,
    min_area: Annotated[int, Range(0, None, unit="px2")] = 100,
) -> NDArray[np.bool_]:
    """Find cells in phase contrast where the local contrast is above a fixed level.

    Parameters
    ----------
    image : (Y, X) array_like
        Phase contrast; 0 must be dark.
    area : (Y, X) array_like of bool, optional
        The analysed area.
    sigma : float
        Of the Gaussian window in px.
    epsilon : float
        Local contrast from which a pixel is cell.
    correct_halo : bool
        Take bright seams away from outside, along the gradient of Kirsch's masks.
    min_area : int
        Pieces and holes of fewer pixels go.

    Returns
    -------
    mask : (Y, X) ndarray of bool

    Raises
    ------
    SettingError
        A setting is out of its range.
    ShapeError
        The arrays do not fit.

    See Also
    --------
    segment_by_texture : Finds level and window from the image.

    Notes
    -----
    Written from the paper's description. The result does not change with the gain of the camera, but with its offset,
    exposure and noise: `epsilon` has to be set for each microscope.

    References
    ----------
    .. [1] N. Jaccard et al., "Automated method for the rapid and precise estimation of adherent cell culture
       characteristics from phase contrast microscopy images", Biotechnol. Bioeng. 111, 504-517 (2014),
       :doi:`10.1002/bit.25115`.
    """
    image = check_image(image)
    inside = check_area(area, image.shape)
    limits = {"sigma": (sigma, Range(0.5, 50)), "epsilon": (epsilon, Range(0, 10)), "min_area": (min_area, Range(0))}
    for name, (value, legal) in limits.items():
        if value not in legal:
            raise SettingError(f"segment.local_contrast.{name}: {value!r} is out of range, must be {legal}.")
    mask = local_contrast(image, sigma) > epsilon
    if inside is not None:
        mask &= inside
    mask = _without_small(mask, min_area)
    if correct_halo and mask.any() and not mask.all():
        values = image.astype(np.float32)
        scale = measure_texture_scale(values, inside, step=grey_step(image))
        mask = _without_small(peel_halo(mask, measure_halo(values, mask, 2 * sigma, scale.noise)), min_area)
    return mask if inside is None else mask & inside


def local_contrast(image: NDArray[np.generic], sigma: float) -> NDArray[np.float32]:
    """Return the local standard deviation over the local mean, under a Gaussian; 0 where the mean is not positive."""
    values = image.astype(np.float64)
    reach = 2 * int(4 * sigma + 0.5) + 1
    mean = cv2.GaussianBlur(values, (reach, reach), sigma, borderType=cv2.BORDER_REFLECT)
    square = cv2.GaussianBlur(values * values, (reach, reach), sigma, borderType=cv2.BORDER_REFLECT)
    spread = np.sqrt(np.maximum(square - mean * mean, 0.0))
    return np.divide(spread, mean, out=np.zeros_like(mean), where=mean > 0).astype(np.float32)


def _without_small(mask: NDArray[np.bool_], min_area: int) -> NDArray[np.bool_]:
    """Return a mask without small pieces and small holes."""
    mask = keep_components(mask, connectivity=2, min_area=min_area)
    return np.asarray(~keep_components(~mask, connectivity=1, min_area=min_area))
