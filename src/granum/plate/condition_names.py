"""Names of conditions: what stands in a plate map, with its dose where a condition has several."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from granum.plate.assay import Well

__all__ = ["name_conditions"]


def name_conditions(wells: Sequence[Well]) -> dict[tuple[str, str], str]:
    """Return (plate, well) -> name of its condition; wells of which nothing is known have none.

    Wells with the same condition and dose are one condition. Where the plate map names no condition, controls are
    parted from other wells of the same dose.

    Examples
    --------
    >>> a = Well("", "A01", 1, 1, "drug", "", "", 0.5, 1, 1)
    >>> b = Well("", "A02", 1, 2, "drug", "", "", 1.0, 1, 1)
    >>> c = Well("", "A03", 1, 3, "DMSO", "", "negative", 0.0, 1, 1)
    >>> d = Well("", "A04", 1, 4, "", "", "negative", 0.0, 1, 1)
    >>> list(name_conditions([a, b, c, d]).values())
    ['drug 0.5', 'drug 1', 'DMSO', 'dose 0 (negative control)']
    """
    doses: dict[str, set[float]] = defaultdict(set)
    for well in wells:
        if well.dose is not None:
            doses[well.condition].add(well.dose)
    names = {}
    for well in wells:
        parts = [well.condition] if well.condition else []
        if well.dose is not None and (len(doses[well.condition]) > 1 or not well.condition):
            parts.append(f"{well.dose:g}" if well.condition else f"dose {well.dose:g}")
        if not well.condition and well.control:
            parts.append(f"({well.control} control)" if parts else f"{well.control} control")
        if parts:
            names[well.plate, well.well] = " ".join(parts)
    return names
