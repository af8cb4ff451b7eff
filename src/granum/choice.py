"""`Choice`: what a step chose by itself, and why; it ends in `run.json` and in the report."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["Choice"]


@dataclass(frozen=True)
class Choice:
    """One automatic decision.

    Parameters
    ----------
    about : str
        What was decided, in one or two words ("smoothing", "splitter", "analysed area").
    chosen : dict
        The values that won, JSON types only.
    reason : str
        One sentence for the user, with the figures that decided.
    candidates : list of dict
        What else was tried, each with its score, best first; JSON types only.
    """

    about: str
    chosen: dict[str, Any]
    reason: str
    candidates: list[dict[str, Any]] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return the choice as a dict of JSON types."""
        return asdict(self)
