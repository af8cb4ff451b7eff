"""Colours of classes that were given none: apart for most eyes, the same for a class wherever it is shown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from granum.learn.scribbles import PixelClass

__all__ = ["CLASS_COLOURS", "colour_classes"]

# after Okabe and Ito, "Color Universal Design" (2008); a class takes the one of its id
CLASS_COLOURS = (
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#7f5fbf", "#8c564b", "#9aa5ad",
)  # fmt: skip


def colour_classes(classes: Sequence[PixelClass]) -> tuple[PixelClass, ...]:
    """Return the classes with a colour each, "#rrggbb": their own, else the one of their id."""
    return tuple(
        one
        if re.fullmatch("#[0-9a-fA-F]{6}", one.colour)
        else replace(one, colour=CLASS_COLOURS[(one.id - 1) % len(CLASS_COLOURS)])
        for one in classes
    )
