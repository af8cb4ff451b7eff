"""`OpenRun`: one finished run as the app sees it: its result, what was asked for, the journals of its corrections."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, cast

from granum.app.forms import settings_of
from granum.app.job_folder import JobFolder
from granum.app.problems import Problem
from granum.app.result_edits import EditLog
from granum.app.result_folder import ResultFolder
from granum.app.run_messages import ClassArea, Run, RunImage
from granum.app.run_plan import RunPlan
from granum.errors import GranumError

__all__ = ["OpenRun"]


class OpenRun:
    """A finished run.

    Parameters
    ----------
    place : Path
        ``runs/<run>``.
    read_only : bool
        Nothing can be written.

    Raises
    ------
    Problem
        409 when it is not finished, or damaged.
    """

    def __init__(self, place: Path, *, read_only: bool = False) -> None:
        self.id = place.name
        self._place, self._read_only = place, read_only
        self._lock = threading.Lock()
        self._stamp = self._look()
        if self._stamp is None:
            raise Problem(409, "not_done", f"run {self.id}: is not finished; wait for it, or resume it.")
        self.folder = ResultFolder(place / "result")
        job = JobFolder(place)
        try:
            content = job.read_job()
            self.plan: RunPlan | None = RunPlan.from_json(content)
            number, created = int(content["number"]), str(content["created"])
        except (GranumError, KeyError, TypeError, ValueError):  # the result alone can still be looked at
            self.plan, number, created = None, 0, str(self.folder.run.get("started", ""))
        self.order = number, created, self.id
        self.created = created
        self._logs: dict[tuple[str, int], EditLog] = {}

    def is_current(self) -> bool:
        """Whether the result is still the one that was read."""
        return self._look() == self._stamp

    def _look(self) -> tuple[int, int] | None:
        try:
            about = (self._place / "result" / "DONE").stat()
        except OSError:
            return None
        return about.st_mtime_ns, about.st_ino

    def log(self, stem: str, t: int) -> EditLog:
        """Return the journal of a frame that has a result."""
        self.folder.entry(stem, t)
        with self._lock:
            if (stem, t) not in self._logs:
                path = self._place / "edits" / f"{stem}_t{t}.log"
                self._logs[stem, t] = EditLog(path, read_only=self._read_only)
            return self._logs[stem, t]

    def edits(self) -> dict[str, dict[str, list[dict[str, Any]]]]:
        """Return all corrections: SHA-256 of the input -> frame -> edits."""
        found: dict[str, dict[str, list[dict[str, Any]]]] = {}
        for stem in self.folder.stems:
            for t in self.folder.frames(stem):
                acts = self.log(stem, t).active
                if acts:
                    sha256 = str(self.folder.input(stem)["files"][0]["sha256"])
                    found.setdefault(sha256, {})[str(t)] = [act.edit for act in acts]
        return found

    def describe(self, image_id: Callable[[str], str]) -> Run:
        """Return the run as the page takes it; `image_id` tells an image of the project by its SHA-256."""
        images = [self._describe_image(stem, image_id) for stem in self.folder.stems]
        recipe = self.folder.recipe
        return Run(
            id=self.id,
            title=self.plan.title if self.plan else recipe.name,
            recipe=recipe.name,
            assay=cast("Literal['live-dead', 'confluency']", recipe.assay) if self.folder.has_assay else "",
            created=self.created,
            n_objects=sum(sum(image.n_objects) for image in images),
            images=images,
            edited=any(image.n_edits for image in images),
            settings=settings_of(recipe),
        )

    def _describe_image(self, stem: str, image_id: Callable[[str], str]) -> RunImage:
        folder = self.folder
        about, n_frames = folder.input(stem), folder.n_frames(stem)
        n_objects, n_edits, notes = [0] * n_frames, 0, []
        has_objects = False
        for t in folder.frames(stem):
            log = self.log(stem, t)
            counted = folder.row(stem, t)["n_objects"]
            has_objects, n_objects[t] = has_objects or counted is not None, int(counted or 0)
            if log.active and log.n_objects is not None:
                n_objects[t] = log.n_objects
            n_edits += len(log.active)
            notes += [*folder.entry(stem, t)["warnings"], *log.journal.notes]
        classes = {t: folder.entry(stem, t).get("classes", []) for t in folder.frames(stem)}
        choices = dict(zip(folder.frames(stem), folder.choices(stem), strict=True))
        return RunImage(
            stem=stem,
            file=str(about["file"]),
            image=image_id(str(about["files"][0]["sha256"])),
            n_frames=n_frames,
            n_objects=n_objects,
            has_objects=has_objects,
            n_edits=n_edits,
            pixel_size=folder.pixel_size_info(stem),
            choices=[choices.get(t, []) for t in range(n_frames)],
            classes=[[ClassArea(**one) for one in classes.get(t, [])] for t in range(n_frames)],
            warnings=list(dict.fromkeys(notes)),
        )
