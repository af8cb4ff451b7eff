"""`export_training_set`: images and masks of classes in a folder, for networks that are trained elsewhere.

The split into training and validation goes by image, or by group of images, never by tile: neighbouring tiles show the
same thing, and a score on them says nothing about the next image.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from granum.errors import OutputError, SettingError
from granum.learn.scribbles import PixelClass
from granum.learn.training_data import TrainingImage
from granum.learn.training_masks import UNLABELLED, MaskedImage, masks_of_classes, masks_of_strokes
from granum.learn.training_tiles import TilePlan, TileSource, split_sources, write_tiles
from granum.steps import Range

__all__ = ["TrainingSet", "export_training_set", "write_training_set"]

_SCHEMA = 1


@dataclass(frozen=True)
class TrainingSet:
    """What was written.

    Parameters
    ----------
    folder : Path
        Holds ``images/``, ``masks/``, ``balance.csv`` and ``manifest.json``.
    n_tiles : dict
        "train" and "validation" -> pairs of image and mask.
    balance : dict
        "train" and "validation" -> class name -> labelled pixels.
    notes : tuple of str
        What the user must know.
    n_dropped : int
        Tiles with nothing but background that were left out.
    """

    folder: Path
    n_tiles: dict[str, int]
    balance: dict[str, dict[str, int]]
    notes: tuple[str, ...]
    n_dropped: int = 0


def export_training_set(
    images: Sequence[TrainingImage],
    folder: str | Path,
    *,
    classes: Sequence[PixelClass] = (),
    masks: Sequence[NDArray[Any] | None] | None = None,
    origin: str = "",
    tile: Annotated[int, Range(0, 65536)] = 512,
    stride: Annotated[int, Range(0, 65536)] = 0,
    validation_share: Annotated[float, Range(0, 0.9)] = 0.2,
    groups: Sequence[str] | None = None,
    seed: Annotated[int, Range(0)] = 0,
) -> TrainingSet:
    """Write images and masks of classes.

    Parameters
    ----------
    images : sequence of TrainingImage
        Their pixels are written as they are.
    folder : str or Path
        To be made; an empty one may exist.
    classes : sequence of PixelClass
        Names of the classes.
    masks : sequence of (Y, X) ndarray of int, optional
        Class id of each pixel, 0 where it is not known, as `PixelModel.predict` gives them; None for an image that is
        left out. Without: the strokes of the images.
    origin : str
        Where the masks come from, for the manifest; "strokes" by default.
    tile : int
        Side of a tile in px, at most 65536; 0 writes whole images. Images that are smaller are written whole.
    stride : int
        Step from tile to tile in px, 0 for the side of a tile. The last tile of a row ends at the border.
    validation_share : float
        Share of the images that is set aside, 0 to 0.9; at least one when it is over 0 and there are two.
    groups : sequence of str, optional
        Of each image: those of one group (a sample, a series) are never parted.
    seed : int
        Decides which images are set aside.

    Returns
    -------
    written : TrainingSet

    Raises
    ------
    SettingError
        Fewer than two classes, a setting out of its range.
    ShapeError
        A mask of another size than its image, or with numbers that are no class ids.
    OutputError
        When the folder holds something or cannot be written.

    Notes
    -----
    Masks are uint8 TIFF with the index of the class, 0 to K - 1 in the order of ids, and 255 where it is not known or
    the pixel is not analysed. Tiles without a labelled pixel are left out. ``manifest.json`` holds for each pair the
    files with their SHA-256, image, window, side of the split and pixels per class; and the classes, the balance, the
    median and the 2-98 % range of grey levels of each image. Same input, same bytes.
    """
    _check(images, masks, groups, tile=tile, stride=stride, validation_share=validation_share, seed=seed)
    used, sources, notes = (
        masks_of_strokes(images, classes) if masks is None else masks_of_classes(images, masks, classes)
    )
    group_of = {id(image): image.name for image in images}
    if groups is not None:
        group_of = {id(image): group for image, group in zip(images, groups, strict=True)}
    return write_training_set(
        [_source(one, group_of[id(one.image)]) for one in sources],
        folder,
        used,
        plan=TilePlan(tile, stride or tile),
        validation_share=validation_share,
        seed=seed,
        about={"origin": origin or ("strokes" if masks is None else "masks")},
        notes=notes,
    )


def _source(masked: MaskedImage, group: str) -> TileSource:
    return TileSource(masked.image.name, group, masked.counts, lambda: (masked.image, masked.mask_of))


def write_training_set(
    sources: Sequence[TileSource],
    folder: str | Path,
    classes: Sequence[PixelClass],
    *,
    plan: TilePlan,
    validation_share: float = 0.2,
    seed: int = 0,
    about: Mapping[str, Any] | None = None,
    notes: Sequence[str] = (),
) -> TrainingSet:
    """Write images whose classes are known, one after the other, as `export_training_set` does.

    Parameters
    ----------
    sources : sequence of TileSource
        At least one.
    folder : str or Path
        To be made; an empty one may exist.
    classes : sequence of PixelClass
        Of the indices 0 to K - 1 of the masks.
    plan : TilePlan
        Which tiles.
    validation_share : float
        Share of the groups that is set aside.
    seed : int
        Decides which.
    about : dict, optional
        More for the manifest, JSON types.
    notes : sequence of str
        What the user must know.

    Raises
    ------
    OutputError
        When the folder holds something or cannot be written.
    """
    target = Path(folder)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise OutputError(f"{target}: exists and is not an empty folder; give another one.")
    sides = split_sources(sources, validation_share, seed)
    told = list(notes)
    if validation_share > 0 and "validation" not in sides:
        told.append("Nothing is set aside for validation: every class needs at least one image to learn from.")
    partial = target.parent / f".{target.name}.partial"
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        written = write_tiles(partial, sources, sides, plan)
        if not written.tiles:
            raise SettingError("no tile is left to write: no pixel has a known class, or all is background.")
        balance = {side: _balance(written.tiles, side, classes) for side in ("train", "validation")}
        n_tiles = {side: sum(one["split"] == side for one in written.tiles) for side in ("train", "validation")}
        if validation_share <= 0.5 < n_tiles["validation"] / len(written.tiles):
            told.append(
                f"{n_tiles['validation']} of {len(written.tiles)} tiles are set aside for validation: what must not be "
                "parted is that large; give more images, another seed, or a finer split."
            )
        more = dict(about or {})
        document = {
            "unlabelled": UNLABELLED,
            **more,
            "settings": {
                "tile": plan.tile, "stride": plan.stride, "validation_share": validation_share, "seed": seed,
                **more.get("settings", {}),
            },
            "classes": [
                {"index": index, "id": one.id, "name": one.name, "colour": one.colour}
                for index, one in enumerate(classes)
            ],
            "images": written.images,
            "balance": balance,
            "n_background_dropped": written.n_dropped,
            "notes": told,
            "tiles": written.tiles,
        }  # fmt: skip
        _write_balance(partial / "balance.csv", written.tiles, classes)
        _finish(partial, target, document)
    except OSError as error:
        raise OutputError(f"{target}: cannot be written ({error.strerror or error}).") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return TrainingSet(target, n_tiles, balance, tuple(told), written.n_dropped)


def _check(
    images: Sequence[TrainingImage],
    masks: Sequence[NDArray[Any] | None] | None,
    groups: Sequence[str] | None,
    **settings: float,
) -> None:
    from typing import get_type_hints

    if not images:
        raise SettingError("images: none are given; give at least one that is painted or has a mask.")
    for name, others in (("masks", masks), ("groups", groups)):
        if others is not None and len(others) != len(images):
            raise SettingError(f"{name}: {len(others)} are given for {len(images)} images; give one for each.")
    for name, annotation in get_type_hints(export_training_set, include_extras=True).items():
        for limits in getattr(annotation, "__metadata__", ()):
            if settings[name] not in limits:
                raise SettingError(f"{name}: {settings[name]!r} is out of range, must be {limits}.")


def _balance(tiles: Sequence[dict[str, Any]], side: str, classes: Sequence[PixelClass]) -> dict[str, int]:
    counts = np.sum([np.zeros(len(classes), np.int64), *(one["n_px"] for one in tiles if one["split"] == side)], axis=0)
    return {one.name: int(n) for one, n in zip(classes, counts, strict=True)}


def _write_balance(path: Path, tiles: Sequence[dict[str, Any]], classes: Sequence[PixelClass]) -> None:
    """Write how frequent the classes are on both sides, and the weights that would make them count the same."""
    lines = ["split,index,class,n_px,share,n_tiles,weight"]
    for side in ("train", "validation"):
        counts = np.array([one["n_px"] for one in tiles if one["split"] == side], np.int64).reshape(-1, len(classes))
        total = counts.sum(axis=0)
        for index, one in enumerate(classes):
            n = int(total[index])
            name = f'"{one.name.replace(chr(34), chr(34) * 2)}"' if set(one.name) & set(',"\n') else one.name
            share = f"{n / total.sum():.6g}" if total.sum() else ""
            # balanced: n of all / (classes * n of this one)
            weight = f"{total.sum() / (np.count_nonzero(total) * n):.6g}" if n else ""
            lines.append(f"{side},{index},{name},{n},{share},{np.count_nonzero(counts[:, index])},{weight}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="")


def _finish(partial: Path, target: Path, about: dict[str, Any]) -> None:
    from granum import __version__

    document = {"schema": _SCHEMA, "granum": __version__, **about}
    (partial / "manifest.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    if target.exists():
        target.rmdir()
    partial.rename(target)
