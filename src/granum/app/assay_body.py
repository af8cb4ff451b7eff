"""The result of an assay as the page gets it: `assay.json` of a run folder, with the numbers of the report at its head.

Of the images only what the page draws is sent: a plate over days has a hundred thousand rows of forty columns.
"""

from __future__ import annotations

from pathlib import Path

from granum.app.assay_messages import AssayBody
from granum.app.problems import Problem
from granum.errors import ReadError
from granum.plate.assay import read_assay
from granum.plate.condition_names import name_conditions
from granum.report.assay_numbers import assay_numbers
from granum.report.assay_tables import z_prime_verdict

__all__ = ["make_assay_body"]

_OF_WELLS = ("replicate", "control", "dose")  # said once, with the well


def make_assay_body(folder: Path, run: str, *, before_corrections: bool = False) -> AssayBody:
    """Return the result of the assay in a run folder.

    Parameters
    ----------
    folder : Path
        The run folder.
    run : str
        Its id, for sentences.
    before_corrections : bool
        Whether there are corrections that this folder does not know of.

    Raises
    ------
    Problem
        404 "no_assay" when the run made none, 409 "damaged" when it cannot be read.
    """
    path = folder / "assay.json"
    if not path.is_file():
        text = "made no assay; recipes that make one (live-dead, confluency) say so with assay = ..."
        raise Problem(404, "no_assay", f"run {run}: {text}")
    try:
        assay = read_assay(path)
        content = {name: value for name, value in assay.to_json().items() if name != "schema"}
        shown = {measure["name"] for measure in content["measures"]}
        stems = {(image["file"], image["frame"]): image["stem"] for image in content["images"]}
        for image in content["images"]:
            image["values"] = {name: value for name, value in image["values"].items() if name in shown}
            for name in _OF_WELLS:
                del image[name]
        curves = name_conditions(assay.wells)
        for well in content["wells"]:
            well["curve"] = curves.get((well["plate"], well["well"]), "")
        for review in content["review"]:
            review["stem"] = stems.get((review["file"], review["frame"]), "")
        for quality in content["quality"]:
            quality["verdict"] = z_prime_verdict(quality["z_prime"])
        numbers = [
            {"name": name, "value": value, "unit": unit, "below": below}
            for name, value, unit, below in assay_numbers(assay)
        ]
        return AssayBody.model_validate({**content, "numbers": numbers, "before_corrections": before_corrections})
    except (ReadError, ValueError, KeyError, TypeError) as error:  # a folder that somebody else has written
        reason = str(error).strip().partition("\n")[0]
        raise Problem(409, "damaged", f"run {run}: its assay.json cannot be read ({reason}).") from error
