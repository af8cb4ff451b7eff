"""`RunPlan`: what a run was asked to do, with nothing left open, as it stands in ``job.json``.

The job process, the Python script and the command line are all made from it, so they cannot differ.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from granum.app.field_files import check_patterns, chosen_fields, fields_of
from granum.channel_roles import role_named, unknown_channel
from granum.errors import OutputError, ReadError, SettingError

if TYPE_CHECKING:
    from granum.app.messages import ImageEntry
    from granum.app.run_messages import RunRequest
    from granum.plate.plate_map import PlateMap
    from granum.recipe import Recipe

__all__ = ["RunInput", "RunPictures", "RunPlan", "RunProject", "assay_options", "n_cores", "plan_run", "read_map_text"]

SCHEMA = 1
"""Version of ``job.json``."""
_KINDS: dict[str, Any] = {
    "title": str, "recipe_name": str, "recipe_toml": str, "channels": dict, "z": int | None,
    "pixel_size": str | None, "interval_s": float | int | None, "processes": int,
    "names": str | None, "plate_map": str | None, "video": bool, "patterns": dict,
}  # fmt: skip


class RunProject(Protocol):
    """What runs need of the project."""

    @property
    def read_only(self) -> str:
        """Why nothing can be written, or ""."""
        ...

    @property
    def cache(self) -> Path:
        """Folder for what can be made again."""
        ...

    @property
    def pixel_size(self) -> str | None:
        """Typed by the user, as in "0.5 nm"."""
        ...

    @property
    def interval_s(self) -> float | None:
        """Typed by the user."""
        ...

    def path(self, *parts: str) -> Path:
        """Return a place in the project folder."""
        ...

    def require_writable(self) -> None:
        """Raise a Problem when nothing can be written."""
        ...


class RunPictures(Protocol):
    """What runs need of the images of a project."""

    def entries(self) -> Sequence[ImageEntry]:
        """Return all images, as people sort them."""
        ...

    def entry(self, id: str) -> ImageEntry:
        """Return one image, or raise a Problem."""
        ...

    def path(self, id: str) -> Path:
        """Return its file."""
        ...

    def files(self) -> Sequence[tuple[ImageEntry, Path]]:
        """Return every file that is ready, also those with the same bytes, as people sort them."""
        ...


@dataclass(frozen=True)
class RunInput:
    """One input file."""

    id: str
    path: str


@dataclass(frozen=True)
class RunPlan:
    """A run, resolved.

    Parameters
    ----------
    title : str
        For people.
    recipe_name : str
        Name of the recipe.
    recipe_toml : str
        The recipe with all settings, canonical.
    inputs : tuple of RunInput
        In the order of the tables; absolute paths.
    channels : dict
        Channel name -> index in the file, as text: `run_batch` and ``--channel`` take it so.
    z : int or None
        Plane along z.
    pixel_size : str or None
        Typed.
    interval_s : float or None
        Typed.
    processes : int
        How many work at the same time; the result does not depend on it.
    names, plate_map, video : str or None, str or None, bool
        Of an assay, as `run_batch` takes them; the plate map as its text, line feeds only.
    patterns : dict
        Name of a stain or role -> pattern of the files that hold it; the first one names the main files.
    """

    title: str
    recipe_name: str
    recipe_toml: str
    inputs: tuple[RunInput, ...]
    channels: Mapping[str, str] = field(default_factory=dict)
    z: int | None = None
    pixel_size: str | None = None
    interval_s: float | None = None
    processes: int = 1
    names: str | None = None
    plate_map: str | None = None
    video: bool = False
    patterns: Mapping[str, str] = field(default_factory=dict)

    @property
    def recipe(self) -> Recipe:
        """The recipe, checked."""
        from granum.recipe import parse_recipe

        return parse_recipe(self.recipe_toml, where="job.json")

    @property
    def paths(self) -> list[str]:
        """All input files."""
        return [given.path for given in self.inputs]

    def to_json(self) -> dict[str, Any]:
        """Return the plan in JSON types."""
        assay = {"names": self.names, "plate_map": self.plate_map, "video": self.video}
        return {
            **({"assay": assay} if any(assay.values()) else {}),
            **({"patterns": dict(self.patterns)} if self.patterns else {}),
            "schema": SCHEMA,
            "title": self.title,
            "recipe": {"name": self.recipe_name, "toml": self.recipe_toml},
            "inputs": [{"id": given.id, "path": given.path} for given in self.inputs],
            "channels": dict(self.channels),
            "z": self.z,
            "pixel_size": self.pixel_size,
            "interval_s": self.interval_s,
            "processes": self.processes,
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> RunPlan:
        """Return the plan of a ``job.json``.

        Raises
        ------
        OutputError
            When it was written by a newer granum, or is damaged.
        """
        if content.get("schema") != SCHEMA:
            raise OutputError(f"job.json: has the version {content.get('schema')!r}, this granum reads {SCHEMA}.")
        try:
            plan = cls(
                content["title"],
                content["recipe"]["name"],
                content["recipe"]["toml"],
                tuple(RunInput(given["id"], given["path"]) for given in content["inputs"]),
                content["channels"],
                content["z"],
                content["pixel_size"],
                content["interval_s"],
                content["processes"],
                **content.get("assay", {}),
                patterns=content.get("patterns", {}),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise OutputError(f"job.json: is damaged ({type(error).__name__}: {error}).") from None
        wrong = [name for name, kinds in _KINDS.items() if not isinstance(getattr(plan, name), kinds)]
        channels = [*plan.channels.values(), *plan.patterns.values()] if not {"channels", "patterns"} & {*wrong} else []
        texts = [*channels, *(text for one in plan.inputs for text in (one.id, one.path))]
        if wrong or not all(isinstance(text, str) for text in texts):
            raise OutputError(f"job.json: is damaged ({', '.join(wrong) or 'a text is none'}).")
        return plan


def plan_run(request: RunRequest, project: RunProject, pictures: RunPictures) -> RunPlan:
    """Return the plan of a request, with all that can be checked before the first pixel is read.

    Raises
    ------
    Problem
        An image that does not exist (404), or none at all (422).
    SettingError
        A recipe, setting or channel that does not fit.
    """
    from granum.app.forms import RecipeShelf
    from granum.app.problems import Problem
    from granum.batch.plan import plan_sources

    recipe = RecipeShelf(project.path("recipes")).resolve(request)
    patterns = check_patterns(request.patterns, recipe, request.channels)
    files = [(one, pictures.path(one.id)) for one in _chosen(request, pictures)]
    if patterns:
        files = _in_fields(request, pictures, patterns)
    entries = [entry for entry, _ in files]
    if not entries:
        raise Problem(422, "no_images", "images: none is ready; add images, or wait until they are read.")
    _check_channels(request.channels, recipe, entries)
    inputs = tuple(RunInput(entry.id, os.path.abspath(path)) for entry, path in files)  # noqa: PTH100
    for given in inputs:
        if not _is_text(given.path):
            raise SettingError(f"image {given.path!r}: its name is no text; rename the file.")
    if request.names is not None or request.plate_map is not None or request.video:
        sources, _ = plan_sources([Path(given.path) for given in inputs], patterns)
        _check_assay(request, recipe, [source.path for source in sources])
    n_planes = math.ceil(sum(max(1, entry.n_frames) for entry in entries) / max(1, len(patterns)))
    return RunPlan(
        request.title.strip() or recipe.name,
        recipe.name,
        recipe.to_toml(),
        inputs,
        {name: "none" if index is None else str(index) for name, index in sorted(request.channels.items())},
        request.z,
        project.pixel_size,
        project.interval_s,
        min(request.jobs or n_cores(), n_planes),
        request.names,
        None if request.plate_map is None else "".join(f"{line}\n" for line in request.plate_map.splitlines()),
        request.video,
        patterns,
    )


def assay_options(plan: RunPlan, place: Path) -> dict[str, Any]:
    """Return what `run_batch` takes for the assay of a plan, its plate map written to `place`; {} where it has none.

    Raises
    ------
    OutputError
        When the map cannot be written.
    """
    options = {"names": plan.names, "video": plan.video, "plate_map": place if plan.plate_map is not None else None}
    if plan.plate_map is not None:
        try:
            place.write_text(plan.plate_map, encoding="utf-8", newline="")
        except OSError as error:
            raise OutputError(f"{place}: cannot be written ({error.strerror or error}).") from error
    return {name: value for name, value in options.items() if value}


def _check_assay(request: RunRequest, recipe: Recipe, paths: Sequence[Path]) -> None:
    """Raise for a recipe that makes no assay, a pattern that fits no name, or a plate map that cannot be read."""
    from granum.batch.image_places import check_names

    if not recipe.assay:
        raise SettingError(f"recipe {recipe.name!r}: makes no assay, so it takes no plate map, names or video.")
    check_names(paths, request.names)
    if request.plate_map is not None:
        read_map_text(request.plate_map)


def read_map_text(text: str) -> PlateMap:
    """Return the plate map of a text.

    Raises
    ------
    SettingError
        When it is none.
    """
    import tempfile

    from granum.plate.plate_map import read_plate_map

    with tempfile.TemporaryDirectory(prefix="granum-") as folder:
        place = Path(folder) / "plate_map.csv"
        place.write_text(text, encoding="utf-8", newline="")
        try:
            return read_plate_map(place)
        except ReadError as error:
            raise SettingError(str(error).replace(str(place), "plate map")) from None


def _chosen(request: RunRequest, pictures: RunPictures) -> list[ImageEntry]:
    """Return the images of a request in the order of the project, each once."""
    if request.images is None:
        return [entry for entry in pictures.entries() if entry.status == "ready"]
    wanted = {id: pictures.entry(id) for id in request.images}
    order = {entry.id: place for place, entry in enumerate(pictures.entries())}
    return sorted(wanted.values(), key=lambda entry: order.get(entry.id, len(order)))


def _in_fields(
    request: RunRequest, pictures: RunPictures, patterns: Mapping[str, str]
) -> list[tuple[ImageEntry, Path]]:
    """Return all files of the fields that a request names by any of their images; every file when it names none.

    Raises
    ------
    SettingError
        A pattern matches nothing, two files are the same channel of a field, or a field lacks a channel.
    """
    from granum.batch.plan import plan_sources

    files = list(pictures.files())
    if request.images is not None or request.complete_only:
        fields = chosen_fields(fields_of(files, patterns)[0], request, len(patterns))
        wanted = {path for one in fields for _, path in one.files.values()}
        files = [(entry, path) for entry, path in files if path in wanted]
    plan_sources([path for _, path in files], patterns)
    for entry, _ in files:
        pictures.path(entry.id)  # it may have changed since it was read
    return files


def _check_channels(channels: Mapping[str, int | None], recipe: Recipe, entries: Sequence[ImageEntry]) -> None:
    known = (*(["image"] if recipe.reads_image else []), *recipe.channels)
    for name, index in channels.items():
        if name not in known and role_named(recipe.roles, name) is None:
            raise unknown_channel(name, recipe.name, known, recipe.roles)
        if index is None:
            role = next((role for role in recipe.roles if role.has_name(name)), None)
            if role is None or not role.optional:
                raise SettingError(f"channel {name!r}: recipe {recipe.name!r} does not work without it.")
            continue
        for entry in entries:
            if entry.channels and not 0 <= index < len(entry.channels):
                there = f"0 to {len(entry.channels) - 1}"
                raise SettingError(f"channel {name!r}: {index} does not exist in {entry.name}, which has {there}.")


def _is_text(path: str) -> bool:
    """Return whether a path can be written into job.json and run.json."""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def n_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
