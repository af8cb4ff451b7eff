"""`export_run_tiles`: tiles of images and masks for networks, out of a finished run.

Tiles of one well show the same cells, the same plate and the same hands; a network that has seen one of them has seen
all. So wells are set aside whole where there are wells, else fields, else images, and never tiles.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from granum.batch.run_masks import FinishedRun, RunFrame, open_run
from granum.channel_roles import role_named
from granum.errors import SettingError
from granum.image import Image
from granum.learn.scribbles import PixelClass
from granum.learn.training_data import TrainingImage
from granum.learn.training_masks import UNLABELLED
from granum.learn.training_set import TrainingSet, write_training_set
from granum.learn.training_tiles import TilePlan, TileSource
from granum.read import file_sha256, read_image
from granum.steps import Range

__all__ = ["export_run_tiles"]

SplitBy = Literal["auto", "well", "field", "image"]
_GROUND = PixelClass(0, "background", "#000000")


def export_run_tiles(
    run: str | Path,
    folder: str | Path,
    *,
    channel: str | None = None,
    tile: Annotated[int, Range(0, 65536)] = 160,
    stride: Annotated[int, Range(0, 65536)] = 80,
    split_by: SplitBy = "auto",
    validation_share: Annotated[float, Range(0, 0.9)] = 0.2,
    background: Annotated[float, Range(0, 1)] = 1.0,
    uncertain: tuple[float, float] | None = None,
    names: str | None = None,
    images: str | Path | None = None,
    seed: Annotated[int, Range(0)] = 0,
) -> TrainingSet:
    """Write the images of a run and its classes as tiles.

    Parameters
    ----------
    run : path
        A run folder with ``classes/``, of live-dead, confluency or scribbles.
    folder : path
        To be made; an empty one may exist.
    channel : str, optional
        Write this one only: a role such as "brightfield", or a name or index in the files. All by default.
    tile, stride : int
        Side and step in px; tile 0 writes whole images, stride 0 is the side.
    split_by : {"auto", "well", "field", "image"}
        What is never parted; "auto" takes wells where at least two are known, then fields, then images.
    validation_share : float
        Share of those that is set aside.
    background : float
        Share of the training tiles with nothing but background that stay.
    uncertain : (low, high), optional
        Nuclei whose probability of being dead lies between count as not known.
    names : str, optional
        Pattern of the names of files, as of granum run --names.
    images : path, optional
        Where the images are now.
    seed : int
        Decides which groups are set aside and which background tiles stay.

    Raises
    ------
    SettingError
        The run has no classes, a setting does not fit, or an image is smaller than a tile.
    ReadError
        An image is not there any more or has changed.
    OutputError
        The folder holds something or cannot be written.

    Notes
    -----
    Masks of live-dead are 0 background, 1 cell, 2 outline, 3 live and 4 dead nucleus; 255 where nothing is known. One
    frame is held in memory at a time.
    """
    _check(tile=tile, stride=stride, validation_share=validation_share, background=background, seed=seed)
    if uncertain is not None and not 0 <= uncertain[0] < uncertain[1] <= 1:
        raise SettingError(f"uncertain: {uncertain!r} must be two probabilities, the smaller one first.")
    if split_by not in ("auto", "well", "field", "image"):
        raise SettingError(f"split_by: {split_by!r} must be auto, well, field or image.")
    found = open_run(run, images=images)
    classes = [*([_GROUND] if found.ground_is_zero else []), *found.legend]
    if len(classes) < 2:
        raise SettingError(f"{run}: has {len(classes)} class; a network needs at least two to tell apart.")
    if background < 1 and not found.ground_is_zero:
        raise SettingError(f"background: recipe {found.recipe.name!r} knows no background, so none can be left out.")
    if uncertain is not None:
        found.doubtful  # noqa: B018  raises when the run does not know
    found.check_sources()
    groups, by, notes = _group(found, split_by, names)
    export = _Export(found, tuple(classes), channel, uncertain)
    sources = [export.source(one, group) for one, group in zip(found.frames, groups, strict=True)]
    plan = TilePlan(tile, stride or tile, 0 if found.ground_is_zero else None, background, "refuse", seed)
    about = {
        "origin": f"run of {found.recipe.name}",
        "run": {
            "recipe": found.recipe.name, "recipe_sha256": found.recipe.hash,
            "run_json_sha256": file_sha256(found.folder / "run.json"),
        },
        "settings": {
            "channel": channel, "split_by": by, "background": background,
            "uncertain": None if uncertain is None else list(uncertain),
        },
    }  # fmt: skip
    return write_training_set(
        sources, folder, classes, plan=plan, validation_share=validation_share, seed=seed, about=about, notes=notes
    )


def _check(**settings: float) -> None:
    from typing import get_type_hints

    for name, annotation in get_type_hints(export_run_tiles, include_extras=True).items():
        for limits in getattr(annotation, "__metadata__", ()):
            if name in settings and settings[name] not in limits:
                raise SettingError(f"{name}: {settings[name]!r} is out of range, must be {limits}.")


def _group(run: FinishedRun, split_by: SplitBy, names: str | None) -> tuple[list[str], str, list[str]]:
    """Return the group of every frame, what the groups are, and notes."""
    from granum.batch.image_places import check_names, find_places

    if names is not None:
        check_names([one.facts.source.path for one in run.frames], names)
    found = find_places([(one.facts, one.frame) for one in run.frames], names=names)
    wells = [f"{place.plate} {place.well}".strip() if place.well else "" for place in found.places]
    fields = [" ".join(part for part in place.series if part) for place in found.places]
    images = [one.facts.source.file for one in run.frames]
    by: str = split_by
    if by == "auto":
        by = "well" if all(wells) and len(set(wells)) > 1 else "field" if len(set(fields)) > 1 else "image"
    if by == "well" and not all(wells):
        nameless = images[wells.index("")]
        raise SettingError(f"split_by: no well is known of {nameless}; say how names are built, or split by field.")
    groups = {"well": wells, "field": fields, "image": images}[by]
    notes = []
    if by == "image" and len(set(fields)) < len(set(images)):
        notes.append("Several images show the same field: tiles of the same cells may stand on both sides.")
    if by == "field" and all(wells) and 1 < len(set(wells)) < len(set(fields)):
        notes.append("Fields of the same well may stand on both sides; splitting by well is stricter.")
    return groups, by, notes


@dataclass(frozen=True, eq=False)
class _Export:
    """Reads one frame of a run when its turn comes."""

    run: FinishedRun
    classes: tuple[PixelClass, ...]
    channel: str | None
    uncertain: tuple[float, float] | None

    def source(self, one: RunFrame, group: str) -> TileSource:
        counts = np.array([one.n_px.get(kind.id, 0) for kind in self.classes], np.int64)
        if self.run.ground_is_zero:
            counts[0] = one.analysed - counts[1:].sum()
        files = [{"name": path.name, "sha256": one.facts.sha256[str(path)]} for path in one.facts.source.paths]
        path = self.run.folder / "classes" / f"{one.facts.source.stem}.tif"
        about = {"file": one.facts.source.file, "frame": one.frame, "group": group, "files": files}
        if path.is_file():
            about["classes_sha256"] = file_sha256(path)
        return TileSource(one.name, group, counts, lambda: self._read(one), about)

    def _read(self, one: RunFrame) -> tuple[TrainingImage, Callable[..., NDArray[np.uint8]]]:
        image = read_image(one.facts.source.path, pixel_size=self.run.reading.pixel_size)
        others = {name: read_image(path) for name, path in one.facts.source.channel_paths.items()}
        channels: dict[str, int | str | Image] = {**self.run.reading.channels, **others}
        pixels, names = self._pixels(one, image, channels)
        area = self.run.area(one, channels, image)
        mask = self._mask(one)
        size = None if image.pixel_size is None else float(np.sqrt(np.prod(image.pixel_size.nm)))
        made = TrainingImage(one.name, pixels, None, area, names, size)
        return made, lambda window: mask[window[0] : window[2], window[1] : window[3]]

    def _mask(self, one: RunFrame) -> NDArray[np.uint8]:
        index_of = np.full(256, UNLABELLED, np.uint8)
        index_of[[kind.id for kind in self.classes]] = np.arange(len(self.classes))
        mask = index_of[self.run.classes(one)]
        if self.uncertain is not None:
            low, high = self.uncertain
            rows = self.run.doubtful.get((one.facts.source.file, one.frame), [])
            unsure = [label for label, p_dead in rows if not (p_dead <= low or p_dead >= high)]
            if unsure:
                mask[np.isin(self.run.labels(one), unsure)] = UNLABELLED
        return mask

    def _pixels(
        self, one: RunFrame, image: Image, channels: dict[str, int | str | Image]
    ) -> tuple[NDArray[Any], tuple[str, ...]]:
        """Return the planes that are written, (C, Y, X), and their names."""
        from granum.input_layers import read_layers

        recipe, z = self.run.recipe, self.run.reading.z
        planes: dict[str, NDArray[Any]] = {}
        if recipe.roles:
            layers, _, _ = read_layers(recipe, image, channels, one.frame, z)
            planes = {
                role.name: layers[f"channel.{role.name}"] for role in recipe.roles if f"channel.{role.name}" in layers
            }
            wanted = None if self.channel is None else role_named(recipe.roles, self.channel) or self.channel
        else:
            main = channels.get("image") if self.channel is None else None
            numbers = range(image.shape[1]) if main is None or isinstance(main, Image) else [image.channel_index(main)]
            given = image.channel_names or tuple(str(number) for number in range(image.shape[1]))
            planes = {given[number]: image.plane(frame=one.frame, channel=number, z=z) for number in numbers}
            for name, other in channels.items():
                if isinstance(other, Image) and other is not image and name != "image":
                    planes[name] = other.plane(
                        frame=one.frame if other.n_frames > 1 else 0, z=z if other.shape[2] > 1 else None
                    )
            wanted = self.channel
        if wanted is not None and wanted not in planes:
            if recipe.roles:
                raise SettingError(f"channel {wanted!r}: {one.name} has {', '.join(planes)}.")
            wanted = given[image.channel_index(wanted)]
        chosen = planes if wanted is None else {wanted: planes[wanted]}
        names = () if list(chosen) == [str(number) for number in range(len(chosen))] else tuple(chosen)
        return np.stack(list(chosen.values())), names
