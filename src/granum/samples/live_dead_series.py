"""Time lapses of live/dead fields: cells wander, divide, die by a known law, leave and come in; every track is known.

``simulate_live_dead_series(hours=48, interval_h=1, death=DeathLaw(scale_h=30, shape=2), seed=0)`` returns a
`LiveDeadSeries`: `for frame in series` draws one `SimulatedLiveDead` after the other and keeps none, `series[12]` draws
frame 12 alone, and `series.tracks`, `series.n_live`, `series.n_dead`, `series.viability` are known before any is drawn.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from granum.samples.cell_cast import CellCast, CellMoment, draw_cell_cast, place_cells
from granum.samples.cell_lineage import CellLineage, DeathLaw, draw_cell_lineage
from granum.samples.cell_motion import walk_cells
from granum.samples.cell_tracks import find_cell_tracks
from granum.samples.field_debris import FieldDebris, draw_field_debris
from granum.samples.live_dead import MARGIN
from granum.samples.live_dead_picture import draw_live_dead
from granum.samples.live_dead_scene import LiveDeadLook, SimulatedLiveDead
from granum.samples.setting_checks import check_frame_size, check_ranges
from granum.steps import Range

__all__ = ["LiveDeadSeries", "simulate_live_dead_series"]

_DIVIDING_H = 1.2  # how long a cell is round before and after it divides
_GROWING_H = 8.0  # until the nucleus of a daughter has its full size


class LiveDeadSeries:
    """A time lapse whose frames are drawn when they are asked for, and its exact truth.

    Attributes
    ----------
    times_h : (T,) ndarray of float64
        Hours since the start.
    n_live, n_dead : (T,) ndarray of int64
        Nuclei of which at least one pixel can be seen in each frame, slivers at its border among them; the truth of a
        frame has the area of each, to leave them out on both sides of a comparison.
    viability : (T,) ndarray of float64
        `n_live` over both; NaN without nuclei.
    tracks : dict of str to list
        Columns, one row per track: `track` (1..N, in the order of appearance), `cell`, `parent` (track of the mother's
        nucleus, 0 for none), `first_frame`, `last_frame`, `first_h`, `last_h`, `begin` ("start", "entered" or "born"),
        `end` ("last", "left", "divided" or "loose"), `dead_at_first` and `death_h` (None unless the nucleus dies
        between its first and its last frame; the frame of death is the first at or after it). A nucleus that leaves
        and comes back begins another track.
    death : DeathLaw
        How the cells die.
    settings : dict
        What it was made with, in JSON types.
    """

    def __init__(
        self,
        cast: CellCast,
        lineage: CellLineage,
        centres: NDArray[np.float64],
        stages: NDArray[np.float64],
        debris: FieldDebris,
        *,
        times_h: NDArray[np.float64],
        shape: tuple[int, int],
        look: LiveDeadLook,
        death: DeathLaw,
        death_takes_h: float,
        settings: dict[str, Any],
        seeds: tuple[int, int],
    ) -> None:
        self.times_h = times_h
        self.death = death
        self.settings = settings
        self._cast, self._lineage, self._centres, self._stages, self._debris = cast, lineage, centres, stages, debris
        self._shape, self._look, self._takes_h, self._seeds = shape, look, death_takes_h, seeds
        moments = [self._moment(frame) for frame in range(len(times_h))]
        found = find_cell_tracks(cast, lineage, moments, shape=shape, times_h=times_h)
        self.tracks, self._numbers = found.tracks, found.numbers
        self.n_live, self.n_dead = found.n_live, found.n_dead
        total = self.n_live + self.n_dead
        self.viability = np.where(total > 0, self.n_live / np.maximum(total, 1), np.nan)

    def __len__(self) -> int:
        return len(self.times_h)

    def __iter__(self) -> Iterator[SimulatedLiveDead]:
        return (self[frame] for frame in range(len(self)))

    def __getitem__(self, frame: int) -> SimulatedLiveDead:
        if not -len(self) <= frame < len(self):
            raise IndexError(f"frame {frame} of a series of {len(self)}")
        frame %= len(self)
        moment = dataclasses.replace(self._moment(frame), tracks=self._numbers[frame])
        field = draw_live_dead(
            self._cast, moment, self._debris, look=self._look, shape=self._shape,
            nucleus_diameter=self.settings["nucleus_diameter"], field_seed=self._seeds[0],
            frame_seed=self._seeds[1] + frame,
        )  # fmt: skip
        field.truth.update({"seed": self.settings["seed"], "settings": self.settings, "frame": frame})
        return field

    @property
    def truth(self) -> dict[str, Any]:
        """What is true of the whole series, in JSON types; frames have their own `truth`."""
        return {
            "kind": "live-dead series", "settings": self.settings, "look": dataclasses.asdict(self._look),
            "death": dataclasses.asdict(self.death), "times_h": self.times_h.round(6).tolist(),
            "n_live": self.n_live.tolist(), "n_dead": self.n_dead.tolist(),
            "viability": [None if np.isnan(v) else round(float(v), 6) for v in self.viability],
            "survival_law": [round(self.death.survival(float(time)), 6) for time in self.times_h],
            "tracks": self.tracks,
        }  # fmt: skip

    def _moment(self, frame: int) -> CellMoment:
        """Return the cells of a frame, without the numbers of their tracks."""
        lineage, time = self._lineage, float(self.times_h[frame])
        rows = np.flatnonzero(~np.isnan(self._centres[frame, :, 0]))
        death, born = lineage.death_h[rows], lineage.born_h[rows]
        dying = np.clip((time - death) / self._takes_h + 0.5, 0, 1)
        age = np.where(lineage.parent[rows] >= 0, time - born, np.inf)
        left = np.where(lineage.divides[rows], lineage.end_h[rows] - time, np.inf)
        rounding = np.clip(1 - np.minimum(age, left) / _DIVIDING_H, 0, 1)
        growth = 0.8 + 0.2 * np.clip(age / _GROWING_H, 0, 1)
        return CellMoment(
            time, rows, self._centres[frame, rows], dying * dying * (3 - 2 * dying), death <= time, rounding, growth,
            np.zeros((len(rows), 2), np.int64), self._stages[frame],
        )  # fmt: skip


def simulate_live_dead_series(
    *,
    size: int | tuple[int, int] = 512,
    count: Annotated[int, Range(0, 20000)] = 24,
    hours: Annotated[float, Range(0, 10000)] = 48.0,
    interval_h: Annotated[float, Range(0.01, 1000)] = 1.0,
    death: DeathLaw | None = None,
    dead_at_start: Annotated[float, Range(0, 1)] = 0.05,
    death_takes_h: Annotated[float, Range(0.01, 48)] = 1.5,
    division_per_h: Annotated[float, Range(0, 0.2)] = 0.003,
    loose_per_h: Annotated[float, Range(0, 10)] = 0.0,
    speed: Annotated[float, Range(0, 5)] = 0.15,
    stage_jitter: Annotated[float, Range(0, 50)] = 0.4,
    seed: Annotated[int, Range(0)] = 0,
    nucleus_diameter: Annotated[float, Range(6, 200)] = 20.0,
    touching: Annotated[float, Range(0, 1)] = 0.1,
    binucleate: Annotated[float, Range(0, 1)] = 0.06,
    look: LiveDeadLook | None = None,
) -> LiveDeadSeries:
    """Simulate a time lapse of one live/dead field.

    Parameters
    ----------
    size : int or (int, int)
        Side of the square frame, or rows and columns, in px, 64 to 8192.
    count : int
        Cells in the frame at the start, 0 to 20000.
    hours, interval_h : float
        Length, 0 to 10000, and time between two frames, 0.01 to 1000; the first frame is at 0.
    death : DeathLaw, optional
        When cells die; by default exponential with a scale of 48 h.
    dead_at_start : float
        Share of the cells that are dead at time 0.
    death_takes_h : float
        Over how long the dead stain replaces the live one and the cell rounds up, 0.01 to 48 h; the time of death is
        the middle of it.
    division_per_h : float
        Rate at which a living cell divides, 0 to 0.2; cells with two nuclei do not.
    loose_per_h : float
        Rate at which a dead cell comes off the dish and is gone, 0 to 10: then viability is not survival.
    speed : float
        Median speed of a living cell, in diameters of a nucleus per hour, 0 to 5.
    stage_jitter : float
        Standard deviation in px by which the stage misses its place in each frame, 0 to 50.
    seed : int
        Same seed and settings, same bytes.
    nucleus_diameter, touching, binucleate, look
        As in `simulate_live_dead`.

    Returns
    -------
    series : LiveDeadSeries
        Draws its frames when asked; memory is that of one frame.

    Raises
    ------
    SettingError
        A setting out of its range, or more than 100,000 cells by division.

    Notes
    -----
    All cells have the same hazard at the same time, also daughters. Without `dead_at_start`, division and loosening,
    the expected viability at time t is ``death.survival(t)``; what was drawn is in `viability` exactly.

    Examples
    --------
    >>> series = simulate_live_dead_series(size=128, count=4, hours=3, death=DeathLaw(scale_h=4), seed=1)
    >>> len(series), [frame.truth["n_dead"] for frame in series] == series.n_dead.tolist()
    (4, True)
    """
    given = locals()
    settings: dict[str, Any] = {key: value for key, value in given.items() if key not in ("death", "look")}
    check_ranges(simulate_live_dead_series, settings)
    shape, look, death = check_frame_size(size), look or LiveDeadLook(), death or DeathLaw()
    seeds = [int(one) for one in np.random.SeedSequence((seed, 48)).generate_state(8)]
    rng = np.random.default_rng(seeds[0])
    times_h = np.arange(int(hours / interval_h + 1e-9) + 1, dtype=np.float64) * float(interval_h)
    margin = MARGIN * nucleus_diameter
    frame = shape[0] * shape[1]
    n = count + round(count * ((shape[0] + 2 * margin) * (shape[1] + 2 * margin) / frame - 1))
    # who has two nuclei is known before the lives, since it does not divide
    dead = rng.random(n) < dead_at_start
    dead[:count] = rng.permutation(count) < round(dead_at_start * count)
    firsts = draw_cell_cast(n, nucleus_diameter=nucleus_diameter, binucleate=binucleate, seed=seeds[1])
    lineage = draw_cell_lineage(
        n, hours=float(times_h[-1]), death=death, dead_at_start=dead, may_divide=firsts.n_nuclei == 1,
        division_per_h=division_per_h, loose_per_h=loose_per_h, seed=seeds[2],
    )  # fmt: skip
    daughters = draw_cell_cast(len(lineage.parent) - n, nucleus_diameter=nucleus_diameter, binucleate=0, seed=seeds[3])
    cast = firsts.joined(daughters)
    starts = place_cells(firsts, shape=shape, margin=margin, n_inside=count, touching=touching, seed=seeds[4])
    centres = walk_cells(
        cast, lineage, starts, times_h=times_h, shape=shape, margin=margin, speed_px_h=speed * nucleus_diameter,
        nucleus_diameter=nucleus_diameter, seed=seeds[5],
    )  # fmt: skip
    stages = stage_jitter * rng.normal(size=(len(times_h), 2))
    debris = draw_field_debris(
        shape, nucleus_diameter=nucleus_diameter, amount=look.debris,
        n_floating=int(rng.poisson(look.out_of_focus * count)), seed=seeds[6],
    )  # fmt: skip
    return LiveDeadSeries(
        cast, lineage, centres, stages, debris, times_h=times_h, shape=shape, look=look, death=death,
        death_takes_h=death_takes_h, settings=settings, seeds=(seeds[7], seed * 100_003),
    )  # fmt: skip
