"""Pictures and truth of a live/dead field at one moment: what a microscope with three channels would show of it."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from granum.samples.brightfield import add_bumps, draw_phase, show_phase
from granum.samples.camera import draw_tiled_light, expose, shift_plane
from granum.samples.cell_cast import CellCast, CellMoment
from granum.samples.cell_shapes import cell_capsules, draw_cells, keep_largest_parts
from granum.samples.field_debris import FieldDebris
from granum.samples.live_dead_scene import STAIN_PAIRS, LiveDeadLook, SimulatedLiveDead
from granum.samples.noise import draw_repeating_texture
from granum.samples.stains import assign_cells, fill_nuclei, find_outlines, light_nuclei

__all__ = ["draw_live_dead", "label_nuclei"]

_TEXTURE = 512
_BRIGHTFIELD = 700.0  # photoelectrons of the empty dish; 26 dB, as in the field of seed 002
_LIVE, _DEAD = 320.0, 420.0  # photoelectrons of a usual nucleus
_CALCEIN = 180.0  # of the thickest part of a body
_DARK = 14.0  # photoelectrons of the medium in both stains
_READ_NOISE = 1.6
_GAIN = {"brightfield": 1.7, "live": 2.2, "dead": 2.2}  # grey levels of 12 bits per photoelectron


def draw_live_dead(
    cast: CellCast,
    moment: CellMoment,
    debris: FieldDebris,
    *,
    look: LiveDeadLook,
    shape: tuple[int, int],
    nucleus_diameter: float,
    field_seed: int,
    frame_seed: int,
) -> SimulatedLiveDead:
    """Draw a field at one moment.

    Parameters
    ----------
    cast, moment, debris : CellCast, CellMoment, FieldDebris
        What there is to see.
    look : LiveDeadLook
        Microscope and stains.
    shape : (int, int)
        Height and width in px.
    nucleus_diameter : float
        Median diameter of a living nucleus in px: the scale of everything.
    field_seed, frame_seed : int
        For what stays from frame to frame (light, textures) and what does not (noise).
    """
    d = nucleus_diameter
    seeds = [int(one) for one in np.random.SeedSequence((field_seed, 7)).generate_state(8)]
    noise_seeds = [int(one) for one in np.random.SeedSequence((frame_seed, 8)).generate_state(4)]
    centres = moment.centres + moment.stage
    bodies, depth, thick = _draw_bodies(cast, moment, centres, shape, d, seeds[0])
    planes = np.zeros((2, *shape), np.float32)
    nuclei, rows, which, labels = label_nuclei(cast, moment, centres, shape)
    _light_nuclei(cast, moment, nuclei, rows, which, look, planes, d, seeds[1])
    cells = np.zeros(shape, np.int32)
    assign_cells(bodies, labels, rows, nuclei, cells)
    slab, granules = _draw_thickness(cast, moment, centres, bodies, depth, thick, labels, d, seeds[2])

    if look.stains == "calcein-ethd1":
        planes[0] = _draw_calcein(cast, moment, bodies, slab)
    electrons = _mix_stains(planes, bodies, debris, moment, look, d)
    light = draw_tiled_light(shape, strength=look.uneven_light, tiles=look.tiles, step=0.03, seed=seeds[3])
    step = 16.0 if look.dtype == "uint8" else 1.0

    def take(name: str, plane: NDArray[np.float32], number: int) -> NDArray[Any]:
        return expose(
            plane, gain=_GAIN[name] * look.gain / step, offset=look.offset / step, read_noise=_READ_NOISE,
            noise=look.noise, dtype=look.dtype, seed=noise_seeds[number],
        )  # fmt: skip

    brightfield = None
    if look.brightfield:
        picture = _draw_brightfield(slab, granules, debris, moment, d)
        picture *= _draw_dish(shape, d, seeds[4])
        picture = shift_plane(picture, look.brightfield_shift)
        picture *= light
        brightfield = take("brightfield", picture * np.float32(_BRIGHTFIELD), 0)
    even = 1 - 0.8 * (1 - light)  # a lamp for fluorescence lights the field a little more evenly
    live = take("live", electrons[0] * even, 1)
    dead = take("dead", shift_plane(electrons[1], look.dead_shift) * even, 2)

    dead_now = moment.is_dead[rows]
    outline = np.zeros(shape, np.bool_)
    find_outlines(cells, outline)
    classes = (cells > 0).astype(np.uint8)
    classes[outline] = 2
    state = np.concatenate([[0], np.where(dead_now, 4, 3)]).astype(np.uint8)
    classes = np.where(labels > 0, state[labels], classes)
    mask = (bodies > 0) | (labels > 0)
    truth: dict[str, Any] = {
        "kind": "live-dead", "time_h": round(float(moment.time_h), 6), "look": dataclasses.asdict(look),
        "channels": dict(zip(("live", "dead"), STAIN_PAIRS[look.stains], strict=True)),
        "n_live": int((~dead_now).sum()), "n_dead": int(dead_now.sum()),
        "viability": round(float(1 - dead_now.mean()), 6) if len(rows) else None,
        "cell_area_fraction": round(float(mask.mean()), 6),
        "nuclei": _list_nuclei(moment, nuclei, rows, which, labels),
        **debris.listed(moment.stage),
    }  # fmt: skip
    if look.brightfield:
        truth["channels"]["brightfield"] = "brightfield"
    return SimulatedLiveDead(brightfield, live, dead, labels, cells, mask, dead_now, classes, truth)


def _draw_bodies(
    cast: CellCast, moment: CellMoment, centres: NDArray[np.float64], shape: tuple[int, int], d: float, seed: int
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
    """Return the number of the body (its row of the moment + 1) of each pixel, its px from an edge, and its share."""
    rounded = np.maximum(moment.dying * cast.shapes.roundness[moment.cells], 0.9 * moment.rounding)
    capsules, veils = cell_capsules(cast.shapes, moment.cells, centres, rounded, moment.time_h)
    bodies = np.zeros(shape, np.int32)
    depth, second, thick = np.zeros(shape, np.float32), np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    ruffle = draw_repeating_texture(0.11 * d, 0.4 * d, seed)
    shifts = cast.texture[moment.cells] - np.floor(centres).astype(np.int64)
    smooth, rough = 0.55 * d * (1 - 0.6 * rounded), 0.075 * d * (1 - 0.65 * rounded)
    draw_cells(capsules, veils, smooth, rough, shifts, ruffle, bodies, depth, second, thick, np.zeros_like(bodies))
    keep_largest_parts(bodies)
    return bodies, depth - second, thick


def label_nuclei(
    cast: CellCast, moment: CellMoment, centres: NDArray[np.float64], shape: tuple[int, int]
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]:
    """Return the nuclei that can be seen, their row of the moment, which of its two they are, and labels 1..K."""
    nuclei, rows, which = _moment_nuclei(cast, moment, centres)
    labels = np.zeros(shape, np.int32)
    fill_nuclei(nuclei, cast.outlines[moment.cells[rows], which], labels)
    seen = np.bincount(labels.ravel(), minlength=len(rows) + 1)[1:] > 0
    new = np.concatenate([[0], np.where(seen, np.cumsum(seen), 0)]).astype(np.int32)
    return nuclei[seen], rows[seen], which[seen], new[labels]


def _light_nuclei(
    cast: CellCast, moment: CellMoment, nuclei: NDArray[np.float64], rows: NDArray[np.int64],
    which: NDArray[np.int64], look: LiveDeadLook, planes: NDArray[np.float32], d: float, seed: int,
) -> None:  # fmt: skip
    """Add what both stains show of nuclei to `planes`."""
    at, dying = (moment.cells[rows], which), moment.dying[rows]
    dense = 1 + 0.6 * moment.rounding[rows]
    light = np.column_stack(
        [
            _LIVE * cast.live_light[at] * dense * (1 - (1 - look.live_in_dead) * dying),
            _DEAD * np.clip(cast.dead_light[at], 0.5, 2) * dying,
            cast.patchy[at] * (1 - 0.4 * dying),
        ]
    )
    chromatin = draw_repeating_texture(0.09 * d, 0.4 * d, seed)
    shifts = cast.texture[at[0]][:, ::-1] - np.floor(nuclei[:, :2]).astype(np.int64)
    light_nuclei(nuclei, cast.outlines[at], light, shifts, chromatin, planes)


def _moment_nuclei(
    cast: CellCast, moment: CellMoment, centres: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Return (y, x, half axes, angle) of all nuclei of a moment, their row in it, and which of its two each is."""
    rows = np.repeat(np.arange(len(moment.cells)), cast.n_nuclei[moment.cells])
    which = np.zeros(len(rows), np.int64)
    which[1:] = rows[1:] == rows[:-1]
    cell = moment.cells[rows]
    dying = moment.dying[rows]
    radius = cast.nucleus_radius[cell, which] * moment.growth[rows]
    radius = radius * (1 + (cast.swelling[cell] - 1) * dying) * (1 - 0.2 * moment.rounding[rows])
    axes = np.sqrt(1 + (cast.aspect[cell, which] - 1) * (1 - 0.7 * dying))
    # two nuclei of a cell lie against each other along its long axis
    side = np.where(cast.n_nuclei[cell] == 2, 1 - 2 * which, 0) * radius * 1.02
    turn = cast.shapes.turn[cell]
    y, x = centres[rows, 0] + side * np.sin(turn), centres[rows, 1] + side * np.cos(turn)
    return np.column_stack([y, x, radius * axes, radius / axes, cast.nucleus_turn[cell, which]]), rows, which


def _draw_thickness(
    cast: CellCast, moment: CellMoment, centres: NDArray[np.float64], bodies: NDArray[np.int32],
    depth: NDArray[np.float32], thick: NDArray[np.float32], labels: NDArray[np.int32], d: float, seed: int,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:  # fmt: skip
    """Return what is smooth and what is grainy in the optical thickness of the cells."""
    slab, granules = np.zeros(bodies.shape, np.float32), np.zeros(bodies.shape, np.float32)
    cell = moment.cells
    rounded = np.maximum(moment.dying * cast.shapes.roundness[cell], 0.9 * moment.rounding)
    ghost = moment.dying * (1 - cast.shapes.roundness[cell])  # died without rounding up: flat and pale
    grainy = cast.grainy[cell] * (1 - 0.9 * ghost)
    looks = np.column_stack(
        [
            1.7 + 1.6 * rounded - 1.2 * ghost, d * (0.06 + 0.16 * rounded), 0.62 * grainy * (1 + 0.4 * rounded),
            0.4 * grainy * (1 + 0.6 * rounded),
        ]
    )  # fmt: skip
    fine = draw_repeating_texture(0.035 * d, 0.1 * d, seed)
    coarse = draw_repeating_texture(0.1 * d, 0.25 * d, seed + 1)
    patches = draw_repeating_texture(0.4 * d, 1.2 * d, seed + 2)
    # granules of the living run about between two frames, those of the dead lie still
    run = np.floor(97 * moment.time_h * (1 - moment.is_dead))[:, None].astype(np.int64)
    shifts = cast.texture[cell] + run - np.floor(centres).astype(np.int64)
    draw_phase(bodies, depth, thick, looks, shifts, fine, coarse, patches, slab, granules)
    granules[labels > 0] *= np.float32(0.55)
    add_bumps(granules, _vacuoles(cast, moment, centres, bodies, d))
    return slab, granules


def _vacuoles(
    cast: CellCast, moment: CellMoment, centres: NDArray[np.float64], bodies: NDArray[np.int32], d: float
) -> NDArray[np.float64]:
    """Return round vacuoles and droplets as bumps, those whose middle lies in their own body."""
    bumps = []
    for row, cell in enumerate(moment.cells):
        rng = np.random.default_rng(cast.seeds[cell])
        n = int(rng.integers(2, 14))
        along, across = rng.uniform(-1, 1, n), rng.normal(0, 0.3, n)
        size = d * rng.uniform(0.05, 0.13, n) * rng.choice([1.0, 1.6], n, p=[0.85, 0.15])
        tall = rng.choice([1.0, -0.7], n, p=[0.75, 0.25]) * rng.uniform(0.7, 2.2, n)
        radius, turn = cast.shapes.radius[cell], cast.shapes.turn[cell]
        reach = radius * (0.35 + cast.shapes.stretch[cell]) * (1 - 0.5 * moment.dying[row])
        y = centres[row, 0] + along * reach * math.sin(turn) + across * radius * math.cos(turn)
        x = centres[row, 1] + along * reach * math.cos(turn) - across * radius * math.sin(turn)
        i, j = np.rint(y).astype(int), np.rint(x).astype(int)
        inside = (i >= 0) & (i < bodies.shape[0]) & (j >= 0) & (j < bodies.shape[1])
        inside[inside] = bodies[i[inside], j[inside]] == row + 1
        bumps.append(np.column_stack([y, x, size, tall])[inside])
        bumps.append(_fibres(cast, cell, centres[row], 1 - moment.dying[row], rng, d))
    return np.concatenate([np.zeros((0, 4)), *bumps])


def _fibres(
    cast: CellCast, cell: np.intp, centre: NDArray[np.float64], spread: float, rng: np.random.Generator, d: float
) -> NDArray[np.float64]:
    """Return the fine fibres that a cell leaves behind its arms as chains of dark bumps; they are not part of it."""
    arms = cast.shapes.arms[cell]
    arms = arms[(arms[:, 1] > 0) & (rng.random(len(arms)) < 0.6)]
    if spread < 0.5 or len(arms) == 0:
        return np.zeros((0, 4))
    radius, turn = cast.shapes.radius[cell], cast.shapes.turn[cell]
    angle = arms[:, 0, None] + rng.normal(0, 0.25, (len(arms), 1)) + rng.normal(0, 0.03, (len(arms), 16)).cumsum(axis=1)
    start = radius * cast.shapes.stretch[cell] * np.cos(arms[:, :1] - turn)
    along = radius * (0.4 + arms[:, 1, None]) + d * rng.uniform(0.3, 0.7, (len(arms), 1)) * np.linspace(0, 1, 16)
    y = centre[0] + start * math.sin(turn) + along * np.sin(angle)
    x = centre[1] + start * math.cos(turn) + along * np.cos(angle)
    tall = np.broadcast_to(-rng.uniform(0.2, 0.5, (len(arms), 1)), y.shape)
    return np.column_stack([y.ravel(), x.ravel(), np.full(y.size, 0.03 * d), tall.ravel()])


def _draw_calcein(
    cast: CellCast, moment: CellMoment, bodies: NDArray[np.int32], slab: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the bodies of the living, brighter where they are thicker; a dying cell loses its dye."""
    light = _CALCEIN * cast.live_light[moment.cells, 0] * (1 - moment.dying)
    thickest = float(slab.max()) if slab.size else 0.0
    return np.concatenate([[0], light]).astype(np.float32)[bodies] * (slab / np.float32(thickest or 1))


def _mix_stains(
    planes: NDArray[np.float32], bodies: NDArray[np.int32], debris: FieldDebris, moment: CellMoment,
    look: LiveDeadLook, d: float,
) -> NDArray[np.float32]:  # fmt: skip
    """Return photoelectrons of both stains: blurred, with haze, bleed-through, debris and what floats out of focus."""
    debris.add_light(planes, moment.stage, (_LIVE, _DEAD))
    debris.add_floating_light(planes[1], moment.stage, _DEAD)
    for number in range(2):
        plane = cv2.GaussianBlur(planes[number], (0, 0), 0.06 * d + 0.3, borderType=cv2.BORDER_REFLECT)
        small = cv2.resize(plane, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
        haze = cv2.GaussianBlur(small, (0, 0), 0.3 * d, borderType=cv2.BORDER_REFLECT)
        planes[number] = plane + np.float32(0.06) * cv2.resize(haze, plane.shape[::-1])
    planes[0] += np.float32(0.2 * _DARK) * (bodies > 0)
    live = planes[0] + np.float32(look.bleed_through) * planes[1]
    dead = planes[1] + np.float32(look.bleed_through) * planes[0]
    return np.stack([live, dead]) + np.float32(_DARK)


def _draw_brightfield(
    slab: NDArray[np.float32], granules: NDArray[np.float32], debris: FieldDebris, moment: CellMoment, d: float
) -> NDArray[np.float32]:
    """Return the bright-field picture without light and noise, 1 where there is nothing."""
    debris.add_bumps(granules, moment.stage)
    picture = show_phase(slab, granules, focus_px=0.027 * d + 0.25, halo_px=0.3 * d)
    debris.add_floating(picture, moment.stage)
    return np.maximum(picture, np.float32(0.05))


def _draw_dish(shape: tuple[int, int], d: float, seed: int) -> NDArray[np.float32]:
    """Return the faint grain of the bottom of the dish, a factor around 1."""
    texture = draw_repeating_texture(0.05 * d, 0.5 * d, seed)
    times = [-(-side // texture.shape[0]) for side in shape]
    return 1 + np.float32(0.035) * np.tile(texture, times)[: shape[0], : shape[1]]


def _list_nuclei(
    moment: CellMoment, nuclei: NDArray[np.float64], rows: NDArray[np.int64], which: NDArray[np.int64],
    labels: NDArray[np.int32],
) -> dict[str, list[Any]]:  # fmt: skip
    """Return the columns of the nuclei 1..K."""
    area = np.bincount(labels.ravel(), minlength=len(rows) + 1)[1:]
    return {
        "label": list(range(1, len(rows) + 1)),
        "track": moment.tracks[rows, which].tolist(),
        "cell": (moment.cells[rows] + 1).tolist(),
        "y": nuclei[:, 0].round(3).tolist(),
        "x": nuclei[:, 1].round(3).tolist(),
        "area_px": area.tolist(),
        "is_dead": moment.is_dead[rows].tolist(),
        "n_in_cell": np.bincount(rows, minlength=len(moment.cells))[rows].tolist() if len(rows) else [],
    }
