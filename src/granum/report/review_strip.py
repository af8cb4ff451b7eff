"""The images that somebody should look at, most doubtful first: small overlays with where, when and why."""

from __future__ import annotations

import base64
from html import escape
from pathlib import Path

from granum.plate.assay import Assay, Review
from granum.report.assay_text import time_words

__all__ = ["review_html"]

_WIDTH = 300
_MOST = 12
_LEAST = 0.1  # less is not worth a look
_BYTES = 1_500_000  # of all pictures together


def review_html(assay: Assay, folder: Path) -> str:
    """Return the strip, or a line where no image is doubtful.

    Parameters
    ----------
    assay : Assay
        Its `review` names the overlays.
    folder : Path
        The run folder. What is missing, or lies outside, is told without its picture.
    """
    every = sorted(assay.review, key=lambda one: -one.doubt)
    entries = [one for one in every if one.doubt >= _LEAST]
    if not entries:
        return (
            f'<p class="quiet">No image is doubtful: the highest doubt is {100 * every[0].doubt:.0f} % '
            f"({escape(every[0].well or every[0].file)}).</p>"
            if every
            else ""
        )
    left = _BYTES
    several = len({image.time for image in assay.images}) > 1
    cards = []
    for entry in entries[:_MOST]:
        picture = _thumbnail(folder, entry.overlay)
        if len(picture) > left:
            picture = b""
        left -= len(picture)
        cards.append(_card(entry, picture, assay.time_unit if several else ""))
    more = len(entries) - len(cards)
    note = f" {more} more have a doubt of {100 * _LEAST:.0f} % or more." if more > 0 else ""
    return (
        f'<h2>Look at these</h2><p class="quiet">The most doubtful first.{note}</p>'
        f'<div class="strip">{"".join(cards)}</div>'
    )


def _thumbnail(folder: Path, overlay: str) -> bytes:
    """Return a small JPEG of an overlay; nothing where it cannot be read."""
    import cv2
    import numpy as np

    path = (folder / overlay).resolve()
    if not overlay or not path.is_relative_to(folder.resolve()) or not path.is_file():
        return b""
    picture = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        return b""
    height, width = picture.shape[:2]
    scale = min(1.0, 2 * _WIDTH / width, 3 * _WIDTH / height)  # twice the width on the page, for dense screens
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA) if scale < 1 else picture
    done, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 80])
    return data.tobytes() if done else b""


def _card(entry: Review, picture: bytes, time_unit: str) -> str:
    where = " · ".join(
        words
        for words in (
            entry.well,
            time_words(entry.time, time_unit) if time_unit else "",
            f"doubt {100 * entry.doubt:.0f} %",
        )
        if words
    )
    shown = (
        f'<img alt="overlay of {escape(entry.well or entry.file)}"'
        f' src="data:image/jpeg;base64,{base64.b64encode(picture).decode("ascii")}">'
        if picture
        else ""
    )
    return (
        f"<figure>{shown}<figcaption><b>{escape(where)}</b><span>{escape(entry.why)}</span>"
        f'<span class="quiet mono">{escape(entry.overlay or entry.file)}</span></figcaption></figure>'
    )
