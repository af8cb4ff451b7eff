from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile

from granum.batch.class_files import class_columns
from granum.batch.runs import run_batch
from granum.cli.predict import prediction_recipe
from granum.recipe import load_recipe
from granum.report.label_images import read_labels
from granum.report.tables import read_images_csv


def test_columns_have_plain_unique_names():
    entries = [
        {"id": 1, "name": "Gamma prime (γ')", "area_fraction": 0.5},
        {"id": 2, "name": "pore", "area_fraction": 0.25},
        {"id": 3, "name": "PORE!", "area_fraction": None},
        {"id": 4, "name": "孔", "area_fraction": 0.25},
    ]
    assert class_columns(entries) == {
        "area_fraction_gamma_prime": 0.5,
        "area_fraction_pore_2": 0.25,
        "area_fraction_pore_3": None,
        "area_fraction_class": 0.25,
    }


def test_a_run_of_classes_only_has_no_objects_and_says_so(disc_model, disc_pictures, tmp_path):
    out = tmp_path / "out"
    summary = run_batch(prediction_recipe(str(disc_model)), [disc_pictures], out)
    assert summary.n_objects == 0
    names = {path.relative_to(out).parts[0] for path in out.rglob("*")}
    assert names == {
        "DONE", "class_overlays", "classes", "images.csv", "models", "objects.csv", "recipe.toml", "report.html",
        "run.json",
    }  # fmt: skip
    rows = read_images_csv(out / "images.csv")
    assert [row["n_objects"] for row in rows] == [None, None]
    for row in rows:
        classes = tifffile.imread(out / "classes" / f"{row['file'][:-4]}.tif")
        assert classes.dtype == np.uint8
        assert row["area_fraction_disc_b"] == np.float64(f"{(classes == 4).mean():.7g}")
        assert row["area_fraction_ground"] + row["area_fraction_disc_b"] == pytest.approx(1)
    page = (out / "report.html").read_text()
    assert "disc &lt;b&gt;" in page
    assert "disc <b>" not in page
    assert "0.91 (95 %: 0.85 to 0.95)" in page
    assert "Classes of pixels only" in page


def test_the_whole_recipe_told_to_make_no_objects_warns_of_nothing(disc_model, disc_pictures, tmp_path):
    out = tmp_path / "out"
    settings = {"segment.learned.model": str(disc_model), "segment.learned.objects": "none"}
    run_batch(load_recipe("scribbles").with_settings(settings), [disc_pictures], out)
    assert [row["n_objects"] for row in read_images_csv(out / "images.csv")] == [None, None]
    for text in ((out / "run.json").read_text(), (out / "images.csv").read_text(), (out / "report.html").read_text()):
        assert "no_objects" not in text
        assert "no object was found" not in text
    page = (out / "report.html").read_text()
    assert "Classes of pixels only" in page
    assert "separation doubtful" not in page


def test_the_report_of_objects_shows_the_classes_too(disc_model, disc_pictures, tmp_path):
    out = tmp_path / "out"
    summary = run_batch(prediction_recipe(str(disc_model), "disc <b>"), [disc_pictures], out)
    assert summary.n_objects == 9
    assert {"labels", "overlays", "classes", "class_overlays"} <= {path.name for path in out.iterdir()}
    labels, classes = (read_labels(out / folder / "a.tif") for folder in ("labels", "classes"))
    assert ((labels > 0) <= (classes == 4)).all()
    page = (out / "report.html").read_text()
    assert page.count('<img class="classes"') == 2
    assert "true class" in page


def test_frames_of_a_series_land_in_one_stack(disc_model, learnt, tmp_path):
    movie = np.stack([learnt.draw_discs(n, seed=n) for n in (6, 3)])
    tifffile.imwrite(tmp_path / "movie.tif", movie, metadata={"axes": "TYX"}, ome=True)
    out = tmp_path / "out"
    run_batch(prediction_recipe(str(disc_model), probabilities=True), [tmp_path / "movie.tif"], out)
    stack = tifffile.imread(out / "classes" / "movie.tif")
    assert stack.shape == (2, 96, 96)
    assert (stack[0] == 4).sum() > (stack[1] == 4).sum()
    assert sorted(path.name for path in (out / "class_overlays").iterdir()) == ["movie_t0.png", "movie_t1.png"]
    probabilities = tifffile.imread(out / "probabilities" / "movie_t1.tif")
    assert probabilities.shape == (2, 96, 96)
    assert probabilities.dtype == np.float32
    entry = json.loads((out / "run.json").read_text())["images"][1]["classes"][1]
    assert entry["area_px"] == (stack[1] == 4).sum()


def test_an_input_that_the_model_cannot_take_does_not_stop_the_others(disc_model, disc_pictures, learnt, tmp_path):
    colour = np.stack([learnt.draw_discs(), np.zeros((96, 96), np.uint8), learnt.draw_discs(3)], axis=-1)
    tifffile.imwrite(disc_pictures / "colour.tif", colour, photometric="rgb")
    summary = run_batch(prediction_recipe(str(disc_model)), [disc_pictures], tmp_path / "out")
    assert summary.n_done == 2
    assert "colour.tif" in str(summary.failures[0])
    assert "channel" in str(summary.failures[0])
