"""Simulated micrographs of particles with exact labels: dark TEM, bright HAADF, SEM agglomerates, plain discs."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from granum.errors import GranumWarning, SettingError
from granum.samples.info_bar import draw_info_bar, info_bar_height
from granum.samples.noise import add_camera_noise, draw_uneven_light
from granum.samples.painting import LOOKS, Look, paint_particles
from granum.samples.placement import place_discs
from granum.samples.shapes import N_ANGLES, Shape, draw_diameters, draw_outlines
from granum.steps import Range

__all__ = ["Kind", "SimulatedParticles", "demo_image", "simulate_particles"]

Kind = Literal["tem", "haadf", "sem", "discs"]


@dataclass(frozen=True, eq=False)
class SimulatedParticles:
    """A simulated image with everything that is true about it.

    Parameters
    ----------
    image : (Y, X) ndarray of uint8 or uint16
        The picture.
    labels : (Y, X) ndarray of int32
        The topmost particle of each pixel, 1..K without gaps; 0 = background and info bar.
    truth : dict
        JSON types only: `kind`, `seed`, `settings`, `pixel_size_nm`, `n_particles`, `particles` (columns `label`, `y`,
        `x`, `diameter_px`, `diameter_nm`, `visible`: diameter of the circle of the same area as the whole outline,
        and the share of it that is in the picture) and `info_bar` (None, or rows and scale bar).
    """

    image: NDArray[Any]
    labels: NDArray[np.int32]
    truth: dict[str, Any]


def simulate_particles(
    kind: Kind,
    *,
    size: Annotated[int, Range(32, 32768)] = 1024,
    count: Annotated[int, Range(0, 1_000_000)] = 200,
    seed: Annotated[int, Range(0)] = 0,
    median_diameter: Annotated[float, Range(2, 10000)] | None = None,
    log_sd: Annotated[float, Range(0, 1)] = 0.25,
    second_median: Annotated[float, Range(2, 10000)] | None = None,
    second_share: Annotated[float, Range(0, 1)] = 0.5,
    touching: Annotated[float, Range(0, 1)] = 0.4,
    shape: Shape | None = None,
    noise: Annotated[float, Range(0, 100)] = 1.0,
    uneven_light: Annotated[float, Range(0, 1)] = 0.15,
    info_bar: bool = False,
    pixel_size_nm: Annotated[float, Range(1e-4, 1e5)] = 0.5,
    dtype: Literal["uint8", "uint16"] = "uint8",
) -> SimulatedParticles:
    """Simulate one micrograph of particles.

    Parameters
    ----------
    kind : {"tem", "haadf", "sem", "discs"}
        "tem": dark particles on grainy carbon, with diffraction contrast, fringes and a Fresnel rim. "haadf": bright,
        brightness adds up where particles overlap. "sem": piled up, shaded, with bright edges. "discs": flat bright
        circles.
    size : int
        Side of the square image in px, 32 to 32768.
    count : int
        Particles to place, 0 to 1,000,000.
    seed : int
        Same seed and settings, same bytes.
    median_diameter : float, optional
        Median diameter in px, 2 to 10000; by default such that the particles cover a usual share of the frame.
    log_sd : float
        Standard deviation of the logarithm of the diameter, 0 to 1.
    second_median : float, optional
        Median diameter of a second population; None for one.
    second_share : float
        Share of the particles in the second population, 0 to 1.
    touching : float
        Share of the particles that are attached to an earlier one, 0 to 1.
    shape : {"round", "facetted", "irregular", "mixed"}, optional
        Outline; by default what is usual for the kind ("discs" are always circles).
    noise : float
        Noise over the usual one, 0 to 100: the electron dose falls with its square, the grain of carbon grows with it.
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
    simulated : SimulatedParticles
        Image, exact labels and truth.

    Raises
    ------
    SettingError
        A setting out of its range or unknown.

    Warns
    -----
    GranumWarning
        When the frame is full before all particles are placed.

    Notes
    -----
    Labels are drawn from the outlines before blur and noise; a pixel belongs to a particle when its centre does. About
    0.25 s per Mpx; 30 bytes per pixel.

    Examples
    --------
    >>> simulated = simulate_particles("tem", size=128, count=10, seed=1)
    >>> simulated.image.shape, simulated.truth["pixel_size_nm"]
    ((128, 128), 0.5)
    """
    settings = {key: value for key, value in locals().items() if key not in ("kind", "seed")}
    _check(kind, {"seed": seed, **settings})
    look = LOOKS[kind] if shape is None or kind == "discs" else replace(LOOKS[kind], shape=shape)
    seeds = [int(s) for s in np.random.SeedSequence(seed).generate_state(8)]
    bar = info_bar_height(size) if info_bar else 0
    median = median_diameter or _default_median(look, size - bar, size, count, log_sd)
    diameters = draw_diameters(
        count, median=median, log_sd=log_sd, second_median=second_median, second_share=second_share, seed=seeds[0]
    )
    discs = place_discs(
        diameters / 2, height=size - bar, width=size, touching=touching, overlap=look.overlap, seed=seeds[1]
    )
    if len(discs) < count:
        warnings.warn(
            f"simulate_particles: placed {len(discs)} of {count} particles, the frame is full; "
            "give fewer or smaller ones.",
            GranumWarning,
            stacklevel=2,
        )
    if kind == "discs":
        outlines = np.ones((len(discs), N_ANGLES), np.float32)
    else:
        outlines = draw_outlines(len(discs), shape=look.shape, seed=seeds[2])
    frame = np.zeros((size - bar, size), np.int32)
    picture = paint_particles(kind, frame, discs, outlines, noise=noise, seeds=(seeds[3], seeds[6], seeds[7]))
    picture *= draw_uneven_light(picture.shape, strength=uneven_light, seed=seeds[4])
    electrons = look.electrons / noise**2 if noise > 0 else math.inf
    picture = add_camera_noise(picture, electrons=electrons, read_noise=1.0, blur=look.camera_blur, seed=seeds[5])
    labels, particles = _list_particles(frame, discs, pixel_size_nm)
    picture, labels = np.pad(picture, ((0, bar), (0, 0))), np.pad(labels, ((0, bar), (0, 0)))
    about_bar = draw_info_bar(picture, bar, pixel_size_nm=pixel_size_nm) if info_bar else None
    truth = {
        "kind": kind, "seed": seed, "pixel_size_nm": pixel_size_nm, "n_particles": len(particles["label"]),
        "settings": {**settings, "median_diameter": median}, "info_bar": about_bar, "particles": particles,
    }  # fmt: skip
    white = 255 if dtype == "uint8" else 65535
    image = (np.clip(picture, 0, 1) * np.float32(white) + np.float32(0.5)).astype(dtype)
    return SimulatedParticles(image, labels, truth)


def demo_image() -> SimulatedParticles:
    """Return the picture of `granum demo`: a TEM image of 230 particles, 1024 x 1024 px, 0.21 nm/px, with its truth."""
    return simulate_particles("tem", size=1024, count=230, seed=7, touching=0.45, info_bar=True, pixel_size_nm=0.21)


def _check(kind: str, settings: dict[str, Any]) -> None:
    """Raise SettingError for a value that the signature does not allow."""
    import typing

    if kind not in LOOKS:
        raise SettingError(f"kind: {kind!r} is not one of {', '.join(LOOKS)}.")
    for name, annotation in typing.get_type_hints(simulate_particles, include_extras=True).items():
        if name not in settings or settings[name] is None:
            continue
        for option in (annotation, *typing.get_args(annotation)):
            for limits in getattr(option, "__metadata__", ()):
                if settings[name] not in limits:
                    raise SettingError(f"{name}: {settings[name]!r} is out of range, must be {limits}.")
            if typing.get_origin(option) is Literal and settings[name] not in typing.get_args(option):
                listed = ", ".join(map(str, typing.get_args(option)))
                raise SettingError(f"{name}: {settings[name]!r} is not one of {listed}.")


def _default_median(look: Look, height: int, width: int, count: int, log_sd: float) -> float:
    """Return the median diameter for which `count` particles cover the usual share of the frame."""
    area = look.cover * height * width / max(count, 1)
    return float(np.clip(math.sqrt(area * 4 / math.pi / math.exp(2 * log_sd**2)), 4, min(height, width) / 8))


def _list_particles(
    frame: NDArray[np.int32], discs: NDArray[np.float64], pixel_size_nm: float
) -> tuple[NDArray[np.int32], dict[str, list[Any]]]:
    """Return labels without gaps, and the columns of the particles that can be seen."""
    area = np.bincount(frame.ravel(), minlength=len(discs) + 1)[1:]
    seen = area > 0
    new = np.zeros(len(discs) + 1, np.int32)
    new[1:][seen] = np.arange(1, seen.sum() + 1)
    y, x, radius = discs[seen].T
    columns: dict[str, list[Any]] = {
        "label": list(range(1, int(seen.sum()) + 1)),
        "y": y.round(3).tolist(),
        "x": x.round(3).tolist(),
        "diameter_px": (2 * radius).round(4).tolist(),
        "diameter_nm": (2 * radius * pixel_size_nm).round(6).tolist(),
        "visible": np.minimum(area[seen] / (np.pi * radius**2), 1).round(4).tolist(),
    }
    return new[frame], columns
