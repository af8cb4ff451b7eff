"""From image files and their strokes to `TrainingImage`s: the planes that a recipe would see, without info bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from granum.errors import SettingError
from granum.image import Image
from granum.learn.scribbles import Scribbles
from granum.learn.training_data import TrainingImage

__all__ = ["PaintedPlane", "read_training_images"]

_MOST_UNPAINTED = 12  # they only tell grey levels and class frequencies, and all are held in memory


@dataclass(frozen=True, eq=False)
class PaintedPlane:
    """One plane of a file, painted or not.

    Parameters
    ----------
    path : Path
        The file.
    scribbles : Scribbles or None
        What was painted on it.
    frame, z : int
        Which plane.
    """

    path: Path
    scribbles: Scribbles | None = None
    frame: int = 0
    z: int | None = None


def read_training_images(
    planes: Sequence[PaintedPlane], *, channels: Mapping[str, str] | None = None, seed: int = 0
) -> tuple[tuple[TrainingImage, ...], tuple[str, ...]]:
    """Read the planes that a model learns from.

    Parameters
    ----------
    planes : sequence of PaintedPlane
        Painted ones and others; of the others at most 12 are read, drawn evenly.
    channels : dict, optional
        "image" -> index or name of the one channel to learn from; by default all.
    seed : int
        Decides which of the others.

    Returns
    -------
    images : tuple of TrainingImage
        In order; area as `preprocess.crop` finds it, so that the letters of an info bar are no phase.
    notes : tuple of str
        What was left out.

    Raises
    ------
    ReadError
        A file cannot be read.
    SettingError
        A channel, frame or plane does not exist, or only one image is painted in another size.
    """
    from granum.read import read_image

    painted = [one for one in planes if one.scribbles is not None]
    others = [one for one in planes if one.scribbles is None]
    notes: list[str] = []
    if len(others) > _MOST_UNPAINTED:
        chosen = np.sort(np.random.default_rng(seed).choice(len(others), _MOST_UNPAINTED, replace=False))
        notes.append(f"{_MOST_UNPAINTED} of {len(others)} images without strokes were looked at for grey levels.")
        others = [others[number] for number in chosen]
    made, known = [], dict[Path, Image]()
    for one in (*painted, *others):
        if one.path not in known:
            known = {one.path: read_image(one.path)}
        made.append(_read(known[one.path], one, (channels or {}).get("image")))
    return tuple(made), tuple(notes)


def _read(image: Image, plane: PaintedPlane, channel: str | None) -> TrainingImage:
    """Return one plane with the area that may be analysed."""
    from granum.preprocess.channel_mean import mean_of_channels
    from granum.preprocess.crop import find_analysed_area

    wanted = range(image.shape[1]) if channel is None else [image.channel_index(channel)]
    stack = np.stack([image.plane(frame=plane.frame, channel=number, z=plane.z) for number in wanted])
    name = plane.path.name if plane.scribbles is None else plane.scribbles.name
    painted = plane.scribbles
    if painted is not None and painted.shape != stack.shape[1:]:
        sizes = [f"{shape[0]} x {shape[1]}" for shape in (painted.shape, stack.shape[1:])]
        raise SettingError(f"{name}: the strokes are {sizes[0]} px, the image is {sizes[1]}; they must be the same.")
    area, _ = find_analysed_area(mean_of_channels(stack))
    names = tuple(image.channel_names[number] for number in wanted) if image.channel_names else ()
    size = None if image.pixel_size is None else float(np.sqrt(np.prod(image.pixel_size.nm)))
    return TrainingImage(name, stack, painted, area, names, size)
