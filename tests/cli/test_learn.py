from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import threading

import numpy as np
import pytest
import tifffile

from granum.cli import learn as command
from granum.cli.learn import parse_budget, parse_classes
from granum.errors import SettingError
from granum.learn.model_file import load_model
from granum.learn.scribbles import PixelClass


@pytest.fixture
def painted(disc_pictures, learnt, tmp_path):
    """A folder of strokes for the first of the two pictures."""
    folder = tmp_path / "strokes"
    folder.mkdir()
    tifffile.imwrite(folder / "a.tif", learnt.draw_strokes())
    return folder


@pytest.mark.parametrize(
    ("text", "seconds"), [("60s", 60), ("2min", 120), ("0.5 h", 1800), ("90", 90), (" 5 S ", 5), ("1.5m", 90)]
)
def test_budgets_are_times(text, seconds):
    assert parse_budget(text) == seconds


@pytest.mark.parametrize("text", ["0", "0s", "-5s", "soon", "5 days", "", "1e9h", "25h", "nan"])
def test_budgets_that_are_none_are_refused(text):
    with pytest.raises(SettingError, match="--budget"):
        parse_budget(text)


def test_classes_are_ids_with_names():
    assert parse_classes(None) == ()
    assert parse_classes("2=gamma, 1 = matrix") == (PixelClass(1, "matrix"), PixelClass(2, "gamma"))
    for text in ("1", "0=a", "256=a", "1=", "a=b", "1=a,1=b", "1=a,2=a", "1=a,"):
        with pytest.raises(SettingError, match="--classes"):
            parse_classes(text)


def test_a_first_model_is_there_at_once_and_can_be_used(granum, disc_pictures, painted, tmp_path):
    model = tmp_path / "m.granum_model"
    words = ("learn", "pixels", disc_pictures, "--scribbles", painted, "-o", model, "--first")
    code, out, _ = granum(*words, "--classes", "1=ground,4=disc", "--report", tmp_path / "page.html")
    assert code == 0
    assert f"Model: {model}" in out
    assert "It is not scored: a search (without --first)" in out
    assert [one.name for one in load_model(model).classes] == ["ground", "disc"]
    assert "carries no score" in (tmp_path / "page.html").read_text()
    code, out, _ = granum("predict", model, disc_pictures, "-o", tmp_path / "out", "--objects", "disc")
    assert (code, out.split(" objects")[0]) == (0, "9")
    first = model.read_bytes()
    code, _, err = granum(*words)
    assert code == 2
    assert "--force" in err
    assert model.read_bytes() == first
    assert granum(*words, "--force", "--classes", "1=ground,4=disc")[0] == 0
    assert model.read_bytes() == first


def test_what_cannot_work_is_refused_before_the_search(granum, disc_pictures, painted, tmp_path):
    model = tmp_path / "m.granum_model"
    one_class = tmp_path / "one"
    one_class.mkdir()
    tifffile.imwrite(one_class / "a.tif", np.eye(96, dtype=np.uint8))
    small = tmp_path / "small"
    small.mkdir()
    tifffile.imwrite(small / "a.tif", np.eye(40, dtype=np.uint8))
    for words, code, text in (
        ((disc_pictures, "--scribbles", painted, "-o", model, "--budget", "0"), 2, "--budget"),
        ((disc_pictures, "--scribbles", tmp_path / "none", "-o", model), 3, "none"),
        ((disc_pictures, "--scribbles", one_class, "-o", model, "--first"), 2, "second class"),
        ((disc_pictures, "--scribbles", small, "-o", model, "--first"), 2, "40"),
        ((disc_pictures, "--scribbles", painted, "-o", tmp_path / "no" / "m"), 2, "does not exist"),
        ((disc_pictures, "--scribbles", painted, "-o", tmp_path), 2, "is a folder"),
        ((tmp_path / "x.tif", "--scribbles", painted, "-o", model), 2, "x.tif"),
    ):
        found, _, err = granum("learn", "pixels", *words)
        assert found == code, err
        assert text in err
        assert len(err.strip().splitlines()) == 1
    assert not model.exists()


def test_a_search_of_a_number_of_pipelines_repeats_bit_for_bit(granum, disc_pictures, painted, tmp_path):
    pytest.importorskip("granum.learn.model_search")
    models = [tmp_path / name for name in ("one.granum_model", "two.granum_model")]
    for model in models:
        words = ("learn", "pixels", disc_pictures, "--scribbles", painted, "-o", model, "--trials", "1", "--seed", "3")
        code, out, err = granum(*words)
        assert code == 0, err
        assert re.search(r"Mean IoU 0\.\d\d", out)
        assert "painted px" in out
        assert "pipeline" in out
    assert models[0].read_bytes() == models[1].read_bytes()


def test_a_study_goes_on_where_the_search_before_ended(granum, disc_pictures, painted, tmp_path):
    model, study = tmp_path / "m.granum_model", tmp_path / "m.study"
    words = ("learn", "pixels", disc_pictures, "--scribbles", painted, "-o", model, "--force")
    for n_trials in (1, 2):
        code, _, err = granum(*words, "--study", study, "--trials", n_trials)
        assert code == 0, err
        assert len(study.read_text().splitlines()) == 1 + n_trials
    resumed = model.read_bytes()
    assert granum(*words, "--trials", "2")[0] == 0
    assert model.read_bytes() == resumed
    code, _, err = granum(*words, "--study", tmp_path / "none" / "m.study")
    assert code == 2
    assert "--study" in err
    assert "does not exist" in err


def test_the_first_ctrl_c_asks_and_the_second_one_acts():
    before = signal.getsignal(signal.SIGINT)
    caught = []
    signal.signal(signal.SIGINT, lambda number, frame: caught.append(number))
    try:
        with command._stop_softly() as stop:
            assert not stop()
            os.kill(os.getpid(), signal.SIGINT)
            threading.Event().wait(0.01)
            assert stop()
            assert not caught
            os.kill(os.getpid(), signal.SIGINT)
            threading.Event().wait(0.01)
            assert caught == [signal.SIGINT]
        assert signal.getsignal(signal.SIGINT) is not before
    finally:
        signal.signal(signal.SIGINT, before)


def test_ctrl_c_keeps_the_best_model_so_far(granum, disc_pictures, painted, tmp_path):
    search = pytest.importorskip("granum.learn.model_search")
    real = search.search_model

    def stopped_after_the_first(images, classes, **settings):
        tell, done = settings["progress"], []

        def progress(now):
            tell(now)
            if now.best is not None and not done:
                done.append(os.kill(os.getpid(), signal.SIGINT))

        return real(images, classes, **{**settings, "progress": progress})

    model = tmp_path / "m.granum_model"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "search_model", stopped_after_the_first)
        words = ("learn", "pixels", disc_pictures, "--scribbles", painted, "-o", model, "--budget", "10min")
        code, _, err = granum(*words)
    assert code == 130
    assert "the best model so far was kept" in err
    assert load_model(model).about["report"]["miou"] > 0.5


def test_a_search_that_had_no_time_asks_for_more(granum, disc_pictures, painted, tmp_path):
    words = ("learn", "pixels", disc_pictures, "--scribbles", painted, "-o", tmp_path / "m.granum_model")
    code, out, err = granum(*words, "--budget", "0.001s")
    assert code == 0, err
    assert "It is not scored: a search (with a larger --budget)" in out


def test_strokes_of_the_app_are_learnt_from_wherever_the_images_lie_now(granum, disc_pictures, learnt, tmp_path):
    from granum.app.paint_messages import ClassInfo, Stroke
    from granum.app.paint_store import PaintStore
    from granum.app.project import Project

    (tmp_path / "painted").mkdir()
    project = Project(tmp_path / "painted")
    named = [(1, "ground", "#112233"), (4, "disc", "#445566")]
    project.set_classes([ClassInfo(id=number, name=name, colour=colour) for number, name, colour in named])
    sha256 = hashlib.sha256((disc_pictures / "a.tif").read_bytes()).hexdigest()
    facts = {"height": 96, "width": 96, "n_frames": 1, "n_z": 1}
    about = json.dumps({"name": "old name.tif", "sha256": sha256, "facts": facts}).encode()
    project.write(about, "images", f"{sha256[:16]}.json")
    store = PaintStore(project, lambda image: (96, 96), lambda message: None)
    for number, (class_id, points) in enumerate(((1, [[27, 5], [27, 90]]), (4, [[14, 16], [19, 16]]), (4, [[48, 48]]))):
        stroke = Stroke(id=f"s{number}", tool="brush", class_id=class_id, radius=2, points=points, z=0)
        store.paint(sha256[:16], "scribbles", stroke, "ann")
    model = tmp_path / "m.granum_model"
    words = ("learn", "pixels", disc_pictures, "--scribbles", project.place, "-o", model, "--first")
    code, _, err = granum(*words)
    assert code == 0, err
    assert [(one.id, one.name, one.colour) for one in load_model(model).classes] == named
    (disc_pictures / "a.tif").unlink()
    code, _, err = granum(*words, "--force")
    assert code == 2
    assert "none of the inputs is painted in this project" in err
