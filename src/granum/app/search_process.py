"""``python -m granum.app.search_process FOLDER``: one search for the best model, in a process of its own.

FOLDER holds what is searched on: ``search.json`` and the strokes as arrays. It writes ``state.json`` and
``best.granum``, each whole, whenever there is something new. A line on its standard input asks it to stop; the end of
the input, which is the end of its server, ends it.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from granum.app.learn_jobs import PlaneKey
from granum.app.learn_messages import ScoreReport, SearchState, TrialInfo
from granum.app.preview_worker import PreviewSource
from granum.app.stroke_digest import STROKES, all_strokes, plane_strokes
from granum.errors import GranumError
from granum.image import PixelSize
from granum.learn import PixelClass, Scribbles, TrainingImage

if TYPE_CHECKING:
    from granum.learn.pixel_model import PixelModel
    from granum.learn.score_report import ScoreReport as LearntReport
    from granum.learn.search_state import SearchProgress, Trial

__all__ = ["BEST", "MOST_TRIALS", "STATE", "SearchTask", "main", "read_state", "write_state"]

STATE, BEST, _TASK = "state.json", "best.granum", "search.json"
MOST_TRIALS = 50
_TELL_EVERY_S = 0.25
_NICENESS = 5


@dataclasses.dataclass(frozen=True, eq=False)
class SearchTask:
    """What is searched on.

    Parameters
    ----------
    budget_s : float
        Seconds.
    seed : int
        Of all that is random.
    classes : tuple of PixelClass
        Of the project.
    planes : tuple of (PlaneKey, Scribbles, PreviewSource)
        What is painted.
    """

    budget_s: float
    seed: int
    classes: tuple[PixelClass, ...]
    planes: tuple[tuple[PlaneKey, Scribbles, PreviewSource], ...]

    @property
    def strokes(self) -> str:
        """What tells these strokes from others."""
        return all_strokes(plane_strokes(key, scribbles) for key, scribbles, _ in self.planes)

    def write(self, folder: Path) -> None:
        """Write it into a folder."""
        planes = []
        for number, (key, scribbles, source) in enumerate(self.planes):
            columns = {name: getattr(scribbles, name) for name in ("y", "x", "class_ids", "strokes")}
            with (folder / f"strokes_{number}.npz").open("wb") as file:
                np.savez_compressed(file, **columns)
            size = source.pixel_size
            planes.append(
                {
                    "image": key[0], "t": key[1], "z": key[2], "name": scribbles.name, "shape": list(scribbles.shape),
                    "path": str(source.path), "notes": list(scribbles.notes),
                    "pixel_size": None if size is None else dataclasses.asdict(size),
                }
            )  # fmt: skip
        classes = [dataclasses.asdict(one) for one in self.classes]
        about = {"budget_s": self.budget_s, "seed": self.seed, "classes": classes, "planes": planes}
        (folder / _TASK).write_text(json.dumps(about, indent=1), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> SearchTask:
        """Return what `write` wrote."""
        about = json.loads((folder / _TASK).read_text(encoding="utf-8"))
        planes = []
        for number, one in enumerate(about["planes"]):
            with np.load(folder / f"strokes_{number}.npz", allow_pickle=False) as columns:
                scribbles = Scribbles.from_pixels(
                    one["name"],
                    tuple(one["shape"]),
                    notes=tuple(one["notes"]),
                    **{name: columns[name] for name in columns},
                )
            size = None if one["pixel_size"] is None else PixelSize(**one["pixel_size"])
            key = (one["image"], one["t"], one["z"])
            planes.append((key, scribbles, PreviewSource(one["image"], Path(one["path"]), size)))
        classes = tuple(PixelClass(**one) for one in about["classes"])
        return cls(about["budget_s"], about["seed"], classes, tuple(planes))

    def images(self) -> list[TrainingImage]:
        """Read the pixels of all planes."""
        from granum.app.learn_planes import OpenPlanes

        planes = OpenPlanes(most_bytes=0)
        found = []
        for (_, t, z), scribbles, source in self.planes:
            plane = planes.get(source, t, z)
            found.append(
                TrainingImage(
                    scribbles.name, plane.channels, scribbles, plane.area, plane.channel_names, plane.pixel_size_nm
                )
            )
        return found


class _Reporter:
    """Writes the state, at once but at most four times a second, and the best model when it is a new one."""

    def __init__(self, folder: Path, state: SearchState, origin: dict[str, Any]) -> None:
        self.folder, self.state, self._origin = folder, state, origin
        self._began, self._last = time.monotonic(), 0.0
        self._best: PixelModel | None = None

    def hear(self, progress: SearchProgress) -> None:
        """Take a progress of the search."""
        model, report = progress.model, progress.report
        is_new = model is not None and model is not self._best
        if model is not None and is_new:
            # what a model says about itself comes at the end; one that is kept before must not be without its score
            about = {
                "kind": "search that went on",
                **self._origin,
                "report": None if report is None else report.to_json(),
            }
            self.keep(dataclasses.replace(model, about={**model.about, **about}))
            self._best = model
        self.tell(
            now=is_new,
            n_trials=progress.n_trials,
            stage=progress.stage or self.state.stage,
            leaderboard=describe_trials(progress.leaderboard),
            report=describe_report(report),
        )

    def keep(self, model: PixelModel) -> None:
        """Write the best model."""
        part = self.folder / ".best.part"
        model.save(part)
        part.replace(self.folder / BEST)

    def tell(self, *, now: bool = False, **changes: Any) -> None:
        """Change the state and write it."""
        changes = {key: value for key, value in changes.items() if value is not None}
        self.state = self.state.model_copy(update={**changes, "elapsed_s": time.monotonic() - self._began})
        if now or time.monotonic() - self._last > _TELL_EVERY_S:
            self._last = time.monotonic()
            write_state(self.folder, self.state)


def describe_trials(trials: Sequence[Trial]) -> list[TrialInfo]:
    """Return the leaderboard of a search as messages, the best first."""
    found = [
        TrialInfo(
            number=one.number,
            description=one.description,
            family=one.family,
            state=one.state,
            miou=_finite(one.miou),
            low=_finite(one.low),
            high=_finite(one.high),
            seconds=one.seconds,
            seconds_per_mpx=_finite(one.seconds_per_mpx),
            is_best=one.is_best,
        )
        for one in trials
    ]
    return found[:MOST_TRIALS]


def describe_report(report: LearntReport | None) -> ScoreReport | None:
    """Return a report of scores as a message; the words are the same."""
    if report is None:
        return None
    return ScoreReport.model_validate(report.to_json())


def _finite(value: float | None) -> float | None:
    return None if value is None or value != value else float(value)


def write_state(folder: Path, state: SearchState) -> None:
    """Write the state of a search, whole or not at all."""
    part = folder / f".state.{os.getpid()}.part"
    part.write_text(state.model_dump_json(indent=1), encoding="utf-8")
    part.replace(folder / STATE)


def read_state(folder: Path) -> SearchState | None:
    """Return the state of a search; None when there is none, or it is damaged."""
    try:
        return SearchState.model_validate_json((folder / STATE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _search(folder: Path, stop: threading.Event) -> int:
    from granum.learn.model_search import search_model

    task = SearchTask.read(folder)
    begun = SearchState(
        id=folder.name, state="running", budget_s=task.budget_s, elapsed_s=0, n_trials=0, strokes=task.strokes
    )
    strokes = [scribbles for _, scribbles, _ in task.planes]
    origin: dict[str, Any] = {"n_images": len(strokes), "n_strokes": sum(one.n_strokes for one in strokes)}
    origin[STROKES] = task.strokes
    reporter = _Reporter(folder, begun, origin)
    reporter.tell(now=True, stage="reading images")
    try:
        result = search_model(
            task.images(), task.classes, budget_s=task.budget_s, seed=task.seed, progress=reporter.hear,
            should_stop=stop.is_set,
        )  # fmt: skip
        reporter.keep(dataclasses.replace(result.model, about={**result.model.about, STROKES: task.strokes}))
        reporter.tell(
            now=True,
            state="stopped" if stop.is_set() else "done",
            stage="",
            n_trials=len(result.leaderboard),
            leaderboard=describe_trials(result.leaderboard),
            report=describe_report(result.report),
            message=" ".join(result.notes),
        )
        return 0
    except GranumError as error:
        reporter.tell(now=True, state="failed", stage="", message=str(error))
        return 3
    except MemoryError:
        reporter.tell(now=True, state="failed", stage="", message="There is not enough memory for this search.")
        return 3
    except Exception as error:
        traceback.print_exc()
        text = f"granum's own fault: {type(error).__name__}: {error}"
        reporter.tell(now=True, state="failed", stage="", message=text)
        return 1


def main(arguments: Sequence[str]) -> int:
    """Run the process; return its exit code."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; only the server decides
    stop = threading.Event()

    def listen() -> None:
        for _ in sys.stdin:
            stop.set()
        os._exit(1)  # the server is gone; the main thread may be deep in native code

    threading.Thread(target=listen, daemon=True).start()
    os.nice(_NICENESS)  # the page, which is being painted on, comes first
    return _search(Path(arguments[0]), stop)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
