from __future__ import annotations

import numpy as np
import pytest

from granum.learn import FeatureSet
from granum.learn.folds import make_folds
from granum.learn.importance import group_features, measure_importance


def test_features_are_grouped_by_kind_scale_and_channel():
    names = FeatureSet(sigmas=(1.0, 3.5), kinds=("gaussian", "structure", "extremes")).names(2)
    groups = group_features(names)
    assert {names[row] for row in groups["kind: structure tensor"]} == {
        f"c{channel} structure_{part} {sigma}" for channel in (0, 1) for part in (1, 2) for sigma in ("1", "3.5")
    }
    assert len(groups["kind: local extremes"]) == 8
    assert len(groups["scale: 3.5 px"]) == 10
    assert [names[row] for row in groups["scale: the pixel itself"]] == ["c0 pixel 0", "c1 pixel 0"]
    assert len(groups["channel: 0"]) == len(groups["channel: 1"]) == 11
    for prefix in ("kind", "scale", "channel"):
        rows = np.concatenate([rows for name, rows in groups.items() if name.startswith(prefix)])
        assert sorted(rows) == list(range(len(names)))
    assert not any(name.startswith("channel") for name in group_features(FeatureSet().names(1)))
    assert "kind: position" in group_features(FeatureSet(position=True).names(1))


def test_the_group_that_decides_gets_all_and_the_order_is_by_share(draw_phases):
    data = draw_phases(3, seed=1, noise=0.8).training(3)
    folds = make_folds(data)
    row = data.names.index("c0 gaussian 2")

    def by_one_plane(planes):
        level = planes[row]
        score = np.stack([-((level - middle) ** 2) * 30 for middle in (-0.2, 0.2, 0.6)])
        chance = np.exp(score - score.max(axis=0))
        return (chance / chance.sum(axis=0)).astype(np.float32)

    found = measure_importance(data, folds, [by_one_plane] * len(folds))
    assert [share for _, share in found] == sorted((share for _, share in found), reverse=True)
    shares = dict(found)
    assert shares["kind: smoothed grey level"] == pytest.approx(1.0)
    assert shares["scale: 2 px"] == pytest.approx(1.0)
    assert shares["kind: local deviation"] == shares["scale: the pixel itself"] == 0.0
    assert found == measure_importance(data, folds, [by_one_plane] * len(folds))
    some = dict(measure_importance(data, folds, [by_one_plane] * len(folds), columns=[0, row]))
    assert set(some) == {"kind: grey level", "kind: smoothed grey level", "scale: the pixel itself", "scale: 2 px"}


def test_where_nothing_matters_all_shares_are_0(draw_phases):
    data = draw_phases(2, seed=1).training(2)
    folds = make_folds(data)

    def always_even(planes):
        return np.full((3, planes.shape[1]), 1 / 3, np.float32)

    assert {share for _, share in measure_importance(data, folds, [always_even] * len(folds))} == {0.0}
