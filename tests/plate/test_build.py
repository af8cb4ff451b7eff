from __future__ import annotations

import json
import math

import numpy as np
import pytest

from granum.errors import SettingError, ShapeError
from granum.plate import Life, Measure, PlateImage, build_assay, read_assay, write_assay_tables
from granum.plate.well_positions import format_well


def plate(times=tuple(range(0, 40, 2)), rows=3, columns=6, seed=0):
    rng = np.random.default_rng(seed)
    images = []
    for row in range(1, rows + 1):
        for column in range(1, columns + 1):
            well = format_well(row, column)
            dose = 0.0 if column == 1 else 10.0 ** (column - 3)
            rate = 0.15 * math.exp(rng.normal(0, 0.04)) / (1 + dose / 5)
            control = {1: "negative", columns: "positive"}.get(column, "")
            for time in times:
                share = float(np.clip(0.9 / (1 + math.exp(-rate * (time - 18))) + rng.normal(0, 0.005), 0, 1))
                values = {
                    "confluency": share,
                    "confluency_low": share - 0.01,
                    "confluency_high": share + 0.01,
                    "doubt": 0.1,
                }
                images.append(
                    PlateImage(
                        f"{well}_t{time}.tif", f"{well}_t{time}", 0, "p1", well, "1", float(time),
                        "DMSO" if column == 1 else "drug", str(row), control, dose, values,
                    )
                )  # fmt: skip
    return images


@pytest.fixture(scope="module")
def assay():
    return build_assay(
        "confluency", plate(), overlays={("A01_t0.tif", 0): "overlays/A01_t0.png"}, notes=["from the names"]
    )


def test_a_plate_of_growing_cells_tells_its_whole_story(assay):
    assert [well.well for well in assay.wells][:7] == ["A01", "A02", "A03", "A04", "A05", "A06", "B01"]
    assert {curve.name for curve in assay.curves if curve.level == "condition"} == {
        "DMSO", "drug 0.1", "drug 1", "drug 10", "drug 100", "drug 1000",
    }  # fmt: skip
    assert {curve.measure for curve in assay.curves} == {"confluency", "confluency_t0"}
    growth = next(f for f in assay.fits if (f.level, f.name, f.model) == ("condition", "DMSO", "logistic"))
    rate = growth.parameters["rate_per_h"]
    assert rate.low < 0.15 < rate.high
    assert growth.note == "Means over 3 replicates."
    (dose,) = [fit for fit in assay.fits if fit.model == "dose_response"]
    assert dose.name == "drug"
    assert dose.parameters["trend_p"].value < 0.001
    assert "3 wells of the negative control" in dose.note
    (quality,) = assay.quality
    assert quality.z_prime > 0
    assert quality.time == 38
    assert assay.notes[0] == "from the names"
    assert assay.review[0].overlay == "overlays/A01_t0.png" or assay.review[0].file == "A01_t0.tif"


def test_it_is_written_and_read_back_the_same(assay, tmp_path):
    text = json.dumps(assay.to_json(), allow_nan=False)
    (tmp_path / "assay.json").write_text(text, encoding="utf-8")
    assert read_assay(tmp_path / "assay.json") == assay
    assert json.dumps(build_assay("confluency", plate(), overlays={("A01_t0.tif", 0): "overlays/A01_t0.png"},
                                  notes=["from the names"]).to_json()) == text  # fmt: skip


def test_the_order_of_the_images_changes_nothing(assay):
    images = plate()
    np.random.default_rng(0).shuffle(images)
    turned = build_assay("confluency", images)
    assert turned.wells == assay.wells
    assert turned.fits == assay.fits
    assert set(turned.curves) == set(assay.curves)


def test_live_and_dead_cells_with_lives_and_a_control():
    rng = np.random.default_rng(1)
    images, lives = [], []
    for well, condition, control, risk in (
        ("A01", "DMSO", "negative", 0.005), ("A02", "DMSO", "negative", 0.005),
        ("B01", "drug", "", 0.05), ("B02", "drug", "", 0.05),
    ):  # fmt: skip
        death = np.ceil(rng.exponential(1 / risk, 120))
        lives += [Life("", well, "1", condition, 0.0, float(min(t, 24)), bool(t <= 24)) for t in death]
        for time in range(25):
            dead = int((death <= time).sum())
            values = {
                "n_live": 120 - dead,
                "n_dead": dead,
                "n_uncertain": 3,
                "viability": 1 - dead / 120,
                "doubt": dead / 240,
            }
            images.append(
                PlateImage(
                    f"{well}_{time}.tif",
                    f"{well}_{time}",
                    0,
                    "",
                    well,
                    "",
                    float(time),
                    condition,
                    "",
                    control,
                    None,
                    values,
                )
            )
    assay = build_assay("live-dead", images, lives=lives)
    assert [measure.name for measure in assay.measures] == ["viability", "n_nuclei"]  # no cell area was measured
    for name in ("A01", "B02"):
        curve = next(c for c in assay.curves if (c.name, c.measure) == (name, "viability"))
        survival = next(s for s in assay.survival if (s.level, s.name) == ("well", name))
        at = dict(zip(survival.time, survival.survival, strict=True))
        for time, value in zip(curve.time, curve.value, strict=True):
            if time in at:
                assert value == pytest.approx(at[time], abs=1e-12)  # nobody was lost, so both say the same
    (test,) = [fit for fit in assay.fits if fit.model == "log_rank"]
    assert test.name == "drug"
    assert test.parameters["p_value_wells"].value < 0.05
    assert assay.review[0].why == "3 of 120 nuclei are neither clearly live nor clearly dead."


def test_what_a_user_must_know_stands_in_the_notes():
    twice = [PlateImage(f"{k}.tif", str(k), 0, "", "A01", "1", 0.0, values={"confluency": 0.5}) for k in range(2)]
    lost = PlateImage("x.tif", "x", 0, "", "A02", "1", math.nan, values={"confluency": 0.5})
    assay = build_assay("confluency", [*twice, lost])
    assert "1 images have no time" in assay.notes[0]
    assert "same field at the same time, as A01 f1" in assay.notes[1]
    assert len(assay.images) == 3
    json.dumps(assay.to_json(), allow_nan=False)
    shared = [
        PlateImage(f"{w}.tif", w, 0, "", w, "1", 0.0, "drug", "1", values={"confluency": 0.5})
        for w in ("A01", "A02", "A03")
    ]
    assert any("averaged before replicates" in note for note in build_assay("confluency", shared).notes)


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0, None, math.nan, math.inf])
@pytest.mark.parametrize("times", [(0,), (0, 1), tuple(range(12))])
@pytest.mark.parametrize("kind", ["confluency", "live-dead"])
def test_constant_empty_and_missing_values_never_crash(value, times, kind, tmp_path):
    values = {"confluency": value, "doubt": value, "n_live": value, "n_dead": 0 if value is not None else None}
    images = [
        PlateImage(f"{w}{t}.tif", f"{w}{t}", 0, "", w, "", float(t), "drug", "", control, dose, values)
        for t in times
        for w, control, dose in (("A01", "negative", 0.0), ("A02", "positive", 1.0), ("A03", "", 2.0), ("", "", None))
    ]  # fmt: skip
    assay = build_assay(kind, images)
    json.dumps(assay.to_json(), allow_nan=False)
    assert "wells.csv" in write_assay_tables(tmp_path, assay)


def test_own_measures_and_nothing_at_all():
    images = [PlateImage("a.tif", "a", 0, "", "A01", "1", 0.0, values={"dead_ratio": 3.0})]
    assay = build_assay("live-dead", images, measures=[Measure("dead_ratio", "Dead over ring")])
    assert assay.curves[0].value == (3.0,)
    assert build_assay("live-dead", images).measures == ()
    with pytest.raises(ShapeError, match="no image"):
        build_assay("confluency", [])


def test_images_stand_at_the_time_points_of_their_curves():
    images = [
        PlateImage(f"{well}_{k}.tif", f"{well}_{k}", 0, "", well, "1", k * 4 + late, values={"n_live": 5, "n_dead": 5})
        for late, well in ((0.0, "B02"), (0.05, "B03"))
        for k in (0, 1)
    ]
    assay = build_assay("live-dead", images)
    assert sorted({image.time for image in assay.images}) == [0.0, 4.0]
    assert {curve.time for curve in assay.curves} == {(0.0, 4.0)}


def test_an_assay_of_another_kind_is_refused():
    with pytest.raises(SettingError, match="'wound' is no assay; there are live-dead, confluency"):
        build_assay("wound", [PlateImage("a", "a", 0)])
