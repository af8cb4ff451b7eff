"""How simulated particles look in each kind of micrograph, before the camera."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from granum.samples.drawing import draw_stacked, draw_transmission
from granum.samples.noise import draw_texture
from granum.samples.shapes import Shape

__all__ = ["LOOKS", "Look", "paint_particles"]


@dataclass(frozen=True)
class Look:
    """What a kind of picture looks like; numbers in units of the bright level."""

    shape: Shape
    cover: float  # share of the frame that particles cover by default
    overlap: float
    spread: float  # log SD of the contrast from particle to particle
    electrons: float  # counts of brightness 1 at noise 1
    blur: float  # px by which the lens blurs the specimen
    camera_blur: float


LOOKS: dict[str, Look] = {
    "tem": Look("mixed", 0.22, 0.05, 0.32, 220, 0.9, 0.7),
    "haadf": Look("round", 0.16, 0.16, 0.18, 90, 1.0, 0.4),
    "sem": Look("mixed", 0.38, 0.38, 0.10, 120, 0.8, 0.5),
    "discs": Look("round", 0.22, 0.10, 0.0, 60, 1.0, 0.0),
}


def paint_particles(
    kind: str,
    labels: NDArray[np.int32],
    discs: NDArray[np.float64],
    outlines: NDArray[np.float32],
    *,
    noise: float,
    seeds: tuple[int, int, int],
) -> NDArray[np.float32]:
    """Return the brightness of the specimen without light, camera and info bar; fill `labels` in place.

    Parameters
    ----------
    kind : {"tem", "haadf", "sem", "discs"}
        Which microscope.
    labels : (Y, X) ndarray of int32
        Zeros; receives the number 1..N of the topmost particle.
    discs : (N, 3) ndarray of float64
        Rows (y, x, radius), later ones on top.
    outlines : (N, 96) ndarray of float32
        From `draw_outlines`.
    noise : float
        Strength of what is grainy in the specimen itself, 1 = usual.
    seeds : tuple of int
        Of the particles, of the coarse and of the fine texture.

    Returns
    -------
    picture : (Y, X) ndarray of float32
        Bright level about 1.
    """
    paint = {"tem": _paint_tem, "haadf": _paint_haadf, "sem": _paint_sem, "discs": _paint_discs}[kind]
    return paint(labels, discs, outlines, noise, seeds)


def _contrast(discs: NDArray[np.float64], spread: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the contrast of each particle: it grows with size, and varies from one to the next."""
    if len(discs) == 0:
        return np.zeros(0)
    relative = discs[:, 2] / np.median(discs[:, 2])
    return np.exp(spread * rng.normal(size=len(discs)).clip(-2.5, 2.5)) * relative.clip(0.4, 2.5) ** 0.6


def _draw_fringes(discs: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return fringes: a third of the particles has none, the others bend contours, thickness rings or lattice."""
    n = len(discs)
    which = rng.choice(4, n, p=[0.35, 0.35, 0.15, 0.15])
    amplitude = np.choose(which, [np.zeros(n), rng.uniform(0.1, 0.4, n), rng.uniform(0.05, 0.2, n), np.full(n, 0.12)])
    rings = np.where(which == 2, rng.uniform(1.5, 4, n), 0)
    wave = 2 * np.pi / np.where(which == 3, rng.uniform(4, 7, n), discs[:, 2] * rng.uniform(1.2, 4, n))
    angle = rng.uniform(0, np.pi, n)
    return np.column_stack([amplitude, rings, wave * np.sin(angle), wave * np.cos(angle)])


def _paint_tem(
    labels: NDArray[np.int32], discs: NDArray[np.float64], outlines: NDArray[np.float32],
    noise: float, seeds: tuple[int, int, int],
) -> NDArray[np.float32]:  # fmt: skip
    """Return dark particles on carbon whose grain shows through them, with a bright rim from defocus."""
    rng = np.random.default_rng(seeds[0])
    depth = np.zeros(labels.shape, np.float32)
    strongly = np.where(rng.random(len(discs)) < 0.1, 1.7, 1.0)  # crystals that happen to diffract
    strength = 0.62 * strongly * _contrast(discs, LOOKS["tem"].spread, rng)
    flatness = rng.uniform(0.12, 0.5, len(discs))
    draw_transmission(labels, depth, discs, outlines, strength, flatness, _draw_fringes(discs, rng))
    carbon = np.float32(0.035) * draw_texture(labels.shape, scale=40, seed=seeds[1])
    picture = np.float32(0.68) * np.exp(-cv2.GaussianBlur(depth, (0, 0), LOOKS["tem"].blur) - carbon)
    wide = cv2.GaussianBlur(picture, (0, 0), 3 * LOOKS["tem"].blur)
    picture += np.float32(0.45) * (cv2.GaussianBlur(picture, (0, 0), LOOKS["tem"].blur) - wide)
    grain = draw_texture(labels.shape, scale=1.3, coarse_scale=3.5, seed=seeds[2])
    picture *= 1 + np.float32(0.06 * noise) * grain
    return picture


def _paint_haadf(
    labels: NDArray[np.int32], discs: NDArray[np.float64], outlines: NDArray[np.float32],
    noise: float, seeds: tuple[int, int, int],
) -> NDArray[np.float32]:  # fmt: skip
    """Return bright particles whose brightness adds up where they overlap, on a faint support."""
    rng = np.random.default_rng(seeds[0])
    mass = np.zeros(labels.shape, np.float32)
    strength = 0.55 * _contrast(discs, LOOKS["haadf"].spread, rng)
    flatness = rng.uniform(0.35, 0.55, len(discs))
    draw_transmission(labels, mass, discs, outlines, strength, flatness, np.zeros((len(discs), 4)))
    support = np.float32(0.07) + np.float32(0.014) * draw_texture(labels.shape, scale=60, seed=seeds[1])
    support *= 1 + np.float32(0.05) * draw_texture(labels.shape, scale=3, seed=seeds[2])
    return cv2.GaussianBlur(mass, (0, 0), LOOKS["haadf"].blur) + np.maximum(support, np.float32(0.02))


def _paint_sem(
    labels: NDArray[np.int32], discs: NDArray[np.float64], outlines: NDArray[np.float32],
    noise: float, seeds: tuple[int, int, int],
) -> NDArray[np.float32]:  # fmt: skip
    """Return piled particles with bright edges, dark gaps between them and the unrest of a slow scan."""
    rng = np.random.default_rng(seeds[0])
    picture = np.float32(0.2) * (1 + np.float32(0.1) * draw_texture(labels.shape, scale=6, seed=seeds[1]))
    relief = np.zeros(labels.shape, np.float32)
    strength = 0.62 * np.exp(LOOKS["sem"].spread * rng.normal(size=len(discs)).clip(-2.5, 2.5))
    draw_stacked(labels, picture, relief, discs, outlines, strength, rng.uniform(2, 3.2, len(discs)))
    typical = float(np.median(discs[:, 2])) if len(discs) else 1.0
    buried = cv2.GaussianBlur(relief, (0, 0), 0.45 * typical + 0.5) - relief
    picture *= np.exp(np.float32(-0.55 / typical) * np.maximum(buried, 0))
    rough = draw_texture(labels.shape, scale=1.6, coarse_scale=6, seed=seeds[2])
    picture *= 1 + np.float32(0.035) * rough * (labels > 0)
    scan = np.float32(0.006 * noise) * rng.standard_normal((labels.shape[0], 1), dtype=np.float32)
    return cv2.GaussianBlur(picture, (0, 0), LOOKS["sem"].blur) + scan


def _paint_discs(
    labels: NDArray[np.int32], discs: NDArray[np.float64], outlines: NDArray[np.float32],
    noise: float, seeds: tuple[int, int, int],
) -> NDArray[np.float32]:  # fmt: skip
    """Return flat bright discs on a flat ground."""
    none = np.zeros(len(discs))
    mass = np.zeros(labels.shape, np.float32)
    draw_transmission(labels, mass, discs, outlines, none, none, np.zeros((len(discs), 4)))
    flat = np.float32(0.25) + np.float32(0.35) * (labels > 0).astype(np.float32)
    return cv2.GaussianBlur(flat, (0, 0), LOOKS["discs"].blur)
