from __future__ import annotations

import numpy as np
import pytest

from granum.plate import Measure, PlateImage
from granum.plate.assay import Curve
from granum.plate.curves import condition_curves, curves_of_wells, mean_interval, ratio_interval, relative_to_start
from granum.plate.wells import Pooled, group_wells

CONFLUENCY = Measure("confluency", "Confluency", "%")


def image(well, time, value, field="1"):
    stem = f"{well}_{field}_{time}"
    return PlateImage(f"{stem}.tif", stem, 0, "", well, field, time, values={"confluency": value})


def test_times_that_one_well_lacks_are_gaps():
    images = [
        image("A01", 0, 0.1),
        image("A01", 1, 0.2),
        image("A01", 2, 0.3),
        image("A02", 0, 0.1),
        image("A02", 2, 0.5),
    ]
    first, second = curves_of_wells(group_wells(images), [CONFLUENCY])
    assert first.value == (0.1, 0.2, 0.3)
    assert second.time == (0, 1, 2)
    assert second.value == (0.1, None, 0.5)
    assert second.n == (1, 0, 1)


def test_fields_have_curves_where_a_well_has_several():
    images = [image("A01", t, 0.1 * f, str(f)) for t in (0, 1) for f in (2, 10)]
    assert [(c.level, c.name) for c in curves_of_wells(group_wells(images), [CONFLUENCY])] == [
        ("well", "A01"), ("field", "A01 f2"), ("field", "A01 f10"),
    ]  # fmt: skip


def test_relative_to_the_first_time_and_nothing_where_that_is_missing():
    curve = Curve(
        "well", "A01", "confluency", (0, 1, 2), (0.2, 0.3, None), (0.1, 0.2, None), (0.3, 0.4, None), (1, 1, 0)
    )
    found = relative_to_start(curve)
    assert found.measure == "confluency_t0"
    assert found.value == (1.0, pytest.approx(1.5), None)
    assert (found.low[0], found.high[0]) == (1.0, 1.0)
    assert 0 < found.low[1] < 1.5 < found.high[1]
    for start in (None, 0.0):
        assert relative_to_start(Curve("well", "A01", "x", (0, 1), (start, 0.3), n=(1, 1))) is None
    assert relative_to_start(Curve("well", "A01", "x", (0,), (0.3,), n=(1,))) is None


def test_the_interval_of_a_ratio_holds_it_in_95_of_100_draws():
    rng, hits = np.random.default_rng(0), 0
    for _ in range(1000):
        a, b = rng.normal(0.6, 0.05), rng.normal(0.4, 0.04)
        found = ratio_interval(Pooled(a, a - 0.098, a + 0.098), Pooled(b, b - 0.0784, b + 0.0784))
        hits += found.low <= 1.5 <= found.high
    assert 0.93 <= hits / 1000 <= 0.97


def test_the_mean_has_the_interval_of_the_peer():
    from scipy import stats

    values = [0.3, 0.5, 0.45, 0.2]
    found = mean_interval(values)
    peer = stats.t.interval(0.95, 3, np.mean(values), stats.sem(values))
    assert (found.low, found.high) == pytest.approx(peer)
    assert mean_interval([0.4]) == Pooled(0.4, None, None, 1)
    assert mean_interval([]) == Pooled(None)


def wells(values, measure="confluency"):
    return [Curve("well", f"A{k:02d}", measure, (0.0,), (value,), n=(9,)) for k, value in enumerate(values, 1)]


def test_a_condition_is_the_mean_of_its_wells_and_shares_stay_shares():
    conditions = {("", f"A{k:02d}"): "drug" for k in range(1, 4)}
    (found,) = condition_curves(wells([0.9, 0.99, 1.0, 0.1]), conditions, {}, ["confluency"])
    assert (found.level, found.name, found.n) == ("condition", "drug", (3,))
    assert found.value[0] == pytest.approx(2.89 / 3)
    assert found.high == (1.0,)
    (free,) = condition_curves(wells([0.9, 0.99, 1.0]), conditions, {}, [])
    assert free.high[0] > 1
    (counts,) = condition_curves(wells([1.0, 37.0], "n_nuclei"), conditions, {}, [])
    assert counts.low == (0.0,)
    assert counts.high[0] > 37


def test_wells_of_one_replicate_count_once():
    conditions = {("", f"A{k:02d}"): "drug" for k in range(1, 5)}
    replicates = {("", "A01"): "1", ("", "A02"): "1", ("", "A03"): "2", ("", "A04"): "2"}
    (found,) = condition_curves(wells([0.1, 0.3, 0.5, 0.7]), conditions, replicates, [])
    assert found.n == (2,)
    assert found.value == (pytest.approx(0.4),)
    (gap,) = condition_curves(wells([None, 0.3, None, None]), conditions, {}, [])
    assert (gap.value, gap.low, gap.n) == ((0.3,), (None,), (1,))
