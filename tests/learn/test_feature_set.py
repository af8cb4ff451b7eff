from __future__ import annotations

import json

import pytest

from granum.errors import ModelError, SettingError
from granum.learn.feature_set import KINDS, PARTS, SIGMAS, FeatureSet


def test_names_are_unique_in_order_and_counted():
    features = FeatureSet((1.0, 3.5), ("gaussian", "hessian"), position=True)
    assert features.names(2) == (
        "c0 pixel 0", "c0 gaussian 1", "c0 hessian_1 1", "c0 hessian_2 1", "c0 gaussian 3.5", "c0 hessian_1 3.5",
        "c0 hessian_2 3.5", "c1 pixel 0", "c1 gaussian 1", "c1 hessian_1 1", "c1 hessian_2 1", "c1 gaussian 3.5",
        "c1 hessian_1 3.5", "c1 hessian_2 3.5", "position_y", "position_x",
    )  # fmt: skip
    names = FeatureSet().names(3)
    assert len(set(names)) == len(names) == FeatureSet().n_features(3) == 3 * 85


def test_every_part_says_what_grey_levels_do_to_it():
    found = {part: FeatureSet.response(f"c0 {part} 1") for kind in KINDS for part in PARTS[kind]}
    assert {part for part, response in found.items() if response == "level"} == {"gaussian", "minimum", "maximum"}
    assert {part for part, response in found.items() if response == "none"} == {"entropy"}
    assert FeatureSet.response("c1 pixel 0") == "level"
    assert FeatureSet.response("position_y") == FeatureSet.response("position_x") == "none"


def test_columns_are_those_of_the_smaller_set():
    features = FeatureSet(position=True)
    smaller = FeatureSet((1.0, 5.0), ("lines", "entropy"), position=True)
    rows = features.columns(2, sigmas=smaller.sigmas, kinds=smaller.kinds)
    names = features.names(2)
    assert sorted(names[row] for row in rows) == sorted(smaller.names(2))
    assert rows == sorted(rows)


def test_json_gives_the_same_set_back():
    features = FeatureSet((0.7, 12.0), ("lines",), pixel=False, position=True)
    assert FeatureSet.from_json(json.loads(json.dumps(features.to_json()))) == features
    for wrong in (
        None,
        [],
        {"sigmas": [1]},
        {**features.to_json(), "kinds": ["colour"]},
        features.to_json() | {"sigmas": "x"},
    ):
        with pytest.raises(ModelError, match="features: are not those of a model"):
            FeatureSet.from_json(wrong)


@pytest.mark.parametrize("sigmas", [(0.0,), (-1.0,), (65.0,), (2.0, 1.0), (1.0, 1.0), (float("nan"),)])
def test_sigmas_must_ascend_within_bounds(sigmas):
    with pytest.raises(SettingError, match="must ascend"):
        FeatureSet(sigmas)


def test_unknown_kinds_and_empty_sets_are_refused():
    with pytest.raises(SettingError, match="'colour' is none of gaussian"):
        FeatureSet(SIGMAS, ("colour",))
    for sigmas, kinds in (((), KINDS), (SIGMAS, ())):
        with pytest.raises(SettingError, match="there are none"):
            FeatureSet(sigmas, kinds, pixel=False)
