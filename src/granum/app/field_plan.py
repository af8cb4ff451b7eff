"""What a run of an assay would be, before it starts: channels, files, what names and plate map say.

Nothing is decided here: the functions that a run calls are called on the list of files, and every refusal becomes a
sentence in its place, so that all of them are seen at once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from granum.app.field_files import check_patterns, chosen_fields, fields_of, find_field, in_app_words
from granum.app.plan_messages import MapWell, PlanChannel, PlanField, PlanInfo, PlanName, PlanRequest, PlateMapInfo
from granum.errors import GranumError, SettingError

if TYPE_CHECKING:
    from granum.app.messages import ImageEntry
    from granum.batch.image_places import ImagePlace
    from granum.batch.item import SourceFacts
    from granum.image import Image
    from granum.recipe import Recipe

__all__ = ["PlanPictures", "plan_fields"]

_SHOWN = 60
_SHOWN_LACKING = 12


class PlanPictures(Protocol):
    """What a plan needs of the images of a project."""

    def files(self) -> Sequence[tuple[ImageEntry, Path]]:
        """Return every file that is ready, also those with the same bytes, as people sort them."""
        ...

    def image(self, id: str) -> Image:
        """Return an image, opened."""
        ...


def plan_fields(request: PlanRequest, recipe: Recipe, pictures: PlanPictures, interval_s: float | None) -> PlanInfo:
    """Return what a run would be.

    Parameters
    ----------
    request : PlanRequest
        What the page has typed so far.
    recipe : Recipe
        The recipe of the request.
    pictures : PlanPictures
        The images.
    interval_s : float or None
        Typed; between frames.
    """
    files = list(pictures.files())
    patterns, guessed, by_order = _patterns(request, recipe, files, pictures)
    info = PlanInfo(patterns=patterns, guessed=guessed, by_order=by_order, n_files=len(files), n_fields=len(files))
    info.channels, info.channel_problem = _channels(request, recipe, patterns, files, pictures)
    mains = files
    if patterns:
        mains = _fill_fields(info, request, recipe, patterns, files)
    if recipe.assay:
        _fill_map(info, request, _fill_names(info, request, mains, interval_s))
    return info


def _patterns(
    request: PlanRequest, recipe: Recipe, files: Sequence[tuple[ImageEntry, Path]], pictures: PlanPictures
) -> tuple[dict[str, str], bool, list[str]]:
    """Return the patterns in the order of a run; guessed where files hold one channel each and none were given."""
    from granum.batch.channel_patterns import guess_patterns, order_patterns

    if request.patterns:
        return order_patterns(dict(request.patterns), recipe.roles), False, []
    if not request.guess or not recipe.roles or any(len(entry.channels) > 1 for entry, _ in files):
        return {}, False, []
    found = guess_patterns([_shown(path) for _, path in files], recipe.roles)
    return ({}, False, []) if found is None else (found.patterns, True, list(found.by_order))


def _channels(
    request: PlanRequest,
    recipe: Recipe,
    patterns: Mapping[str, str],
    files: Sequence[tuple[ImageEntry, Path]],
    pictures: PlanPictures,
) -> tuple[list[PlanChannel], str]:
    """Return where the roles are for the image on screen, and why a needed one is nowhere."""
    entry = next((one for one, _ in files if one.id == request.image), None)
    if entry is None or not recipe.roles:
        return [], ""
    if patterns:
        from granum.channel_roles import role_named

        try:
            field = find_field(files, check_patterns(patterns, recipe, request.channels), entry.id)
        except SettingError as error:
            return [], in_app_words(str(error))
        return [
            PlanChannel(role=role, stain=word, file=_shown(path))
            for word, (_, path) in field.files.items()
            if (role := role_named(recipe.roles, word)) is not None
        ], ""
    try:
        image = pictures.image(entry.id)
    except GranumError as error:
        return [], str(error)
    given: dict[str, Any] = {name: "none" if index is None else index for name, index in request.channels.items()}
    return _inside(recipe, image, given)


def _inside(recipe: Recipe, image: Image, given: Mapping[str, Any]) -> tuple[list[PlanChannel], str]:
    from granum.channel_roles import find_channels

    problem = ""
    try:
        found, _ = find_channels(recipe.roles, image, given, recipe=recipe.name)
    except SettingError as error:
        problem = in_app_words(str(error))
        wishes = tuple(replace(role, optional=True) for role in recipe.roles)
        try:  # what can be found is shown all the same
            found, _ = find_channels(wishes, image, given, recipe=recipe.name)
        except SettingError:
            found = {}
        missing = [role.name for role in recipe.roles if not role.optional and role.name not in found]
        if "finds no channel" in problem:
            problem = _missing(missing, image)
    return [
        PlanChannel(role=role, index=one.source, stain=one.stain, by_name=role not in given)
        for role, one in found.items()
        if isinstance(one.source, int)
    ], problem


def _missing(roles: Sequence[str], image: Image) -> str:
    """Return that no channel is called like roles, in the words of the page."""
    n, names = image.shape[1], ", ".join(image.channel_names)
    has = f"has {n} channel{'s' * (n > 1)} {f'({names})' if names else 'without names'}"
    file = "The image" if image.source is None else _shown(image.source)
    where = "choose it" if len(roles) == 1 else "choose them"
    return f"{file} {has}, none that is called like {' or '.join(roles)}: {where}, or say in which files each is."


def _fill_fields(
    info: PlanInfo,
    request: PlanRequest,
    recipe: Recipe,
    patterns: Mapping[str, str],
    files: Sequence[tuple[ImageEntry, Path]],
) -> list[tuple[ImageEntry, Path]]:
    """Fill in what the patterns make of the files; return the main files."""
    from granum.batch.plan import plan_sources

    try:
        checked = check_patterns(patterns, recipe, request.channels)
        fields, rest = fields_of(files, checked)
    except SettingError as error:
        info.n_fields, info.files_problem = 0, in_app_words(str(error))
        return []
    if request.images is not None:
        fields = [field for field in fields if field.ids & set(request.images)]
    chosen = chosen_fields(fields, request, len(checked))
    lacking = [field for field in fields if len(field.files) < len(checked)]
    complete = [field for field in fields if len(field.files) == len(checked)]
    info.n_fields, info.n_lacking, info.n_left_over = len(complete), len(lacking), len(rest)

    def told(field: Any) -> PlanField:
        names = {word: _shown(path) for word, (_, path) in field.files.items()}
        return PlanField(files=names, lacks=[word for word in checked if word not in field.files])

    info.fields = [told(field) for field in complete[:_SHOWN]]
    info.lacking = [told(field) for field in lacking[:_SHOWN_LACKING]]
    info.left_over = [_shown(path) for path in rest[:_SHOWN_LACKING]]
    try:
        plan_sources([path for field in chosen for _, path in field.files.values()], checked)
    except SettingError as error:
        info.files_problem = in_app_words(str(error))
    return [next(iter(field.files.values())) for field in complete]


def _fill_names(
    info: PlanInfo, request: PlanRequest, mains: Sequence[tuple[ImageEntry, Path]], interval_s: float | None
) -> list[ImagePlace]:
    """Fill in what the names of the main files say, as a run will read them; return the place of each."""
    from granum.batch.image_places import check_names, find_places

    if not mains:
        return []
    facts = _facts(mains, interval_s)
    frames = [(fact, frame) for fact in facts for frame in sorted({0, fact.n_frames - 1})]
    try:
        check_names([fact.source.path for fact in facts], request.names)
        found = find_places(frames, names=request.names, interval_s=interval_s)
    except SettingError as error:
        info.names_problem = in_app_words(str(error))
        return []
    first = {fact.source.stem: place for (fact, frame), place in zip(frames, found.places, strict=True) if frame == 0}
    last = {fact.source.stem: place for (fact, _), place in zip(frames, found.places, strict=True)}
    for fact in facts[:_SHOWN]:
        place, end = first[fact.source.stem], last[fact.source.stem]
        time = _time_text(place.time, end.time, found.time_unit)
        file, plate, well, where = map(_text, (fact.source.file, place.plate, place.well, place.field))
        info.names.append(PlanName(file=file, plate=plate, well=well, field=where, time=time))
    info.names_notes = [_text(in_app_words(note)) for note in found.notes]
    return list(first.values())


def _time_text(start: float, end: float, unit: str) -> str:
    if math.isnan(start):
        return ""
    span = f"{start:.6g}" if end == start or math.isnan(end) else f"{start:.6g} to {end:.6g}"
    return f"{span} h" if unit == "h" else f"frame {span}"


def _facts(mains: Sequence[tuple[ImageEntry, Path]], interval_s: float | None) -> list[SourceFacts]:
    """Return the files as a run knows them after it has read their headers."""
    from granum.batch.item import SourceFacts
    from granum.batch.plan import plan_sources

    sources, _ = plan_sources([path for _, path in mains])
    facts = []
    for source, (entry, _) in zip(sources, mains, strict=True):
        times = entry.frame_times_s
        if interval_s is not None:
            times = [interval_s * frame for frame in range(entry.n_frames)]
        shape = (entry.n_frames, len(entry.channels), entry.n_z, entry.height, entry.width)
        told = None if times is None else tuple(times)
        facts.append(SourceFacts(source, entry.n_frames, shape, entry.dtype, entry.format, None, told, (), {}))
    return facts


def _fill_map(info: PlanInfo, request: PlanRequest, places: Sequence[ImagePlace]) -> None:
    """Fill in how the plate map is understood, with notes on wells that do not fit the names."""
    from granum.app.run_plan import read_map_text
    from granum.plate.assay import PlateImage
    from granum.plate.plate_map import apply_plate_map

    if request.plate_map is None:
        return
    try:
        plate_map = read_map_text(request.plate_map)
    except SettingError as error:
        info.plate_map_problem = str(error)
        return
    images = [PlateImage("", "", 0, one.plate, one.well, one.field) for one in places]
    notes = apply_plate_map(images, plate_map)[1] if images else list(plate_map.notes)
    info.plate_map = PlateMapInfo(
        wells=[
            MapWell(plate=one.plate, well=one.well, condition=one.condition, dose=one.dose, control=one.control)
            for one in plate_map.entries
        ],
        dose_unit=plate_map.dose_unit,
        notes=notes,
    )


def _shown(path: Path) -> str:
    return _text(path.name)


def _text(name: str) -> str:
    """Return a name as text that can be shown, also when it is not valid UTF-8."""
    return name.encode("utf-8", errors="surrogateescape").decode("utf-8", errors="replace")
