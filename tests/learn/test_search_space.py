from __future__ import annotations

import json

import pytest

from granum.errors import ModelError
from granum.learn.feature_set import FeatureSet
from granum.learn.search_space import Context, Part, Pipeline

BANK = FeatureSet()
NETWORKS = Part("mlp")
TREES = Part("lightgbm", (("most_leaves", 7), ("rounds", 40)), sigmas=(1.0, 5.0), kinds=("gaussian", "hessian"))


@pytest.mark.parametrize(
    "pipeline",
    [
        Pipeline((NETWORKS,)),
        Pipeline((NETWORKS, TREES), "training", Context((TREES,), (0.0, 2.0)), smoothing_px=0.0),
        Pipeline((Part("mlp", (("hidden", (64, 32)),)),)),
    ],
)
def test_a_pipeline_is_written_down_and_read_again(pipeline):
    again = Pipeline.from_json(json.loads(json.dumps(pipeline.to_json())))
    assert again == pipeline
    assert again.key == pipeline.key


@pytest.mark.parametrize("value", [None, {}, {"parts": 3}, Pipeline((NETWORKS,)).to_json() | {"context": 7}])
def test_something_else_is_no_pipeline(value):
    with pytest.raises(ModelError, match="pipeline"):
        Pipeline.from_json(value)


def test_a_part_sees_the_features_of_its_scales_and_kinds():
    names = [BANK.names()[column] for column in TREES.columns(BANK, 1)]
    assert "c0 pixel 0" in names
    assert {name.split()[2] for name in names} == {"0", "1", "5"}
    assert not any("entropy" in name for name in names)


def test_more_work_costs_more():
    def cost(pipeline):
        return pipeline.cost(BANK, 1, 3)

    few, many = Part("lightgbm", (("rounds", 40),)), Part("lightgbm", (("rounds", 160),))
    assert cost(Pipeline((few,))) < cost(Pipeline((many,)))
    assert cost(Pipeline((few,))) < cost(Pipeline((few, NETWORKS)))
    assert cost(Pipeline((few,))) < cost(Pipeline((few,), context=Context((few,))))
    assert cost(Pipeline((TREES,))) < cost(Pipeline((Part("lightgbm", TREES.settings),)))


def test_a_pipeline_says_what_it_is():
    words = Pipeline((NETWORKS, TREES), "training", Context((TREES,))).describe()
    for part in ("neural networks", "LightGBM of 40 rounds", "context to 8 px", "grey levels as they are", "smoothed"):
        assert part in words
    assert Pipeline((NETWORKS,), context=Context((TREES,))).family == "lightgbm"
