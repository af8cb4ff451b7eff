"""`FeatureSet`: which features of a pixel are computed, by name, and what each needs and does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, get_args

from granum.errors import ModelError, SettingError

__all__ = ["KINDS", "PARTS", "SIGMAS", "FeatureSet", "Kind"]

Kind = Literal[
    "gaussian",
    "laplacian",
    "gradient",
    "difference",
    "structure",
    "hessian",
    "deviation",
    "entropy",
    "extremes",
    "lines",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
SIGMAS = (0.7, 1.0, 1.6, 3.5, 5.0, 10.0)
"""Scales in pixels of the default bank; 0 among the sigmas stands for the pixel itself."""
_LARGEST_SIGMA = 64.0
PARTS: dict[str, tuple[str, ...]] = {
    "gaussian": ("gaussian",),
    "laplacian": ("laplacian",),
    "gradient": ("gradient",),
    "difference": ("difference",),
    "structure": ("structure_1", "structure_2"),
    "hessian": ("hessian_1", "hessian_2"),
    "deviation": ("deviation",),
    "entropy": ("entropy",),
    "extremes": ("minimum", "maximum"),
    "lines": ("line_bright", "line_dark"),
}
_LEVELS = {"pixel", "gaussian", "minimum", "maximum"}
_UNCHANGED = {"entropy", "position_y", "position_x"}


@dataclass(frozen=True)
class FeatureSet:
    """Features of a pixel: kinds at scales, the same for every channel.

    Parameters
    ----------
    sigmas : tuple of float
        Scales in pixels, ascending, each over 0 and at most 64.
    kinds : tuple of str
        Of `KINDS`.
    pixel : bool
        The grey level of the pixel itself too.
    position : bool
        Row and column over the size of the image too; off, because it teaches where, not what.
    """

    sigmas: tuple[float, ...] = SIGMAS
    kinds: tuple[Kind, ...] = KINDS
    pixel: bool = True
    position: bool = False

    def __post_init__(self) -> None:
        if not all(0 < sigma <= _LARGEST_SIGMA for sigma in self.sigmas) or list(self.sigmas) != sorted(
            set(self.sigmas)
        ):
            raise SettingError(f"sigmas: {self.sigmas} must ascend, each over 0 and at most {_LARGEST_SIGMA:g} px.")
        if wrong := [kind for kind in self.kinds if kind not in KINDS]:
            raise SettingError(f"kinds: {wrong[0]!r} is none of {', '.join(KINDS)}.")
        if not (self.pixel or self.position or (self.kinds and self.sigmas)):
            raise SettingError("features: there are none; give kinds and sigmas, or pixel=True.")

    def names(self, n_channels: int = 1) -> tuple[str, ...]:
        """Return the name of every feature, in the order of their planes, such as ``"c0 hessian_1 3.5"``."""
        names: list[str] = []
        for channel in range(n_channels):
            if self.pixel:
                names.append(f"c{channel} pixel 0")
            for sigma in self.sigmas:
                names += [f"c{channel} {part} {sigma:g}" for kind in self.kinds for part in PARTS[kind]]
        if self.position:
            names += ["position_y", "position_x"]
        return tuple(names)

    def n_features(self, n_channels: int = 1) -> int:
        """Return the number of planes."""
        return len(self.names(n_channels))

    @staticmethod
    def response(name: str) -> Literal["level", "change", "none"]:
        """Return what an affine change of grey levels does to a feature: moves and scales it, scales it, or nothing."""
        part = name.split()[1] if " " in name else name
        return "none" if part in _UNCHANGED else "level" if part in _LEVELS else "change"

    def columns(self, n_channels: int, *, sigmas: Iterable[float], kinds: Iterable[str]) -> list[int]:
        """Return the planes of some scales and kinds (the pixel and the position always)."""
        wanted = {f"{sigma:g}" for sigma in sigmas} | {"0"}
        parts = {part for kind in kinds for part in PARTS[kind]} | {"pixel"}
        rows = enumerate(name.split() for name in self.names(n_channels))
        return [row for row, words in rows if len(words) == 1 or (words[1] in parts and words[2] in wanted)]

    def to_json(self) -> dict[str, Any]:
        """Return it in JSON types."""
        return {"sigmas": [*self.sigmas], "kinds": [*self.kinds], "pixel": self.pixel, "position": self.position}

    @classmethod
    def from_json(cls, value: Any) -> FeatureSet:
        """Return what `to_json` made.

        Raises
        ------
        ModelError
            When it is something else.
        """
        try:
            kinds = tuple(value["kinds"])
            return cls(tuple(map(float, value["sigmas"])), kinds, bool(value["pixel"]), bool(value["position"]))
        except (KeyError, TypeError, ValueError, SettingError) as error:
            raise ModelError(f"features: are not those of a model ({error}).") from None
