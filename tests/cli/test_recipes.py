from __future__ import annotations

from granum.cli.recipes import describe_recipe
from granum.recipe import list_recipes, load_recipe, parse_recipe
from granum.steps import load_step


def test_the_list_names_every_ready_recipe(granum):
    code, out, _ = granum("recipes")
    assert code == 0
    for name, summary in list_recipes().items():
        assert name in out
        assert summary in out


def test_a_recipe_is_printed_with_ranges_choices_and_help(granum):
    _, out, _ = granum("recipes", "particles-seed")
    assert '[1 to 10000, "none"]' in out
    assert "otsu, li, triangle" in out
    assert "[true, false]" in out


def test_what_is_printed_is_the_same_recipe(granum):
    recipe = load_recipe("particles-seed")
    assert parse_recipe(describe_recipe("particles-seed")) == recipe
    assert granum("recipes", "particles-seed", "--toml") == (0, recipe.to_toml(), "")


def test_an_unknown_recipe_is_wrong_usage(granum):
    code, _, err = granum("recipes", "particels")
    assert code == 2
    assert "did you mean 'particles" in err


def test_renamed_layers_are_printed(stand_ins, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("[[step]]\ndo = 'stand_in.above'\nfrom = { image = 'channel.dye' }\ninto = 'dyed'")
    text = describe_recipe(str(path))
    assert 'from = { image = "channel.dye" }' in text
    assert 'into = "dyed"' in text
    assert f"# {load_step('stand_in.above').summary}" in text
