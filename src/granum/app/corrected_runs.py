"""Run folders with the corrections by hand in them, made when somebody takes them away.

They are made by `run_batch(edits=...)` in processes of their own, so they have the bytes of ``granum run --edits``.
What comes out is compared with what the page shows: another version of granum may find other objects, and then nothing
is handed out.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from granum.app.open_run import OpenRun
from granum.app.problems import Problem
from granum.app.run_plan import assay_options
from granum.batch.runners import ProcessRunner
from granum.batch.runs import run_batch
from granum.errors import GranumError
from granum.report.label_images import read_labels

__all__ = ["CorrectedRuns"]

_KEPT = 2


class CorrectedRuns:
    """The corrected run folders of a project.

    Parameters
    ----------
    cache : callable
        Returns the folder where they lie.
    """

    def __init__(self, cache: Callable[[], Path]) -> None:
        self._cache = cache
        self._lock = threading.Lock()
        self._making: dict[str, threading.Lock] = {}

    def folder(
        self,
        run: OpenRun,
        edits: Mapping[str, Any],
        paths: Sequence[Path],
        labels_of: Callable[[str, int], NDArray[np.int32]],
    ) -> Path:
        """Return the corrected run folder.

        Parameters
        ----------
        run : OpenRun
            The run.
        edits : dict
            Its corrections.
        paths : sequence of Path
            All its files, in their order.
        labels_of : callable
            (stem, frame) -> the labels that the page shows, without gaps.

        Raises
        ------
        Problem
            409 when the run was not made by the app, or this granum finds something else.
        """
        plan = run.plan
        if plan is None:
            raise Problem(409, "damaged", f"run {run.id}: has lost its job.json, so it cannot be repeated.")
        place = self._place(run, edits)
        key = place.name
        with self._lock:
            making = self._making.setdefault(run.id, threading.Lock())
        with making:
            if (place / "DONE").is_file():
                return place
            place.parent.mkdir(parents=True, exist_ok=True)
            n = min(plan.processes, sum(run.folder.n_frames(stem) for stem in run.folder.stems))
            built = place.with_name(f"{key}.new")
            shutil.rmtree(built, ignore_errors=True)
            run_batch(
                run.folder.recipe,
                paths,
                built,
                channels=dict(plan.channels),
                patterns=dict(plan.patterns) or None,
                pixel_size=plan.pixel_size,
                interval_s=plan.interval_s,
                z=plan.z,
                **assay_options(plan, place.with_name(f"{key}.csv")),
                edits=edits,
                runner=ProcessRunner(max(n, 1)),
            )
            try:
                self._compare(run, built, edits, labels_of)
            except GranumError:
                shutil.rmtree(built, ignore_errors=True)
                raise
            built.replace(place)
            self._tidy(place)
        return place

    def ready(self, run: OpenRun, edits: Mapping[str, Any]) -> Path | None:
        """Return the corrected run folder if it was made already."""
        place = self._place(run, edits)
        return place if (place / "DONE").is_file() else None

    def _place(self, run: OpenRun, edits: Mapping[str, Any]) -> Path:
        done = (run.folder.path / "DONE").read_bytes()
        key = hashlib.sha256(json.dumps(edits, sort_keys=True).encode() + done).hexdigest()[:16]
        return self._cache() / run.id / key

    def forget(self, run: str) -> None:
        """Delete all of a run."""
        shutil.rmtree(self._cache() / run, ignore_errors=True)

    def _compare(
        self,
        run: OpenRun,
        built: Path,
        edits: Mapping[str, Any],
        labels_of: Callable[[str, int], NDArray[np.int32]],
    ) -> None:
        """Make sure that nothing is handed out that nobody has seen."""
        old, new = _hashes(run.folder.path), _hashes(built)
        for stem in run.folder.stems:
            frames = edits.get(run.folder.input(stem)["files"][0]["sha256"], {})
            name = f"labels/{stem}.tif"
            same = name in new
            if same and not frames:
                same = old.get(name) == new[name]
            elif same:
                stack = read_labels(built / name)
                for t in map(int, frames):
                    same = same and np.array_equal(stack[t] if stack.ndim == 3 else stack, labels_of(stem, t))
            if not same:
                made_by = run.folder.run.get("granum", "?")
                raise Problem(
                    409,
                    "other_result",
                    f"{stem}: this granum finds other objects than the run did (it was made by granum {made_by}); run"
                    " the recipe again and correct that.",
                )

    def _tidy(self, newest: Path) -> None:
        """Keep the newest and the one before, which somebody may still be downloading."""
        others = [path for path in newest.parent.iterdir() if path != newest and path.is_dir()]
        for old in sorted(others, key=lambda path: path.stat().st_mtime_ns)[: max(0, len(others) - _KEPT + 1)]:
            shutil.rmtree(old, ignore_errors=True)


def _hashes(folder: Path) -> dict[str, str]:
    """Return name -> SHA-256 of all files of a run folder."""
    lines = (folder / "DONE").read_text(encoding="utf-8").splitlines()
    return {name: sha256 for sha256, _, name in (line.partition("  ") for line in lines)}
