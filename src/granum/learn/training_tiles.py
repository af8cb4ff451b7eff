"""Tiles of images and masks on the disk, image after image, so that a plate of thousands needs the memory of one.

A tile of nothing but background teaches little and there are many; which of them stay is decided by a hash of the image
and the place, so that it does not depend on what else is exported.
"""

from __future__ import annotations

import hashlib
import io
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from granum.errors import SettingError
from granum.learn.intensity import measure_intensity
from granum.learn.training_data import TrainingImage
from granum.learn.training_masks import UNLABELLED, Window

__all__ = ["Side", "TilePlan", "TileSource", "WrittenTiles", "split_sources", "write_tiles"]

Side = Literal["train", "validation"]
MaskOf = Callable[[Window], NDArray[np.uint8]]


@dataclass(frozen=True, eq=False)
class TileSource:
    """An image whose classes are known, read only when its turn comes.

    Parameters
    ----------
    name : str
        For the manifest.
    group : str
        What is never parted by the split: a well, a field, a sample.
    counts : (K,) ndarray of int64
        About how many pixels each class has in it.
    read : callable
        Returns the image, and window -> class index of its pixels, `UNLABELLED` where it is not known.
    about : dict
        More for the manifest, JSON types.
    """

    name: str
    group: str
    counts: NDArray[np.int64]
    read: Callable[[], tuple[TrainingImage, MaskOf]]
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class TilePlan:
    """Which tiles are written.

    Parameters
    ----------
    tile, stride : int
        Side and step in px; `tile` 0 for whole images.
    background : int or None
        Index of the class that is background; None when there is none.
    background_share : float
        Share of the tiles for training with nothing but background that stay, 0 to 1. Tiles for validation all stay: a
        score without empty ground would not count what is found there.
    smaller : {"whole", "refuse"}
        What becomes of images that are smaller than a tile.
    seed : int
        Decides which background tiles stay.
    """

    tile: int
    stride: int
    background: int | None = None
    background_share: float = 1.0
    smaller: Literal["whole", "refuse"] = "whole"
    seed: int = 0


@dataclass(frozen=True)
class WrittenTiles:
    """What the manifest says of tiles and images, and how many tiles were left out."""

    tiles: list[dict[str, Any]]
    images: list[dict[str, Any]]
    n_dropped: int
    n_empty: int


def split_sources(sources: Sequence[TileSource], share: float, seed: int) -> list[Side]:
    """Return the side of each image: whole groups, and no class loses its last group to validation."""
    groups = [one.group for one in sources]
    names = sorted(set(groups), key=lambda name: (zlib.crc32(f"{seed} {name}".encode(errors="replace")), name))
    wanted = round(share * len(names)) or (1 if share > 0 else 0)
    own: dict[str, NDArray[np.int64]] = {}
    for one in sources:
        own[one.group] = own.get(one.group, np.zeros_like(one.counts)) + one.counts
    left = np.sum(list(own.values()), axis=0)
    used = left > 0
    aside: set[str] = set()
    for name in names:
        if len(aside) < wanted and ((left - own[name])[used] > 0).all():
            left = left - own[name]
            aside.add(name)
    return ["validation" if group in aside else "train" for group in groups]


def write_tiles(folder: Path, sources: Sequence[TileSource], sides: Sequence[Side], plan: TilePlan) -> WrittenTiles:
    """Write pairs of images/ and masks/ below `folder`; those without a labelled pixel are left out.

    Raises
    ------
    SettingError
        An image is smaller than a tile, where that is refused.
    """
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    written = WrittenTiles([], [], 0, 0)
    n_dropped = n_empty = 0
    for number, (source, side) in enumerate(zip(sources, sides, strict=True)):
        image, mask_of = source.read()
        n_classes = len(source.counts)
        total = np.zeros(n_classes, np.int64)
        for window in _windows(source.name, image.channels.shape[1:], plan):
            y0, x0, y1, x1 = window
            mask = mask_of(window)
            if image.area is not None:
                mask = np.where(image.area[y0:y1, x0:x1], mask, np.uint8(UNLABELLED))
            counts = np.bincount(mask.ravel(), minlength=256)[:n_classes]
            total += counts
            if not counts.any():
                n_empty += 1
                continue
            if side == "train" and not _stays(source.name, window, counts, plan):
                n_dropped += 1
                continue
            name = f"{number:04d}_{y0:05d}_{x0:05d}.tif"
            files = (f"images/{name}", f"masks/{name}")
            hashes = (
                _write_pixels(folder / files[0], image.channels[:, y0:y1, x0:x1], image.channel_names),
                _write_pixels(folder / files[1], mask[None], ()),
            )
            written.tiles.append({
                "image": files[0], "mask": files[1], "image_sha256": hashes[0], "mask_sha256": hashes[1],
                "source": number, "window": list(window), "split": side, "n_px": counts.tolist(),
            })  # fmt: skip
        written.images.append({**_about(source, image, mask_of, side), **source.about})
    return WrittenTiles(written.tiles, written.images, n_dropped, n_empty)


def _windows(name: str, shape: tuple[int, ...], plan: TilePlan) -> list[Window]:
    height, width = shape
    if plan.smaller == "refuse" and plan.tile > min(height, width):
        raise SettingError(
            f"tile: {plan.tile} px is larger than {name} ({height} x {width} px); give a smaller one, or 0 for whole "
            "images."
        )
    tile = plan.tile
    return [
        (y, x, min(y + (tile or height), height), min(x + (tile or width), width))
        for y in _starts(height, tile, plan.stride)
        for x in _starts(width, tile, plan.stride)
    ]


def _starts(length: int, tile: int, stride: int) -> list[int]:
    """Return where tiles begin along an axis; the last one ends at the border."""
    if not tile or length <= tile:
        return [0]
    return [*range(0, length - tile, stride), length - tile]


def _stays(name: str, window: Window, counts: NDArray[np.int64], plan: TilePlan) -> bool:
    """Return whether a tile for training is written: all but some of those with nothing but background."""
    if plan.background is None or plan.background_share >= 1 or counts.sum() > counts[plan.background]:
        return True
    key = f"{plan.seed} {name} {window[0]} {window[1]}".encode(errors="replace")
    return int.from_bytes(hashlib.sha256(key).digest()[:8], "big") < plan.background_share * 2**64


def _write_pixels(path: Path, pixels: NDArray[Any], channel_names: tuple[str, ...]) -> str:
    """Write (C, Y, X) pixels, grey as one plane, true colour as RGB, others as planes; return the SHA-256."""
    import tifffile

    settings: dict[str, Any] = {"compression": "zlib", "metadata": None, "photometric": "minisblack"}
    if channel_names == ("red", "green", "blue") and pixels.dtype in (np.uint8, np.uint16):
        pixels = np.ascontiguousarray(np.moveaxis(pixels, 0, -1))
        settings["photometric"] = "rgb"
    elif len(pixels) == 1:
        pixels = pixels[0]
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, pixels, **settings)
    path.write_bytes(buffer.getbuffer())
    return hashlib.sha256(buffer.getbuffer()).hexdigest()


def _about(source: TileSource, image: TrainingImage, mask_of: MaskOf, side: Side) -> dict[str, Any]:
    height, width = image.channels.shape[1:]
    mask = mask_of((0, 0, height, width))
    if image.area is not None:
        mask = mask[image.area]
    counts = np.bincount(mask.ravel(), minlength=256)[: len(source.counts)]
    return {
        "name": source.name, "split": side, "shape": list(image.channels.shape), "dtype": image.channels.dtype.name,
        "channel_names": list(image.channel_names), "pixel_size_nm": image.pixel_size_nm,
        "intensity": measure_intensity(image.channels, area=image.area).to_json(), "n_px": counts.tolist(),
    }  # fmt: skip
