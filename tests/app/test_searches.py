from __future__ import annotations

import queue
import sys
from pathlib import Path

import psutil
import pytest

from granum.app.learn_messages import SearchRequest
from granum.app.preview_worker import PreviewSource
from granum.app.problems import Problem
from granum.app.project import Project
from granum.app.search_process import BEST, SearchTask, read_state
from granum.app.searches import Searches
from granum.image import PixelSize
from granum.learn import PixelClass, Scribbles

SLOW = 60
KEY = ("a" * 16, 0, 0)
CLASSES = (PixelClass(1, "dark", "#e69f00"), PixelClass(2, "bright"))

# what the real process does with its folder: says that it runs, finds a model, ends when it is asked to
PRETEND = """
import os, sys, threading
from pathlib import Path
from granum.app.search_process import read_state, write_state, SearchTask, BEST
folder = Path(sys.argv[1])
task = SearchTask.read(folder)
kind = task.seed
stop = threading.Event()
def listen():
    for _ in sys.stdin:
        stop.set()
    os._exit(1)
threading.Thread(target=listen, daemon=True).start()
state = read_state(folder)
(folder / BEST).write_bytes(b"model")
write_state(folder, state.model_copy(update={"n_trials": 3, "stage": "searching"}))
if kind == 9:
    os._exit(9)
if kind == 1:
    stop.wait()
write_state(folder, state.model_copy(update={"n_trials": 4, "state": "stopped" if stop.is_set() else "done"}))
"""


def planes():
    scribbles = Scribbles.from_pixels(
        "a.tif", (10, 12), y=[1, 2], x=[3, 4], class_ids=[1, 2], strokes=[1, 2], notes=("so",)
    )
    return [(KEY, scribbles, PreviewSource(KEY[0], Path("a.tif"), PixelSize(1, 2, "nm", "typed")))]


class Bench:
    def __init__(self, tmp_path):
        self.folder = tmp_path / "images"
        self.folder.mkdir(exist_ok=True)
        self.project = Project(self.folder)
        self.heard = queue.Queue()
        self.searches = Searches(
            self.project, lambda state, new: self.heard.put((state, new)),
            command=lambda folder: [sys.executable, "-c", PRETEND, str(folder)],
        )  # fmt: skip

    def start(self, kind=0):
        return self.searches.start(SearchRequest(budget_s=5, seed=kind), planes(), CLASSES)

    def until(self, condition):
        while True:
            state, new = self.heard.get(timeout=SLOW)
            if condition(state, new):
                return state

    def close(self):
        told = self.searches.close()
        self.project.close()
        return told


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    yield bench
    bench.close()


def test_a_search_tells_how_it_goes_on_and_its_best(bench):
    assert bench.searches.state() is None
    assert bench.searches.best_file() is None
    begun = bench.start()
    assert (begun.state, begun.budget_s) == ("running", 5)
    news = []
    done = bench.until(lambda state, new: news.append(new) or state.state == "done")
    assert any(news)
    assert (done.id, done.n_trials) == (begun.id, 4)
    assert bench.searches.state() == done
    assert bench.searches.best_file().read_bytes() == b"model"


def test_one_search_at_a_time_and_stop_keeps_the_best(bench):
    with pytest.raises(Problem, match="No search runs") as problem:
        bench.searches.stop()
    assert problem.value.status == 409
    bench.start(kind=1)
    with pytest.raises(Problem, match="runs already") as problem:
        bench.start()
    assert problem.value.status == 409
    bench.until(lambda state, new: state.n_trials == 3)
    bench.searches.stop()
    bench.until(lambda state, new: state.state == "stopped")
    assert bench.searches.best_file() is not None
    bench.start()
    bench.until(lambda state, new: state.state == "done")


def test_a_search_that_crashes_says_so_and_another_can_start(bench):
    bench.start(kind=9)
    state = bench.until(lambda state, new: state.state != "running")
    assert (state.state, state.n_trials) == ("failed", 3)
    assert "code 9" in state.message
    bench.start()
    bench.until(lambda state, new: state.state == "done")


def test_the_search_ends_with_the_server_and_the_next_server_shows_it(bench, tmp_path):
    bench.start(kind=1)
    bench.until(lambda state, new: state.n_trials == 3)
    child = psutil.Process(bench.searches._process.pid)
    assert "search for a model was stopped" in bench.close()
    child.wait(SLOW)
    assert not child.is_running()
    again = Bench(tmp_path)
    state = again.searches.state()
    assert (state.state, state.n_trials) == ("stopped", 3)
    assert "best so far is kept" in state.message
    assert again.searches.best_file() is not None
    assert again.close() == ""


def test_a_search_whose_server_was_killed_is_not_shown_as_running(bench, tmp_path):
    begun = bench.start(kind=1)
    bench.until(lambda state, new: state.n_trials == 3)
    again = Bench(tmp_path)
    state = again.searches.state()
    assert (state.id, state.state) == (begun.id, "stopped")
    again.close()


def test_only_the_last_searches_are_kept(bench):
    ids = []
    for _ in range(5):
        ids.append(bench.start().id)
        bench.until(lambda state, new: state.state == "done")
    kept = {path.name for path in bench.project.path("searches").iterdir()}
    assert len(kept) == 3
    assert ids[-1] in kept


def test_in_a_read_only_project_there_is_no_search(bench):
    bench.project.read_only = "The disk is read-only."
    with pytest.raises(Problem, match="read-only"):
        bench.start()


def test_the_task_comes_back_as_it_was(tmp_path):
    task = SearchTask(5.0, 3, CLASSES, tuple(planes()))
    task.write(tmp_path)
    again = SearchTask.read(tmp_path)
    assert (again.budget_s, again.seed, again.classes) == (5.0, 3, CLASSES)
    ((key, scribbles, source),) = again.planes
    (_, before, source_before), *_ = task.planes
    assert (key, source) == (KEY, source_before)
    assert (scribbles.name, scribbles.shape, scribbles.notes) == ("a.tif", (10, 12), ("so",))
    for column in ("y", "x", "class_ids", "strokes"):
        assert (getattr(scribbles, column) == getattr(before, column)).all()


def test_a_damaged_state_is_none(tmp_path):
    assert read_state(tmp_path) is None
    (tmp_path / "state.json").write_text("{")
    assert read_state(tmp_path) is None
    assert BEST.endswith(".granum")
