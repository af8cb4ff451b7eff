"""Simulated micrographs of several phases with exact classes: a matrix, two kinds of precipitates, a lamellar phase.

Each asks for another thing of a pixel classifier: grey level, size, and texture (the lamellar phase is as bright as the
matrix on average). From picture to picture brightness and contrast change, as they do at the microscope.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_type_hints

import numpy as np
from numpy.typing import NDArray

from granum.errors import SettingError
from granum.samples.info_bar import draw_info_bar, info_bar_height
from granum.samples.noise import add_camera_noise, draw_texture, draw_uneven_light
from granum.samples.placement import place_discs
from granum.samples.shapes import draw_diameters
from granum.steps import Range

__all__ = ["PHASES", "SimulatedPhases", "simulate_phases"]

PHASES = ("matrix", "cuboid", "speck", "lamellar")
"""Names of the classes 1, 2, 3, 4."""
_LEVELS = (0.42, 0.58, 0.26, 0.42)
_LAMELLAR_SWING = 0.11
_GRAIN = 0.025
_CUBOID_PX, _SPECK_PX, _LAMELLA_PX = 24.0, 6.0, 7.0
_ELECTRONS = 220.0
_BLUR = 0.8


@dataclass(frozen=True, eq=False)
class SimulatedPhases:
    """A simulated image with the true class of every pixel.

    Parameters
    ----------
    image : (Y, X) ndarray of uint8 or uint16
        The picture.
    classes : (Y, X) ndarray of uint8
        1 matrix, 2 cuboid, 3 speck, 4 lamellar; 0 = information bar.
    truth : dict
        JSON types only: `kind`, `seed`, `settings`, `pixel_size_nm`, `classes` (id -> name), `shares` (id -> share of
        the pixels that are no bar), `gain` and `offset` of the picture, and `info_bar` (None, or rows and scale bar).
    """

    image: NDArray[Any]
    classes: NDArray[np.uint8]
    truth: dict[str, Any]


def simulate_phases(
    *,
    size: Annotated[int, Range(32, 16384)] = 512,
    seed: Annotated[int, Range(0)] = 0,
    cuboid_share: Annotated[float, Range(0, 0.4)] = 0.25,
    speck_share: Annotated[float, Range(0, 0.2)] = 0.04,
    lamellar_share: Annotated[float, Range(0, 0.9)] = 0.2,
    contrast: Annotated[float, Range(0, 1.5)] = 1.0,
    level_change: Annotated[float, Range(0, 1)] = 0.5,
    noise: Annotated[float, Range(0, 100)] = 1.0,
    uneven_light: Annotated[float, Range(0, 1)] = 0.15,
    info_bar: bool = False,
    pixel_size_nm: Annotated[float, Range(1e-4, 1e5)] = 5.0,
    dtype: Literal["uint8", "uint16"] = "uint8",
) -> SimulatedPhases:
    """Simulate one micrograph of four phases.

    Parameters
    ----------
    size : int
        Side of the square image in px, 32 to 16384.
    seed : int
        Same seed and settings, same bytes.
    cuboid_share : float
        About the share of the space between the lamellar regions that bright cuboids of about 24 px fill, 0 to 0.4.
    speck_share : float
        The same for dark specks of about 6 px, 0 to 0.2.
    lamellar_share : float
        Share of the frame in lamellar regions, 0 to 0.9.
    contrast : float
        Difference of the grey levels of the phases over the usual one, 0 to 1.5.
    level_change : float
        How much gain and offset change from seed to seed, 0 to 1.
    noise : float
        Noise over the usual one, 0 to 100: the electron dose falls with its square.
    uneven_light : float
        Brightest minus darkest factor of the illumination, 0 to 1.
    info_bar : bool
        Whether a bar with scale bar and text covers the bottom of the picture.
    pixel_size_nm : float
        Side of a pixel in nm, 0.0001 to 100000.
    dtype : {"uint8", "uint16"}
        Type of the pixels.

    Returns
    -------
    simulated : SimulatedPhases
        Image, exact classes and truth.

    Raises
    ------
    SettingError
        A setting out of its range.

    Notes
    -----
    Classes are drawn before blur and noise; a pixel has the class that its centre has.

    Examples
    --------
    >>> simulated = simulate_phases(size=128, seed=1)
    >>> simulated.image.shape, sorted(set(simulated.classes.ravel().tolist()))
    ((128, 128), [1, 2, 3, 4])
    """
    settings = {key: value for key, value in locals().items() if key != "seed"}
    _check({"seed": seed, **settings})
    seeds = [int(one) for one in np.random.SeedSequence(seed).generate_state(10)]
    bar = info_bar_height(size) if info_bar else 0
    shape = (size - bar, size)
    classes = np.ones(shape, np.uint8)
    if lamellar_share > 0:
        field = draw_texture(shape, scale=max(size / 14, 12), seed=seeds[0])
        classes[field > np.quantile(field, 1 - lamellar_share)] = 4
    _draw_particles(classes, 2, share=cuboid_share, diameter=_CUBOID_PX, log_sd=0.25, power=5.0, seeds=seeds[1:3])
    _draw_particles(classes, 3, share=speck_share, diameter=_SPECK_PX, log_sd=0.2, power=2.0, seeds=seeds[3:5])

    middle = _LEVELS[0]
    levels = np.array([middle, *(middle + contrast * (level - middle) for level in _LEVELS)], np.float32)
    picture = levels[classes] + np.float32(_GRAIN) * draw_texture(shape, scale=1.5, seed=seeds[5])
    lamellar = classes == 4
    picture[lamellar] += np.float32(_LAMELLAR_SWING * contrast) * _draw_lamellae(shape, seeds[6])[lamellar]
    picture *= draw_uneven_light(shape, strength=uneven_light, seed=seeds[7])
    rng = np.random.default_rng(seeds[8])
    gain = float(math.exp(0.45 * level_change * rng.uniform(-1, 1)))
    offset = float(0.25 * level_change * rng.uniform(-1, 1))
    picture = np.clip((picture - np.float32(middle)) * np.float32(gain) + np.float32(middle + offset), 0.02, 0.98)
    electrons = _ELECTRONS / noise**2 if noise > 0 else math.inf
    picture = add_camera_noise(picture, electrons=electrons, read_noise=1.0, blur=_BLUR, seed=seeds[9])
    picture, classes = np.pad(picture, ((0, bar), (0, 0))), np.pad(classes, ((0, bar), (0, 0)))
    about_bar = draw_info_bar(picture, bar, pixel_size_nm=pixel_size_nm) if info_bar else None
    counts = np.bincount(classes.ravel(), minlength=5)[1:]
    truth = {
        "kind": "phases", "seed": seed, "pixel_size_nm": pixel_size_nm, "settings": settings, "info_bar": about_bar,
        "classes": {str(id): name for id, name in enumerate(PHASES, 1)}, "gain": round(gain, 6),
        "offset": round(offset, 6),
        "shares": {str(id): round(float(n / counts.sum()), 6) for id, n in enumerate(counts, 1)},
    }  # fmt: skip
    white = 255 if dtype == "uint8" else 65535
    image = (np.clip(picture, 0, 1) * np.float32(white) + np.float32(0.5)).astype(dtype)
    return SimulatedPhases(image, classes, truth)


def _draw_particles(
    classes: NDArray[np.uint8],
    class_id: int,
    *,
    share: float,
    diameter: float,
    log_sd: float,
    power: float,
    seeds: list[int],
) -> None:
    """Draw superellipses |u/a|^power + |v/b|^power <= 1 of a class into the matrix, in place."""
    height, width = classes.shape
    # its half axes are 0.9 and 0.8 of the radius on average (0.7 for specks); mean square diameter of the lognormal
    filled = 0.9 * 0.8 * 0.94 * 4 / math.pi if power > 2 else 0.9 * 0.7
    mean_px = math.pi / 4 * diameter**2 * math.exp(2 * log_sd**2) * filled
    between = np.count_nonzero(classes != 4)
    n = round(share * height * width / mean_px * between / max(np.count_nonzero(classes == 1), 1))
    if not n:
        return
    diameters = draw_diameters(n, median=diameter, log_sd=log_sd, seed=seeds[0])
    discs = place_discs(diameters / 2, height=height, width=width, touching=0.0, seed=seeds[1])
    rng = np.random.default_rng(seeds[0])
    common = rng.uniform(0, math.pi / 2)
    for y, x, radius in discs:
        # cuboids of one grain lie parallel, specks any way
        angle = common + rng.normal(0, 0.06) if power > 2 else rng.uniform(0, math.pi)
        a, b = radius * 0.9, radius * rng.uniform(0.7, 0.9) if power > 2 else radius * rng.uniform(0.5, 0.9)
        y0, x0 = max(int(y - radius), 0), max(int(x - radius), 0)
        box = classes[y0 : int(y + radius) + 2, x0 : int(x + radius) + 2]
        dy, dx = np.mgrid[: box.shape[0], : box.shape[1]]
        dy, dx = dy + (y0 - y), dx + (x0 - x)
        u = np.abs(math.cos(angle) * dx + math.sin(angle) * dy) / a
        v = np.abs(math.cos(angle) * dy - math.sin(angle) * dx) / b
        box[(u**power + v**power <= 1) & (box == 1)] = class_id


def _draw_lamellae(shape: tuple[int, int], seed: int) -> NDArray[np.float32]:
    """Return bent stripes of mean 0 and amplitude 1, whose direction changes from colony to colony."""
    rng = np.random.default_rng(seed)
    y, x = np.ogrid[: shape[0], : shape[1]]
    angles = math.pi / 4 * np.array([0.5, 2.5]) + rng.uniform(-0.5, 0.5, 2)
    bend = 6 * draw_texture(shape, scale=max(shape[1] / 12, 10), seed=seed)
    colony = draw_texture(shape, scale=max(shape[1] / 9, 12), seed=seed + 1) > 0
    waves = [np.sin(2 * math.pi / _LAMELLA_PX * (math.cos(angle) * x + math.sin(angle) * y + bend)) for angle in angles]
    stripes: NDArray[np.float32] = np.where(colony, *waves).astype(np.float32)
    return np.asarray(np.clip(3 * stripes, -1, 1), dtype=np.float32)


def _check(settings: dict[str, Any]) -> None:
    """Raise SettingError for a value that the signature does not allow."""
    for name, annotation in get_type_hints(simulate_phases, include_extras=True).items():
        for limits in getattr(annotation, "__metadata__", ()):
            if settings[name] not in limits:
                raise SettingError(f"{name}: {settings[name]!r} is out of range, must be {limits}.")
    if settings["dtype"] not in ("uint8", "uint16"):
        raise SettingError(f"dtype: {settings['dtype']!r} is not one of uint8, uint16.")
