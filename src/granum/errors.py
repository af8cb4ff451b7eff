"""Every error that granum raises on purpose.

A message says what was wrong with its value, where (file, frame, step, setting), and what to do.
"""

from __future__ import annotations

__all__ = [
    "EmptyResultError",
    "GranumError",
    "GranumWarning",
    "MissingExtraError",
    "ModelError",
    "OutputError",
    "ReadError",
    "RecipeError",
    "SettingError",
    "ShapeError",
]


class GranumError(Exception):
    """Base of all errors that granum raises on purpose."""


class ReadError(GranumError):
    """A file cannot be read, or must not be (truncated, lying header, too large)."""


class ShapeError(GranumError):
    """An array has the wrong number of axes, size or dtype, or two arrays do not fit."""


class SettingError(GranumError):
    """A setting is misspelt, out of its range, or does not fit the others."""


class RecipeError(SettingError):
    """A recipe names a step or a layer that does not exist, or is not valid TOML."""


class MissingExtraError(GranumError):
    """An optional package is not installed; the message names the `pip install`."""


class EmptyResultError(GranumError):
    """There is nothing to compute the wanted number from."""


class ModelError(GranumError):
    """A saved model cannot be loaded, or does not fit the image."""


class OutputError(GranumError):
    """A result cannot be written, or would overwrite another one."""


class GranumWarning(UserWarning):
    """Something about the input that the user must know before publishing a number."""
