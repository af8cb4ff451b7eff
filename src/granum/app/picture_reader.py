"""The background of the list of images: looks at the folder, hashes files, has them read, remembers what they say.

Small images are read one after the other by a process of their own; large ones wait in the queue of builds, because
they are ready only with the tiles of their first planes.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from granum.app.builder_process import BuilderProcess
from granum.app.folder_scan import fingerprint, scan_folder
from granum.app.image_facts import facts_are_current, facts_are_whole
from granum.app.index import Fingerprint, Index
from granum.app.picture_list import Picture, PictureList
from granum.app.planes import BuildQueue, Planes
from granum.app.project import Project
from granum.errors import GranumError
from granum.read import file_sha256

__all__ = ["PictureReader"]

_COMMIT_S = 1.0
_log = logging.getLogger("granum.app")


class PictureReader:
    """Keeps a `PictureList` up to date with the files.

    Parameters
    ----------
    project, pictures : Project, PictureList
        Whose files, and the list of them.
    builder, builds, planes
        For large images.
    watch_s : float
        How often the folder is looked at.
    """

    def __init__(
        self,
        project: Project,
        pictures: PictureList,
        builder: BuilderProcess,
        builds: BuildQueue,
        planes: Planes,
        *,
        watch_s: float,
    ) -> None:
        self._project, self._list = project, pictures
        self._builder, self._builds, self._planes = builder, builds, planes
        self._watch_s = watch_s
        self._process = BuilderProcess()
        self._index = Index(None)
        self._index_lock = threading.Lock()
        self._scanning = threading.Lock()
        self._expected: dict[Path, tuple[Fingerprint, str]] = {}
        self._todo: deque[Picture] = deque()
        self._wake = threading.Condition()
        self._busy = self._stopped = False
        self._next_scan = time.monotonic()
        self._thread = threading.Thread(target=self._work, name="granum-pictures", daemon=True)

    def start(self) -> None:
        """List the folder at once, and read what is not known in the background."""
        if not self._project.read_only:
            cache = self._project.cache  # its folder is there by now; a temporary one has no index
            self._index = Index(cache.with_name("index.sqlite") if cache.parent == self._project.place else None)
        self.rescan()
        self._thread.start()

    def stop(self) -> None:
        """Stop reading, also in the middle of a file."""
        with self._wake:
            self._stopped = True
            self._wake.notify_all()
        self._process.close()

    def close(self) -> None:
        """Wait for the thread and close the index; after `stop`."""
        if self._thread.is_alive():
            self._thread.join()
        with self._index_lock:
            self._index.close()

    def wait(self, timeout: float) -> bool:
        """Wait until nothing is left to read or build; False when that takes longer."""
        deadline = time.monotonic() + timeout
        with self._wake:
            while self._todo or self._busy or not self._builds.idle:
                if time.monotonic() > deadline:
                    return False
                self._wake.wait(0.02)
        return True

    def expect(self, path: Path, sha256: str) -> None:
        """Tell the hash of a file that the next scan will find, so that it need not be computed again."""
        with self._scanning:
            self._expected[path] = (fingerprint(path), sha256)

    def forget(self, key: str) -> None:
        """Forget a file in the index."""
        with self._index_lock:
            self._index.forget(key)

    def scan_soon(self) -> None:
        """Have the folder looked at without waiting for it."""
        with self._wake:
            self._next_scan = 0.0
            self._wake.notify_all()

    def rescan(self) -> None:
        """Look at the folder now."""
        with self._scanning:
            try:
                files = scan_folder(self._project)
            except OSError as error:
                _log.warning("%s cannot be listed: %s", self._project.folder, error)
                return
            new = self._list.replace_files(files)
            if new:
                with self._index_lock:
                    known = self._index.load()
                unknown = [one for one in new if not self._take_over(one, known)]
                for one in unknown:
                    mark, sha256 = self._expected.pop(one.file.path, (None, ""))
                    if mark == one.file.fingerprint:
                        self._list.change(one, id=sha256[:16], sha256=sha256)
                with self._wake:
                    # what was just dropped into the page goes before a folder that is read for the first time
                    self._todo.extendleft(one for one in reversed(unknown) if one.sha256)
                    self._todo.extend(one for one in unknown if not one.sha256)
                    self._wake.notify_all()
            self._list.tell(now=True)

    def _take_over(self, picture: Picture, known: dict[str, tuple[Fingerprint, str, str]]) -> bool:
        """Make a picture ready from what the index knows; False when it must be read."""
        row = known.get(picture.file.key)
        if row is None or row[0] != picture.file.fingerprint:
            return False
        facts = _parse(row[2])
        if facts is None:
            return False
        self._list.change(picture, id=row[1][:16], sha256=row[1], facts=facts, status="ready", progress=1.0)
        return True

    # -------------------------------------------------------------------------------------------- the thread

    def _work(self) -> None:
        committed = time.monotonic()
        while True:
            with self._wake:
                if not self._todo:
                    self._wake.wait(max(0.0, self._next_scan - time.monotonic()))
                if self._stopped:
                    return
                picture = self._todo.popleft() if self._todo else None
                self._busy = picture is not None
            if picture is not None:
                self._attempt(picture)
                self._list.tell()
            if time.monotonic() - committed > _COMMIT_S or not self._todo:
                with self._index_lock:
                    self._index.commit()
                self._list.tell(now=True)
                committed = time.monotonic()
            if time.monotonic() >= self._next_scan:
                started = time.monotonic()
                self.rescan()
                # never more than a few percent of the time, however many files there are
                self._next_scan = time.monotonic() + max(self._watch_s, 30 * (time.monotonic() - started))
            with self._wake:
                self._busy = False
                self._wake.notify_all()

    def _attempt(self, picture: Picture, *, large: int = 0) -> None:
        """Read one file, of which `large` samples are to be built; whatever it does, the thread lives on."""
        try:
            if large:
                self._build(picture, large)
            else:
                self._read(picture)
        except GranumError as error:
            if not self._stopped:
                sentence = str(error).replace(str(picture.file.path), picture.file.name)
                self._list.change(picture, status="failed", error=sentence)
        except Exception as error:
            _log.exception("%s failed", picture.file.name)
            self._list.change(picture, status="failed", error=f"granum's own fault: {type(error).__name__}: {error}.")

    def _read(self, picture: Picture) -> None:
        if picture not in self._list:
            return  # it was removed or replaced while it waited
        self._list.change(picture, status="reading")
        self._list.tell()
        sha256 = picture.sha256 or file_sha256(picture.file.path)
        self._list.change(picture, id=sha256[:16], sha256=sha256)
        facts = self._list.facts_of(sha256[:16]) or self._remembered(sha256)
        if facts is None:
            answer = self._process.run(self._inspection(picture), self._progress(picture))
            facts = answer["facts"]
            if answer["large"]:
                n = facts["height"] * facts["width"] * answer["n_channels"]
                job = f"inspect {picture.file.key}"
                self._builds.submit(job, lambda: self._attempt(picture, large=n), urgent=False)
                return
        self._finish(picture, facts)

    def _build(self, picture: Picture, n_samples: int) -> None:
        """Build the first planes of a large image, with which it is ready."""
        if picture in self._list:
            self._planes.make_room(n_samples)
            answer = self._builder.run({**self._inspection(picture), "large": True}, self._progress(picture))
            self._finish(picture, answer["facts"])
            self._list.tell(now=True)

    def _inspection(self, picture: Picture) -> dict[str, Any]:
        folder = self._project.cache / picture.id
        return {"job": "inspect", "path": str(picture.file.path), "folder": str(folder)}

    def _progress(self, picture: Picture) -> Callable[[float], None]:
        def progress(share: float) -> None:
            self._list.change(picture, progress=share)
            self._list.tell()

        return progress

    def _finish(self, picture: Picture, facts: dict[str, Any]) -> None:
        """Make a picture ready, unless its file was changed while it was read; the next scan sees that."""
        file = picture.file
        try:
            same = fingerprint(file.path) == file.fingerprint
        except OSError:
            same = False
        if not same:
            self.scan_soon()
            return
        self._remember(picture, facts)
        self._list.change(picture, facts=facts, status="ready", progress=1.0, error="")

    def _remembered(self, sha256: str) -> dict[str, Any] | None:
        """Return the facts of these bytes from an earlier time."""
        path = self._project.path("images", f"{sha256[:16]}.json")
        try:
            about = json.loads(path.read_bytes())
        except (OSError, ValueError):
            return None
        if not isinstance(about, dict) or about.get("sha256") != sha256:
            return None
        facts = about.get("facts")
        return facts if facts_are_whole(facts) else None

    def _remember(self, picture: Picture, facts: dict[str, Any]) -> None:
        """Keep what a file says; where that is not possible it will be read again next time, nothing more."""
        file = picture.file
        with self._index_lock:
            self._index.put(file.key, file.fingerprint, picture.sha256, json.dumps(facts))
        if self._project.read_only or self._remembered(picture.sha256) == facts:
            return
        about = {"name": file.name, "sha256": picture.sha256, "size_bytes": file.fingerprint.size, "facts": facts}
        try:
            text = json.dumps(about, indent=1, ensure_ascii=False)
            self._project.write(text.encode("utf-8", errors="replace") + b"\n", "images", f"{picture.id}.json")
        except GranumError as error:
            _log.warning("%s", error)


def _parse(text: str) -> dict[str, Any] | None:
    try:
        facts = json.loads(text)
    except ValueError:
        return None
    return facts if facts_are_current(facts) else None
