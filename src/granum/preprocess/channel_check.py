"""Are these the channels of a live-dead field: not swapped, not shifted, not saturated, not a bright field?

Each check has to be quiet on good images, and says in one sentence what it saw, with the figure.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Annotated, Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from granum.arrays import check_image, check_same_shape
from granum.choice import Choice
from granum.errors import GranumWarning, SettingError
from granum.preprocess.channel_shift import measure_shift
from granum.preprocess.denoise import estimate_noise
from granum.preprocess.histogram import count_values
from granum.preprocess.surface import evaluate_surface, fit_surface
from granum.steps import Range

__all__ = ["check_channels"]

_SATURATED = 0.05  # of the pixels above half of the range
_FEWEST_SATURATED = 50
_FEW_LEVELS = 40
_VISIBLE = 6.0  # noise widths
_PART, _NOISE_PART = 2048, 1024  # pixels a side
_SAMPLE = 500_000  # pixels that a quantile is taken from
_BROAD, _COARSE = 15.0, 4  # pixels; what is broader than nuclei, and the step at which that can be seen
_SEEN_SHARE = 0.5  # of the usual height of what rises over the noise
_DARK_SIDE = 0.4  # darkest over brightest excursion: a stain has none, a bright field as much of one as of the other
_FEWEST_VISIBLE = 400  # pixels
_DEAD_STAINS = ("draq7", "propidium", "ethd", "ethidium", "sytox", "7-aad", "7aad", "draq 7")
_ALL_STAINS = ("hoechst", "dapi", "calcein", "syto 9", "syto9", "nucblue", "fluorescein diacetate")


def check_channels(
    live: ArrayLike,
    dead: ArrayLike,
    brightfield: ArrayLike | None = None,
    stains: Mapping[str, str] | None = None,
    *,
    max_shift: Annotated[float, Range(0, 100, unit="px")] = 1.5,
) -> tuple[dict[str, Any], Choice]:
    """Check the channels of a live-dead field, and measure how far they lie off each other.

    Parameters
    ----------
    live, dead : (Y, X) array_like
        The stains as they were read.
    brightfield : (Y, X) array_like, optional
        The bright field.
    stains : mapping of str to str, optional
        Role -> name of the channel.
    max_shift : float
        Shift between the stains from which on a warning is given, in pixels.

    Returns
    -------
    channel_facts : dict
        ``shift_y``, ``shift_x``, ``shift_px`` (NaN where the stains share nothing by which it can be measured),
        ``saturated_live``, ``saturated_dead`` (share of the pixels above half of the range), ``levels_live``,
        ``levels_dead`` (grey levels that occur), ``doubts`` (what was warned of, in a word each).
    choice : Choice
        The same for the report.

    Warns
    -----
    GranumWarning
        A channel is constant, saturated, has few grey levels or gaps between them, is shifted, looks like a bright
        field; live and dead look swapped; nothing is seen in any stain.

    Raises
    ------
    ShapeError
        Not images, or not of one shape.
    SettingError
        `max_shift` is out of its range.

    Notes
    -----
    The shift is the peak of the correlation of both stains (`measure_shift`), right to about 0.1 px where some nuclei
    show in both. Swapped: what the "live" stain shows is nearly all seen in the "dead" one too, but not the other way
    round; or the names say so. With stains that show disjoint nuclei a swap cannot be seen, only named. Nothing is
    corrected: a shift is better mended at the microscope. 10 Mpx: 0.35 s.

    Examples
    --------
    >>> image = np.random.default_rng(0).normal(100, 3, (128, 128))
    >>> image[40:50, 60:70] += 200
    >>> facts, _ = check_channels(image, np.random.default_rng(1).normal(100, 3, (128, 128)))
    >>> facts["doubts"]
    []
    """
    planes = {"live": check_image(live, name="live"), "dead": check_image(dead, name="dead")}
    if brightfield is not None:
        planes["brightfield"] = check_image(brightfield, name="brightfield")
    for name, image in planes.items():
        check_same_shape(image, planes["live"].shape, name=name)
    if max_shift not in Range(0, 100):
        raise SettingError(f"preprocess.channel_check.max_shift: {max_shift!r} is out of range, must be 0 to 100.")
    facts: dict[str, Any] = {}
    doubts: list[tuple[str, str]] = []
    names = {role: _called(role, stains) for role in planes}
    for role in ("live", "dead"):
        doubts += _check_grey_levels(role, names[role], planes[role], facts)
    flats = {role: _flat(_middle_part(image, _PART)) for role, image in planes.items()}
    noises = {role: estimate_noise(_middle_part(image, _NOISE_PART)) for role, image in planes.items()}
    seen = {role: _seen(flats[role], noises[role]) for role in ("live", "dead")}
    if not seen["live"].any() and not seen["dead"].any() and not doubts:
        doubts.append(
            ("no_contrast", "nothing rises over the noise in either stain: the field is empty or not stained.")
        )
    doubts += _check_kinds(flats, noises, names)
    doubts += _check_order(seen, stains or {})
    found = measure_shift(planes["live"], planes["dead"])
    facts["shift_y"], facts["shift_x"] = (found[0], found[1]) if found else (float("nan"), float("nan"))
    facts["shift_px"] = float(np.hypot(facts["shift_y"], facts["shift_x"]))
    if found and facts["shift_px"] > max_shift:
        where = f"{facts['shift_y']:+.1f} px down, {facts['shift_x']:+.1f} px right"
        doubts.append(("shifted", f"{names['dead']} lies off {names['live']} ({where}): register the channels."))
    for _, text in doubts:
        warnings.warn(text, GranumWarning, stacklevel=2)
    facts["doubts"] = list(dict.fromkeys(word for word, _ in doubts))
    shift = f"{facts['shift_px']:.2f} px" if found else "not measurable, the stains share no structure"
    looks = "; ".join(text for _, text in doubts) if doubts else "The channels look as they should."
    chosen = {
        key: None if isinstance(value, float) and not np.isfinite(value) else value for key, value in facts.items()
    }
    return facts, Choice("channels", chosen, f"Shift between the stains: {shift}. {looks}")


def _called(role: str, stains: Mapping[str, str] | None) -> str:
    name = (stains or {}).get(role, "")
    return f"the channel {role!r} ({name})" if name and name != role else f"the channel {role!r}"


def _check_grey_levels(role: str, name: str, image: NDArray[Any], facts: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what is wrong with the grey levels of a stain."""
    histogram = count_values(image)
    filled = np.flatnonzero(histogram.counts)
    facts[f"levels_{role}"], facts[f"saturated_{role}"] = len(filled), 0.0
    if len(filled) < 2:
        return [("constant", f"{name} is constant: a channel without an image.")]
    low, high = int(filled[0]), int(filled[-1])
    middle = histogram.percentile(50)
    bright = filled[(histogram.low + filled * histogram.step) > (middle + histogram.low + high * histogram.step) / 2]
    top = int(histogram.counts[high])
    # a ceiling holds more pixels than the levels below it together lead one to expect
    below = float(histogram.counts[max(low, high - max(1, (high - low) // 20)) : high].max(initial=0))
    share = top / max(1, int(histogram.counts[bright].sum()))
    doubts: list[tuple[str, str]] = []
    if top > 2 * below and top >= _FEWEST_SATURATED:
        facts[f"saturated_{role}"] = share
        if share > _SATURATED:
            doubts.append(
                ("saturated", f"{name} is saturated: {100 * share:.0f} % of its bright pixels have the highest value.")
            )
    if image.dtype.kind in "iu":
        gap = int(np.diff(filled).min())
        if len(filled) < _FEW_LEVELS and high - low >= 2 * len(filled):
            doubts.append(
                (
                    "few_levels",
                    f"{name} has only {len(filled)} grey levels: an export for the eye, not for measuring; "
                    "use the original.",
                )
            )
        elif gap > 1 and len(filled) <= 256:
            doubts.append(
                (
                    "few_levels",
                    f"{name} has {len(filled)} grey levels in steps of {gap}: an 8-bit export of more; use the "
                    "original.",
                )
            )
    return doubts


def _middle_part(image: NDArray[Any], side: int) -> NDArray[Any]:
    """Return at most so many rows and columns: what the stains show is the same all over a field."""
    height, width = image.shape
    y, x = max(0, (height - side) // 2), max(0, (width - side) // 2)
    return np.ascontiguousarray(image[y : y + side, x : x + side])


def _flat(image: NDArray[Any]) -> NDArray[np.float32]:
    """Return the image less its median and smooth background, slightly smoothed."""
    height, width = image.shape
    step = max(1, max(height, width) // 512)
    flat: NDArray[np.float32] = np.empty((height, width), np.float32)
    np.subtract(image, np.float64(np.median(image[::step, ::step])), out=flat, casting="same_kind")
    cv2.GaussianBlur(flat, (0, 0), 1.5, dst=flat)
    flat -= evaluate_surface(fit_surface(flat), (height, width))
    return flat


def _sample(flat: NDArray[np.float32]) -> NDArray[np.float32]:
    return flat.ravel()[:: max(1, flat.size // _SAMPLE)]


def _width(flat: NDArray[np.float32]) -> tuple[float, float]:
    """Return the middle and the width of the background: of what lies below the median."""
    sample = _sample(flat)
    middle = float(np.median(sample))
    return middle, max(float(np.quantile(middle - sample[sample <= middle], 0.6827)), 1e-12)


def _less_broad(flat: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the image less what is broader than nuclei: the light of other planes."""
    height, width = flat.shape
    if min(height, width) < 8 * _COARSE:
        return flat - cv2.GaussianBlur(flat, (0, 0), _BROAD)
    small = cv2.resize(flat, (width // _COARSE, height // _COARSE), interpolation=cv2.INTER_AREA)
    cv2.GaussianBlur(small, (0, 0), _BROAD / _COARSE, dst=small)
    return np.asarray(flat - cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def _seen(flat: NDArray[np.float32], noise: float) -> NDArray[np.bool_]:
    """Return where something rises over the noise, specks left out."""
    flat = _less_broad(flat)
    middle, width = _width(flat)
    least = max(width, 0.3 * noise)
    bright = flat > middle + _VISIBLE * least
    if bright.any():  # bleed-through and the rest of a displaced stain are above the noise, but not seen
        bright &= flat > middle + _SEEN_SHARE * (float(np.median(flat[bright])) - middle)
    seen = bright.view(np.uint8)
    return np.asarray(cv2.morphologyEx(seen, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))).view(np.bool_)


def _check_kinds(
    flats: Mapping[str, NDArray[np.float32]], noises: Mapping[str, float], names: Mapping[str, str]
) -> list[tuple[str, str]]:
    """Return the stains that look like a bright field, and a bright field that looks like a stain."""
    doubts = []
    for role, flat in flats.items():
        lowest, middle, highest = (float(value) for value in np.quantile(_sample(flat), (0.001, 0.5, 0.999)))
        dark, bright = middle - lowest, highest - middle
        noise = max(noises[role] / 5, 1e-12)
        if max(dark, bright) < 20 * noise:
            continue
        if role != "brightfield" and dark > _DARK_SIDE * bright and dark > 10 * noise:
            doubts.append(
                (
                    "looks_like_brightfield",
                    f"{names[role]} is as dark in places as it is bright in others: a bright field, not a stain?",
                )
            )
        if role == "brightfield" and dark < 0.05 * bright:
            doubts.append(("looks_like_stain", f"{names[role]} has bright objects only: a stain, not a bright field?"))
    return doubts


def _check_order(seen: Mapping[str, NDArray[np.bool_]], stains: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return whether live and dead look swapped."""
    live, dead = stains.get("live", "").casefold(), stains.get("dead", "").casefold()
    if any(name in live for name in _DEAD_STAINS) and any(name in dead for name in _ALL_STAINS):
        return [("swapped", f"live and dead are swapped: {stains['live']} marks the dead, {stains['dead']} does not.")]
    if any(name in live for name in _ALL_STAINS) and any(name in dead for name in _DEAD_STAINS):
        return []  # names say more than pictures
    near = np.ones((3, 3), np.uint8)
    wide = {role: cv2.dilate(mask.view(np.uint8), near).view(np.bool_) for role, mask in seen.items()}
    n_live, n_dead = int(seen["live"].sum()), int(seen["dead"].sum())
    if min(n_live, n_dead) < _FEWEST_VISIBLE:
        return []
    live_in_dead = int((seen["live"] & wide["dead"]).sum()) / n_live
    dead_in_live = int((seen["dead"] & wide["live"]).sum()) / n_dead
    if live_in_dead > 0.9 and dead_in_live < 0.35:
        return [
            (
                "swapped",
                f"live and dead may be swapped: {100 * live_in_dead:.0f} % of what the live stain shows is in the dead "
                f"one too, but only {100 * dead_in_live:.0f} % the other way round.",
            )
        ]
    return []
