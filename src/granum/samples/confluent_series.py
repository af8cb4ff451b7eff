"""Dishes over time: cells that fill a dish by the logistic law, and a scratch that closes at a known rate.

Both return a `ConfluencySeries`: `for dish in series` draws one `SimulatedConfluency` after the other and keeps none;
`series.times_h` and `series.confluency` are known before.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from granum.errors import SettingError
from granum.samples.confluent import SimulatedConfluency, draw_dish
from granum.samples.noise import draw_texture
from granum.samples.setting_checks import check_frame_size, check_ranges
from granum.steps import Range

__all__ = ["ConfluencySeries", "simulate_growth", "simulate_wound"]


class ConfluencySeries:
    """A time lapse of a dish whose frames are drawn when they are asked for.

    Attributes
    ----------
    times_h : (T,) ndarray of float64
        Hours since the start.
    confluency : (T,) ndarray of float64
        Share of the frame that cells cover, to within a pixel.
    truth : dict
        In JSON types: `kind` ("growth" or "wound"), `settings`, `times_h`, `confluency` and what the law needs.
    """

    def __init__(
        self,
        times_h: NDArray[np.float64],
        confluency: NDArray[np.float64],
        truth: dict[str, Any],
        draw: Callable[[int], SimulatedConfluency],
    ) -> None:
        self.times_h, self.confluency, self._draw = times_h, confluency, draw
        self.truth = {
            **truth, "times_h": times_h.round(6).tolist(), "confluency": confluency.round(6).tolist(),
        }  # fmt: skip

    def __len__(self) -> int:
        return len(self.times_h)

    def __iter__(self) -> Iterator[SimulatedConfluency]:
        return (self[frame] for frame in range(len(self)))

    def __getitem__(self, frame: int) -> SimulatedConfluency:
        if not -len(self) <= frame < len(self):
            raise IndexError(f"frame {frame} of a series of {len(self)}")
        return self._draw(frame % len(self))


def simulate_growth(
    *,
    size: int | tuple[int, int] = 512,
    hours: Annotated[float, Range(0, 10000)] = 72.0,
    interval_h: Annotated[float, Range(0.01, 1000)] = 4.0,
    start: Annotated[float, Range(0.001, 0.99)] = 0.08,
    capacity: Annotated[float, Range(0.01, 1)] = 0.97,
    doubling_h: Annotated[float, Range(0.1, 10000)] = 14.0,
    drift_px_h: Annotated[float, Range(0, 50)] = 0.5,
    magnification: Annotated[float, Range(1, 100)] = 10.0,
    optics: Literal["phase", "brightfield"] = "phase",
    contrast: Annotated[float, Range(0, 5)] = 1.0,
    uneven_light: Annotated[float, Range(0, 1)] = 0.25,
    noise: Annotated[float, Range(0, 20)] = 1.0,
    seed: Annotated[int, Range(0)] = 0,
    dtype: Literal["uint8", "uint16"] = "uint8",
) -> ConfluencySeries:
    """Simulate a dish that cells fill by the logistic law.

    Parameters
    ----------
    hours, interval_h : float
        Length, and time between two frames.
    start, capacity : float
        Confluency at time 0, and the one that it comes to; `start` below `capacity`.
    doubling_h : float
        Doubling time in hours where there is room: the rate of the law is log(2) over it.
    drift_px_h : float
        How fast cells move, in px per hour.
    size, magnification, optics, contrast, uneven_light, noise, seed, dtype
        As in `simulate_confluency`.

    Returns
    -------
    series : ConfluencySeries
        ``confluency = capacity / (1 + (capacity / start - 1) * exp(-rate * t))``, with `rate_per_h` in its truth.

    Raises
    ------
    SettingError
        A setting out of its range, or a `start` that is not below `capacity`.

    Examples
    --------
    >>> series = simulate_growth(size=128, hours=8, start=0.1, doubling_h=8)
    >>> [round(float(share), 3) for share in series.confluency]
    [0.1, 0.136, 0.181]
    """
    settings: dict[str, Any] = dict(locals())
    check_ranges(simulate_growth, settings)
    if start >= capacity:
        raise SettingError(f"start: {start:g} is not below capacity ({capacity:g}).")
    rate = math.log(2) / doubling_h
    times_h = _times(hours, interval_h)
    law = capacity / (1 + (capacity / start - 1) * np.exp(-rate * times_h))
    look = _look(settings)

    def draw(frame: int) -> SimulatedConfluency:
        return draw_dish(
            seed=seed, look=look, confluency=float(law[frame]), time_h=float(times_h[frame]), frame=frame,
            drift_px_h=drift_px_h,
        )  # fmt: skip

    truth = {"kind": "growth", "settings": settings, "rate_per_h": rate, "doubling_time_h": doubling_h}
    return ConfluencySeries(times_h, law, truth, draw)


def simulate_wound(
    *,
    size: int | tuple[int, int] = 512,
    hours: Annotated[float, Range(0, 10000)] = 24.0,
    interval_h: Annotated[float, Range(0.01, 1000)] = 2.0,
    width_px: Annotated[float, Range(1, 8192)] = 200.0,
    closing_px_h: Annotated[float, Range(0, 1000)] = 7.0,
    confluency: Annotated[float, Range(0.05, 1)] = 1.0,
    drift_px_h: Annotated[float, Range(0, 50)] = 0.3,
    magnification: Annotated[float, Range(1, 100)] = 10.0,
    optics: Literal["phase", "brightfield"] = "phase",
    contrast: Annotated[float, Range(0, 5)] = 1.0,
    uneven_light: Annotated[float, Range(0, 1)] = 0.25,
    noise: Annotated[float, Range(0, 20)] = 1.0,
    seed: Annotated[int, Range(0)] = 0,
    dtype: Literal["uint8", "uint16"] = "uint8",
) -> ConfluencySeries:
    """Simulate a scratch from top to bottom of a layer of cells, and how it closes.

    Parameters
    ----------
    hours, interval_h : float
        Length, and time between two frames.
    width_px : float
        Mean width of the scratch at time 0, in px.
    closing_px_h : float
        How much narrower it gets in an hour, both edges together, in px.
    confluency : float
        Share of the rest that cells cover, 0.05 to 1.
    size, drift_px_h, magnification, optics, contrast, uneven_light, noise, seed, dtype
        As in `simulate_growth`.

    Returns
    -------
    series : ConfluencySeries
        Its truth has `wound_share` (of the frame) and `wound_width_px` (area over rows) for each frame, counted in the
        mask of the wound, and `closing_px_h`; dishes have them too.

    Raises
    ------
    SettingError
        A setting out of its range, or a scratch as wide as the frame.
    """
    settings: dict[str, Any] = dict(locals())
    check_ranges(simulate_wound, settings)
    shape = check_frame_size(size)
    if width_px >= 0.9 * shape[1]:
        raise SettingError(f"width_px: {width_px:g} leaves no cells in a frame of {shape[1]} columns.")
    times_h = _times(hours, interval_h)
    look = {**_look(settings), "confluency": confluency}
    ragged = 3.0 * magnification * 0.35
    off = ragged * draw_texture(shape, scale=0.9 * magnification, seed=seed + 5)
    # the wound is not straight: its middle bends, and both its edges are ragged
    rng = np.random.default_rng((seed, 6))
    y = np.arange(shape[0])[:, None] / shape[0]
    middle = shape[1] * (0.5 + 0.03 * np.sin(2 * math.pi * (y + rng.random())))
    side = np.abs(np.arange(shape[1])[None, :] - middle) + off

    def room(frame: int) -> NDArray[np.float32]:
        return (side - max(width_px - closing_px_h * times_h[frame], -1e6) / 2).astype(np.float32)

    open_px = [
        int(np.count_nonzero(room(frame) <= 0)) if width_px > closing_px_h * time else 0
        for frame, time in enumerate(times_h)
    ]

    def draw(frame: int) -> SimulatedConfluency:
        dish = draw_dish(
            seed=seed, look=look, confluency=confluency, time_h=float(times_h[frame]), frame=frame,
            drift_px_h=drift_px_h, room=room(frame) if open_px[frame] else None,
        )  # fmt: skip
        dish.truth.update(_wound(open_px[frame], shape))
        return dish

    size_px = shape[0] * shape[1]
    covered = np.array([round(confluency * (size_px - wound)) / size_px for wound in open_px])
    truth = {
        "kind": "wound", "settings": settings, "closing_px_h": closing_px_h,
        "wound_share": [_wound(wound, shape)["wound_share"] for wound in open_px],
        "wound_width_px": [_wound(wound, shape)["wound_width_px"] for wound in open_px],
    }  # fmt: skip
    return ConfluencySeries(times_h, covered, truth, draw)


def _wound(open_px: int, shape: tuple[int, int]) -> dict[str, float]:
    return {"wound_share": round(open_px / (shape[0] * shape[1]), 6), "wound_width_px": round(open_px / shape[0], 4)}


def _times(hours: float, interval_h: float) -> NDArray[np.float64]:
    return np.arange(int(hours / interval_h + 1e-9) + 1, dtype=np.float64) * float(interval_h)


def _look(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a dish; those that a series does not have are the usual ones."""
    usual = {"spindle": 0.7, "rounded_share": 0.03, "dust": 1.0, "brightness": 0.4}
    names = ("size", "magnification", "optics", "contrast", "uneven_light", "noise", "dtype")
    return {**usual, **{name: settings[name] for name in names}}
