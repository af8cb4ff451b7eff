"""Simulated dishes of growing cells in phase contrast or bright field, from empty to full, with the exact cell mask.

``simulate_confluency(confluency=0.4, size=512, seed=0)`` returns a `SimulatedConfluency`: `image`, `mask` (what cells
cover, exactly 40 % of the pixels), `cells` (labels) and `truth`. Over time: `simulate_growth` (logistic) and
`simulate_wound` (a scratch that closes), in `confluent_series`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from granum.samples.camera import draw_tiled_light, expose
from granum.samples.field_debris import draw_field_debris
from granum.samples.noise import draw_repeating_texture
from granum.samples.phase_contrast import show_layer
from granum.samples.setting_checks import check_frame_size, check_ranges
from granum.samples.spread_cells import draw_spread_cells, lay_cells
from granum.steps import Range

__all__ = ["SimulatedConfluency", "draw_dish", "simulate_confluency"]

_RADIUS_PER_MAGNIFICATION = 2.6  # px of the size of a cell at 1x
_ELECTRONS = 1600.0


@dataclass(frozen=True, eq=False)
class SimulatedConfluency:
    """A simulated dish.

    Parameters
    ----------
    image : (Y, X) ndarray of uint8 or uint16
        The picture.
    mask : (Y, X) ndarray of bool
        What cells cover, spread or rounded; no dust, no halo.
    cells : (Y, X) ndarray of int32
        The topmost cell of each pixel, 1..K without gaps.
    truth : dict
        JSON types only: `kind`, `seed`, `settings`, `confluency` (share of `mask`), `n_cells` (that can be seen),
        `time_h`, and for a wound `wound_share` and `wound_width_px`.
    """

    image: NDArray[Any]
    mask: NDArray[np.bool_]
    cells: NDArray[np.int32]
    truth: dict[str, Any]


def simulate_confluency(
    *,
    size: int | tuple[int, int] = 512,
    confluency: Annotated[float, Range(0, 1)] = 0.5,
    magnification: Annotated[float, Range(1, 100)] = 10.0,
    optics: Literal["phase", "brightfield"] = "phase",
    spindle: Annotated[float, Range(0, 1)] = 0.7,
    rounded_share: Annotated[float, Range(0, 1)] = 0.03,
    contrast: Annotated[float, Range(0, 5)] = 1.0,
    dust: Annotated[float, Range(0, 20)] = 1.0,
    uneven_light: Annotated[float, Range(0, 1)] = 0.25,
    noise: Annotated[float, Range(0, 20)] = 1.0,
    brightness: Annotated[float, Range(0.01, 0.9)] = 0.4,
    seed: Annotated[int, Range(0)] = 0,
    dtype: Literal["uint8", "uint16"] = "uint8",
) -> SimulatedConfluency:
    """Simulate one picture of a dish.

    Parameters
    ----------
    size : int or (int, int)
        Side of the square frame, or rows and columns, in px, 64 to 8192.
    confluency : float
        Share of the frame that cells cover, 0 to 1; met to the pixel.
    magnification : float
        Of the lens, 1 to 100: a cell is about as many times 5 px long and more.
    optics : {"phase", "brightfield"}
        Phase contrast (dark cells with bright halos) or bright field (fine lines at edges).
    spindle : float
        Share of long, thin cells that lie along each other, 0 to 1; the others are branched or compact.
    rounded_share : float
        Share of rounded cells with a bright rim, 0 to 1.
    contrast, noise : float
        Over the usual ones, 0 to 5 and 0 to 20.
    dust : float
        Specks on the dish and out of focus, over the usual number, 0 to 20.
    uneven_light : float
        Brightest minus darkest factor of the illumination, 0 to 1.
    brightness : float
        Grey level of the empty dish over the largest one, 0.01 to 0.9.
    seed : int
        Same seed and settings, same bytes.
    dtype : {"uint8", "uint16"}
        Type of the pixels.

    Returns
    -------
    simulated : SimulatedConfluency
        Picture, exact mask and truth.

    Raises
    ------
    SettingError
        A setting out of its range.

    Examples
    --------
    >>> dish = simulate_confluency(size=128, confluency=0.25, seed=1)
    >>> int(dish.mask.sum()), 128 * 128 // 4
    (4096, 4096)
    """
    settings: dict[str, Any] = {key: value for key, value in locals().items() if key != "seed"}
    check_ranges(simulate_confluency, {"seed": seed, **settings})
    return draw_dish(seed=seed, look=settings, confluency=confluency)


def draw_dish(
    *,
    seed: int,
    look: dict[str, Any],
    confluency: float,
    time_h: float = 0.0,
    frame: int = 0,
    drift_px_h: float = 0.0,
    room: NDArray[np.float32] | None = None,
) -> SimulatedConfluency:
    """Draw a dish at one time.

    Parameters
    ----------
    seed : int
        Of the dish; light, dust and cells stay from frame to frame.
    look : dict
        Settings of `simulate_confluency`.
    confluency : float
        Share of the frame, or of the room, that cells cover.
    time_h, frame, drift_px_h : float, int, float
        When it is, in which frame (for the noise), and how fast cells move.
    room : (Y, X) ndarray of float32, optional
        As for `lay_cells`.
    """
    shape = check_frame_size(look["size"])
    radius = _RADIUS_PER_MAGNIFICATION * look["magnification"]
    seeds = [int(one) for one in np.random.SeedSequence((seed, 4)).generate_state(8)]
    spread = draw_spread_cells(
        shape, radius=radius, spindle=look["spindle"], rounded_share=look["rounded_share"], drift_px_h=drift_px_h,
        seed=seeds[0],
    )  # fmt: skip
    layer = lay_cells(spread, shape=shape, confluency=confluency, time_h=time_h, room=room, ruffle_seed=seeds[1])
    scale = max(0.7 * radius, 8.0)
    n_blurred = int(np.random.default_rng(seeds[6]).poisson(6 * look["dust"] * shape[0] * shape[1] / (20 * scale) ** 2))
    debris = draw_field_debris(
        shape, nucleus_diameter=scale, amount=0.4 * look["dust"], n_floating=n_blurred, seed=seeds[2]
    )
    picture = show_layer(
        layer, spread, debris.bumps * [1, 1, 1.2, 0.9], radius=radius, time_h=time_h, optics=look["optics"],
        contrast=look["contrast"], seed=seeds[3],
    )  # fmt: skip
    faint = np.zeros(shape, np.float32)
    debris.add_floating(faint, np.zeros(2))
    picture += np.float32(0.15) * faint
    grain = draw_repeating_texture(0.8, 4.0, seeds[4])
    times = [-(-side // grain.shape[0]) for side in shape]
    picture *= 1 + np.float32(0.008) * np.tile(grain, times)[: shape[0], : shape[1]]
    picture *= draw_tiled_light(shape, strength=look["uneven_light"], seed=seeds[5])
    white = 255 if look["dtype"] == "uint8" else 65535
    image = expose(
        np.maximum(picture, 0) * np.float32(_ELECTRONS), gain=look["brightness"] * white / _ELECTRONS, offset=0.0,
        read_noise=3.0, noise=look["noise"], dtype=look["dtype"], seed=seeds[7] + frame,
    )  # fmt: skip
    numbers, inverse = np.unique(layer.cells, return_inverse=True)
    cells = inverse.reshape(shape).astype(np.int32) + np.int32(0 if numbers[0] == 0 else 1)
    mask = cells > 0
    truth = {
        "kind": "confluency", "seed": seed, "settings": look, "time_h": round(float(time_h), 6),
        "confluency": round(float(mask.mean()), 6), "n_cells": int(cells.max()),
    }  # fmt: skip
    return SimulatedConfluency(image, mask, cells, truth)
