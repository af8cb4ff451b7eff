from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from granum import recipe as recipe_module
from granum.errors import RecipeError, SettingError
from granum.recipe import load_recipe, parse_recipe

pytestmark = pytest.mark.usefixtures("stand_ins")

TEXT = """
name = "twice"
summary = "Two masks."

[[step]]
do = "stand_in.above"
level = 3

[[step]]
do = "stand_in.above"
from = { image = "channel.hoechst" }
into = "nuclei_mask"
dark = true

[[step]]
do = "stand_in.label"
from = { mask = "nuclei_mask" }

[[step]]
do = "stand_in.measure"
"""


def test_toml_gives_a_recipe_with_all_settings():
    recipe = parse_recipe(TEXT)
    assert (recipe.name, recipe.summary) == ("twice", "Two masks.")
    assert [step.do for step in recipe.steps] == [
        "stand_in.above",
        "stand_in.above",
        "stand_in.label",
        "stand_in.measure",
    ]
    assert recipe.steps[0].settings == {"level": 3.0, "dark": False}
    assert recipe.steps[1].from_ == {"image": "channel.hoechst"}
    assert recipe.steps[1].writes == ("nuclei_mask",)
    assert recipe.channels == ("hoechst",)
    assert recipe.reads_image


def test_writing_and_reading_again_gives_the_same_recipe_and_the_same_bytes():
    recipe = parse_recipe(TEXT)
    again = parse_recipe(recipe.to_toml())
    assert again == recipe
    assert again.to_toml() == recipe.to_toml()
    assert again.hash == recipe.hash


def test_the_hash_sees_the_settings_and_not_how_they_were_written():
    recipe = parse_recipe(TEXT)
    assert parse_recipe(TEXT.replace("level = 3", "level = 3.0\ndark = false")).hash == recipe.hash
    assert parse_recipe(TEXT.replace("level = 3", "level = 4")).hash != recipe.hash


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_survives_the_toml_writer(text):
    assert tomllib.loads(f"value = {recipe_module.to_toml_value(text)}")["value"] == text


@given(
    st.recursive(
        st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False),
        lambda inner: st.lists(inner, max_size=4),
    )
)
def test_any_value_survives_the_toml_writer(value):
    again = tomllib.loads(f"value = {recipe_module.to_toml_value(value)}")["value"]
    assert again == value
    assert type(again) is type(value)


@pytest.mark.parametrize("value", [float("inf"), float("nan"), object()])
def test_what_toml_cannot_hold_is_refused(value):
    with pytest.raises(RecipeError):
        recipe_module.to_toml_value(value)


def test_none_is_written_as_a_word_and_read_back():
    recipe = parse_recipe("[[step]]\ndo = 'stand_in.above'\n[[step]]\ndo = 'stand_in.label'")
    assert 'size = "none"' in recipe.to_toml()
    assert parse_recipe(recipe.to_toml()).steps[1].settings["size"] is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = ", "not valid TOML"),
        ("", "has no steps"),
        ("step = 3", "has no steps"),
        ("nam = 'x'\n[[step]]\ndo = 'stand_in.above'", "unknown key 'nam'; did you mean 'name'"),
        ("name = 3\n[[step]]\ndo = 'stand_in.above'", "must be text"),
        ("[[step]]\nmethod = 'otsu'", r"step 1: do = None, must be the name of a step"),
        ("[[step]]\ndo = 'stand_in.abov'", r"step 1: step 'stand_in\.abov' does not exist; did you mean"),
        (
            "[[step]]\ndo = 'stand_in.above'\nlevl = 1",
            r"step 1: stand_in\.above\.levl: no such setting; did you mean 'level'",
        ),
        ("[[step]]\ndo = 'stand_in.above'\nlevel = 1001", r"must be 0 to 1000"),
        (
            "[[step]]\ndo = 'stand_in.label'",
            r"step 1 \(stand_in\.label\): reads the layer 'mask', which no step before",
        ),
        ("[[step]]\ndo = 'stand_in.above'\nfrom = { imag = 'image' }", r"reads no 'imag'; did you mean 'image'"),
        ("[[step]]\ndo = 'stand_in.above'\nfrom = { area = 'mask' }", r"reads the layer 'mask'"),
        ("[[step]]\ndo = 'stand_in.above'\nfrom = { image = 'channel.' }", r"reads the layer 'channel\.'"),
        ("[[step]]\ndo = 'stand_in.above'\nfrom = 'mask'", r"from = 'mask', must be a table"),
        ("[[step]]\ndo = 'stand_in.above'\ninto = ''", r"into = '', must be the name of a layer"),
        ("[[step]]\ndo = 'stand_in.above'\ninto = 'channel.x'", r"not of a channel"),
    ],
)
def test_a_wrong_recipe_says_where_and_what(text, message):
    with pytest.raises(SettingError, match=message):
        parse_recipe(text, where="mine.toml")


def test_a_setting_is_changed_by_full_name_last_part_or_number():
    recipe = parse_recipe(TEXT)
    assert recipe.with_settings({"stand_in.label.size": "4"}).steps[2].settings["size"] == 4
    assert recipe.with_settings({"label.size": 4}).steps[2].settings["size"] == 4
    changed = recipe.with_settings({"above#2.level": "7", "stand_in.above#1.level": 8})
    assert [step.settings["level"] for step in changed.steps[:2]] == [8.0, 7.0]
    assert recipe.steps[0].settings["level"] == 3.0


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("level", 3, "write it as STEP.SETTING"),
        ("abve.level", 3, r"step 'abve': recipe 'twice' has no such step; did you mean 'above'"),
        ("stand_in.abve.level", 3, r"no such step; did you mean 'stand_in\.above'"),
        ("above.level", 3, r"comes 2 times .* say which: stand_in\.above#1, stand_in\.above#2"),
        ("above#3.level", 3, "2 times, from #1"),
        ("above#x.level", 3, "2 times, from #1"),
        ("label.sise", 3, r"no such setting; did you mean 'size'"),
        ("label.size", -3, r"must be at least 0"),
    ],
)
def test_a_wrong_change_names_what_there_is(key, value, message):
    with pytest.raises(SettingError, match=message):
        parse_recipe(TEXT).with_settings({key: value})


def test_the_seed_reaches_only_steps_that_have_one():
    recipe = parse_recipe("[[step]]\ndo = 'stand_in.shuffle'\n[[step]]\ndo = 'stand_in.above'").with_seed(7)
    assert [step.settings.get("seed") for step in recipe.steps] == [7, None]
    with pytest.raises(SettingError, match="seed"):
        recipe.with_seed(-1)


def test_a_recipe_of_channels_alone_reads_no_image():
    text = "[[step]]\ndo = 'stand_in.above'\nfrom = { image = 'channel.a' }\n"
    assert not parse_recipe(text).reads_image
    assert not parse_recipe(text.replace("}", "}\ninto = 'image'") + "[[step]]\ndo = 'stand_in.above'").reads_image


def test_recipes_load_from_a_file(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(TEXT.replace('name = "twice"', ""), encoding="utf-8")
    assert load_recipe(path).name == "mine"
    assert load_recipe(str(path)).summary == "Two masks."


def test_what_is_no_recipe_is_one_sentence(tmp_path):
    with pytest.raises(RecipeError, match=r"'particels': is neither .* did you mean 'particles'"):
        load_recipe("particels")
    with pytest.raises(RecipeError, match="no such file"):
        load_recipe(tmp_path / "none.toml")
    (tmp_path / "picture.toml").write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(RecipeError, match="not a text file"):
        load_recipe(tmp_path / "picture.toml")
    (tmp_path / "huge.toml").write_bytes(b"#" * 2_000_000)
    with pytest.raises(RecipeError, match="2000000 bytes"):
        load_recipe(tmp_path / "huge.toml")


def test_ready_recipes_have_a_summary_and_their_own_name():
    ready = recipe_module.list_recipes()
    assert {"particles", "particles-seed"} <= set(ready)
    for name, summary in ready.items():
        assert tomllib.loads(recipe_module.ready_recipe_text(name))["name"] == name
        assert summary.endswith(".")
        assert len(summary) < 120
