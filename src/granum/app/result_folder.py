"""`ResultFolder`: a finished run folder, read as far as it is asked for.

`run.json` and `images.csv` are read once. Of `objects.csv` only the place of every image and frame is remembered, so
that one frame of a run with a million objects costs only its own rows; of a label image only its page is read.
"""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from granum.app.file_names import is_safe_name
from granum.app.messages import PixelSizeInfo
from granum.app.object_body import describe_column
from granum.app.problems import Problem
from granum.app.recipe_messages import ChoiceInfo
from granum.app.run_messages import ColumnInfo
from granum.errors import GranumError
from granum.image import PixelSize
from granum.recipe import Recipe, load_recipe
from granum.report.tables import read_images_csv

__all__ = ["ResultFolder"]

_UNIT = re.compile(r"_(px|nm2?|um2?|mm2?)$")
_TEXT = ("file", "flags", "state")
_ABOUT = ("file", "frame", "flags", "warnings")


class ResultFolder:
    """A run folder that is finished.

    Parameters
    ----------
    path : Path
        The folder with ``DONE`` inside.

    Raises
    ------
    Problem
        409 "damaged" when its files cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.run: dict[str, Any] = json.loads((path / "run.json").read_text(encoding="utf-8"))
            self._inputs = {str(entry["stem"]): entry for entry in self.run["inputs"]}
            unsafe = [stem for stem in self._inputs if not is_safe_name(stem)]
            if unsafe:
                raise ValueError(f"{unsafe[0]!r:.80} is no name of a file")
            entries = [(str(entry["stem"]), int(entry["frame"]), entry) for entry in self.run["images"]]
            rows = read_images_csv(path / "images.csv")
            self._frames = {(stem, t): (entry, row) for (stem, t, entry), row in zip(entries, rows, strict=True)}
            self.recipe: Recipe = load_recipe(str(path / "recipe.toml"))
            self._groups = _find_groups(path / "objects.csv")
        except (OSError, ValueError, KeyError, TypeError, GranumError) as error:
            raise Problem(409, "damaged", f"{path}: cannot be read as a result of granum ({error}).") from error

    @property
    def has_assay(self) -> bool:
        """Whether the run put an assay together."""
        return bool(self.recipe.assay) and (self.path / "assay.json").is_file()

    @property
    def stems(self) -> list[str]:
        """Stems of the inputs that have a result, in their order."""
        there = {stem for stem, _ in self._frames}
        return [stem for stem in self._inputs if stem in there]

    def input(self, stem: str) -> dict[str, Any]:
        """Return what run.json says about an input.

        Raises
        ------
        Problem
            404 when the run has none of this stem.
        """
        if stem not in self._inputs:
            raise Problem(404, "not_found", f"the run has no image {stem[:200]!r}.")
        return self._inputs[stem]

    def n_frames(self, stem: str) -> int:
        """Return the number of frames of an input."""
        return int(self.input(stem)["shape_tczyx"][0])

    def frames(self, stem: str) -> list[int]:
        """Return the frames of an input that have a result."""
        return sorted(t for other, t in self._frames if other == stem)

    def shape(self, stem: str) -> tuple[int, int]:
        """Return rows and columns of an input."""
        height, width = self.input(stem)["shape_tczyx"][-2:]
        return int(height), int(width)

    def entry(self, stem: str, t: int) -> dict[str, Any]:
        """Return what run.json says about one frame; Problem 404 when there is no result of it."""
        return self._frame(stem, t)[0]

    def row(self, stem: str, t: int) -> dict[str, Any]:
        """Return the row of images.csv."""
        return self._frame(stem, t)[1]

    def _frame(self, stem: str, t: int) -> tuple[dict[str, Any], dict[str, Any]]:
        self.input(stem)
        if (stem, t) not in self._frames:
            raise Problem(404, "not_found", f"the run has no frame {t} of {stem!r}.")
        return self._frames[stem, t]

    def pixel_size(self, stem: str, t: int) -> PixelSize | None:
        """Return the pixel size that a frame was measured with."""
        known = self.entry(stem, t)["pixel_size"]
        return PixelSize(**known) if known else None

    def pixel_size_info(self, stem: str) -> PixelSizeInfo | None:
        """Return the pixel size of the first frame for the page."""
        size = self.pixel_size(stem, self.frames(stem)[0])
        return None if size is None else PixelSizeInfo(y=size.y, x=size.x, unit=size.unit, source=size.source)

    def choices(self, stem: str) -> list[list[ChoiceInfo]]:
        """Return what the steps chose, per frame."""
        return [
            [
                ChoiceInfo(
                    about=choice["about"],
                    chosen=choice["chosen"],
                    reason=choice["reason"],
                    candidates=choice.get("candidates") or [],
                )
                for choice in self.entry(stem, t)["choices"]
            ]
            for t in self.frames(stem)
        ]

    def summary(self, stem: str, t: int) -> dict[str, float | None]:
        """Return the numbers of images.csv of a frame, without those in another unit than its own."""
        row, size = self.row(stem, t), self.pixel_size(stem, t)
        return {
            name: value
            for name, value in row.items()
            if name not in _ABOUT
            and (value is None or isinstance(value, int | float))
            and (name == "density_per_um2" or not _is_foreign(name, size))
            and not (name == "density_per_um2" and size is None)
        }

    def labels(self, stem: str, t: int) -> NDArray[Any]:
        """Return the label image of one frame in the type of its file.

        Raises
        ------
        Problem
            404 when the run made none, 409 "damaged" when it cannot be read.
        """
        import tifffile

        path = self.labels_path(stem, t)
        try:
            with tifffile.TiffFile(path) as tif:
                page = np.asarray(tif.pages[t if self.n_frames(stem) > 1 else 0].asarray())
        except (OSError, ValueError, IndexError, RuntimeError, tifffile.TiffFileError) as error:
            raise Problem(409, "damaged", f"{path}: cannot be read ({error}).") from error
        if page.shape != self.shape(stem) or page.dtype.kind not in "u":
            raise Problem(409, "damaged", f"{path}: is not the label image that granum wrote there.")
        return page

    def labels_path(self, stem: str, t: int) -> Path:
        """Return the file of the labels of a frame that has a result."""
        self.entry(stem, t)
        path = self.path / "labels" / f"{stem}.tif"
        if not path.is_file():
            raise Problem(404, "not_found", f"the run made no label image of {stem!r}.")
        return path

    def classes_path(self, stem: str, t: int) -> Path:
        """Return the file of the classes of a frame that has a result."""
        self.entry(stem, t)
        path = self.path / "classes" / f"{stem}.tif"
        if not path.is_file():
            raise Problem(404, "not_found", f"the run made no class image of {stem!r}.")
        return path

    def columns(self, stem: str, t: int) -> list[ColumnInfo]:
        """Return the columns of objects.csv of one frame, label first."""
        size, names, rows = self.pixel_size(stem, t), *self._rows(str(self.input(stem)["file"]), t)
        found = []
        for i, name in enumerate(names):
            if name in ("file", "frame") or _is_foreign(name, size):
                continue
            cells = [row[i] for row in rows]
            found.append(describe_column(name, cells if name in _TEXT else _values(cells)))
        return found

    def _rows(self, file: str, t: int) -> tuple[list[str], list[list[str]]]:
        header, groups = self._groups
        start, end = groups.get((file, t), (0, 0))
        with (self.path / "objects.csv").open("rb") as stream:
            stream.seek(start)
            text = stream.read(end - start).decode("utf-8")
        return header, list(csv.reader(text.splitlines()))


def _is_foreign(name: str, size: PixelSize | None) -> bool:
    """Return whether a column is in a unit that the pixel size of a frame does not have: other frames need it."""
    found = _UNIT.search(name)
    unit = found[1].rstrip("2") if found else "px"
    return unit != "px" and (size is None or size.unit != unit)


def _values(cells: list[str]) -> list[Any]:
    """Return cells as numbers, or as the texts that they are where one is none."""
    try:
        return [_number(cell) for cell in cells]
    except ValueError:
        return list(cells)


def _number(cell: str) -> int | float | None:
    if not cell:
        return None
    try:
        return int(cell)
    except ValueError:
        return float(cell)


def _find_groups(path: Path) -> tuple[list[str], dict[tuple[str, int], tuple[int, int]]]:
    """Return the header of objects.csv, and where the rows of each file and frame lie: (start, end) in bytes."""
    groups: dict[tuple[str, int], tuple[int, int]] = {}
    with path.open("rb") as stream:
        first = stream.readline()
        header = next(csv.reader([first.decode("utf-8")]), [])
        place, prefix, key = len(first), b"\n", ("", 0)
        for line in stream:
            if not line.startswith(prefix):
                file, frame = next(csv.reader([line.decode("utf-8")]))[:2]
                guarded = file.startswith("'") and file[1:].startswith(("=", "+", "-", "@"))
                key = (file[1:] if guarded else file), int(frame)
                prefix = line[: _end_of_two_cells(line)]
                groups[key] = place, place
            place += len(line)
            groups[key] = groups[key][0], place
    return header, groups


def _end_of_two_cells(line: bytes) -> int:
    """Return where the third cell of a row begins."""
    quoted, commas = False, 0
    for place, sign in enumerate(line):
        if sign == ord('"'):
            quoted = not quoted
        elif sign == ord(",") and not quoted:
            commas += 1
            if commas == 2:
                return place + 1
    return len(line)
