"""Label images of a run: written per image and frame, put in place as one file per input; of objects, and of cells."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from granum.batch.item import CELL_FILES, SourceFacts
from granum.image import PixelSize

__all__ = ["label_file", "place_labels", "put"]


def label_file(place: Path, stem: str, kind: str) -> Path:
    """Return where the label image of a committed frame lies; `kind` is "labels" or "cells"."""
    return place / f"{stem}.tif" if kind == "labels" else place / CELL_FILES / f"{stem}.tif"


def place_labels(
    built: Path, facts: SourceFacts, frames: Mapping[int, tuple[Path, Mapping[str, Any]]], kind: str, scratch: Path
) -> None:
    """Put the label images of one input in place: a file of one frame as it is, frames of a series in one stack.

    Parameters
    ----------
    built : Path
        The run folder; the images go to its folder `kind`.
    facts : SourceFacts
        The input.
    frames : dict
        Frame -> committed folder and its item.json.
    kind : {"labels", "cells"}
        Which labels.
    scratch : Path
        A file that may be made and deleted.
    """
    stem = facts.source.stem
    present = {t: (label_file(place, stem, kind), about) for t, (place, about) in frames.items()}
    present = {t: (path, about) for t, (path, about) in present.items() if path.exists()}
    if not present:
        return
    (built / kind).mkdir(exist_ok=True)
    target = built / kind / f"{stem}.tif"
    if facts.n_frames == 1:
        put(present[0][0], target)
    else:
        _stack(target, facts, present, scratch)


def put(source: Path, target: Path) -> None:
    """Give a committed file a second name; where the disk cannot do that, copy it."""
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, target)


def _stack(path: Path, facts: SourceFacts, frames: Mapping[int, tuple[Path, Any]], scratch: Path) -> None:
    """Write the label images of a series as one stack, through a file so that a long series needs little memory."""
    from granum.report.label_images import read_labels, write_labels

    largest = max(about["n_labels"] for _, about in frames.values())
    size = next((PixelSize(**about["pixel_size"]) for _, about in frames.values() if about["pixel_size"]), None)
    stack = np.lib.format.open_memmap(
        scratch, mode="w+", dtype=np.uint16 if largest < 65536 else np.uint32, shape=(facts.n_frames, *facts.shape[-2:])
    )
    for frame, (file, _) in frames.items():
        stack[frame] = read_labels(file)
    write_labels(path, stack, size)
    del stack
    scratch.unlink()
