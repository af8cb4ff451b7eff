"""A small project with real runs, whose progress a test can hold at any image."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
import tifffile

from granum.app.jobs import Jobs
from granum.app.messages import ChannelInfo, ImageEntry
from granum.app.problems import Problem
from granum.app.project import Project
from granum.app.run_messages import RunRequest

QUICK = """
name = "quick"
[[step]]
do = "segment.threshold"
[[step]]
do = "segment.components"
[[step]]
do = "measure.objects"
"""
# read by every Python that a test starts: an image is done only after the file of its name stands in the gate
GATE = """
import os, pathlib, time
gate = os.environ.get("GRANUM_TEST_GATE")
if gate:
    import granum.batch.item as item
    done = item.process_item
    def process_item(one):
        place = pathlib.Path(gate, one.facts.source.stem)
        place.with_suffix(".begun").touch()
        while not place.exists() and not pathlib.Path(gate, "ALL").exists():
            time.sleep(0.01)
        return done(one)
    process_item.__module__, process_item.__qualname__ = done.__module__, done.__qualname__
    item.process_item = process_item
"""


def discs(count, *, size=64, seed=0):
    """Bright discs of radius 4 on a grid, on noise."""
    y, x = np.mgrid[:size, :size]
    image = np.random.default_rng(seed).integers(0, 5, (size, size)).astype(np.uint8)
    for n in range(count):
        image[(y - 16 * (n // 4) - 8) ** 2 + (x - 16 * (n % 4) - 8) ** 2 <= 16] = 200
    return image


class FolderPictures:
    """The images of a folder; the id is made from the name."""

    def __init__(self, folder):
        self.folder = folder

    def _files(self):
        files = sorted(path for path in self.folder.iterdir() if path.is_file())
        return {path.name.encode().hex()[-40:]: path for path in files}

    def entries(self):
        return [self.entry(id) for id in self._files()]

    def files(self):
        return [(entry, self.path(entry.id)) for entry in self.entries()]

    def entry(self, id):
        name, channels = self.path(id).name, [ChannelInfo(index=0, name="grey")]
        return ImageEntry(id=id, name=name, size_bytes=1, uploaded=False, status="ready", channels=channels)

    def path(self, id):
        if id not in self._files():
            raise Problem(404, "not_found", f"image {id!r}: does not exist.")
        return self._files()[id]

    def id(self, name):
        return next(id for id, path in self._files().items() if path.name == name)


class Bench:
    """A project, its images and its jobs."""

    def __init__(self, folder, gate, monkeypatch):
        self.folder, self._gate, self._monkeypatch = folder, gate, monkeypatch
        for n in (3, 5, 7):
            self.add(f"field_{n}.tif", n)
        self.project, self.pictures = Project(folder), FolderPictures(folder)
        self.messages, self.open_jobs = [], []

    def add(self, name, n):
        tifffile.imwrite(self.folder / name, discs(n, seed=n))
        return self.folder / name

    def jobs(self, **settings):
        jobs = Jobs(self.project, self.pictures, self.messages.append, every_s=0.02, **settings)
        self.open_jobs.append(jobs)
        return jobs

    def ask(self, **changes):
        return RunRequest(**{"toml": QUICK, "jobs": 1, **changes})

    def hold(self):
        """From now on an image is done only after `let`."""
        site = self._gate.with_name("site")
        site.mkdir(exist_ok=True)
        (site / "sitecustomize.py").write_text(GATE)
        self._gate.mkdir(exist_ok=True)
        self._monkeypatch.setenv("PYTHONPATH", str(site))
        self._monkeypatch.setenv("GRANUM_TEST_GATE", str(self._gate))

    def let(self, *stems):
        for stem in stems or ("ALL",):
            (self._gate / stem).touch()

    def wait_begun(self, *stems):
        wait_for(lambda: all((self._gate / f"{stem}.begun").exists() for stem in stems))

    def status(self, id):
        return json.loads(self.project.path("runs", id, "status.json").read_text())

    def result(self, id):
        return self.project.path("runs", id, "result")

    def wait(self, jobs, id, *states):
        wait_for(lambda: jobs.job(id).state in (states or ("done", "failed", "cancelled", "interrupted")))
        return jobs.job(id)

    def run(self, **changes):
        """Do a run from beginning to end and return its id."""
        jobs = self.jobs()
        id = jobs.start(self.ask(**changes)).id
        job = self.wait(jobs, id)
        assert job.state == "done", (job.error, self.project.path("runs", id, "log.txt").read_text())
        jobs.close()
        return id


def wait_for(condition, seconds=90):
    """Wait until something is so; a test that waits in vain fails."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def processes_of(leader):
    """All processes of the session that a job leads."""
    found = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == leader and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
        except (ProcessLookupError, psutil.NoSuchProcess):
            continue
    return found


def bytes_of(out):
    """All files of a run folder that must not depend on when and how it was made."""
    files = {path.relative_to(out).as_posix(): path for path in Path(out).rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in files.items() if name not in ("run.json", "report.html", "DONE")}


@pytest.fixture
def bench(tmp_path, monkeypatch):
    """Three images with 3, 5 and 7 discs, and what is needed to run them."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    bench = Bench(folder, tmp_path / "gate", monkeypatch)
    yield bench
    for jobs in bench.open_jobs:
        jobs.close()
    for path in bench.project.place.glob("runs/*/status.json"):  # something is left only where a test has failed
        pid = json.loads(path.read_text()).get("pid", 0)
        for left in processes_of(pid) if pid and pid != os.getpid() else []:
            psutil.Process(left).kill()
    bench.project.close()


@pytest.fixture
def tools():
    """Functions of this file, for tests that cannot import it."""
    return SimpleNamespace(wait_for=wait_for, processes_of=processes_of, bytes_of=bytes_of, QUICK=QUICK)
