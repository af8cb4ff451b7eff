"""What a search has done: its trials, what it tells while it runs, what it returns, the file from which it goes on."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from granum.errors import ModelError, OutputError, SettingError
from granum.learn.pixel_model import PixelModel
from granum.learn.score_report import ScoreReport
from granum.learn.search_space import Pipeline

__all__ = ["SearchProgress", "SearchResult", "StudyFile", "Trial", "order_trials"]

_FORMAT = 1


@dataclass(frozen=True)
class Trial:
    """One pipeline that was tried.

    Parameters
    ----------
    number : int
        0, 1, 2 ... in the order of trying.
    pipeline : Pipeline
        What was tried.
    state : {"done", "pruned", "failed"}
        Pruned ones were given up after some folds; failed ones raised an error.
    miou : float or None
        Estimated mean IoU on unseen images; None unless done.
    rank : float or None
        What it is compared by (`Score.rank`).
    low, high : float or None
        95 % interval; of those that were the best at some time.
    seconds : float
        That it took.
    seconds_per_mpx : float
        About how long predicting takes on one core, by a fixed model of costs.
    is_best : bool
        The one that is kept.
    without : tuple of float
        The score without each fold, which tells what differences mean.
    partial : tuple of float
        Balanced accuracy after each fold.
    problem : str
        Why it failed.
    """

    number: int
    pipeline: Pipeline
    state: Literal["done", "pruned", "failed"]
    seconds: float
    seconds_per_mpx: float
    miou: float | None = None
    rank: float | None = None
    low: float | None = None
    high: float | None = None
    is_best: bool = False
    without: tuple[float, ...] = ()
    partial: tuple[float, ...] = ()
    problem: str = ""

    @property
    def merit(self) -> float:
        """What it is compared by; 0 unless done."""
        return (self.miou if self.rank is None else self.rank) or 0.0

    @property
    def description(self) -> str:
        """The pipeline in words."""
        return self.pipeline.describe()

    @property
    def family(self) -> str:
        """Families of its last stage."""
        return self.pipeline.family

    def to_json(self) -> dict[str, Any]:
        """Return it in JSON types, without how long it took: a model's file must not depend on that."""
        return {
            "number": self.number,
            "description": self.description,
            "family": self.family,
            "pipeline": self.pipeline.to_json(),
            "state": self.state,
            "miou": self.miou,
            "low": self.low,
            "high": self.high,
            "seconds_per_mpx": self.seconds_per_mpx,
            "is_best": self.is_best,
            "problem": self.problem,
        }


@dataclass(frozen=True, eq=False)
class SearchProgress:
    """What a search tells while it runs.

    Parameters
    ----------
    stage : str
        What it does now, for people.
    elapsed_s, budget_s : float
        Seconds.
    n_trials : int
        That have ended.
    leaderboard : tuple of Trial
        The best first; the pruned and failed ones last.
    best : Trial or None
        The one whose model is kept; None before the first.
    model : PixelModel or None
        Of the best so far, ready to be used.
    report : ScoreReport or None
        Of the best so far.
    """

    stage: str
    elapsed_s: float
    budget_s: float
    n_trials: int
    leaderboard: tuple[Trial, ...]
    best: Trial | None = None
    model: PixelModel | None = None
    report: ScoreReport | None = None


@dataclass(frozen=True, eq=False)
class SearchResult:
    """What a search found.

    Parameters
    ----------
    model : PixelModel
        The best, trained on everything that is painted; ``model.about`` holds report, leaderboard and provenance.
    leaderboard : tuple of Trial
        The best first.
    report : ScoreReport or None
        None when the search was stopped before a pipeline was scored.
    notes : tuple of str
        What the user must know.
    """

    model: PixelModel
    leaderboard: tuple[Trial, ...]
    report: ScoreReport | None
    notes: tuple[str, ...] = ()


@dataclass(eq=False)
class StudyFile:
    """Trials on disk, a line of JSON each, so that a search can be stopped and go on another day.

    Parameters
    ----------
    path : Path or None
        None keeps nothing.
    fingerprint : str
        Of all that trials depend on: pixels, strokes, seed, version.
    """

    path: Path | None
    fingerprint: str
    _is_new: bool = field(default=True, init=False)

    def read(self) -> tuple[Trial, ...]:
        """Return the trials that were done before; a last line that was cut off is left out.

        Raises
        ------
        SettingError
            The file is of other images, strokes, another seed or version, or is no study.
        """
        if self.path is None or not self.path.exists() or not self.path.stat().st_size:
            return ()
        lines = self.path.read_text(encoding="utf-8", errors="replace").split("\n")
        head = _parse(lines[0])
        if head is None or head.get("granum_study") != _FORMAT:
            raise SettingError(f"study: {self.path} is not a study of this version; give the name of a new file.")
        if head.get("fingerprint") != self.fingerprint:
            raise SettingError(
                f"study: {self.path} is of other images, strokes, another seed or version; give the name of a new file."
            )
        self._is_new = False
        found = [_trial(parsed) for parsed in map(_parse, lines[1:]) if parsed is not None]
        if lines[-1]:  # cut off in the middle of a line: what comes next must not be glued to it
            self._append("")
        return tuple(sorted(found, key=lambda trial: trial.number))

    def add(self, trial: Trial) -> None:
        """Write a trial."""
        if self.path is None:
            return
        if self._is_new:
            self._append(json.dumps({"granum_study": _FORMAT, "fingerprint": self.fingerprint}))
            self._is_new = False
        more = {"seconds": trial.seconds, "rank": trial.rank, "without": [*trial.without], "partial": [*trial.partial]}
        self._append(json.dumps(trial.to_json() | more))

    def _append(self, line: str) -> None:
        """Write a line at the end, at once."""
        if self.path is None:
            return
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise OutputError(f"study: {self.path} cannot be written ({error.strerror}).") from error


def order_trials(trials: Iterable[Trial]) -> tuple[Trial, ...]:
    """Return trials, the kept one first, then by merit, then those without."""
    return tuple(sorted(trials, key=lambda one: (not one.is_best, one.miou is None, -one.merit, one.number)))


def _parse(line: str) -> dict[str, Any] | None:
    """Return a line of JSON, None when it is none."""
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _trial(value: dict[str, Any]) -> Trial:
    """Return a trial that was written down."""
    try:
        return Trial(
            number=int(value["number"]),
            pipeline=Pipeline.from_json(value["pipeline"]),
            state=value["state"],
            seconds=float(value["seconds"]),
            seconds_per_mpx=float(value["seconds_per_mpx"]),
            miou=None if value["miou"] is None else float(value["miou"]),
            rank=value.get("rank"),
            low=value["low"],
            high=value["high"],
            without=tuple(map(float, value["without"])),
            partial=tuple(map(float, value["partial"])),
            problem=str(value["problem"]),
        )
    except (KeyError, TypeError, ValueError, ModelError) as error:
        raise SettingError(f"study: a line is damaged ({error}); give the name of a new file.") from None
