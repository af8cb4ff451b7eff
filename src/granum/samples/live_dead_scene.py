"""What a simulated live/dead field is made with, and what it is: `LiveDeadLook` and `SimulatedLiveDead`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from granum.samples.setting_checks import check_ranges
from granum.steps import Range

__all__ = ["STAIN_PAIRS", "LiveDeadLook", "SimulatedLiveDead"]

STAIN_PAIRS = {"hoechst-draq7": ("hoechst", "draq7"), "calcein-ethd1": ("calcein", "ethd1")}
"""Names of the live and the dead channel of each pair of stains."""


@dataclass(frozen=True)
class LiveDeadLook:
    """The microscope and the stains of a simulated live/dead field.

    Parameters
    ----------
    stains : {"hoechst-draq7", "calcein-ethd1"}
        "hoechst-draq7": the live channel shows all nuclei. "calcein-ethd1": it shows the bodies of living cells.
    brightfield : bool
        Whether there is a bright-field channel.
    live_in_dead : float
        Share of the live stain that a dead nucleus keeps, 0 to 1: Draq7 displaces Hoechst, propidium hardly does.
    bleed_through : float
        Share of each stain that the other channel sees, 0 to 0.5.
    uneven_light : float
        Brightest minus darkest factor of the illumination, 0 to 1.
    tiles : int
        The field is stitched of tiles x tiles pictures, 1 to 9; seams are steps of brightness.
    debris : float
        Specks and fragments without nucleus, over the usual number, 0 to 20.
    out_of_focus : float
        Dim, blurred dead cells that float above, per cell of the field, 0 to 5; they are not in the truth.
    noise : float
        Noise over the usual one, 0 to 20.
    gain, offset : float
        Grey levels over the usual ones, 0.01 to 100, and the grey level without light, 0 to 10000 (of 4096 usual ones).
    dead_shift, brightfield_shift : (float, float)
        How far (y, x) these channels lie off the live channel, in px, -100 to 100; the truth lies in the live channel.
    dtype : {"uint8", "uint16"}
        "uint8" is the camera's 12 bits over 16.
    """

    stains: Literal["hoechst-draq7", "calcein-ethd1"] = "hoechst-draq7"
    brightfield: bool = True
    live_in_dead: Annotated[float, Range(0, 1)] = 0.25
    bleed_through: Annotated[float, Range(0, 0.5)] = 0.02
    uneven_light: Annotated[float, Range(0, 1)] = 0.15
    tiles: Annotated[int, Range(1, 9)] = 1
    debris: Annotated[float, Range(0, 20)] = 1.0
    out_of_focus: Annotated[float, Range(0, 5)] = 0.1
    noise: Annotated[float, Range(0, 20)] = 1.0
    gain: Annotated[float, Range(0.01, 100)] = 1.0
    offset: Annotated[float, Range(0, 10000)] = 100.0
    dead_shift: Annotated[tuple[float, float], Range(-100, 100)] = (0.0, 0.0)
    brightfield_shift: Annotated[tuple[float, float], Range(-100, 100)] = (0.0, 0.0)
    dtype: Literal["uint8", "uint16"] = "uint16"

    def __post_init__(self) -> None:
        check_ranges(type(self), dataclasses.asdict(self))


@dataclass(frozen=True, eq=False)
class SimulatedLiveDead:
    """A simulated live/dead field with everything that is true about it.

    Parameters
    ----------
    brightfield : (Y, X) ndarray of uint8 or uint16, or None
        Bright field; None where the look has none.
    live, dead : (Y, X) ndarray of uint8 or uint16
        The two stains.
    nuclei : (Y, X) ndarray of int32
        Labels 1..K of the nuclei, also of dead ones; before blur.
    cells : (Y, X) ndarray of int32
        The cell of nucleus 7 is 7; of two nuclei in one body each has the half that is nearer. 0 also where a body has
        no nucleus in the frame.
    cell_mask : (Y, X) ndarray of bool
        All bodies, also those whose nucleus lies outside the frame; no debris.
    is_dead : (K,) ndarray of bool
        Of the nuclei 1..K.
    classes : (Y, X) ndarray of uint8
        0 background, 1 cell, 2 outline (pixels of a cell with a 4-neighbour of another one or of none), 3 nucleus of a
        living cell, 4 nucleus of a dead one; the later over the earlier.
    truth : dict
        JSON types only: `kind`, `seed`, `settings`, `look`, `channels` (role -> stain), `time_h`, `n_live`, `n_dead`,
        `viability` (None without nuclei), `cell_area_fraction`, `nuclei` (columns `label`, `track`, `cell` = number of
        the body, `y`, `x`, `area_px`, `is_dead`, `n_in_cell`), `debris` and `out_of_focus` (columns `y`, `x`,
        `radius`).
    """

    brightfield: NDArray[Any] | None
    live: NDArray[Any]
    dead: NDArray[Any]
    nuclei: NDArray[np.int32]
    cells: NDArray[np.int32]
    cell_mask: NDArray[np.bool_]
    is_dead: NDArray[np.bool_]
    classes: NDArray[np.uint8]
    truth: dict[str, Any]
