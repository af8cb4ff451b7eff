"""TOML from strangers: what would cost time or memory is refused at once, everything else is read as ever."""

from __future__ import annotations

import time
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from granum import toml_text
from granum.errors import RecipeError
from granum.recipe import list_recipes, parse_recipe, ready_recipe_text
from granum.toml_text import read_toml


@pytest.mark.parametrize(
    "bomb",
    [
        ".".join("a" * 90_000) + " = 1",
        "[" + " . ".join(['"a"'] * 90_000) + "]",
        "a = " + "[" * 90_000,
        "a = " + "{a = " * 50_000,
        "[[" * 90_000,
        "a = " + "9" * 100_000,
        "a = [" + "1, " * 400_000 + "]",
        '"""' + '\\"""' * 40_000,
        "'''" * 3 + "'" * 100_000,
        '"' * 100_001,
        "a." * 100_000,
    ],
    ids=lambda bomb: bomb[:12],
)
def test_a_bomb_is_refused_at_once(bomb):
    began = time.process_time()
    with pytest.raises(RecipeError):
        read_toml(bomb, where="bomb.toml")
    assert time.process_time() - began < 1  # tens of seconds, or the end of the stack, without the check


def test_dots_and_brackets_in_strings_comments_and_numbers_are_no_nesting():
    text = "\n".join(
        [
            "# " + "a." * 100 + "[" * 100,
            'name = "' + "[{." * 100 + '"',
            "summary = '" + "]}." * 100 + "'",
            'long = """' + "a.[\n" * 100 + '"""',
            "list = [" + "0.5, 1.5, " * 100 + "]",
        ]
    )
    assert read_toml(text) == tomllib.loads(text)


@pytest.mark.parametrize("name", list_recipes())
def test_every_ready_recipe_is_read_as_by_the_standard_reader(name):
    text = ready_recipe_text(name)
    assert read_toml(text) == tomllib.loads(text)


@given(st.recursive(st.integers() | st.text(), lambda inside: st.lists(inside, max_size=3), max_leaves=30))
def test_the_depth_is_never_underestimated(value):
    def depth(one):
        return 1 + max((depth(inner) for inner in one), default=0) if isinstance(one, list) else 0

    def toml(one):
        return f"[{', '.join(map(toml, one))}]" if isinstance(one, list) else repr(len(str(one)))

    assert toml_text._depth(f"a = {toml(value)}") >= depth(value)


def test_a_recipe_that_is_a_bomb_is_refused_in_a_sentence():
    with pytest.raises(RecipeError, match="nested deeper than 16"):
        parse_recipe("[" + "a." * 50_000 + "a]")
