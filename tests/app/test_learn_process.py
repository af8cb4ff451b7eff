"""The queue of looks, with a process that predicts nothing but says what it was asked."""

from __future__ import annotations

import importlib
import queue
import threading
import time
from pathlib import Path

import pytest

from granum.app.learn_jobs import LIVE, Painted
from granum.app.learn_process import LearnProcess, Look
from granum.app.preview_worker import PreviewSource
from granum.app.problems import Problem

SLOW = 60


class Bench:
    def __init__(self, tmp_path):
        self.heard = queue.Queue()
        self.version, self.dirty, self.n_places, self.told = 0, False, 0, []
        self.tmp_path = tmp_path
        self.process = LearnProcess(
            refresh=self.refresh,
            changes=lambda known: Painted(self.version, ()),
            changed=lambda: self.told.append(self.version),
            hear=lambda look, job, answer: self.heard.put((look, job, answer)),
            new_place=self.new_place,
            target=importlib.import_module("pretend_learner").pretend,
        )

    def refresh(self):
        dirty, self.dirty = self.dirty, False
        self.version += dirty
        return dirty

    def new_place(self):
        self.n_places += 1
        return self.tmp_path

    def paint(self):
        self.dirty = True
        self.process.painted()

    def look(self, client, request, kind=0, model=LIVE):
        look = Look(client, request, PreviewSource("a" * 16, Path("a.tif")), 0, 0, (0, kind, 100, 100), model, None)
        self.process.look(look)
        return look

    def next(self, *words):
        """Return the next answer of one of some words."""
        while True:
            look, _, answer = self.heard.get(timeout=SLOW)
            if answer.word in words:
                return look, answer


@pytest.fixture(autouse=True)
def find_pretend_learner(monkeypatch):
    """The process that is started has to find the module, too; it gets this one's path."""
    monkeypatch.syspath_prepend(Path(__file__).parent)


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    yield bench
    bench.process.close()


def test_a_look_is_answered_with_its_view_then_the_rest(bench):
    look = bench.look("a", 1)
    answers = [bench.heard.get(timeout=SLOW)[2] for _ in range(3)]
    assert [answer.word for answer in answers] == ["found", "found", "done"]
    assert [answer.found.complete for answer in answers[:2]] == [False, True]
    assert bench.process.is_current(look)


def test_the_newest_look_of_a_client_stops_the_older_one(bench):
    first = bench.look("a", 1, kind=1)
    time.sleep(0.3)
    second = bench.look("a", 2)
    assert bench.next("stopped")[0] is first
    assert bench.next("done")[0] is second
    assert not bench.process.is_current(first)


def test_a_stroke_makes_what_runs_stale_and_the_process_is_told_of_it_first(bench):
    bench.look("a", 1, kind=2)
    assert bench.next("found")[1].found.name == "live-0"
    bench.paint()
    bench.next("stopped")
    look, answer = bench.next("found")
    assert (look.request, answer.found.name) == (1, "live-1")
    assert bench.told == [1]


def test_strokes_do_not_touch_looks_at_saved_models(bench):
    look = bench.look("a", 1, kind=2, model="model:x")
    bench.next("found")
    bench.paint()
    time.sleep(0.3)
    assert bench.heard.empty()
    assert bench.process.is_current(look)


def test_the_view_of_another_comes_before_the_rest_of_an_image_which_then_goes_on(bench):
    first = bench.look("a", 1, kind=2)
    bench.next("found")
    second = bench.look("b", 1)
    assert bench.next("stopped")[0] is first
    assert bench.next("done")[0] is second
    assert bench.next("found")[0] is first


def test_a_view_that_is_not_there_yet_is_not_stopped_for_another(bench):
    first = bench.look("a", 1, kind=1)
    time.sleep(0.3)
    bench.look("b", 1)
    time.sleep(0.3)
    assert bench.heard.empty()
    bench.process.forget("a")
    assert bench.next("stopped")[0] is first
    assert bench.next("done")[0].client == "b"


def test_ten_strokes_in_a_hurry_are_not_ten_jobs(bench):
    bench.look("a", 1, kind=2)
    bench.next("found")
    for _ in range(50):
        bench.paint()
    time.sleep(1)
    bench.process.forget("a")
    jobs = set()
    while True:
        try:
            jobs.add(bench.heard.get(timeout=1)[1].number)
        except queue.Empty:
            break
    assert len(jobs) < 50


def test_a_process_that_dies_is_told_in_a_sentence_and_the_next_look_starts_it_anew(bench):
    dead = bench.look("a", 1, kind=3)
    look, answer = bench.next("failed")
    assert look is dead
    assert answer.code == "crashed"
    assert "starts it anew" in answer.text
    bench.look("a", 2)
    assert bench.next("done")[0].request == 2
    assert bench.n_places == 2


def test_the_live_model_is_saved_between_two_looks(bench, tmp_path):
    bench.look("a", 1, kind=2)
    bench.next("found")
    bench.process.save_live(tmp_path / "yes")
    assert (tmp_path / "yes").read_text() == "version 0"
    with pytest.raises(Problem, match=r"Nothing is painted\.") as problem:
        bench.process.save_live(tmp_path / "no")
    assert problem.value.status == 409


def test_a_save_that_comes_while_a_look_is_being_sent_does_not_stop_what_has_not_begun(bench, tmp_path):
    bench.look("a", 1, kind=2)
    bench.next("found")
    savers = []

    def changes(known):
        if bench.process._running.job.view and not savers:  # the look is sent once more, after the first save
            savers.append(threading.Thread(target=bench.process.save_live, args=(tmp_path / "second",), daemon=True))
            savers[0].start()
            end = time.monotonic() + SLOW
            while not bench.process._saves and time.monotonic() < end:
                time.sleep(0.01)
            time.sleep(0.1)
        return Painted(bench.version, ())

    sent = bench.process._changes
    bench.process._changes = lambda known: (
        changes(known) if hasattr(bench.process._running.job, "view") else sent(known)
    )
    bench.process.save_live(tmp_path / "first")
    end = time.monotonic() + SLOW
    while not (tmp_path / "second").exists() and time.monotonic() < end:
        time.sleep(0.02)
    assert (tmp_path / "second").exists()


def test_a_look_at_a_model_that_is_not_there_begins_when_it_is(bench, tmp_path):
    look = Look("a", 1, PreviewSource("a" * 16, Path("a.tif")), 0, 0, (0, 0, 9, 9), "search", None)
    bench.process.park(look)
    time.sleep(0.2)
    assert bench.heard.empty()
    bench.process.model_changed("search", tmp_path / "best")
    found, _ = bench.next("done")
    assert (found.request, found.file) == (1, tmp_path / "best")


def test_closing_ends_the_process_and_whoever_waits(tmp_path):
    bench = Bench(tmp_path)
    bench.look("a", 1, kind=1)
    time.sleep(0.5)
    bench.process.close()
    with pytest.raises(Problem, match="closing"):
        bench.process.save_live(tmp_path / "x")
    bench.process.painted()


def test_a_process_that_nobody_needs_ends(tmp_path):
    bench = Bench(tmp_path)
    bench.process._idle_s = 0.2
    try:
        bench.look("a", 1)
        bench.next("done")
        bench.process.forget("a")
        end = time.monotonic() + SLOW
        while bench.process._process is not None:
            assert time.monotonic() < end
            time.sleep(0.05)
        bench.look("a", 2)
        assert bench.next("done")[0].request == 2
    finally:
        bench.process.close()
