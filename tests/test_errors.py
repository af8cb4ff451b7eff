from __future__ import annotations

import pytest

from granum import errors


@pytest.mark.parametrize("name", [name for name in errors.__all__ if name != "GranumWarning"])
def test_every_error_is_a_granum_error_with_its_message(name):
    error = getattr(errors, name)("it was 3, must be 4.")
    assert isinstance(error, errors.GranumError)
    assert str(error) == "it was 3, must be 4."


def test_a_wrong_recipe_is_a_wrong_setting():
    assert issubclass(errors.RecipeError, errors.SettingError)


def test_the_warning_is_a_user_warning():
    assert issubclass(errors.GranumWarning, UserWarning)
