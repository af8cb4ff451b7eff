from __future__ import annotations

import importlib
import multiprocessing
import sys
import threading
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from granum.app.learn_jobs import LookJob, Painted, SaveJob
from granum.app.learn_worker import Learner, work
from granum.app.preview_worker import PreviewSource, Stopped
from granum.errors import GranumError, ReadError
from granum.learn import Scribbles
from granum.learn.model_file import load_model

SHAPE = (600, 800)
KEY = ("1" * 16, 0, 0)


@pytest.fixture(scope="module")
def fixtures():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).parent)
        return importlib.import_module("learn_fixtures")


@pytest.fixture(autouse=True)
def quick_first_model(monkeypatch, fixtures):
    """A first model that is there in milliseconds."""
    module = ModuleType("granum.learn.pixel_classifier")
    module.fit_first_model = fixtures.quick_model
    monkeypatch.setitem(sys.modules, "granum.learn.pixel_classifier", module)


@pytest.fixture
def bench(tmp_path, fixtures):
    return Bench(tmp_path, fixtures)


class Bench:
    """A learner in this process, and all that it has said."""

    def __init__(self, tmp_path, fixtures):
        self.learner, self.answers, self.fixtures = Learner(cache_bytes=1 << 28), [], fixtures
        self.folder = tmp_path / "predictions"
        self.folder.mkdir()
        self.path = tmp_path / "one.npy"
        np.save(self.path, fixtures.two_phases(shape=SHAPE))
        self.source = PreviewSource(KEY[0], self.path)
        self.version = 0

    def paint(self, *strokes, key=KEY, source=None):
        """Paint squares of 10 pixels, each (class, y, x)."""
        self.version += 1
        columns = [
            (y + dy, x + dx, class_id, number)
            for number, (class_id, y, x) in enumerate(strokes, 1)
            for dy in range(10)
            for dx in range(10)
        ]
        scribbles = None
        if columns:
            y, x, class_ids, numbers = np.array(columns).T
            scribbles = Scribbles.from_pixels("one", SHAPE, y=y, x=x, class_ids=class_ids, strokes=numbers)
        classes = self.fixtures.CLASSES
        self.learner.take(Painted(self.version, classes, {key: scribbles}, {key: source or self.source}))

    def look(self, view=(0, 0, 100, 100), file=None, stop_after=None, source=None):
        """Return the answers to a look; stopped after so many questions whether it is wanted."""
        asked = 0

        def check():
            nonlocal asked
            asked += 1
            if stop_after is not None and asked > stop_after:
                raise Stopped

        answers = []
        job = LookJob(1, source or self.source, 0, 0, view, "live", file, self.folder)
        try:
            self.learner.look(job, answers.append, check)
        except Stopped:
            answers.append("stopped")
        return answers

    def classes(self, answers):
        name = next(answer.found.name for answer in answers if getattr(answer, "found", None))
        return np.load(self.folder / name / "classes.npy")


def words(answers):
    return [answer if answer == "stopped" else answer.word for answer in answers]


def windows(answers):
    return [window for answer in answers if getattr(answer, "found", None) for window in answer.found.ready]


def covered(found, shape=SHAPE):
    seen = np.zeros(shape, int)
    for y0, x0, y1, x1 in found:
        seen[y0:y1, x0:x1] += 1
    return seen


def test_while_nothing_can_be_learnt_it_says_why_and_computes_the_features_of_the_view(bench):
    bench.paint((1, 50, 50))
    live, done = bench.look()
    assert (live.word, live.code, live.version, done.word) == ("live", "problem", 1, "done")
    assert "class" in live.text
    assert bench.learner._cache.n_bytes > 0
    assert words(bench.look()) == ["done"]


def test_after_a_stroke_the_view_is_there_first_and_then_everything(bench):
    bench.paint((1, 50, 50), (2, 50, 600))
    answers = bench.look(view=(0, 0, 100, 500))
    assert words(answers)[0] == "live"
    assert answers[0].text
    assert words(answers)[-1] == "done"
    found = [answer.found for answer in answers if answer.word == "found"]
    assert found[0].view_done or len(found) > 1
    first = next(one for one in range(len(found)) if found[one].view_done)
    assert covered([w for one in found[: first + 1] for w in one.ready])[:100, :500].all()
    assert (covered(windows(answers)) == 1).all()
    assert [one.complete for one in found] == [False] * (len(found) - 1) + [True]
    classes = bench.classes(answers)
    assert (classes[:, :390] == 1).mean() > 0.97
    assert (classes[:, 410:] == 2).mean() > 0.97
    assert sum(found[-1].areas.values()) == classes.size


def test_what_was_stopped_goes_on_where_it_was_with_the_new_view_first(bench):
    bench.paint((1, 50, 50), (2, 50, 600))
    first = bench.look(stop_after=4)
    assert words(first)[-1] == "stopped"
    n_before = covered(windows(first)).sum()
    again = bench.look(view=(500, 700, 600, 800))
    found = [answer.found for answer in again if answer.word == "found"]
    assert covered(found[0].ready).sum() >= n_before
    assert (covered(windows(again)) == 1).all()
    assert found[1].ready[0][2:] > (500, 700)
    assert words(bench.look()) == ["found", "found", "done"]


def test_another_stroke_is_another_model_and_another_prediction(bench):
    bench.paint((1, 50, 50), (2, 50, 600))
    before = bench.look()
    bench.paint((2, 50, 50), (1, 50, 600))
    after = bench.look()
    assert words(after)[0] == "live"
    np.testing.assert_array_equal(bench.classes(before), 3 - bench.classes(after))


def test_strokes_of_all_images_are_learnt_from_and_what_is_taken_back_is_not(bench, tmp_path):
    np.save(tmp_path / "two.npy", np.full(SHAPE, 120, np.uint8))
    other = PreviewSource("2" * 16, tmp_path / "two.npy")
    bench.paint((1, 50, 50))
    bench.paint((2, 50, 600), key=("2" * 16, 0, 0), source=other)
    assert bench.look()[0].code == ""
    bench.paint(key=("2" * 16, 0, 0))
    assert bench.look()[0].code == "problem"


def test_a_saved_model_predicts_as_it_says_and_needs_no_strokes(bench, tmp_path, fixtures):
    model = fixtures.make_model()
    model.save(tmp_path / "m.granum")
    answers = bench.look(file=tmp_path / "m.granum")
    assert "live" not in words(answers)
    np.testing.assert_array_equal(bench.classes(answers), model.predict(np.load(bench.path)[None]).classes)


def test_a_model_or_image_that_does_not_fit_or_is_gone_is_told(bench, tmp_path, fixtures):
    fixtures.make_model(n_channels=3).save(tmp_path / "m.granum")
    with pytest.raises(GranumError, match="3 channels"):
        bench.look(file=tmp_path / "m.granum")
    with pytest.raises(GranumError, match="gone"):
        bench.look(file=tmp_path / "none.granum")
    (tmp_path / "bad.npy").write_bytes(b"nothing")
    with pytest.raises(ReadError):
        bench.look(source=PreviewSource("3" * 16, tmp_path / "bad.npy"))


def test_the_live_model_is_saved_as_it_predicts(bench, tmp_path):
    with pytest.raises(GranumError, match="painted"):
        bench.learner.save(SaveJob(1, tmp_path / "x.granum"), bench.answers.append)
    bench.paint((1, 50, 50), (2, 50, 600))
    bench.learner.save(SaveJob(1, tmp_path / "x.granum"), bench.answers.append)
    assert words(bench.answers)[-1] == "done"
    answers = bench.look()
    saved = load_model(tmp_path / "x.granum").predict(np.load(bench.path)[None])
    np.testing.assert_array_equal(bench.classes(answers), saved.classes)


def test_old_predictions_are_let_go_with_their_files(bench):
    names = []
    for number in range(9):
        bench.paint((1, 50, 50), (2, 50, 600 + number))
        answers = bench.look()
        names += [answer.found.name for answer in answers if getattr(answer, "found", None)][:1]
        gone = [name for answer in answers if getattr(answer, "word", "") == "gone" for name in answer.names]
        assert gone == ([] if number < 6 else [names[number - 6]])
    assert len(list(bench.folder.iterdir())) == 6


def test_the_process_answers_stops_and_ends_with_its_pipe(bench):
    here, there = multiprocessing.Pipe()
    thread = threading.Thread(target=_serve, args=(there,))
    thread.start()
    try:
        here.send(LookJob(1, bench.source, 0, 0, (0, 0, 9, 9), "live", None, bench.folder))
        assert [here.recv().word for _ in range(2)] == ["live", "done"]
        here.send(LookJob(2, PreviewSource("9", Path("none.tif")), 0, 0, (0, 0, 9, 9), "live", None, bench.folder))
        answer = here.recv()
        assert (answer.word, answer.number, answer.code) == ("failed", 2, "not_possible")
        here.send(("stop", 2))
    finally:
        here.close()
        thread.join(20)
    assert not thread.is_alive()


def _serve(connection):
    """Run the loop of the process in a thread, where signals cannot be set."""
    import signal

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(signal, "signal", lambda *given: None)
        try:
            work(connection)
        finally:
            connection.close()


def test_strokes_cost_their_own_features_alone(bench, monkeypatch):
    import granum.learn.pixel_features as features

    asked = []
    sample = features.sample_features
    monkeypatch.setattr(features, "sample_features", lambda *a, **k: asked.append(k["y"].size) or sample(*a, **k))
    bench.paint((1, 50, 50), (2, 50, 600))
    bench.look()
    bench.paint((1, 50, 50), (2, 50, 600), (1, 300, 50))
    bench.look()
    # the new square of 10 x 10, less what the sample had drawn from it
    assert len(asked) == 2
    assert 50 < asked[1] <= 100


def test_the_rest_of_an_image_that_does_not_fit_into_memory_does_not_push_out_the_view(bench, monkeypatch):
    from granum.learn import FeatureSet, feature_cache

    block_bytes = 4 * 256 * 256 * FeatureSet().n_features(1)
    bench.learner._cache.most_bytes = 3 * block_bytes
    computed = []
    compute = feature_cache.compute_features
    monkeypatch.setattr(
        feature_cache, "compute_features", lambda *a, **k: computed.append(k["window"]) or compute(*a, **k)
    )
    view = (300, 300, 400, 400)  # in one of twelve blocks
    bench.paint((1, 50, 50), (2, 50, 600))
    bench.look(view=view)
    assert (256, 256, 512, 512) in computed
    computed.clear()
    bench.paint((1, 50, 50), (2, 50, 600), (1, 300, 50))
    answers = bench.look(view=view)
    assert (covered(windows(answers)) == 1).all()
    assert (256, 256, 512, 512) not in computed
    assert bench.learner._cache.n_bytes <= 3 * block_bytes
