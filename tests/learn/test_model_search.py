from __future__ import annotations

import threading

import numba
import numpy as np
import pytest

from granum.errors import SettingError
from granum.learn import PixelClass, TrainingImage, make_scribbles, search_model
from granum.learn import model_search as module

CLASSES = (PixelClass(1, "matrix"), PixelClass(2, "phase"), PixelClass(3, "rare"))


def images_of(phases, n_painted=2):
    return [
        TrainingImage(
            f"image {at}",
            pixels[None],
            make_scribbles(strokes, name=f"image {at}") if at < n_painted else None,
        )
        for at, (pixels, strokes) in enumerate(zip(phases.images, phases.strokes, strict=True))
    ]


@pytest.fixture(scope="module", autouse=True)
def _few_resamples():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_RESAMPLES", module._QUICK_RESAMPLES)
        yield


@pytest.fixture(scope="module")
def phases(draw_phases):
    return draw_phases(3, size=64, noise=0.8)


@pytest.fixture(scope="module")
def images(phases):
    return images_of(phases)


@pytest.fixture(scope="module")
def result(images):
    return search_model(images, CLASSES, most_trials=5, seed=1)


def test_the_best_pipeline_becomes_a_model_that_knows_unseen_images(result, draw_phases):
    new = draw_phases(1, seed=7, size=96, noise=0.8)
    found = result.model.predict(new.images[0][None]).classes
    assert (found == new.classes[0] + 1).mean() > 0.75
    assert result.leaderboard[0].is_best
    assert sum(trial.is_best for trial in result.leaderboard) == 1
    assert len(result.leaderboard) == 5


def test_the_model_says_how_good_it_is_and_where_it_comes_from(result, images):
    about = result.model.about
    assert about["report"]["miou"] == pytest.approx(result.report.miou)
    assert about["leaderboard"][0]["is_best"]
    assert [one["name"] for one in about["images"]] == [image.name for image in images]
    assert about["images"][0]["strokes_sha256"]
    assert about["images"][2]["strokes_sha256"] is None
    assert about["settings"] == {"seed": 1, "most_trials": 5}
    assert about["versions"]["granum"]
    assert result.report.learning_curve
    assert result.report.importance


def test_a_number_of_trials_gives_the_same_bytes_with_any_number_of_threads(images, result, tmp_path):
    result.model.save(tmp_path / "one.granum")
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        again = search_model(images, CLASSES, most_trials=5, seed=1)
    finally:
        numba.set_num_threads(before)
    again.model.save(tmp_path / "other.granum")
    assert (tmp_path / "one.granum").read_bytes() == (tmp_path / "other.granum").read_bytes()


@pytest.mark.parametrize("budget_s", [0, -1, float("nan"), float("inf")])
def test_a_budget_of_nothing_is_refused(images, budget_s):
    with pytest.raises(SettingError, match="budget_s"):
        search_model(images, CLASSES, budget_s=budget_s)


def test_no_trials_at_all_are_refused(images):
    with pytest.raises(SettingError, match="most_trials"):
        search_model(images, CLASSES, most_trials=0)


def test_it_tells_how_far_it_is_and_always_has_a_model(images, phases):
    told = []
    search_model(images, CLASSES, most_trials=2, progress=told.append)
    with_model = [one for one in told if one.model is not None]
    assert told.index(with_model[0]) <= 1
    assert [one.n_trials for one in told] == sorted(one.n_trials for one in told)
    assert with_model[0].model.predict(phases.images[0][None]).classes.all()
    assert told[-1].best.miou is not None
    assert told[-1].stage == "done"
    assert all(one.report is not None for one in told if one.best is not None)


@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_stop_keeps_the_best_so_far(images, after):
    stop = threading.Event()
    kept = []

    def hear(now):
        kept.append(now.best)
        if now.n_trials >= after and now.model is not None:
            stop.set()

    result = search_model(images, CLASSES, budget_s=600, progress=hear, should_stop=stop.is_set)
    assert result.model is not None
    assert len(result.leaderboard) == after
    if after:
        assert result.leaderboard[0].is_best
        assert result.report is not None
    else:
        assert result.report is None
        assert any("not scored" in note for note in result.notes)


def test_a_short_budget_gives_a_model(images):
    result = search_model(images, CLASSES, budget_s=0.01)
    assert result.model.describe()


def test_a_pipeline_that_fails_is_recorded_and_the_search_goes_on(images, monkeypatch):
    run = module.TrialRunner.run

    def fails_for_networks(self, pipeline, **more):
        if pipeline.parts[0].family == "mlp" and pipeline.normalisation == "image":
            raise MemoryError("no room")
        return run(self, pipeline, **more)

    monkeypatch.setattr(module.TrialRunner, "run", fails_for_networks)
    result = search_model(images, CLASSES, most_trials=4)
    failed = [trial for trial in result.leaderboard if trial.state == "failed"]
    assert failed
    assert "no room" in failed[0].problem
    assert result.leaderboard[0].state == "done"


def test_when_everything_fails_the_first_model_is_returned_and_said_so(images, monkeypatch):
    def fails(self, pipeline, **more):
        raise ValueError("broken")

    monkeypatch.setattr(module.TrialRunner, "run", fails)
    result = search_model(images, CLASSES, most_trials=2)
    assert result.report is None
    assert result.model.predict(images[0].channels).classes.any()
    assert any("not scored" in note for note in result.notes)


@pytest.mark.slow
def test_a_study_goes_on_where_it_ended(images, tmp_path):
    study = tmp_path / "study.jsonl"
    whole = search_model(images, CLASSES, most_trials=5, seed=2)
    search_model(images, CLASSES, most_trials=3, seed=2, study=study)
    resumed = search_model(images, CLASSES, most_trials=5, seed=2, study=study)
    assert [trial.pipeline for trial in resumed.leaderboard] == [trial.pipeline for trial in whole.leaderboard]
    assert [trial.miou for trial in resumed.leaderboard] == [trial.miou for trial in whole.leaderboard]
    with pytest.raises(SettingError, match="other images"):
        search_model(images[:1], CLASSES, most_trials=5, seed=2, study=study)


def test_with_strokes_on_one_image_only_its_guess_about_grey_levels_is_told(images):
    result = search_model(images[:1], CLASSES, most_trials=2)
    assert len({trial.pipeline.normalisation for trial in result.leaderboard}) == 1
    assert any("Only one image is painted" in note for note in result.notes)


def test_one_pixel_of_each_class_gives_a_model():
    pixels = np.zeros((40, 50), np.uint8)
    pixels[:, 25:] = 200
    painted = np.zeros_like(pixels)
    painted[10, 5], painted[20, 45] = 1, 2
    given = [TrainingImage("one", pixels[None], make_scribbles(painted, name="one"))]
    result = search_model(given, most_trials=4)
    assert (result.model.predict(pixels[None]).classes[:, 5] == 1).all()


def test_what_cannot_be_tested_has_no_score():
    pixels = np.zeros((40, 50), np.uint8)
    pixels[:, 25:] = 200
    painted = np.zeros_like(pixels)
    painted[10, 5], painted[20, 45] = 1, 2
    given = [TrainingImage("one", pixels[None], make_scribbles(painted, name="one"))]
    result = search_model(given, most_trials=4)
    assert result.report is None
    assert not result.leaderboard
    assert any("nothing can be left out" in note for note in result.notes)
    assert any("nothing can be left out" in note for note in result.model.about["notes"])


def test_what_is_compiled_at_the_first_use_does_not_take_from_the_budget(images, monkeypatch):
    class Slow(module.CompileClock):
        seconds = 1e6  # as if everything so far had been compilation

    monkeypatch.setattr(module, "CompileClock", Slow)
    seen = []
    result = search_model(images, CLASSES, budget_s=0.001, progress=seen.append, should_stop=lambda: len(seen) > 8)
    assert result.leaderboard
    assert all(one.elapsed_s < 0 for one in seen)
    assert any("compiling" in note for note in result.notes)
    assert not any("compiling" in note for note in result.model.about["notes"])


def test_one_class_only_is_refused():
    painted = np.zeros((40, 50), np.uint8)
    painted[10, 5:9] = 1
    given = [TrainingImage("one", np.zeros((1, 40, 50)), make_scribbles(painted, name="one"))]
    with pytest.raises(SettingError, match="class"):
        search_model(given)
