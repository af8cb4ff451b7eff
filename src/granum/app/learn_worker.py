"""The process that learns from strokes and predicts what is looked at.

It keeps pixels, features and models, so that a stroke costs its own features, a fit, and the classifier over the view.
After every block it looks at the pipe: a newer stroke or look stops it there.
"""

from __future__ import annotations

import hashlib
import math
import os
import threading
import time
import traceback
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

import numpy as np

from granum.app.learn_jobs import LIVE, Answer, Found, LookJob, Painted, PlaneKey, SaveJob, Spot, Window
from granum.app.learn_layers import BLOCK, block_window
from granum.app.learn_planes import OpenPlane, OpenPlanes
from granum.app.learn_predictions import PlanePrediction, blocks_outward
from granum.app.preview_worker import LARGEST_PLANE, PreviewSource, Stopped
from granum.app.stroke_digest import STROKES, all_strokes, plane_strokes
from granum.batch.runners import end_with_parent
from granum.errors import GranumError
from granum.learn import FeatureSet, PixelClass, Scribbles, TrainingData, TrainingImage, gather_training_data

if TYPE_CHECKING:
    from granum.learn.pixel_model import PixelModel

__all__ = ["Learner", "work"]

_MOST_PREDICTIONS, _MOST_MODELS = 6, 4
_MOST_BYTES = 512 << 20  # of the arrays of all predictions
_TELL_EVERY_S = 0.08
_MOST_THREADS = 8

Tell = Callable[[Answer], None]


class Learner:
    """Learns and predicts in this process.

    Parameters
    ----------
    cache_bytes : int
        Memory for features.
    """

    def __init__(self, *, cache_bytes: int | None = None) -> None:
        from granum.learn.feature_cache import FeatureCache
        from granum.learn.known_pixels import KnownPixels

        self._threads = _limit_threads()
        self._pool = ThreadPoolExecutor(self._threads, "granum-learn", initializer=_one_thread)
        self._planes = OpenPlanes()
        self._cache = FeatureCache(_cache_bytes() if cache_bytes is None else cache_bytes)
        self._known = KnownPixels()
        self._strokes: dict[PlaneKey, Scribbles] = {}
        self._sources: dict[PlaneKey, PreviewSource] = {}
        self._classes: tuple[PixelClass, ...] = ()
        self._version = 0
        self._live: PixelModel | None = None
        self._data: TrainingData | None = None
        self._live_version = -1
        self._problem = ""
        self._models: OrderedDict[tuple[str, int, int], PixelModel] = OrderedDict()
        self._predictions: OrderedDict[str, PlanePrediction] = OrderedDict()

    def take(self, painted: Painted) -> None:
        """Take what is painted now."""
        self._version, self._classes = painted.version, painted.classes
        for plane, scribbles in painted.planes.items():
            if scribbles is None:
                self._strokes.pop(plane, None)
                self._sources.pop(plane, None)
            else:
                self._strokes[plane] = scribbles
                self._sources[plane] = painted.sources[plane]

    def look(self, job: LookJob, tell: Tell, check: Callable[[], None]) -> None:
        """Predict what a job looks at; `check` raises `Stopped` when it is not wanted any more.

        Raises
        ------
        GranumError
            The file or the model cannot be read, or they do not fit.
        """
        plane = self._planes.get(job.source, job.t, job.z)
        check()
        model, identity = self._model(job, tell)
        if model is None:
            self._prepare(job, plane, check)
            tell(Answer("done", job.number))
            return
        check()
        name = hashlib.sha256(repr((identity, plane.key)).encode()).hexdigest()[:20]
        prediction = self._predictions.get(name)
        if prediction is None:
            notes = model.check(plane.channels, pixel_size_nm=plane.pixel_size_nm)
            prediction = PlanePrediction(name, model, plane, job.folder, self._cache, notes=tuple(notes))
            self._predictions[name] = prediction
        self._predictions.move_to_end(name)
        self._let_go(job.number, tell)
        self._predict(job, prediction, tell, check)

    def _let_go(self, number: int, tell: Tell) -> None:
        """Let the predictions go that were not looked at for longest; those that stay may take less memory."""
        total = sum(one.nbytes for one in self._predictions.values())
        while len(self._predictions) > 1 and (len(self._predictions) > _MOST_PREDICTIONS or total > _MOST_BYTES):
            name, gone = self._predictions.popitem(last=False)
            total -= gone.nbytes
            gone.close()
            tell(Answer("gone", number, names=(name,)))
        for older in list(self._predictions.values())[:-1]:
            older.release()

    def save(self, job: SaveJob, tell: Tell) -> None:
        """Write the live model into a file.

        Raises
        ------
        GranumError
            Nothing can be learnt.
        """
        if self._live_version != self._version:
            self._learn(job.number, tell)
        if self._live is None:
            raise GranumError(self._problem)
        self._live.save(job.file)
        tell(Answer("done", job.number))

    def _predict(self, job: LookJob, prediction: PlanePrediction, tell: Tell, check: Callable[[], None]) -> None:
        shape, notes = prediction.plane.shape, prediction.notes

        def found(**about: Any) -> Answer:
            return Answer("found", job.number, found=Found(prediction.name, shape, notes=notes, **about))

        order = blocks_outward(job.view, shape)
        n_kept = self._room_for(prediction.model.features, len(prediction.plane.channels))
        prediction.kept = {(row, column) for row, column, _ in order[:n_kept]}
        todo = deque(one for one in order if not prediction.done[one[0], one[1]])
        is_large = shape[0] * shape[1] > LARGEST_PLANE
        if is_large:  # only what is looked at
            todo = deque(one for one in todo if one[2])
        ready = list(prediction.ready())
        last = 0.0
        n_view = sum(inside for _, _, inside in todo)
        view_done = not n_view
        if ready or view_done:
            tell(found(ready=tuple(ready), view_done=view_done))
            ready, last = [], time.perf_counter()
        for window, inside in self._make_blocks(prediction, todo, check):
            ready.append(window)
            n_view -= inside
            now_done = inside and not n_view
            if now_done or (time.perf_counter() - last > _TELL_EVERY_S and (view_done or last)):
                view_done = view_done or now_done
                tell(found(ready=tuple(ready), view_done=view_done))
                ready, last = [], time.perf_counter()
        is_all = prediction.is_complete
        areas, spots = (prediction.areas(), self._spots(job.plane, prediction)) if is_all else ({}, ())
        tell(found(ready=tuple(ready), view_done=True, complete=True, areas=areas, spots=spots))
        tell(Answer("done", job.number))

    def _spots(self, plane: PlaneKey, prediction: PlanePrediction) -> tuple[Spot, ...]:
        """Return where one more stroke helps most."""
        from granum.learn.place_candidates import map_painted

        model, data, painted = prediction.model, self._data, None
        # a model from a file may have learnt from other features
        if data is not None and data.features == model.features and len(data.images[0].channels) == model.n_channels:
            painted = map_painted(model, data)
        return prediction.spots(painted, self._strokes.get(plane))

    def _prepare(self, job: LookJob, plane: OpenPlane, check: Callable[[], None]) -> None:
        """Compute the features of what is looked at while nothing can be learnt yet: the first stroke finds them."""
        features = FeatureSet()
        n_blocks = self._room_for(features, len(plane.channels))
        if math.prod(plane.shape) > LARGEST_PLANE:
            n_blocks = min(n_blocks, sum(inside for _, _, inside in blocks_outward(job.view, plane.shape)))
        for row, column, _ in blocks_outward(job.view, plane.shape)[:n_blocks]:
            check()
            window = block_window(row, column, plane.shape)
            self._cache.window(plane.key, plane.channels, features, plane.intensity, window, copy=False)

    def _room_for(self, features: FeatureSet, n_channels: int) -> int:
        """Return how many blocks of features there is room for."""
        return self._cache.most_bytes // (4 * BLOCK * BLOCK * features.n_features(n_channels))

    def _make_blocks(
        self, prediction: PlanePrediction, todo: Iterable[tuple[int, int, bool]], check: Callable[[], None]
    ) -> Iterator[tuple[Window, bool]]:
        """Make blocks in order, as many at once as there are cores, and ask between any two whether to go on."""
        waiting: deque[tuple[Future[Window], bool]] = deque()
        try:
            for row, column, inside in todo:
                check()
                waiting.append((self._pool.submit(prediction.make, row, column), inside))
                if len(waiting) > self._threads:
                    future, was_inside = waiting.popleft()
                    yield future.result(), was_inside
            while waiting:
                check()
                future, was_inside = waiting.popleft()
                yield future.result(), was_inside
        finally:
            for future, _ in waiting:  # what has begun is ended: it writes into the arrays
                future.cancel()
            wait([future for future, _ in waiting])

    def _model(self, job: LookJob, tell: Tell) -> tuple[PixelModel | None, Any]:
        """Return the model of a job and what tells it from others."""
        if job.file is None:
            if self._live_version != self._version:
                self._learn(job.number, tell)
            return self._live, (LIVE, self._version)
        from granum.learn.model_file import load_model

        try:
            about = job.file.stat()
        except OSError:
            raise GranumError("This model is gone; choose another one.") from None
        key = (str(job.file), about.st_size, about.st_mtime_ns)
        model = self._models.get(key)
        if model is None:
            model = self._models[key] = load_model(job.file)
            while len(self._models) > _MOST_MODELS:
                self._models.popitem(last=False)
        self._models.move_to_end(key)
        return model, key

    def _learn(self, number: int, tell: Tell) -> None:
        """Fit the live model to everything that is painted."""
        from granum.learn.pixel_classifier import fit_first_model

        self._live, self._data, self._live_version = None, None, self._version
        try:
            data = self._data = gather_training_data(self._images(), self._classes, cache=self._known)
            model = fit_first_model(data)
            n_images = int(np.unique(data.image_of).size)
            about = {"n_images": n_images, "n_strokes": len(data.strokes)}
            strokes = all_strokes(plane_strokes(*one) for one in self._strokes.items())
            self._live = replace(model, about={**model.about, **about, STROKES: strokes})
        except GranumError as error:  # one class only, images that do not go together: a sentence beside the strokes
            self._problem = str(error)
            tell(Answer("live", number, self._problem, "problem", self._version))
            return
        tell(Answer("live", number, self._live.describe(), version=self._version, notes=data.notes))

    def _images(self) -> list[TrainingImage]:
        found = []
        for key, scribbles in sorted(self._strokes.items()):
            plane = self._planes.get(self._sources[key], key[1], key[2])
            found.append(
                TrainingImage(
                    scribbles.name, plane.channels, scribbles, plane.area, plane.channel_names, plane.pixel_size_nm
                )
            )
        return found


def work(connection: Connection) -> None:
    """Learn and predict until the connection ends, in a process of its own; the words are those of `learn_jobs`."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; only the server decides
    # threads that wait must not spin: the server, the browser and jobs share the cores; read when kernels first run
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    threading.Thread(target=end_with_parent, daemon=True).start()
    learner = Learner()
    waiting: deque[Any] = deque()
    while True:
        try:
            message = waiting.popleft() if waiting else connection.recv()
            if isinstance(message, Painted):
                learner.take(message)
            elif isinstance(message, LookJob | SaveJob):
                connection.send(_answer(learner, message, connection, waiting))
        except (EOFError, OSError):
            return


def _answer(learner: Learner, job: LookJob | SaveJob, connection: Connection, waiting: deque[Any]) -> Answer:
    """Do a job; return the last word on it."""
    ended: list[Answer] = []

    def tell(answer: Answer) -> None:
        if answer.word == "done":
            ended.append(answer)
        else:
            connection.send(answer)

    def check() -> None:
        while connection.poll():
            message = connection.recv()
            if message == ("stop", job.number):
                raise Stopped
            if not isinstance(message, tuple):
                waiting.append(message)

    try:
        if isinstance(job, SaveJob):
            learner.save(job, tell)
        else:
            learner.look(job, tell, check)
        return ended[0]
    except Stopped:
        return Answer("stopped", job.number)
    except GranumError as error:
        return Answer("failed", job.number, str(error), "not_possible")
    except MemoryError:
        return Answer("failed", job.number, "There is not enough memory for this prediction.", "memory")
    except OSError as error:
        text = f"The prediction cannot be written ({error.strerror or error})."
        return Answer("failed", job.number, text, "not_written")
    except Exception as error:
        traceback.print_exc()  # to the terminal of the server
        text = f"granum's own fault: {type(error).__name__}; the terminal tells more."
        return Answer("failed", job.number, text, "fault")


def _limit_threads() -> int:
    """Set how many threads kernels use, and return it."""
    import cv2
    import numba

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = max(1, min(_MOST_THREADS, cores, numba.config.NUMBA_NUM_THREADS))
    numba.set_num_threads(threads)
    cv2.setNumThreads(threads)
    return threads


def _one_thread() -> None:
    """Let kernels in this thread use no others: blocks are what is done at the same time."""
    import numba

    numba.set_num_threads(1)


def _cache_bytes() -> int:
    """Return a quarter of the memory, at most 2 GB."""
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # a system that does not tell
        return 1 << 30
    return min(2 << 30, total // 4)
