"""The review list: images that somebody should look at, the most doubtful first, each with a sentence why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from granum.plate.assay import Kind, PlateImage, Review
from granum.plate.wells import finite_value

__all__ = ["list_reviews"]

_DOUBTFUL = 0.1


def list_reviews(
    images: Sequence[PlateImage], kind: Kind, overlays: Mapping[tuple[str, int], str] | None = None
) -> list[Review]:
    """Return the images that have a `doubt`, the most doubtful first.

    Parameters
    ----------
    images : sequence of PlateImage
        Their values hold ``doubt``, 0 to 1.
    kind : {"live-dead", "confluency"}
        What was measured.
    overlays : dict
        (file, frame) -> path of the overlay in the run folder.
    """
    overlays = overlays or {}
    found = []
    for image in images:
        doubt = finite_value(image, "doubt")
        if doubt is None:
            continue
        doubt = min(1.0, max(0.0, doubt))
        why = _why_viability(image) if kind == "live-dead" else _why_confluency(image)
        found.append(
            Review(
                image.file, image.frame, overlays.get((image.file, image.frame), ""), image.well, image.time, doubt, why
            )
        )
    return sorted(found, key=lambda one: (-one.doubt, one.file, one.frame))


def _why_viability(image: PlateImage) -> str:
    live, dead, unsure = (finite_value(image, name) for name in ("n_live", "n_dead", "n_uncertain"))
    reasons = []
    if live is not None and dead is not None and live + dead == 0:
        reasons.append("no nucleus was found")
    elif unsure and live is not None and dead is not None:
        reasons.append(f"{unsure:.0f} of {live + dead:.0f} nuclei are neither clearly live nor clearly dead")
    elif live is not None and dead is not None and live + dead < 20:
        reasons.append(f"only {live + dead:.0f} nuclei were counted")
    shift = finite_value(image, "shift_px")
    if shift is not None and abs(shift) >= 1:
        reasons.append(f"the channels are shifted by {abs(shift):.1f} px")
    return _sentence(reasons)


def _why_confluency(image: PlateImage) -> str:
    share, low, high = (finite_value(image, f"confluency{end}") for end in ("", "_low", "_high"))
    reasons = []
    if share is not None and low is not None and high is not None and high - low >= 0.02:
        methods = {
            name.removeprefix("confluency_").replace("_", " "): value
            for name in image.values
            if name.startswith("confluency_") and name not in ("confluency_low", "confluency_high")
            and (value := finite_value(image, name)) is not None
        }  # fmt: skip
        if len(methods) > 1:
            least, most = min(methods, key=lambda m: (methods[m], m)), max(methods, key=lambda m: (methods[m], m))
            reasons.append(f"{least} finds {methods[least]:.0%} cells, {most} {methods[most]:.0%}")
        else:
            reasons.append(f"the methods disagree: {low:.0%} to {high:.0%} cells")
    elif share is not None and share < 0.01:
        reasons.append("the dish looks empty")
    elif share is not None and share > 0.99:
        reasons.append("there seems to be no gap at all")
    elif (finite_value(image, "doubt") or 0) >= _DOUBTFUL:
        reasons.append("the methods agree on the share, not on where cells are")
    return _sentence(reasons)


def _sentence(reasons: Sequence[str]) -> str:
    text = "; ".join(reasons) or "nothing particular"
    return f"{text[0].upper()}{text[1:]}."
