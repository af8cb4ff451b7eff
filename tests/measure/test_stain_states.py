import math

import numpy as np
import pytest

from granum.errors import SettingError, ShapeError
from granum.measure import judge_by_mask, wilson_interval


def field():
    labels = np.zeros((20, 40), np.int32)
    labels[5:15, 2:10], labels[5:15, 15:23], labels[5:15, 30:38] = 1, 2, 3
    dead = np.zeros(labels.shape, bool)
    dead[:, 18:36] = True  # 5 of 8 columns of nucleus 2, 6 of 8 of nucleus 3
    return {"label": np.array([1, 2, 3]), "area": np.array([80.0] * 3)}, labels, dead


def test_what_is_mostly_covered_is_dead():
    objects, labels, dead = field()
    judged, summary = judge_by_mask(objects, labels, dead)
    assert list(judged["state"]) == ["live", "dead", "dead"]
    assert list(judged["p_dead"]) == [0, 1, 1]
    assert (summary["n_live"], summary["n_dead"], summary["viability"]) == (1, 2, pytest.approx(1 / 3))
    assert (summary["viability_low"], summary["viability_high"]) == wilson_interval(1, 3)
    assert list(judge_by_mask(objects, labels, dead, least_share=0.7)[0]["state"]) == ["live", "live", "dead"]
    assert list(judge_by_mask(objects, labels, dead, least_share=0)[0]["state"]) == ["live", "dead", "dead"]
    assert "state" not in objects


def test_cells_give_the_share_of_the_field():
    objects, labels, dead = field()
    area = np.zeros(labels.shape, bool)
    area[:, :20] = True
    assert judge_by_mask(objects, labels, dead, labels)[1]["cell_area_fraction"] == 0.3
    assert judge_by_mask(objects, labels, dead, labels, area)[1]["cell_area_fraction"] == 130 / 400


def test_a_field_without_nuclei_has_no_viability():
    judged, summary = judge_by_mask({"label": np.zeros(0, int)}, np.zeros((5, 5), int), np.ones((5, 5), bool))
    assert len(judged["state"]) == 0
    assert math.isnan(summary["viability"])
    assert (summary["viability_low"], summary["viability_high"]) == (0, 1)


def test_nonsense_is_refused():
    objects, labels, dead = field()
    with pytest.raises(ShapeError, match="dead_mask"):
        judge_by_mask(objects, labels, dead[:5])
    with pytest.raises(ShapeError, match="labels 1 to 3"):
        judge_by_mask({"label": np.array([4])}, labels, dead)
    with pytest.raises(SettingError, match="least_share"):
        judge_by_mask(objects, labels, dead, least_share=1.5)
