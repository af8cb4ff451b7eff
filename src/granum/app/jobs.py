"""`Jobs`: runs in processes of their own, which go on without browser and server and are found by the next server.

Nothing about a job is known only here: its folder says what was asked for, its status how far it is and which process
does it. So a job whose process is gone without an end is told from one that runs, and goes on where it stopped.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from granum.app.job_folder import Status
from granum.app.job_process import BUSY
from granum.app.own_mark import has_own_mark, own_mark
from granum.app.problems import Problem
from granum.app.processes import end_group, is_alive, process_token, wait_ended
from granum.app.run_messages import Job, JobList, RunRequest
from granum.app.run_plan import RunPictures, RunPlan, RunProject, plan_run
from granum.app.run_shelf import KnownRun, RunShelf

__all__ = ["MOST_ITEMS", "Jobs"]

MOST_ITEMS = 100
"""So many items of a job, the newest, go to the page by themselves; `Jobs.job` gives all."""
_PATIENCE_S = 3.0
_ENDED = ("done", "failed", "cancelled", "interrupted")
_log = logging.getLogger("granum.app")


class Jobs:
    """The jobs of a project, one at a time.

    Parameters
    ----------
    project : Project
        Where runs are kept, and what the user typed.
    pictures : Pictures
        The images.
    publish : callable
        Called from a thread with ``{"type": "job"}`` and ``{"type": "runs"}`` messages for all pages.
    stop_with_server : bool
        End the running job in `close`; it can be resumed. Otherwise it goes on alone.
    most_running : int
        How many jobs run at the same time.
    every_s : float
        How often the status of running jobs is looked at.
    """

    def __init__(
        self,
        project: RunProject,
        pictures: RunPictures,
        publish: Callable[[dict[str, Any]], None],
        *,
        stop_with_server: bool = False,
        most_running: int = 1,
        every_s: float = 0.25,
    ) -> None:
        self._project, self._pictures, self._publish = project, pictures, publish
        self._stop_with_server, self._most_running, self._every_s = stop_with_server, most_running, every_s
        self._lock = threading.RLock()
        self._shelf = RunShelf(project)
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._ending: set[str] = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="granum-jobs", daemon=True)
        self._thread.start()

    # -------------------------------------------------------------------------------------------- what is asked

    def start(self, request: RunRequest) -> Job:
        """Make a run of a request and start it, or put it into the queue.

        Raises
        ------
        Problem
            The project is read-only, or an image does not exist.
        SettingError
            The recipe or a channel does not fit.
        OutputError
            The folder of the run cannot be written.
        """
        self._project.require_writable()
        plan = self.plan_of(request)
        with self._lock:
            run = self._shelf.make(plan)
            self._advance()
            return self._tell(run)

    def resume(self, id: str) -> Job:
        """Go on with a job that was interrupted, cancelled or has failed, or try the files that failed once more.

        Raises
        ------
        Problem
            No such job (404), or nothing is left to do (409).
        """
        self._project.require_writable()
        with self._lock:
            run = self._shelf.get(id)
            status = self._status(run)
            if status.state in ("queued", "running") or id in self._ending:
                raise Problem(409, "running", f"job {id}: is {status.state}; cancel it first.")
            if status.state == "done" and run.folder.is_complete:
                raise Problem(409, "done", f"job {id}: is done, nothing failed; start a new one to run it again.")
            # its last word is not its last act: until it is gone it holds the folder
            if not wait_ended(status.pid, status.token, _PATIENCE_S):
                raise Problem(409, "ending", f"job {id}: its process {status.pid} has not ended yet; try again.")
            if (child := self._children.pop(id, None)) is not None:
                child.wait()
            order = self._shelf.next_order()
            if link := run.folder.find_link():
                raise Problem(409, "link", f"job {id}: {link} is a link, which may lead anywhere; remove it first.")
            mark = own_mark(run.folder.job)
            again = Status("queued", order, status.done, status.total, seconds=status.seconds, mark=mark)
            run.folder.write_status(again, sync=True)
            run.watched = True
            self._advance()
            return self._tell(run)

    def cancel(self, id: str) -> Job:
        """End a job with all its processes; what is done is kept for `resume`. Takes up to a few seconds.

        Raises
        ------
        Problem
            No such job (404), or it has ended (409).
        """
        with self._lock:
            run = self._shelf.get(id)
            status = self._status(run)
            if status.state in _ENDED:
                raise Problem(409, "ended", f"job {id}: has ended already ({status.state}).")
            if status.state == "queued":
                run.folder.write_status(replace(status, state="cancelled", finished=self._shelf.now()), sync=True)
                return self._tell(run)
            self._ending.add(id)
        try:
            self._end(run)
        finally:
            with self._lock:
                self._ending.discard(id)
        with self._lock:
            status = self._status(run)
            if status.state in ("interrupted", "queued"):
                run.folder.write_status(
                    replace(status, state="cancelled", current="", finished=self._shelf.now()), sync=True
                )
            self._advance()
            return self._tell(run)

    def remove(self, id: str) -> None:
        """Delete a run that does not run, with its result and its edits.

        Raises
        ------
        Problem
            No such job (404), or it runs (409).
        """
        self._project.require_writable()
        with self._lock:
            run = self._shelf.get(id)
            status = self._status(run)
            if status.state in ("queued", "running") or id in self._ending:
                raise Problem(409, "running", f"run {id}: is {status.state}; cancel it first.")
            self._shelf.remove(run)
        self._publish({"type": "runs", "runs": [id]})

    # -------------------------------------------------------------------------------------------- what is told

    def job(self, id: str) -> Job:
        """Return a job with all its items.

        Raises
        ------
        Problem
            No such job (404).
        """
        with self._lock:
            run = self._shelf.get(id)
            return run.describe(self._status(run))

    def all(self) -> JobList:
        """Return all jobs, newest first, each with its newest items."""
        with self._lock:
            return JobList(jobs=[_shortened(run.describe(self._status(run))) for run in self._shelf.find()])

    def running(self) -> list[Job]:
        """Return the jobs that run now, for the line with which the server says goodbye."""
        return [job for job in self.all().jobs if job.state == "running"]

    def plan_of(self, request: RunRequest) -> RunPlan:
        """Return what a request asks for, nothing left open; see `plan_run`."""
        return plan_run(request, self._project, self._pictures)

    def plan(self, id: str) -> RunPlan:
        """Return what a run was asked to do.

        Raises
        ------
        Problem
            No such run (404).
        """
        with self._lock:
            return self._shelf.get(id).plan

    def result_folder(self, id: str) -> Path:
        """Return the run folder of a finished run.

        Raises
        ------
        Problem
            No such run (404), or it is not finished (409).
        """
        with self._lock:
            folder = self._shelf.get(id).folder
        if not (folder.result / "DONE").is_file():
            raise Problem(409, "not_done", f"run {id}: is not finished; wait for it, or resume it.")
        return folder.result

    def close(self) -> str:
        """Stop watching; running jobs go on alone, or are ended when that was wanted. Return a line for the user."""
        self._over.set()
        self._thread.join()
        with self._lock:
            active = [run for run in self._shelf.known() if self._status(run).state == "running"]
        if self._stop_with_server:
            for run in active:
                self._end(run)
        for child in self._children.values():
            if child.poll() is None:  # somebody must wait for it as long as this process lives
                threading.Thread(target=child.wait, daemon=True).start()
        self._children.clear()
        names = ", ".join(run.plan.title for run in active)
        if not active:
            return ""
        if self._stop_with_server:
            return f"Stopped, and can be resumed in the app: {names}."
        return f"Goes on without the app, which finds it again: {names}."

    # -------------------------------------------------------------------------------------------- processes

    def _status(self, run: KnownRun) -> Status:
        """Return the status with the state that is true: what a process has written may have outlived it."""
        child = self._children.get(run.id)
        status = run.folder.read_status()
        if status.state in _ENDED:
            return status
        if (child is not None and child.poll() is None) or is_alive(status.pid, status.token):
            return replace(status, state="running")
        if status.state == "queued" and not self._is_own(run, status):
            return replace(status, state="interrupted")
        status = run.folder.read_status()  # it may have ended between the two looks
        if status.state == "running":
            return replace(status, state="done" if run.folder.is_complete else "interrupted", current="")
        return status

    def _is_own(self, run: KnownRun, status: Status) -> bool:
        """Whether what waits was asked for by this user here, and did not come with a project of somebody else."""
        if run.own_mark != status.mark and has_own_mark(run.folder.job, status.mark):
            run.own_mark = status.mark
        return bool(status.mark) and run.own_mark == status.mark

    def _advance(self) -> None:
        """Write down what has ended without a word, and start what waits."""
        if self._over.is_set() or self._project.read_only:
            return
        waiting, n_running = [], 0
        for run in self._shelf.known():
            if not run.watched:
                continue
            status = self._status(run)
            if self._has_stumbled(run, status):
                continue
            if status.state == "running" or run.id in self._ending:
                n_running += 1
            elif status.state == "queued":
                waiting.append((status.order, run))
        for _, run in sorted(waiting, key=lambda pair: pair[0])[: max(0, self._most_running - n_running)]:
            self._launch(run)

    def _has_stumbled(self, run: KnownRun, status: Status) -> bool:
        """Let go of a process that has ended; write down when it ended before its first word."""
        child = self._children.get(run.id)
        if child is None or child.poll() is None or run.id in self._ending:
            return False
        del self._children[run.id]
        if status.state != "queued" or child.returncode in (0, BUSY):
            return False
        error = f"its process ended at once (code {child.returncode}); {run.folder.log} may tell why."
        run.folder.write_status(replace(status, state="failed", error=error, finished=self._shelf.now()), sync=True)
        return True

    def _launch(self, run: KnownRun) -> None:
        """Start the process of a run, in a session of its own: Ctrl-C in the server's terminal is not for it."""
        words = [sys.executable, "-P", "-m", "granum.app.job_process", str(run.folder.path.absolute())]
        try:
            with run.folder.log.open("ab") as log:
                self._children[run.id] = subprocess.Popen(
                    words, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
                )
        except OSError as error:
            status = run.folder.read_status()
            sentence = f"its process cannot be started ({error.strerror or error})."
            run.folder.write_status(replace(status, state="failed", error=sentence, finished=self._shelf.now()))

    def _end(self, run: KnownRun) -> None:
        """End the processes of a run."""
        child = self._children.get(run.id)
        status = run.folder.read_status()
        pid, token = status.pid, status.token
        if child is not None and child.poll() is None:
            pid, token = child.pid, process_token(child.pid) or ""
        if not end_group(pid, token, patience_s=_PATIENCE_S):
            raise Problem(
                503, "stuck", f"job {run.id}: its process {pid} cannot be ended, the disk may hang; try again."
            )
        if child is not None:
            child.wait()
            with self._lock:
                self._children.pop(run.id, None)

    # -------------------------------------------------------------------------------------------- messages

    def _watch(self) -> None:
        while not self._over.wait(self._every_s):
            try:
                with self._lock:
                    self._advance()
                    for run in self._shelf.known():
                        if run.watched:
                            self._tell(run)
            except Exception:  # a full disk, a folder deleted by hand: the next round may do better
                _log.exception("jobs cannot be watched")

    def _tell(self, run: KnownRun) -> Job:
        """Return a job, and publish it when it has changed."""
        job = run.describe(self._status(run))
        if run.id in self._ending:  # its process may be gone already, which is no interruption
            return job
        before, run.told = run.told, job
        run.watched = job.state not in _ENDED
        if run.is_old and before is None and not run.watched:  # it has ended before this server began
            return job
        if job != before:
            self._publish({"type": "job", "job": _shortened(job).model_dump()})
            if before is not None and job.state in _ENDED and (run.folder.result / "DONE").is_file():
                self._publish({"type": "runs", "runs": [run.id]})
        return job


def _shortened(job: Job) -> Job:
    return job.model_copy(update={"items": job.items[-MOST_ITEMS:]})
