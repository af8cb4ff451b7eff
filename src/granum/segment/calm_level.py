"""What an empty tile looks like where hardly any tile is empty: from the calmest small places of a gradient.

The usual maximum of tiles is that of cells as soon as most tiles hold one. Places of a few pixels between cells stay
empty for much longer, and the noise of the camera is the least that any place can hold. From how steep it is there
follows, by the law of the largest of many gradients of noise, how steep the steepest pixel of a whole empty tile would
be.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from granum.segment.texture_maps import is_unlike_noise, texture_map
from granum.segment.texture_scale import grey_step, measure_texture_scale

__all__ = ["CalmPlaces", "find_calm_places"]

# side of a place in px; the quantile of places that is taken for noise; and of root mean squares of such places in
# white noise, over that of all, this quantile, the lower quartile and the median. Wide places hold many blocks of 8 px
# from which strong JPEG takes all noise, here and there
_PLACES = ((6, 0.005, 0.66, 0.88, 0.98), (48, 0.05, 0.97, 0.98, 1.0))
_UP_TO = 1.4  # places up to so much belong to the noise: 99 of 100 of white noise
_DRIFT = 1.5  # from the calmest places to the most frequent calm ones; more is another population, or other noise
_MOST_WHITE = 1.5  # gradient of a background over that of its noise, where that is white: 1.0 to 1.53
_FEWEST = 40  # places
_TEXTURE = 3.0  # px: at this size, backgrounds (also JPEG, enlarged) differ from full layers; narrowly
_SOBEL = float(np.sqrt(24.0))  # root mean square of the Sobel magnitude of noise of standard deviation 1
_MOST_LEVELS = 65536 // 8  # grey levels of a rounded image in a sample; noise that is not rounded has more
_EVERY = 3  # px between places


@dataclass(frozen=True, eq=False)
class CalmPlaces:
    """Where nothing is, as far as one can tell.

    Parameters
    ----------
    calm : (V, U) ndarray of bool
        On a grid of every third pixel.
    scale : float
        Root mean square there of the gradient without smoothing; never less than rounding to grey levels makes.
    share : float
        Of all places, those whose gradient is that of noise of this scale.
    rounding : float
        The least of `scale`.
    seen : bool
        False where the field is texture throughout, so that the calmest places are those of cells.
    side : int
        Of a place, in px.
    quarter : float
        In white noise, the lower quartile of the root mean squares of places, over that of all.
    """

    calm: NDArray[np.bool_]
    scale: float
    share: float
    rounding: float
    seen: bool
    side: int
    quarter: float

    def level(self, magnitude: NDArray[np.float32], sigma: float, tile: int) -> float:
        """Return the usual maximum of a tile with nothing but noise, of the gradient after a Gaussian of `sigma`."""
        scale = self.scale
        if sigma:
            # the calmest quarter: wide filters reach from many of these places to cells
            here = _squares(magnitude, self.side + round(3 * sigma))[self.calm]
            quarter = float(np.sqrt(np.quantile(here, 0.25, method="lower"))) / self.quarter
            left = 1 / (1 + 2.1 * sigma * sigma)  # of white noise
            scale = max(quarter, self.rounding * left)
            if not self.seen and self.side == _PLACES[0][0]:
                scale = min(scale, self.scale * left)
        pixels = float(min(tile, *magnitude.shape)) ** 2 / (1 + sigma * sigma / 2)  # that know nothing of each other
        return scale * float(np.sqrt(np.log(max(pixels, 4.0))))


def find_calm_places(
    image: NDArray[Any], magnitude: NDArray[np.float32], area: NDArray[np.bool_] | None = None
) -> CalmPlaces | None:
    """Return where nothing is, None where there are too few places to tell.

    Parameters
    ----------
    image : (Y, X) ndarray
        The image.
    magnitude : (Y, X) ndarray of float32
        Its Sobel gradient without smoothing: there cells stand out of small places most.
    area : (Y, X) ndarray of bool, optional
        Where to look.

    Notes
    -----
    Starts from the calmest of 200 places, and rises to the median of the places that noise of that strength would make,
    until it stays: that is the lowest hump of the histogram. It may rise by half. By more only where noise is not white
    (JPEG, or enlarged images), which is when roughness changes from place to place as little as that of noise: in a
    full layer the next hump is that of cells. Places without any gradient (clipped, or outside of a stitched field)
    do not count. Where the calmest have less than rounding makes, the file has lost its noise; wider places are taken,
    and where these have not more either, nothing can be told.
    10 Mpx: 0.1 s, and 1.5 s where the noise is not white; 12 bytes per pixel.
    """
    rounding = _SOBEL * _step(image) / float(np.sqrt(12.0))
    for side, share, calmest, quarter, median in _PLACES:
        squares = _squares(magnitude, side)
        within = squares > 0
        if area is not None:
            votes = cv2.boxFilter(area.view(np.uint8), cv2.CV_32F, (side, side), normalize=True)[::_EVERY, ::_EVERY]
            within &= votes > 0.999
        places = np.sort(np.sqrt(squares[within]))
        if places.size < _FEWEST or min(image.shape) < side:
            break
        least = float(places[int(share * places.size)])
        scale = _rise(places, least / calmest, median)
        seen = scale <= _DRIFT * least / calmest
        if not seen and side == _PLACES[0][0]:
            white = _noise_of_full(image, area)
            seen = white is None
            if white is not None:
                scale = min(least / calmest, _MOST_WHITE * _SOBEL * white)
        if scale <= rounding:
            continue
        calm = float(np.searchsorted(places, _UP_TO * scale)) / places.size
        # those below the root mean square are about the calmer half, so that few are at the edge of cells
        where = within & (squares <= 1.0001 * max(scale, least) ** 2)
        return CalmPlaces(where, scale, calm, rounding, seen, side, quarter)
    return None


def _rise(places: NDArray[np.float32], scale: float, median: float) -> float:
    """Return where the median of the sorted places that noise of a scale would make, stays."""
    for _ in range(40):
        risen = float(places[int(np.searchsorted(places, _UP_TO * scale)) // 2]) / median
        if risen <= 1.001 * scale:
            break
        scale = risen
    return scale


def _step(image: NDArray[Any]) -> float:
    """Return the step between grey levels, also where integers were scaled to floats; 0 where there is none."""
    if image.dtype.kind in "iu":
        return grey_step(image)
    some = np.unique(image[:: max(1, image.shape[0] // 256), :: max(1, image.shape[1] // 256)].astype(np.float64))
    steps = np.diff(some)
    if not 0 < steps.size < _MOST_LEVELS:
        return 0.0
    counts = steps / steps.min()
    return float(steps.min()) if np.abs(counts - np.rint(counts)).max() < 1e-3 else 0.0


def _squares(magnitude: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Return mean squares around each third pixel."""
    means = cv2.sqrBoxFilter(magnitude, cv2.CV_32F, (side, side), normalize=True, borderType=cv2.BORDER_REFLECT)
    return np.maximum(means[::_EVERY, ::_EVERY], 0)


def _noise_of_full(image: NDArray[Any], area: NDArray[np.bool_] | None) -> float | None:
    """Return the white noise of a field that is rougher here than there as noise never is, nearly everywhere."""
    values = (image - np.float64(np.median(image))).astype(np.float32)
    found = measure_texture_scale(values, area, step=grey_step(image))
    if found.noise <= 0 or not is_unlike_noise(texture_map(values, _TEXTURE, "contrast", found.noise), area, _TEXTURE):
        return None
    return found.fine
