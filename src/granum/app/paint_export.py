"""What was painted in the app, as it is learnt from: of an open layer, or of a whole project folder.

Both give the same pixels and the same stroke numbers, so that the command line learns what the app has learnt.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from granum.app.journal import Journal
from granum.app.paint_book import Plane, checked_records
from granum.app.paint_layer import PaintLayer
from granum.app.problems import Problem
from granum.app.project import Project
from granum.app.stroke_map import StrokeMap
from granum.errors import ReadError
from granum.learn.scribbles import PixelClass, Scribbles

__all__ = ["LAYER", "PaintedProject", "PaintedScribbles", "plane_name", "read_layer", "read_painted"]

LAYER = "scribbles"
"""The layer of strokes that is learnt from."""
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, eq=False)
class PaintedScribbles:
    """The strokes on one plane of an image of a project.

    Parameters
    ----------
    image : str
        Id of the image: the start of the SHA-256 of its file.
    path : Path
        The file, as far as it is where it was; `sha256` tells whether it is still the same.
    sha256 : str
        Of the file that was painted on.
    t, z : int
        Frame and plane.
    scribbles : Scribbles
        Named as the app names the plane.
    """

    image: str
    path: Path
    sha256: str
    t: int
    z: int
    scribbles: Scribbles


@dataclass(frozen=True, eq=False)
class PaintedProject:
    """Everything that is painted in a project.

    Parameters
    ----------
    planes : tuple of PaintedScribbles
        Sorted by image id, frame and plane; those where nothing is left after erasing are not there.
    classes : tuple of PixelClass
        The classes of the project, sorted by id.
    notes : tuple of str
        What is left out: damaged journals, images that the project knows nothing of.
    """

    planes: tuple[PaintedScribbles, ...]
    classes: tuple[PixelClass, ...]
    notes: tuple[str, ...]


def read_layer(layer: PaintLayer, *, name: str) -> Scribbles:
    """Return what is painted on one open plane; hold the lock of its layer.

    Parameters
    ----------
    layer : PaintLayer
        As `PaintStore.layer` gives it.
    name : str
        Of the plane, for messages.

    Notes
    -----
    The first call replays the journal of the plane, later ones follow what is new.
    """
    return layer.stroke_map().scribbles(name)


def read_painted(project_folder: str | Path, *, layer: str = LAYER) -> PaintedProject:
    """Return everything that is painted in a project; nothing in it is changed.

    Parameters
    ----------
    project_folder : str or Path
        A ``granum_project`` folder, or the folder with images that holds it.
    layer : str
        Name of the layer of strokes.

    Raises
    ------
    ReadError
        When it is no project, nothing is painted in it, or a later granum wrote it.
    """
    given = Path(project_folder)
    if not given.is_dir():
        raise ReadError(f"{given}: is not a folder; give the granum_project folder in which strokes were painted.")
    project = Project(given)
    classes = tuple(sorted(PixelClass(one.id, one.name, one.colour) for one in project.classes))
    if not _ID.fullmatch(layer):
        raise ReadError(f"layer {layer!r} is no name: 1 to 64 letters, digits, '-' and '_' are.")
    planes: list[PaintedScribbles] = []
    notes: list[str] = []
    for path in sorted((project.place / "annotations").glob(f"*/{layer.lower()}/journal.log")):
        image = path.parent.parent.name
        about = _about(project.place / "images" / f"{image}.json")
        try:
            journal = Journal(path, independent=True, read_only=True)
            records = checked_records(journal)
        except Problem as problem:
            raise ReadError(str(problem)) from None
        notes += journal.notes
        if not records:
            continue
        if about is None:
            notes.append(
                f"{path}: is left out, the project does not say which image {image} is; open it in granum app."
            )
            continue
        planes += _planes(project, image, about, records, {one.id: one for one in classes})
    if not planes:
        raise ReadError(
            f"{project.place}: nothing is painted in the layer {layer!r}; paint strokes of two classes with granum app."
        )
    return PaintedProject(tuple(planes), classes, tuple(notes))


def plane_name(name: str, t: int, z: int, *, n_frames: int, n_z: int) -> str:
    """Return what a plane is called in messages: the name of its file, and frame and plane where there are several."""
    return ", ".join([name, *[f"t {t}"] * (n_frames > 1), *[f"z {z}"] * (n_z > 1)])


def _planes(
    project: Project,
    image: str,
    about: dict[str, Any],
    records: list[dict[str, Any]],
    names: dict[int, PixelClass],
) -> list[PaintedScribbles]:
    facts = about["facts"]
    shape = (int(facts["height"]), int(facts["width"]))
    n_frames, n_z = int(facts["n_frames"]), int(facts["n_z"])
    maps: dict[Plane, StrokeMap] = {}
    for number, record in enumerate(records, 1):
        strokes = maps.setdefault((int(record["t"]), int(record["z"])), StrokeMap(shape))
        try:
            strokes.follow(number, record)
        except Problem as problem:
            raise ReadError(f"{about['name']}: {problem}") from None
    found = []
    for (t, z), strokes in sorted(maps.items()):
        scribbles = strokes.scribbles(plane_name(str(about["name"]), t, z, n_frames=n_frames, n_z=n_z))
        if scribbles.n_px:
            used = {int(one): names[int(one)] for one in set(scribbles.class_ids.tolist()) if int(one) in names}
            scribbles = replace(scribbles, names=used)
            path = _find_file(project, str(about["name"]))
            found.append(PaintedScribbles(image, path, str(about["sha256"]), t, z, scribbles))
    return found


def _find_file(project: Project, name: str) -> Path:
    """Return where a file of this name is: in the folder, or among what was dropped into the page."""
    dropped = project.place / "uploads" / name
    return dropped if dropped.exists() and not (project.folder / name).exists() else project.folder / name


def _about(path: Path) -> dict[str, Any] | None:
    """Return what the project knows of an image, None when it says nothing that can be used."""
    try:
        about = json.loads(path.read_bytes())
        facts = about["facts"]
        sizes = [int(facts[key]) for key in ("height", "width", "n_frames", "n_z")]
        whole = min(sizes) > 0 and isinstance(about["name"], str) and isinstance(about["sha256"], str)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return about if whole and "/" not in about["name"] and "\\" not in about["name"] else None
