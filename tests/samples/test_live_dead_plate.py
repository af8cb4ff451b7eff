from __future__ import annotations

import json

import pytest

from granum.errors import SettingError
from granum.samples import DeathLaw, PlateCondition, simulate_live_dead_plate

SMALL = {"size": 128, "count": 6, "hours": 4.0, "interval_h": 2.0}


def test_wells_have_names_conditions_and_laws():
    plate = simulate_live_dead_plate(**SMALL)
    assert len(plate.wells) == 12
    assert plate.map_rows[0] == {
        "well": "B02", "condition": "untreated", "dose": "0", "replicate": "1", "control": "negative",
    }  # fmt: skip
    assert {row["control"] for row in plate.map_rows} == {"negative", "positive", ""}
    assert plate.truth["wells"]["D05"]["death"] == {"scale_h": 22.0, "shape": 2.0}
    assert json.loads(json.dumps(plate.truth)) == plate.truth


def test_series_of_wells_and_fields_differ_and_repeat():
    plate, again = (simulate_live_dead_plate(**SMALL, fields=2, seed=7) for _ in range(2))
    first = plate.series("C03", 1)
    assert len(first) == 3
    assert first.truth == again.series("C03", 1).truth
    assert first.truth["tracks"] != plate.series("C03", 2).truth["tracks"]
    assert first.death == DeathLaw(60.0)


def test_wells_of_a_condition_spread_when_asked():
    conditions = (PlateCondition("a", DeathLaw(10.0, 1.5)),)
    plate = simulate_live_dead_plate(**SMALL, conditions=conditions, replicates=5, well_spread=0.3)
    scales = {well.death.scale_h for well in plate.wells}
    assert len(scales) == 5
    assert all(3 < scale < 33 for scale in scales)
    assert plate.map_rows[0]["dose"] == ""


def test_what_is_not_on_the_plate_is_an_error():
    plate = simulate_live_dead_plate(**SMALL)
    with pytest.raises(SettingError, match="A01"):
        plate.series("A01")
    with pytest.raises(SettingError, match="field: 2"):
        plate.series("B02", 2)
    with pytest.raises(SettingError, match="replicates"):
        simulate_live_dead_plate(**SMALL, replicates=30)
    with pytest.raises(SettingError, match="conditions: 15"):
        simulate_live_dead_plate(**SMALL, conditions=(PlateCondition("a", DeathLaw()),) * 15)
    with pytest.raises(SettingError, match="control"):
        PlateCondition("a", DeathLaw(), control="maybe")
