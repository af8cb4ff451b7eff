from __future__ import annotations

import pytest

from granum.plate.assay import Curve, Fit, Interval, Measure, Well
from granum.plate.fits import compare_controls, fit_conditions, fit_doses, fit_wells


def fit(well, doubling, note="", aic=1.0):
    parameters = (
        {"doubling_time_h": Interval(doubling, doubling - 1, doubling + 1), "from_h": Interval(0.0)} if doubling else {}
    )
    return Fit("well", well, "confluency", "exponential", parameters, aic, (0.0, 10.0), (0.1, 0.2), note)


def test_a_condition_is_the_geometric_mean_of_its_wells_with_an_interval_over_them():
    conditions = {("", w): "drug" for w in ("A01", "A02", "A03", "A04")}
    (found,) = fit_conditions([fit("A01", 10), fit("A02", 20), fit("A03", 40), fit("A04", None, "No.")], conditions, {})
    time = found.parameters["doubling_time_h"]
    assert time.value == pytest.approx(20)
    assert time.low < 10 < 40 < time.high
    assert found.parameters["from_h"] == Interval(0.0)
    assert found.note == "Means over 3 replicates; 1 of 4 wells have no fit."
    assert found.aic is None  # not all wells
    replicates = {("", "A01"): "1", ("", "A02"): "1", ("", "A03"): "2"}
    (paired,) = fit_conditions([fit("A01", 10), fit("A02", 20), fit("A03", 40)], conditions, replicates)
    assert paired.note == "Means over 2 replicates."
    assert paired.aic == 3


def test_one_well_is_no_replicate_and_says_so():
    (found,) = fit_conditions([fit("A01", 10)], {("", "A01"): "drug"}, {})
    assert found.parameters["doubling_time_h"].high == 11
    assert found.note == "One well: the intervals are of its fit."
    (none,) = fit_conditions(
        [fit("A01", None, "No."), fit("A02", None, "No.")], {("", w): "d" for w in ("A01", "A02")}, {}
    )
    assert none.note == "None of 2 wells has a fit."
    assert fit_conditions([fit("A01", 10)], {}, {}) == []


def test_a_curve_of_three_times_is_not_fitted():
    assert fit_wells([Curve("well", "A01", "confluency", (0, 1, 2), (0.1, 0.2, 0.3))], "h") == []
    models = [f.model for f in fit_wells([Curve("well", "A01", "confluency", (0, 1, 2, 3), (0.1, 0.2, 0.4, 0.8))], "h")]
    assert models == ["exponential", "logistic", "gompertz"]
    wound = [f.model for f in fit_wells([Curve("well", "A01", "confluency", (0, 1, 2, 3), (0.6, 0.7, 0.8, 0.9))], "h")]
    assert wound == ["exponential", "logistic", "gompertz", "linear"]
    assert fit_wells([Curve("well", "A01", "viability", (0, 1, 2, 3), (0.1, 0.2, 0.4, 0.8))], "h") == []


def wells_and_curves(plate="p"):
    wells, curves = [], []
    for k, dose in enumerate([0, 0, 1, 1, 3, 3, 10, 10, 30, 30, 100, 100]):
        control = "negative" if dose == 0 else "positive" if dose == 100 else ""
        name = f"A{k + 1:02d}"
        wells.append(Well(plate, name, 1, k + 1, "DMSO" if dose == 0 else "drug", "", control, float(dose), 1, 1))
        curves.append(
            Curve("well", name, "viability", (0.0,), (1 - dose / (dose + 8) + 0.01 * (k % 2),), n=(9,), plate=plate)
        )
    return wells, curves, [Measure("viability", "Viability", "%")]


def test_the_negative_control_is_dose_zero_of_a_substance():
    (found,) = fit_doses(*wells_and_curves(), "h")
    ec50 = found.parameters["ec50"]
    assert ec50.low < 8 < ec50.high
    assert found.note == "12 wells. Dose 0 are the 2 wells of the negative control."


def test_both_controls_of_a_plate_are_compared():
    (found,) = compare_controls(*wells_and_curves())
    assert (found.plate, found.n_positive, found.n_negative) == ("p", 2, 2)
    wells, curves, measures = wells_and_curves()
    assert compare_controls(wells[:6], curves, measures) == []
