"""Names from outside: what is refused, what is cleaned, and that nothing cleaned is ever refused."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from granum.app.file_names import clean_name, is_safe_name, numbered_name


@pytest.mark.parametrize(
    "name",
    [
        "", ".", "..", "a/b", "a\\b", "/etc/passwd", "C:", "C:" "\\x", "a:stream", "a\0b", "a\nb", "CON", "con.tif",
        "Nul.txt.tif", "LPT1", "com¹.png", "aux ", "end.", "end ", "x" * 256, "é" * 200, "a?b", "a*b", "a|b", "\udcff",
    ],
)  # fmt: skip
def test_what_is_not_plainly_one_file_is_refused(name):
    assert not is_safe_name(name)


@pytest.mark.parametrize(
    "name", ["a.tif", "frame 10.tif", "µm é 画像.tif", "..a", "console.tif", "a..b", ".hidden", "x" * 255]
)
def test_what_is_one_file_everywhere_is_allowed(name):
    assert is_safe_name(name)


@pytest.mark.parametrize(
    ("wish", "name"),
    [
        ("a.tif", "a.tif"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("\\\\server\\share\\a.tif", "a.tif"),
        ("C:a.tif", "C_a.tif"),
        ("a\0.tif", "a.tif"),
        ("...hidden.tif", "hidden.tif"),
        ("con.tif", "_con.tif"),
        ("..", "image"),
        ("", "image"),
        ("a<b>.tif", "a_b_.tif"),
        ("photo‮fit.exe", "photofit.exe"),
        ("e\u0301.tif", "é.tif"),
    ],
)
def test_a_wish_becomes_the_nearest_name(wish, name):
    assert clean_name(wish) == name


def test_long_names_keep_their_extension_and_whole_letters():
    name = clean_name("é" * 500 + ".ome.tif")
    assert name.endswith(".tif")
    assert len(name.encode()) <= 200
    assert set(name.removesuffix(".tif")) <= set("é.ome")


@given(st.text(max_size=400))
@example("NUL. .tif")
@example("a" * 190 + ". . .tif")
@example("." + "x" * 300)
def test_every_cleaned_name_is_safe_and_clean_already(wish):
    name = clean_name(wish)
    assert is_safe_name(name)
    assert clean_name(name) == name
    assert is_safe_name(numbered_name(name, 12))


def test_numbers_stand_before_the_extension():
    assert numbered_name("a.tif", 1) == "a.tif"
    assert numbered_name("a.tif", 2) == "a (2).tif"
    assert numbered_name("a", 3) == "a (3)"
