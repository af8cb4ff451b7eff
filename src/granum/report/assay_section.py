"""The assay in the report: plate, curves, survival, dose response, fits, controls, and what to look at.

It draws what stands in `assay.json` and computes nothing; what has nothing to show is left out.
"""

from __future__ import annotations

from html import escape
from pathlib import Path

from granum.plate.assay import Assay
from granum.report.assay_curves import curves_html
from granum.report.assay_tables import conditions_html, fits_html, quality_html
from granum.report.condition_dots import dots_html
from granum.report.dose_chart import dose_html
from granum.report.plate_heatmap import heatmap_html
from granum.report.review_strip import review_html
from granum.report.survival_chart import survival_html

__all__ = ["assay_html"]


def assay_html(assay: Assay, folder: Path) -> str:
    """Return the part of report.html about an assay.

    Parameters
    ----------
    assay : Assay
        As `read_assay` returns it.
    folder : Path
        The run folder, for the overlays of the review strip.

    Returns
    -------
    html : str
        Headings, charts and tables; empty for a single image without doubt. Self-contained: pictures are embedded, at
        most 2 MB of them. Everything that comes from a file is escaped. Same input, same text.
    """
    return "".join(
        (
            _notes(assay),
            heatmap_html(assay),
            conditions_html(assay),
            curves_html(assay),
            dots_html(assay),
            survival_html(assay),
            dose_html(assay),
            fits_html(assay),
            quality_html(assay),
            _videos(assay),
            review_html(assay, folder),
        )
    )


def _notes(assay: Assay) -> str:
    if not assay.notes:
        return ""
    return '<ul class="warnings">' + "".join(f"<li>{escape(note)}</li>" for note in assay.notes) + "</ul>"


def _videos(assay: Assay) -> str:
    """Name the films: they lie beside the page, which loads nothing."""
    if not assay.videos:
        return ""
    names = "".join(f"<li><code>{escape(name)}</code></li>" for name in assay.videos[:60])
    more = f"<li>and {len(assay.videos) - 60} more</li>" if len(assay.videos) > 60 else ""
    return f'<h2>Videos</h2><p class="quiet">Beside this page, in the folder of the run.</p><ul>{names}{more}</ul>'
