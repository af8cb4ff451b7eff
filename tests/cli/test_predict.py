from __future__ import annotations

import pytest
import tifffile

from granum.cli.predict import prediction_recipe
from granum.errors import SettingError


def test_classes_alone_end_with_the_classes_and_objects_with_the_table(disc_model):
    steps = [step.do for step in prediction_recipe(str(disc_model)).steps]
    assert steps == ["preprocess.crop", "segment.learned"]
    recipe = prediction_recipe(str(disc_model), "disc <b>", True)
    assert [step.do for step in recipe.steps][-1] == "measure.objects"
    assert recipe.steps[1].settings == {"model": str(disc_model), "objects": "disc <b>", "probabilities": True}
    with pytest.raises(SettingError, match="--objects: is empty"):
        prediction_recipe("x", "  ")


def test_the_command_says_the_areas_and_where_the_report_is(granum, disc_model, disc_pictures, tmp_path):
    code, out, _ = granum("predict", disc_model, disc_pictures, "-o", tmp_path / "out")
    assert code == 0
    assert out.startswith("2 images\nArea: ground 9")
    assert "disc <b> 7" in out or "disc <b> 8" in out
    assert "number density" not in (tmp_path / "out" / "report.html").read_text()
    code, out, _ = granum("predict", disc_model, disc_pictures, "-o", tmp_path / "objects", "--objects", "4")
    assert code == 0
    assert out.startswith("9 objects in 2 images\nArea: ")
    assert "number density" in (tmp_path / "objects" / "report.html").read_text()
    assert tifffile.imread(tmp_path / "objects" / "labels" / "a.tif").max() == 6


def test_a_run_told_to_make_no_objects_speaks_of_none(granum, disc_model, disc_pictures, tmp_path):
    told = "--set", f"learned.model={disc_model}", "--set", "learned.objects=none"
    code, out, _ = granum("run", "scribbles", disc_pictures, "-o", tmp_path / "out", *told)
    assert code == 0
    assert out.startswith("2 images\n")
    assert "object" not in out


def test_the_run_folder_repeats_it(granum, disc_model, disc_pictures, tmp_path):
    assert granum("predict", disc_model, disc_pictures, "-o", tmp_path / "one", "--objects", "4")[0] == 0
    assert granum("run", tmp_path / "one" / "recipe.toml", disc_pictures, "-o", tmp_path / "two")[0] == 0
    for name in ("recipe.toml", "objects.csv", "images.csv", "classes/a.tif", "labels/b.tif"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name


def test_wrong_models_are_wrong_usage_and_leave_nothing(granum, disc_model, disc_pictures, tmp_path):
    bad = tmp_path / "bad.granum_model"
    bad.write_bytes(b"\x80\x04cposix\nsystem\n(S'touch owned'\ntR.")
    for model, objects in ((bad, "4"), (tmp_path / "missing", "4"), (disc_model, "disk")):
        code, _, err = granum("predict", model, disc_pictures, "-o", tmp_path / "out", "--objects", objects)
        assert code == 2, err
        assert err.startswith("granum: ")
        assert err.count("\n") == 1
        assert not (tmp_path / "out").exists()
    assert granum("run", "scribbles", disc_pictures, "-o", tmp_path / "out")[0] == 2


def test_an_image_with_other_channels_fails_alone(granum, disc_model, disc_pictures, learnt, tmp_path):
    import numpy as np

    discs = learnt.draw_discs()
    tifffile.imwrite(disc_pictures / "c.tif", np.stack([discs, 255 - discs, discs], axis=-1), photometric="rgb")
    code, out, err = granum("predict", disc_model, disc_pictures, "-o", tmp_path / "out")
    assert code == 3
    assert "failed: c.tif" in err
    assert out.startswith("2 images")
