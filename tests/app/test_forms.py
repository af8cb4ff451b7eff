from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from granum.app.forms import RecipeShelf, describe_recipe, settings_of, step_keys
from granum.app.problems import Problem
from granum.app.recipe_messages import RecipeRequest
from granum.batch.runs import run_batch
from granum.errors import OutputError, RecipeError, SettingError
from granum.recipe import list_recipes, load_recipe, parse_recipe
from granum.steps import STEPS, load_step

TWICE = """
[[step]]
do = "preprocess.denoise"
into = "a"
[[step]]
do = "preprocess.denoise"
from = { image = "a" }
into = "b"
[[step]]
do = "segment.threshold"
from = { image = "b" }
"""


@pytest.fixture
def shelf(tmp_path):
    return RecipeShelf(tmp_path / "recipes")


def test_the_form_says_what_the_signature_says():
    info = describe_recipe(load_recipe("particles"))
    automatic = next(step for step in info.steps if step.key == "segment.automatic")
    smoothing = next(setting for setting in automatic.settings if setting.name == "smoothing")
    assert (smoothing.kind, smoothing.optional, smoothing.low, smoothing.high, smoothing.unit) == (
        "number", True, 0, 50, "px",
    )  # fmt: skip
    assert smoothing.help.startswith("Sigma of the Gaussian in pixels")
    polarity = automatic.settings[0]
    assert (polarity.kind, polarity.choices, polarity.value) == ("choice", ["auto", "bright", "dark"], "auto")
    assert automatic.title == "Segment automatically"
    assert automatic.reads == ["image", "area"]
    assert automatic.writes == ["mask", "relief", "choice"]


@pytest.mark.parametrize("name", STEPS)
def test_every_setting_of_every_step_has_help_a_kind_and_no_marks(name):
    known = load_step(name)
    for setting in known.settings.values():
        assert setting.kind in ("boolean", "integer", "number", "choice", "text"), setting
        assert setting.help
        assert (setting.kind in ("integer", "number")) == (setting.range is not None)


def test_a_choice_of_numbers_is_text_on_the_form_and_goes_back_in():
    recipe = load_recipe("particles-seed")
    assert settings_of(recipe)["separate.local_kmeans.connectivity"] == "2"
    assert recipe.with_settings(settings_of(recipe)) == recipe


@pytest.mark.parametrize("name", list_recipes())
def test_what_a_form_shows_can_be_sent_back_unchanged(shelf, name):
    recipe = load_recipe(name)
    assert shelf.resolve(RecipeRequest(recipe=name, settings=settings_of(recipe))) == recipe


def test_a_step_that_comes_twice_has_two_keys_that_the_recipe_takes():
    recipe = parse_recipe(TWICE)
    assert step_keys(recipe) == ["preprocess.denoise#1", "preprocess.denoise#2", "segment.threshold"]
    changed = recipe.with_settings({"preprocess.denoise#2.sigma": 3.0})
    assert [step.settings.get("sigma") for step in changed.steps] == [1.0, 3.0, None]
    assert settings_of(changed)["preprocess.denoise#2.sigma"] == 3.0


@pytest.mark.parametrize("value", [1e9, -1, float("nan"), "1e400", float("inf"), [], "high", True])
def test_an_absurd_value_is_refused_with_the_legal_range(shelf, value):
    with pytest.raises(SettingError, match=r"segment\.automatic\.smoothing: .*0 to 50"):
        shelf.resolve(RecipeRequest(settings={"segment.automatic.smoothing": value}))


def test_an_unknown_setting_names_the_nearest(shelf):
    with pytest.raises(SettingError, match="did you mean 'smoothing'"):
        shelf.resolve(RecipeRequest(settings={"segment.automatic.smothing": 1}))


def test_the_form_tells_recipes_that_cannot_be_shrunk():
    told = {name: describe_recipe(load_recipe(name)).full_size_only for name in list_recipes()}
    assert {name for name, full in told.items() if full} == {"scribbles", "pixel-clusters", "confluency-learned"}


def test_a_kept_recipe_is_listed_after_the_ready_ones_and_loads(shelf):
    shelf.keep("My TEM 2", RecipeRequest(settings={"separate.choose.min_size": 40}))
    names = [info.name for info in shelf.describe_all().recipes]
    assert names == [*list_recipes(), "My TEM 2"]
    assert shelf.load("My TEM 2").with_settings({}).steps[2].settings["min_size"] == 40


def test_a_kept_recipe_finds_its_model_after_the_project_was_moved_from_any_folder(
    disc_model, disc_pictures, tmp_path, monkeypatch
):
    (tmp_path / "here" / "models").mkdir(parents=True)
    shutil.copy(disc_model, tmp_path / "here" / "models" / "discs.granum")
    monkeypatch.chdir(tmp_path / "here")
    shelf = RecipeShelf(Path("recipes").absolute())
    settings = {"segment.learned.model": str(tmp_path / "here" / "models" / "discs.granum")}
    kept = shelf.keep("mine", RecipeRequest(recipe="scribbles", settings=settings))
    assert kept.files == (settings["segment.learned.model"],)
    assert str(tmp_path) not in (tmp_path / "here" / "recipes" / "mine.toml").read_text()
    assert shelf.resolve(RecipeRequest(recipe="mine")) == kept
    monkeypatch.chdir("/")
    (tmp_path / "here").rename(tmp_path / "there")
    moved = RecipeShelf(tmp_path / "there" / "recipes").resolve(RecipeRequest(recipe="mine"))
    assert moved.files == (str(tmp_path / "there" / "models" / "discs.granum"),)
    by_path = str(tmp_path / "there" / "recipes" / "mine.toml")
    assert run_batch(by_path, [disc_pictures], tmp_path / "out").n_objects == 9


@pytest.mark.parametrize("name", ["../x", "a/b", "..", "", ".hidden", "x" * 65, "a\n", "a\\b", "a\0"])
def test_a_name_that_could_leave_the_folder_is_refused(shelf, tmp_path, name):
    with pytest.raises(Problem) as caught:
        shelf.keep(name, RecipeRequest())
    assert caught.value.status == 422
    assert not list(tmp_path.iterdir())


def test_a_path_is_no_name_of_a_recipe(shelf, tmp_path):
    (tmp_path / "secret.toml").write_text(load_recipe("particles").to_toml())
    for name in (str(tmp_path / "secret.toml"), "../secret", "../secret.toml"):
        with pytest.raises(Problem) as caught:
            shelf.load(name)
        assert caught.value.status == 404


def test_a_ready_recipe_cannot_be_replaced(shelf):
    with pytest.raises(Problem) as caught:
        shelf.keep("particles", RecipeRequest())
    assert caught.value.status == 409


def test_a_damaged_kept_recipe_is_left_out_of_the_list_and_told_when_asked_for(shelf, tmp_path):
    shelf.keep("good", RecipeRequest())
    (tmp_path / "recipes" / "bad.toml").write_text("nonsense")
    assert [info.name for info in shelf.describe_all().recipes] == [*list_recipes(), "good"]
    with pytest.raises(RecipeError, match="bad"):
        shelf.load("bad")


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "recipes").write_text("a file is in the way")
    with pytest.raises(OutputError, match="cannot be written"):
        RecipeShelf(tmp_path / "recipes").keep("mine", RecipeRequest())


def test_roles_and_the_assay_are_in_the_form():
    text = """
    assay = "confluency"
    [channels.phase]
    names = ["BF"]
    about = "The cells."
    [channels.extra]
    optional = true
    [[step]]
    do = "segment.threshold"
    from = { image = "channel.phase" }
    """
    info = describe_recipe(parse_recipe(text))
    assert (info.assay, info.channels, info.reads_image) == ("confluency", ["phase", "extra"], False)
    assert [(role.name, role.names, role.optional, role.about) for role in info.roles] == [
        ("phase", ["BF"], False, "The cells."), ("extra", [], True, ""),
    ]  # fmt: skip
    assert describe_recipe(load_recipe("particles")).roles == []
