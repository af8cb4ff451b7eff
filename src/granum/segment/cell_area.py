"""Where the cells of a live-dead field are: by their texture in brightfield, by a stain that fills them, or by guess.

T. Herricks' way for brightfield: the Sobel gradient, what is steeper than the usual steepest pixel of an empty tile,
closed, holes filled. His closing moves the mask by two pixels (see `find_cell_area`), and his holes are filled from one
corner of the picture; here nothing moves, and background is what any pixel of the frame reaches.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from granum.arrays import check_area, check_image, check_labels, check_same_shape
from granum.choice import Choice
from granum.errors import GranumWarning, SettingError, ShapeError
from granum.segment.area_outline import close_gaps, close_gaps_as_published, fill_holes, move_inwards
from granum.segment.components import count_labels, keep_components
from granum.segment.gradient_relief import GradientRelief, measure_gradient, threshold_gradient
from granum.segment.grid_maximum import segment_by_grid_maximum
from granum.segment.nuclei import stain_kind
from granum.steps import Range

__all__ = ["find_cell_area"]

Source = Literal["auto", "brightfield", "stain", "ring"]
Closing = Literal["centred", "published"]

_FULL = 0.6  # share of the field from which the usual tile of a stain is no empty one
_NEARLY_ALL = 0.97  # of a brightfield image, whose noise tells the level as long as there is a bit of background

_BACKGROUND = {
    "tiles": "",
    "noise": " Most tiles hold cells, so that what is empty was told by the noise of the calmest places.",
    "not seen": " No place looks like background; the level is that of the noise which the calmest places may have.",
}


def find_cell_area(
    live: ArrayLike,
    brightfield: ArrayLike | None = None,
    labels: ArrayLike | None = None,
    stains: Mapping[str, str] | None = None,
    area: ArrayLike | None = None,
    *,
    source: Source = "auto",
    tile: Annotated[int, Range(2, 1000, unit="px")] = 25,
    offset: Annotated[float, Range(0, 100)] = 1.3,
    smoothing: Annotated[float, Range(0, 100, unit="px")] | None = None,
    closing: Closing = "centred",
    closing_radius: Annotated[float, Range(0, 100, unit="px")] = 3.5,
    opening_radius: Annotated[float, Range(0, 100, unit="px")] = 1.0,
    trim: Annotated[float, Range(0, 100, unit="px")] | None = None,
    min_area: Annotated[int, Range(0, None, unit="px2")] = 20,
    max_hole_area: Annotated[int, Range(0, None, unit="px2")] | None = None,
    ring_width: Annotated[float, Range(0, 1000, unit="px")] | None = None,
) -> tuple[NDArray[np.bool_], Choice]:
    """Return where cells are, with or without a nucleus.

    Parameters
    ----------
    live : (Y, X) array_like
        The channel of the stain of all nuclei, or of the bodies of living cells.
    brightfield : (Y, X) array_like, optional
        Transmitted light in focus; phase contrast does as well.
    labels : (Y, X) array_like of int, optional
        Nuclei, 0 background. They tell holes in cells from gaps between them, and stand in for cells in a ring.
    stains : dict, optional
        Role -> name of its stain; a `live` stain such as calcein fills cells.
    area : (Y, X) array_like of bool, optional
        The analysed area.
    source : {"auto", "brightfield", "stain", "ring"}
        What shows the cells. "brightfield": its texture. "stain": `live`, above its
        background, and a ring around nuclei that it does not show (of dead cells). "ring": every nucleus
        with a ring around it, which is a guess. "auto": brightfield where there is one, else the stain where it fills
        cells (by its name, or because it shows much more than the nuclei), else the ring.
    tile : int
        Side in pixels of the tiles whose usual maximum is the level of what is empty, 2 to 1000. Of a stain, most of
        them must hold no cell; in brightfield noise tells where they do.
    offset : float
        Factor on that level, 0 to 100; 1.2 to 1.4 is usual.
    smoothing : float, optional
        Sigma of a Gaussian before the gradient, in pixels, 0 to 100; None takes as little as shows the cells over the
        noise.
    closing : {"centred", "published"}
        "published": dilate twice and erode twice with OpenCV's ellipse of 4 pixels, to the letter of the published
        code; the mask lies 1 px too low and 2 px too far right (see Notes), and the radii are not used.
    closing_radius, opening_radius : float
        Radii in pixels, 0 to 100, of the disks that close gaps in texture, and then take whiskers and specks away.
    trim : float, optional
        How far outlines move inwards in the end, in pixels, 0 to 100. None takes what the gradient reaches beyond an
        edge: 1 px and the sigma of the smoothing; nothing where no gradient was used, or with the published closing.
    min_area : int
        Pieces of fewer pixels are noise and go; 0 keeps all.
    max_hole_area : int, optional
        Holes of more pixels stay open. None fills every hole where there are no `labels`; with them those that hold
        half a nucleus or more, and of the others those up to the area of the median nucleus: a larger one is background
        that cells enclose.
    ring_width : float, optional
        Width of the ring around nuclei, in pixels; None takes the radius of the median nucleus.

    Returns
    -------
    cell_mask : (Y, X) ndarray of bool
        False outside the area. Debris is in it: what no nucleus reaches goes in `separate.cells`.
    choice : Choice
        What showed the cells, with which threshold and smoothing, and how much of the area they take.

    Raises
    ------
    ShapeError
        Arrays do not fit each other, or what `source` needs is missing.
    SettingError
        A setting is out of its range.

    Warns
    -----
    GranumWarning
        Cells are only rings around nuclei; or nothing looks like background; or cells cover nearly all of the area
        (of a stain, more than 60 %).

    Notes
    -----
    The mask is the same for any gain and offset. Beyond the frame the picture counts as continued: cells there keep
    their edges, and a hole that the frame cuts is filled when it is small (as far as `max_hole_area` says) and lies on
    one side of the frame. Where the noise is stronger in the middle than in the corners, as the light of most
    microscopes is, the threshold follows it; seams of stitched tiles are taken out.

    The published closing erodes with the very kernel it dilated with. OpenCV's ellipse of 4 pixels is not symmetric, so
    that this is no closing: it moves every outline down and right, and single pixels vanish. In brightfield where most
    tiles hold a cell the usual tile is no empty one; then the noise of the calmest places of a few pixels is, so that
    fields that are empty and fields that are covered by 95 % get about the same threshold. Fails for flat cells without
    texture, of which only the rim and granules show; in layers without any gap it can only guess, and says so.
    10 Mpx of brightfield: 0.8 s of 2 cores, or 2 s in noise; 20 bytes per pixel.

    References
    ----------
    .. [1] T. Herricks, "Macrophage live-dead assay: image segmentation" (2021), the published method.
    """
    _check_settings(source, closing, min_area, {
        "tile": (tile, 2, 1000),
        "offset": (offset, 0, 100),
        "smoothing": (smoothing, 0, 100),
        "closing_radius": (closing_radius, 0, 100),
        "opening_radius": (opening_radius, 0, 100),
        "trim": (trim, 0, 100),
        "ring_width": (ring_width, 0, 1000),
    })  # fmt: skip
    if max_hole_area is not None and max_hole_area < 0:
        raise SettingError(f"segment.cell_area.max_hole_area: {max_hole_area!r} is out of range, must be at least 0.")
    stain = check_image(live, name="live")
    inside = check_area(area, stain.shape)
    nuclei = None if labels is None else check_labels(labels)
    if nuclei is not None:
        check_same_shape(nuclei, stain.shape, name="labels")
    bright = None if brightfield is None else check_image(brightfield, name="brightfield")
    if bright is not None:
        check_same_shape(bright, stain.shape, name="brightfield")
    chosen, why = _choose_source(source, stain, bright, nuclei, stains, inside)
    facts: dict[str, Any] = {"source": chosen}
    nucleus_area = _median_area(nuclei)
    if chosen == "brightfield" and bright is not None:
        relief = measure_gradient(bright, inside, smoothing=smoothing, tile=tile, offset=offset)
        mask, threshold, unevenness, by_noise = threshold_gradient(relief, inside, tile=tile, offset=offset)
        facts |= {"threshold": threshold, "smoothing": relief.smoothing, "seams": relief.n_seams}
        facts["background"] = _background_word(relief, by_noise)
        why += _gradient_words(threshold, relief, unevenness) + _BACKGROUND[facts["background"]]
        if inside is not None:  # what lies outside must not look like an edge inside
            reach = 3 + 2 * int(np.ceil(2 * relief.smoothing))
            mask &= cv2.erode(inside.view(np.uint8), np.ones((reach, reach), np.uint8)).view(np.bool_)
        trim = trim if trim is not None else (0.0 if closing == "published" else 1 + relief.smoothing)
        facts["trim"] = round(trim, 3)
        del relief
        mask = (
            close_gaps_as_published(mask)
            if closing == "published"
            else close_gaps(mask, closing_radius, opening_radius)
        )
    elif chosen == "stain":
        smooth = stain if smoothing == 0 else _blur(stain, 1.0 if smoothing is None else smoothing)
        mask = segment_by_grid_maximum(smooth, inside, tile=tile, offset=offset)
        mask = close_gaps(mask, closing_radius, opening_radius)
        facts["smoothing"] = 1.0 if smoothing is None else smoothing
        dark = _not_shown(nuclei, mask)
        mask |= _ring(dark, stain.shape, _ring_width(ring_width, _median_area(dark)))
    else:
        width = _ring_width(ring_width, nucleus_area)
        mask = _ring(nuclei, stain.shape, width)
        facts["ring_width"] = round(width, 3)
    if inside is not None:
        mask &= inside
    if chosen != "ring":
        mask = fill_holes(mask, nuclei, max_hole_area, nucleus_area, inside)
        mask = move_inwards(mask, trim or 0.0, inside)
        if min_area > 1:
            mask = keep_components(mask, connectivity=2, min_area=min_area)
    share = float(np.count_nonzero(mask)) / max(1, mask.size if inside is None else np.count_nonzero(inside))
    facts["share"] = round(share, 6)
    _warn(chosen, source, share, facts)
    return mask, Choice("cell area", facts, f"{why} Cells take {100 * share:.1f} % of the area.")


def _check_settings(
    source: str, closing: str, min_area: int, limits: Mapping[str, tuple[float | None, float, float]]
) -> None:
    words = {
        "source": (source, ("auto", "brightfield", "stain", "ring")),
        "closing": (closing, ("centred", "published")),
    }
    for name, (word, known) in words.items():
        if word not in known:
            raise SettingError(f"segment.cell_area.{name}: {word!r} is not one of {', '.join(known)}.")
    for name, (value, low, high) in limits.items():
        if value is not None and not low <= value <= high:
            raise SettingError(f"segment.cell_area.{name}: {value!r} is out of range, must be {low} to {high}.")
    if min_area < 0:
        raise SettingError(f"segment.cell_area.min_area: {min_area!r} is out of range, must be at least 0.")


def _choose_source(
    source: Source,
    live: NDArray[Any],
    brightfield: NDArray[Any] | None,
    labels: NDArray[np.int32] | None,
    stains: Mapping[str, str] | None,
    area: NDArray[np.bool_] | None,
) -> tuple[Source, str]:
    """Return what shows the cells, and a sentence why."""
    if source == "brightfield" and brightfield is None:
        raise ShapeError("brightfield: is missing, segment.cell_area.source = 'brightfield' needs it.")
    if source == "ring" and labels is None:
        raise ShapeError("labels: are missing, segment.cell_area.source = 'ring' needs the nuclei.")
    if source != "auto":
        return source, f"Cells were taken from {'the ' if source != 'ring' else 'a '}{source}, as set."
    if brightfield is not None:
        return "brightfield", "Cells show by their texture in the brightfield channel."
    name = (stains or {}).get("live", "")
    kind = stain_kind(name)
    if kind == "cytoplasm":
        return "stain", f"There is no brightfield channel; the stain {name!r} fills living cells."
    if labels is None or not labels.any():
        return "stain", "There is no brightfield channel and no nucleus; cells are what the live stain shows."
    if kind == "nuclei":
        return "ring", f"No channel shows the cells; {name!r} shows nuclei, and a ring around each is a guess."
    shown = segment_by_grid_maximum(_blur(live, 1.0), area)
    ratio = np.count_nonzero(shown & (labels == 0)) / np.count_nonzero(labels)
    if ratio > 1:
        return "stain", f"There is no brightfield channel; the live stain shows {1 + ratio:.1f} times the nuclei."
    return (
        "ring",
        "No channel shows the cells; a ring around each nucleus is a guess.",
    )


def _median_area(labels: NDArray[np.int32] | None) -> float:
    """Return the area of the median nucleus, 0 without one."""
    if labels is None or not labels.any():
        return 0.0
    areas = count_labels(labels, int(labels.max()))[1:]
    return float(np.median(areas[areas > 0]))


def _blur(image: NDArray[Any], sigma: float) -> NDArray[np.float32]:
    shifted = (image - np.float64(image.flat[0])).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(shifted, (0, 0), sigma), np.float32)


def _ring(labels: NDArray[np.int32] | None, shape: tuple[int, ...], width: float) -> NDArray[np.bool_]:
    """Return nuclei and all within `width` of them."""
    if labels is None or not labels.any():
        return np.zeros(shape, np.bool_)
    away = cv2.distanceTransform((labels == 0).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(away <= width)


def _ring_width(set_width: float | None, nucleus_area: float) -> float:
    return max(2.0, float(np.sqrt(nucleus_area / np.pi))) if set_width is None else set_width


def _not_shown(labels: NDArray[np.int32] | None, mask: NDArray[np.bool_]) -> NDArray[np.int32] | None:
    """Return the nuclei of which less than half lies in the mask: dead cells, which calcein has left."""
    if labels is None or not labels.any():
        return None
    n = int(labels.max())
    dark = 2 * count_labels(np.where(mask, labels, 0), n) < count_labels(labels, n)
    dark[0] = False
    return np.where(dark[labels], labels, 0)


def _background_word(relief: GradientRelief, by_noise: bool) -> str:
    if not by_noise or relief.calm is None:
        return "tiles"
    return "noise" if relief.calm.seen else "not seen"


def _gradient_words(threshold: float, relief: GradientRelief, unevenness: float) -> str:
    """Return what the gradient told, in words."""
    words = f" Their gradient lies over {threshold:.4g}"
    words += f" after smoothing by {relief.smoothing:g} px" if relief.smoothing else ""
    if relief.contrast:
        words += f" ({relief.contrast:.1f} times the usual maximum of an empty tile where it stands out)"
    words += (
        f"; the threshold follows the light, by which noise differs {unevenness:.1f}-fold" if unevenness > 1 else ""
    )
    words += f"; {relief.n_seams} pieces of seams were taken out" if relief.n_seams else ""
    return words + "."


def _warn(chosen: str, source: str, share: float, facts: Mapping[str, Any]) -> None:
    if chosen == "ring" and source == "auto":
        warnings.warn(
            f"no channel shows the cells: each is its nucleus with a ring of {facts['ring_width']:g} px around it, and "
            "areas of cells mean nothing; give a brightfield channel, or set segment.cell_area.source to ring.",
            GranumWarning,
            stacklevel=3,
        )
    if facts.get("background") == "not seen":
        warnings.warn(
            "nothing in the brightfield channel looks like background, so its noise is a guess; cells were found on "
            f"{100 * share:.0f} % of the area: compare with the overlay, and image an empty place for certainty.",
            GranumWarning,
            stacklevel=3,
        )
    elif chosen != "ring" and share > (_NEARLY_ALL if chosen == "brightfield" else _FULL):
        warnings.warn(
            f"cells take {100 * share:.0f} % of the area: with so little background its level is not sure; compare "
            "with the overlay.",
            GranumWarning,
            stacklevel=3,
        )
