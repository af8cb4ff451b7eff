from __future__ import annotations

import hashlib
import json
import shutil

import pytest

from granum.batch.model_files import place_models, read_models
from granum.batch.runs import run_batch
from granum.errors import SettingError
from granum.recipe import load_recipe

MADE_ANEW = {"run.json", "report.html", "DONE"}


def scribbles(model, **settings):
    return load_recipe("scribbles").with_settings(
        {f"segment.learned.{name}": value for name, value in {"model": str(model), **settings}.items()}
    )


def lasting(folder):
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in files.items() if name not in MADE_ANEW}


def test_a_recipe_of_a_run_names_its_model_by_the_content(disc_model, tmp_path):
    shutil.copy(disc_model, tmp_path / "copy.granum_model")
    first, models = read_models(scribbles(disc_model))
    second, _ = read_models(scribbles(tmp_path / "copy.granum_model"))
    sha256 = hashlib.sha256(disc_model.read_bytes()).hexdigest()
    assert first == second
    assert first.hash == second.hash
    assert first.files == (f"models/{sha256[:16]}.granum_model",)
    assert models[0].about["sha256"] == sha256
    assert models[0].about["path"] == str(disc_model)
    assert [one["name"] for one in models[0].about["classes"]] == ["ground", "disc <b>"]
    place_models(models, tmp_path)
    assert (tmp_path / first.files[0]).read_bytes() == disc_model.read_bytes()


def test_recipes_without_a_model_stay_as_they_are():
    recipe = load_recipe("particles")
    assert read_models(recipe) == (recipe, ())


def test_what_cannot_work_is_refused_before_any_image_is_read(disc_model, tmp_path):
    with pytest.raises(
        SettingError, match=r"learned\.model: is not given; .* in the app, or .*--set learned\.model=FILE"
    ):
        read_models(load_recipe("scribbles"))
    with pytest.raises(SettingError, match="nowhere"):
        read_models(scribbles(tmp_path / "nowhere.granum_model"))
    with pytest.raises(SettingError, match="disc <b>"):
        read_models(scribbles(disc_model, objects="disk"))
    bad = tmp_path / "bad.granum_model"
    bad.write_bytes(disc_model.read_bytes()[:2000])
    with pytest.raises(SettingError, match=r"bad\.granum_model"):
        read_models(scribbles(bad))


def test_a_run_repeats_bit_for_bit_when_the_model_is_gone(disc_model, disc_pictures, tmp_path):
    model = tmp_path / "mine.granum_model"
    shutil.copy(disc_model, model)
    run_batch(scribbles(model), [disc_pictures], tmp_path / "one")
    model.unlink()
    run_batch(load_recipe(tmp_path / "one" / "recipe.toml"), [disc_pictures], tmp_path / "two")
    shutil.move(tmp_path / "one", tmp_path / "elsewhere")
    run_batch(load_recipe(tmp_path / "elsewhere" / "recipe.toml"), [disc_pictures], tmp_path / "three")
    first = lasting(tmp_path / "elsewhere")
    assert first == lasting(tmp_path / "two") == lasting(tmp_path / "three")
    assert any(name.startswith("models/") for name in first)
    run = json.loads((tmp_path / "elsewhere" / "run.json").read_text())
    assert run["models"][0]["sha256"] == hashlib.sha256(disc_model.read_bytes()).hexdigest()
    assert run["models"][0]["path"] == str(model)


def test_two_processes_give_the_same_bytes_as_one(disc_model, disc_pictures, tmp_path):
    run_batch(scribbles(disc_model, probabilities=True), [disc_pictures], tmp_path / "one", jobs=1)
    run_batch(scribbles(disc_model, probabilities=True), [disc_pictures], tmp_path / "two", jobs=2)
    assert lasting(tmp_path / "one") == lasting(tmp_path / "two")


def test_a_resumed_run_does_not_take_results_of_another_model_of_the_same_name(
    disc_model, learnt, disc_pictures, tmp_path
):
    model, out = tmp_path / "m.granum_model", tmp_path / "out"
    shutil.copy(disc_model, model)
    (disc_pictures / "bad.tif").write_bytes(b"no picture")
    assert len(run_batch(scribbles(model), [disc_pictures], out).failures) == 1
    again = run_batch(scribbles(model), [disc_pictures], out, resume=True)
    assert again.n_skipped == 2
    learnt.make_model(names=("sky", "sun")).save(model)
    other = run_batch(scribbles(model), [disc_pictures], out, resume=True)
    assert other.n_skipped == 0
    row = json.loads((out / "run.json").read_text())["images"][0]["classes"]
    assert [one["name"] for one in row] == ["sky", "sun"]
