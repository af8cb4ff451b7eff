"""Phase-contrast and bright-field pictures of a layer of spread cells, and of an empty dish."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from granum.samples.brightfield import add_blurred_blobs, add_bumps, draw_phase
from granum.samples.noise import draw_repeating_texture
from granum.samples.spread_cells import CellLayer, SpreadCells

__all__ = ["show_layer"]


def show_layer(
    layer: CellLayer,
    spread: SpreadCells,
    dust: NDArray[np.float64],
    *,
    radius: float,
    time_h: float,
    optics: Literal["phase", "brightfield"],
    contrast: float,
    seed: int,
) -> NDArray[np.float32]:
    """Return the picture of a layer, about 1 where the dish is empty.

    Parameters
    ----------
    layer, spread : CellLayer, SpreadCells
        The cells as they lie, and what they look like.
    dust : (N, 4) ndarray of float64
        Specks: y, x, radius, height.
    radius : float
        Median size of a cell in px.
    time_h : float
        As the layer was laid.
    optics : {"phase", "brightfield"}
        "phase": what is thick is dark and has a bright halo. "brightfield": fine bright and dark lines at edges.
    contrast : float
        Over the usual one.
    seed : int
        Seed.
    """
    shape = layer.cells.shape
    n = layer.n_cells
    centres = spread.centres[:n] + time_h * spread.drift[:n]
    rounded = spread.rounded[:n]
    slab, granules = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    ramp = np.maximum(radius * (0.16 + 0.2 * rounded), 1.2)
    looks = np.column_stack([0.75 + 0.8 * rounded, ramp, 0.2 + 0.15 * rounded, 0.2 + 0.1 * rounded])
    fine = draw_repeating_texture(max(0.03 * radius, 0.6), max(0.09 * radius, 1.6), seed)
    coarse = draw_repeating_texture(max(0.07 * radius, 0.9), max(0.2 * radius, 3.0), seed + 1)
    patches = draw_repeating_texture(max(0.3 * radius, 2.0), max(0.9 * radius, 6.0), seed + 2)
    shifts = spread.texture[:n] - np.floor(centres).astype(np.int64)
    thick = np.ones(shape, np.float32)
    if n:
        draw_phase(layer.cells, layer.apart, thick, looks, shifts, fine, coarse, patches, slab, granules)
    bumps = _nuclei(layer, spread, centres, radius, seed)
    add_bumps(slab, bumps[0])
    add_bumps(granules, np.concatenate([bumps[1], dust]))
    sharp = max(0.022 * radius, 0.55)
    whole = granules - slab
    lines = _blur(whole, sharp) - _blur(whole, 2.2 * sharp)
    if optics == "brightfield":
        grainy = _blur(granules, sharp) - _blur(granules, 2.2 * sharp)
        picture = 1 + np.float32(1.5 * contrast) * (lines - np.float32(0.5) * grainy)
    else:
        halo = max(0.3 * radius, 2.5)
        # light that the phase ring loses comes back around: what is dark within is bright without
        soft = _blur(slab, sharp)
        picture = 1 - np.float32(0.32 * contrast) * (soft - np.float32(0.95) * _blur(soft, halo))
        picture += np.float32(0.85 * contrast) * lines
    _add_rounded(picture, layer, centres, spread, optics, contrast)
    return np.maximum(picture, np.float32(0.04))


def _nuclei(
    layer: CellLayer, spread: SpreadCells, centres: NDArray[np.float64], radius: float, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the bumps of nuclei and of the nucleoli in them, of the cells that lie on top at their centre."""
    rng = np.random.default_rng(seed)
    n = layer.n_cells
    nucleoli = rng.normal(0, 0.09, (len(spread.centres), 3, 2))[:n]
    i, j = np.rint(centres).astype(int).T
    height, width = layer.cells.shape
    shown = (i >= 0) & (i < height) & (j >= 0) & (j < width) & (spread.rounded[:n] == 0)
    shown[shown] = layer.cells[i[shown], j[shown]] == np.flatnonzero(shown) + 1
    at, size = centres[shown], spread.shapes.radius[:n][shown]
    nuclei = np.column_stack([at, 0.24 * size * np.sqrt(spread.shapes.width[:n][shown] / 0.5), np.full(len(at), 0.45)])
    dots = (at[:, None] + nucleoli[shown] * size[:, None, None]).reshape(-1, 2)
    dark = np.column_stack([dots, np.full(len(dots), max(0.04 * radius, 0.7)), np.full(len(dots), -0.8)])
    return nuclei, dark


def _add_rounded(
    picture: NDArray[np.float32], layer: CellLayer, centres: NDArray[np.float64], spread: SpreadCells, optics: str,
    contrast: float,
) -> None:  # fmt: skip
    """Add the bright rim, the dark middle and the halo of spheres, in place."""
    n = layer.n_cells
    ball = spread.rounded[:n] > 0
    # one that lies across the edge of a wound has been swept off
    i, j = np.rint(centres).astype(int).T
    seen = ball & (i >= 0) & (i < picture.shape[0]) & (j >= 0) & (j < picture.shape[1])
    ball[seen] = layer.depth[i[seen], j[seen]] >= 0.8 * 0.54 * spread.shapes.radius[:n][seen]
    at, size = centres[ball], 0.54 * spread.shapes.radius[:n][ball]
    bright = contrast * (1.5 if optics == "phase" else 0.7)
    rim = np.column_stack([at, 0.17 * size, np.full(len(at), bright), 0.85 * size])
    halo = np.column_stack([at, 0.2 * size, np.full(len(at), 0.2 * bright), 1.15 * size])
    ring = np.column_stack([at, 0.25 * size, np.full(len(at), -0.22 * bright), 1.75 * size])
    middle = np.column_stack([at, 0.4 * size, np.full(len(at), -0.3 * bright), np.zeros(len(at))])
    for part in (rim, halo, ring, middle):
        add_blurred_blobs(picture, part)


def _blur(image: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REFLECT), dtype=np.float32)
