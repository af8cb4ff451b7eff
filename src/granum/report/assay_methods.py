"""What the methods paragraph says about an assay: only what was really computed, each with its paper."""

from __future__ import annotations

from granum.plate.assay import Assay
from granum.report.assay_curves import plates_of
from granum.report.methods import Sentence

__all__ = ["assay_methods"]

_GROWTH = {
    "exponential": "an exponential",
    "logistic": "a logistic",
    "gompertz": "a Gompertz",
    "linear": "a straight line",
}


def assay_methods(assay: Assay) -> list[Sentence]:
    """Return sentences with keys of `granum.report.methods.REFERENCES`.

    Parameters
    ----------
    assay : Assay
        The result of the run.
    """
    sentences = [_extent(assay), _share(assay)]
    levels = {curve.level for curve in assay.curves}
    if "condition" in levels:
        sentences.append(
            (
                "Values of conditions are means over replicates (wells), with 95 % intervals from Student's t over the "
                "replicates, not over cells.",
                ("student",),
            )
        )
    if any(curve.measure.endswith("_t0") for curve in assay.curves):
        sentences.append(("Curves marked as relative were divided by their value at the first time.", ()))
    if assay.survival:
        n = sum(one.n_deaths for one in assay.survival if one.level == assay.survival[0].level)
        sentences.append(
            (
                "Nuclei were followed from frame to frame by overlap, and survival was estimated after Kaplan and "
                f"Meier ({n} deaths; nuclei that left the view or outlived the experiment are censored), with 95 % "
                "bands on the log-log scale.",
                ("kaplan_meier", "log_log"),
            )
        )
    if any(fit.model == "log_rank" for fit in assay.fits):
        sentences.append(("Survival was compared with the negative control by the log-rank test.", ("log_rank",)))
    sentences += [*_fits(assay), *_quality(assay)]
    return [sentence for sentence in sentences if sentence[0]]


def _extent(assay: Assay) -> Sentence:
    wells = [well for well in assay.wells if well.well]
    times = sorted({image.time for image in assay.images})
    parts = []
    if len(wells) > 1:
        plates = plates_of(assay)
        parts.append(f"{len(wells)} wells" + (f" of {len(plates)} plates" if len(plates) > 1 else ""))
    if len(times) > 1:
        unit = "" if assay.time_unit == "frame" else f" from {times[0]:g} to {times[-1]:g} {assay.time_unit}"
        parts.append(f"{len(times)} times{unit}")
    return (f"The images show {' at '.join(parts)}." if parts else ""), ()


def _share(assay: Assay) -> Sentence:
    if assay.kind == "live-dead":
        return (
            "Viability is the share of live nuclei among all nuclei that were judged; its 95 % intervals for fields "
            "and wells are Wilson's, which take nuclei as independent.",
            ("wilson",),
        )
    return (
        "Confluency is the share of the analysed area that cells cover; the intervals of single images span the "
        "opinions of the methods that were combined.",
        (),
    )


def _fits(assay: Assay) -> list[Sentence]:
    sentences: list[Sentence] = []
    models = list(dict.fromkeys(fit.model for fit in assay.fits if fit.model in _GROWTH))
    if models:
        names = " and ".join(_GROWTH[model] for model in models)
        keys = tuple(key for key in ("gompertz",) if key in models)
        compared = "; models of the same curve are compared by Akaike's criterion" if len(models) > 1 else ""
        keys += ("aic",) if compared else ()
        ending = "" if models[-1] == "linear" else " curve"
        sentences.append((f"Time courses were fitted by {names}{ending}{compared}.", keys))
    if any(fit.model == "dose_response" for fit in assay.fits):
        sentences.append(("Dose responses were fitted by a four-parameter logistic (Hill) curve.", ("hill",)))
    return sentences


def _quality(assay: Assay) -> list[Sentence]:
    if not assay.quality:
        return []
    words, keys = [], []
    if any(one.z_prime is not None for one in assay.quality):
        words.append("Z'")
        keys.append("z_prime")
    if any(one.ssmd is not None for one in assay.quality):
        words.append("the strictly standardised mean difference (SSMD)")
        keys.append("ssmd")
    return [(f"Controls were compared by {' and '.join(words)}.", tuple(keys))] if words else []
