"""Checks what a simulator was given against the ranges and choices that stand in its annotations."""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping
from typing import Any, Literal

from granum.errors import SettingError
from granum.steps import Range

__all__ = ["check_frame_size", "check_ranges"]


def check_ranges(owner: Callable[..., Any] | type, settings: Mapping[str, Any]) -> None:
    """Raise SettingError for a value of `settings` that the annotations of `owner` do not allow.

    Parameters
    ----------
    owner : function or dataclass
        Carries the annotations, such as ``Annotated[int, Range(1, 9)]`` and ``Literal["a", "b"]``.
    settings : mapping of str to Any
        Values by name; None is left alone where the annotation allows it, and a tuple is checked number by number.
    """
    for name, annotation in typing.get_type_hints(owner, include_extras=True).items():
        if name not in settings:
            continue
        value = settings[name]
        options = (annotation, *typing.get_args(annotation))
        if value is None and type(None) in options:
            continue
        for option in options:
            if typing.get_origin(option) is Literal and value not in typing.get_args(option):
                listed = ", ".join(map(str, typing.get_args(option)))
                raise SettingError(f"{name}: {value!r} is not one of {listed}.")
            for limits in getattr(option, "__metadata__", ()):
                if isinstance(limits, Range):
                    _check_numbers(name, value, limits)


def _check_numbers(name: str, value: Any, limits: Range) -> None:
    for number in value if isinstance(value, tuple) else (value,):
        if isinstance(number, bool) or not isinstance(number, int | float) or number not in limits:
            raise SettingError(f"{name}: {value!r} is out of range, must be {limits}.")


def check_frame_size(size: int | tuple[int, int], *, low: int = 64, high: int = 8192) -> tuple[int, int]:
    """Return (rows, columns) of a frame given as its side or as both.

    Raises
    ------
    SettingError
        Not one or two whole numbers from `low` to `high`.
    """
    both = size if isinstance(size, tuple) else (size, size)
    if len(both) != 2 or not all(isinstance(side, int) and low <= side <= high for side in both):
        raise SettingError(f"size: {size!r} is out of range, must be one or two whole numbers from {low} to {high}.")
    return both
