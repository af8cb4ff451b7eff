"""What a microscope adds to a simulated image: texture, uneven light, shot and read noise."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["add_camera_noise", "draw_repeating_texture", "draw_texture", "draw_uneven_light"]

_STRIP = 1024  # rows of noise drawn at a time, so that the float64 of NumPy's Poisson stays small


def draw_texture(
    shape: tuple[int, int], *, scale: float, coarse_scale: float | None = None, seed: int = 0
) -> NDArray[np.float32]:
    """Draw correlated noise of mean 0 and standard deviation 1.

    Parameters
    ----------
    shape : (int, int)
        Height and width in px.
    scale : float
        Correlation length in px: sigma of the Gaussian that smooths white noise; 0 for white noise.
    coarse_scale : float, optional
        Remove what is smoother than this (in px), as a defocused lens does on thin carbon: grains of one size remain.
    seed : int
        Seed.

    Returns
    -------
    texture : (Y, X) ndarray of float32

    Notes
    -----
    Scales above 8 px are drawn on a coarser grid and enlarged, so that the cost does not grow with the scale.

    Examples
    --------
    >>> float(draw_texture((64, 64), scale=2).std().round(3))
    1.0
    """
    rng = np.random.default_rng(seed)
    step = max(1, int(scale // 4))
    small = (-(-shape[0] // step) + 1, -(-shape[1] // step) + 1)
    texture = rng.standard_normal(small, dtype=np.float32)
    if scale > 0:
        texture = cv2.GaussianBlur(texture, (0, 0), scale / step, borderType=cv2.BORDER_REFLECT)
    if coarse_scale is not None:
        texture -= cv2.GaussianBlur(texture, (0, 0), coarse_scale / step, borderType=cv2.BORDER_REFLECT)
    if step > 1:
        texture = cv2.resize(texture, (small[1] * step, small[0] * step), interpolation=cv2.INTER_CUBIC)
    texture = texture[: shape[0], : shape[1]]
    spread = float(texture.std())
    return np.ascontiguousarray((texture - texture.mean()) / (spread if spread > 0 else 1), dtype=np.float32)


@lru_cache(maxsize=16)
def draw_repeating_texture(scale: float, coarse_scale: float, seed: int) -> NDArray[np.float32]:
    """Draw grains of one size whose opposite edges fit together, so that they can be read from anywhere.

    Parameters
    ----------
    scale, coarse_scale : float
        Sigma in px of what is kept and of what is removed.
    seed : int
        Seed.

    Returns
    -------
    texture : (512, 512) ndarray of float32
        Mean 0, standard deviation 1; read-only, since it is kept for the next call.
    """
    # coarse grains are drawn on a coarser grid and enlarged
    step = 1
    while step < 16 and scale / step > 6:
        step *= 2
    side = 512 // step
    white = np.random.default_rng(seed).standard_normal((side, side), dtype=np.float32)
    pad = min(int(3.5 * coarse_scale / step) + 1, side)
    wide = np.pad(white, pad, mode="wrap")
    texture = cv2.GaussianBlur(wide, (0, 0), scale / step) - cv2.GaussianBlur(wide, (0, 0), coarse_scale / step)
    if step > 1:
        texture = cv2.resize(texture, None, fx=step, fy=step, interpolation=cv2.INTER_CUBIC)
    texture = texture[pad * step : (pad + side) * step, pad * step : (pad + side) * step]
    texture = np.ascontiguousarray((texture - texture.mean()) / texture.std(), dtype=np.float32)
    texture.setflags(write=False)
    return texture


def draw_uneven_light(shape: tuple[int, int], *, strength: float, seed: int = 0) -> NDArray[np.float32]:
    """Draw a smooth factor around 1: a slope in a random direction and a bright spot off the centre.

    Parameters
    ----------
    shape : (int, int)
        Height and width in px.
    strength : float
        Brightest minus darkest factor, 0 to 1; 0 gives ones.
    seed : int
        Seed.

    Returns
    -------
    light : (Y, X) ndarray of float32
        Mean 1.
    """
    rng = np.random.default_rng(seed)
    y = np.linspace(-1, 1, shape[0], dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, shape[1], dtype=np.float32)[None, :]
    angle, spot_y, spot_x = rng.uniform(0, 2 * np.pi), *rng.uniform(-0.6, 0.6, 2)
    light = np.float32(np.sin(angle)) * y + np.float32(np.cos(angle)) * x
    light = light - np.float32(0.7) * ((y - np.float32(spot_y)) ** 2 + (x - np.float32(spot_x)) ** 2)
    span = float(light.max() - light.min())
    light *= np.float32(strength / span if span > 0 else 0)
    return light - light.mean() + np.float32(1)


def add_camera_noise(
    image: NDArray[np.float32], *, electrons: float, read_noise: float = 0.0, blur: float = 0.0, seed: int = 0
) -> NDArray[np.float32]:
    """Add shot noise and read noise to an image whose bright level is about 1.

    Parameters
    ----------
    image : (Y, X) ndarray of float32
        Expected brightness, at least 0; negative values count as 0.
    electrons : float
        Mean counts of a pixel of brightness 1; `inf` for no shot noise.
    read_noise : float
        Standard deviation of the Gaussian noise, in counts.
    blur : float
        Sigma in px by which the camera smears the noise (its point spread), 0 for none.
    seed : int
        Seed.

    Returns
    -------
    image : (Y, X) ndarray of float32
        Brightness with noise, a new array.
    """
    rng = np.random.default_rng(seed)
    noisy = np.empty_like(image)
    for top in range(0, image.shape[0], _STRIP):
        strip = np.maximum(image[top : top + _STRIP], 0)
        if np.isfinite(electrons):
            counts = rng.poisson(strip * electrons).astype(np.float32)
            counts += np.float32(read_noise) * rng.standard_normal(strip.shape, dtype=np.float32)
            strip = counts / np.float32(electrons)
        noisy[top : top + _STRIP] = strip
    return cv2.GaussianBlur(noisy, (0, 0), blur, borderType=cv2.BORDER_REFLECT) if blur > 0 else noisy
