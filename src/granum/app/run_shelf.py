"""The runs of a project as they lie on the disk: found, made, and told as the page wants to hear of them.

A run has a number, one higher than every other when it is made: it gives the order even when the clock goes back.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from granum.app.job_folder import ItemNote, JobFolder, Status, write_json_whole
from granum.app.own_mark import own_mark
from granum.app.problems import Problem
from granum.app.run_messages import Job, JobItem
from granum.app.run_plan import RunPlan, RunProject
from granum.errors import GranumError, OutputError

__all__ = ["KnownRun", "RunShelf"]

_RUN = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")
_log = logging.getLogger("granum.app")


@dataclass
class KnownRun:
    """What is remembered of a run, all of it from its folder.

    Parameters
    ----------
    folder : JobFolder
        Where it lies.
    plan : RunPlan
        What was asked for.
    number : int
        Its place among all.
    created : str
        When.
    is_old : bool
        Whether it was found, not made.
    watched : bool
        Whether it may still change by itself.
    told : Job or None
        What the pages heard last.
    """

    folder: JobFolder
    plan: RunPlan
    number: int
    created: str
    is_old: bool = False
    watched: bool = True
    told: Job | None = None
    own_mark: str = ""
    _notes: dict[str, ItemNote] = field(default_factory=dict)
    _result: tuple[int, list[ItemNote]] = (0, [])

    @property
    def id(self) -> str:
        """Name of the folder."""
        return self.folder.path.name

    def describe(self, status: Status) -> Job:
        """Return the run as the page takes it, with all items."""
        failures = status.failures
        failed = [JobItem(file=one["file"], frame=one["frame"], n_objects=0, error=one["error"]) for one in failures]
        items = [
            JobItem(file=note.file, frame=note.frame, n_objects=note.n_objects, warnings=list(note.warnings))
            for note in self._items(status)
        ]
        return Job(
            id=self.id,
            title=self.plan.title,
            recipe=self.plan.recipe_name,
            state=status.state,  # type: ignore[arg-type]  # pydantic checks it
            done=status.done,
            total=status.total or len(self.plan.inputs),
            current=status.current,
            created=self.created,
            finished=status.finished,
            seconds=round(status.seconds, 1),
            error=status.error,
            items=items + failed,
            failures=[one["error"] for one in failures],
        )

    def _items(self, status: Status) -> list[ItemNote]:
        """Return what is done: in the order in which it was seen while the job runs, then in that of the tables."""
        if status.state == "done":
            try:
                stamp = (self.folder.result / "run.json").stat().st_mtime_ns
            except OSError:  # deleted by hand
                return []
            if self._result[0] != stamp:
                self._result = (stamp, self.folder.in_result())
            return self._result[1]
        for key in self.folder.committed_keys():
            if key not in self._notes and (note := self.folder.note(key)) is not None:
                self._notes[key] = note
        return list(self._notes.values())


class RunShelf:
    """The runs of a project. Not safe to use from several threads: `Jobs` has the lock.

    Parameters
    ----------
    project : Project
        Where they are kept.
    clock : callable
        Gives the time.
    """

    def __init__(self, project: RunProject, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._project, self._clock = project, clock
        self._runs: dict[str, KnownRun] = {}
        self._damaged: set[str] = set()
        self.find()

    def now(self) -> str:
        """Return the time as it is written down."""
        return self._clock().isoformat(timespec="seconds")

    def find(self) -> list[KnownRun]:
        """Return all runs, newest first: new ones are read, those that are gone forgotten."""
        try:
            names = {entry.name for entry in os.scandir(self._project.path("runs")) if _RUN.fullmatch(entry.name)}
        except OSError:  # no run was made yet
            names = set()
        for name in self._runs.keys() - names:
            del self._runs[name]
        for name in sorted(names - self._runs.keys() - self._damaged):
            try:
                folder = JobFolder(self._project.path("runs", name))
                if link := folder.find_link():
                    raise OutputError(f"{link} is a link, which may lead anywhere; a run holds none.")
                content = folder.read_job()
                run = KnownRun(
                    folder, RunPlan.from_json(content), int(content["number"]), str(content["created"]), is_old=True
                )
            except (GranumError, KeyError, TypeError, ValueError) as error:
                _log.warning("run %s is left out: %s", name, error)
                self._damaged.add(name)
                continue
            self._runs[name] = run
        return sorted(self._runs.values(), key=lambda run: run.number, reverse=True)

    def known(self) -> list[KnownRun]:
        """Return the runs that were found."""
        return list(self._runs.values())

    def get(self, id: str) -> KnownRun:
        """Return one run.

        Raises
        ------
        Problem
            When there is none of this name (404).
        """
        if id not in self._runs and _RUN.fullmatch(id):
            self.find()
        run = self._runs.get(id)
        if run is None or not run.folder.path.is_dir():
            raise Problem(404, "not_found", f"run {id!r}: does not exist.")
        return run

    def next_order(self) -> int:
        """Return the last place of the queue."""
        return 1 + max((run.folder.read_status().order for run in self._runs.values()), default=0)

    def make(self, plan: RunPlan) -> KnownRun:
        """Make the folder of a new run, in the queue; it is there whole or not at all.

        Raises
        ------
        OutputError
            When it cannot be written.
        """
        runs = self._project.path("runs")
        number = 1 + max((run.number for run in self.find()), default=0)
        when = self._clock()
        created = when.isoformat(timespec="seconds")
        new = runs / f".new-{secrets.token_hex(8)}"
        place: Path | None = None
        try:
            new.mkdir(parents=True)
            write_json_whole(new / "job.json", {**plan.to_json(), "number": number, "created": created}, sync=True)
            while place is None:
                name = runs / f"{when:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
                with contextlib.suppress(FileExistsError):
                    name.mkdir()  # takes the name, or tells that it is taken
                    place = name
            mark = own_mark(new / "job.json", at=place)
            JobFolder(new).write_status(Status("queued", self.next_order(), mark=mark), sync=True)
            new.replace(place)
        except (OSError, OutputError) as error:
            shutil.rmtree(new, ignore_errors=True)
            if place is not None:
                shutil.rmtree(place, ignore_errors=True)
            if isinstance(error, OutputError):
                raise
            raise OutputError(f"{runs}: cannot be written ({error.strerror or error}).") from error
        run = KnownRun(JobFolder(place), plan, number, created)
        self._runs[run.id] = run
        return run

    def remove(self, run: KnownRun) -> None:
        """Delete a run with all that belongs to it; it is out of sight at once.

        Raises
        ------
        OutputError
            When its folder may not be changed.
        """
        gone = run.folder.path.with_name(f".removed-{run.id}")
        try:
            run.folder.path.replace(gone)
        except OSError as error:
            raise OutputError(f"run {run.id}: cannot be removed ({error.strerror or error}).") from error
        self._runs.pop(run.id, None)
        shutil.rmtree(gone, ignore_errors=True)
