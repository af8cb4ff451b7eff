"""`export_training_set`: images and masks of classes in a folder, for networks that are trained elsewhere.

The split into training and validation goes by image, or by group of images, never by tile: neighbouring tiles show the
same thing, and a score on them says nothing about the next image.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from granum.errors import OutputError, SettingError
from granum.learn.intensity import measure_intensity
from granum.learn.scribbles import PixelClass
from granum.learn.training_data import TrainingImage
from granum.learn.training_masks import UNLABELLED, MaskedImage, masks_of_classes, masks_of_strokes
from granum.steps import Range

__all__ = ["TrainingSet", "export_training_set"]

_SCHEMA = 1
_Split = Literal["train", "validation"]


@dataclass(frozen=True)
class TrainingSet:
    """What was written.

    Parameters
    ----------
    folder : Path
        Holds ``images/``, ``masks/`` and ``manifest.json``.
    n_tiles : dict
        "train" and "validation" -> pairs of image and mask.
    balance : dict
        "train" and "validation" -> class name -> labelled pixels.
    notes : tuple of str
        What the user must know.
    """

    folder: Path
    n_tiles: dict[str, int]
    balance: dict[str, dict[str, int]]
    notes: tuple[str, ...]


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
    group_of = [one.image.name for one in sources]
    if groups is not None:
        by_image = {id(image): group for image, group in zip(images, groups, strict=True)}
        group_of = [by_image[id(one.image)] for one in sources]
    sides = _split(sources, group_of, validation_share, seed)
    if validation_share > 0 and "validation" not in sides:
        notes.append("Nothing is set aside for validation: every class needs at least one image to learn from.")

    target = Path(folder)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise OutputError(f"{target}: exists and is not an empty folder; give another one.")
    partial = target.parent / f".{target.name}.partial"
    try:
        shutil.rmtree(partial, ignore_errors=True)
        for name in ("images", "masks"):
            (partial / name).mkdir(parents=True)
        tiles = _write_tiles(partial, sources, sides, n_classes=len(used), tile=tile, stride=stride or tile)
        balance = {side: _balance(tiles, side, used) for side in ("train", "validation")}
        about = {
            "unlabelled": UNLABELLED,
            "origin": origin or ("strokes" if masks is None else "masks"),
            "settings": {
                "tile": tile, "stride": stride or tile, "validation_share": validation_share, "seed": seed,
            },
            "classes": [
                {"index": index, "id": one.id, "name": one.name, "colour": one.colour} for index, one in enumerate(used)
            ],
            "images": [_about(source, side) for source, side in zip(sources, sides, strict=True)],
            "balance": balance,
            "notes": notes,
            "tiles": tiles,
        }  # fmt: skip
        _finish(partial, target, about)
    except OSError as error:
        raise OutputError(f"{target}: cannot be written ({error.strerror or error}).") from error
    n_tiles = {side: sum(one["split"] == side for one in tiles) for side in ("train", "validation")}
    return TrainingSet(target, n_tiles, balance, tuple(notes))


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


def _split(sources: Sequence[MaskedImage], groups: Sequence[str], share: float, seed: int) -> list[_Split]:
    """Return the side of each image; no class loses its last image to validation."""
    names = sorted(set(groups), key=lambda name: (zlib.crc32(f"{seed} {name}".encode(errors="replace")), name))
    wanted = round(share * len(names)) or (1 if share > 0 else 0)
    left = np.sum([source.counts for source in sources], axis=0)
    aside: set[str] = set()
    for name in names:
        own = np.sum([one.counts for one, group in zip(sources, groups, strict=True) if group == name], axis=0)
        if len(aside) < wanted and (left - own > 0).all():
            left = left - own
            aside.add(name)
    return ["validation" if group in aside else "train" for group in groups]


def _write_tiles(
    folder: Path, sources: Sequence[MaskedImage], sides: Sequence[_Split], *, n_classes: int, tile: int, stride: int
) -> list[dict[str, Any]]:
    """Write all pairs that have a labelled pixel; return what the manifest says of each."""
    tiles: list[dict[str, Any]] = []
    for number, (source, side) in enumerate(zip(sources, sides, strict=True)):
        height, width = source.image.channels.shape[1:]
        for y in _starts(height, tile, stride):
            for x in _starts(width, tile, stride):
                window = (y, x, min(y + (tile or height), height), min(x + (tile or width), width))
                mask = source.mask_of(window)
                if source.image.area is not None:
                    area = source.image.area[window[0] : window[2], window[1] : window[3]]
                    mask = np.where(area, mask, np.uint8(UNLABELLED))
                counts = np.bincount(mask.ravel(), minlength=256)[:n_classes]
                if not counts.any():
                    continue
                name = f"{number:04d}_{y:05d}_{x:05d}.tif"
                pixels = source.image.channels[:, window[0] : window[2], window[1] : window[3]]
                files = (f"images/{name}", f"masks/{name}")
                _write_pixels(folder / files[0], pixels, source.image.channel_names)
                _write_pixels(folder / files[1], mask[None], ())
                tiles.append({
                    "image": files[0], "mask": files[1], "image_sha256": _sha256(folder / files[0]),
                    "mask_sha256": _sha256(folder / files[1]), "source": number, "window": list(window),
                    "split": side, "n_px": counts.tolist(),
                })  # fmt: skip
    return tiles


def _starts(length: int, tile: int, stride: int) -> list[int]:
    """Return where tiles begin along an axis; the last one ends at the border."""
    if not tile or length <= tile:
        return [0]
    return [*range(0, length - tile, stride), length - tile]


def _write_pixels(path: Path, pixels: NDArray[Any], channel_names: tuple[str, ...]) -> None:
    """Write (C, Y, X) pixels: grey as one plane, true colour as RGB, others as planes."""
    import tifffile

    settings: dict[str, Any] = {"compression": "zlib", "metadata": None, "photometric": "minisblack"}
    if channel_names == ("red", "green", "blue") and pixels.dtype in (np.uint8, np.uint16):
        pixels = np.ascontiguousarray(np.moveaxis(pixels, 0, -1))
        settings["photometric"] = "rgb"
    elif len(pixels) == 1:
        pixels = pixels[0]
    tifffile.imwrite(path, pixels, **settings)


def _about(source: MaskedImage, side: _Split) -> dict[str, Any]:
    image = source.image
    return {
        "name": image.name, "split": side, "shape": list(image.channels.shape), "dtype": image.channels.dtype.name,
        "channel_names": list(image.channel_names), "pixel_size_nm": image.pixel_size_nm,
        "intensity": measure_intensity(image.channels, area=image.area).to_json(), "n_px": source.counts.tolist(),
    }  # fmt: skip


def _balance(tiles: Sequence[dict[str, Any]], side: str, classes: Sequence[PixelClass]) -> dict[str, int]:
    counts = np.sum([np.zeros(len(classes), np.int64), *(one["n_px"] for one in tiles if one["split"] == side)], axis=0)
    return {one.name: int(n) for one, n in zip(classes, counts, strict=True)}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _finish(partial: Path, target: Path, about: dict[str, Any]) -> None:
    from granum import __version__

    document = {"schema": _SCHEMA, "granum": __version__, **about}
    (partial / "manifest.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    if target.exists():
        target.rmdir()
    partial.rename(target)
