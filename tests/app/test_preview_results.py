from __future__ import annotations

import numpy as np
import pytest

from granum.app.preview_layers import write_layer
from granum.app.preview_results import ResultFolder, make_result
from granum.app.preview_worker import Found, PreviewJob, PreviewSource
from granum.app.problems import Problem
from granum.recipe import load_recipe


@pytest.fixture
def results():
    folder = ResultFolder(max_results=3, max_bytes=10_000)
    yield folder
    folder.close()


def put(results, number, *, side=10, level=0):
    job = PreviewJob(
        number, PreviewSource("0" * 16, results.path), load_recipe("particles"), level=level,
        folder=results.path / str(number),
    )  # fmt: skip
    job.folder.mkdir()
    layer = write_layer(job.folder, "labels", "labels", np.ones((side, side), np.int32), level)
    found = Found((side, side), 1, {}, (layer,), ("labels",), (), (), None, None, side * side, None, level)
    return results.keep(job, found), job, found


def test_the_oldest_results_go_with_their_files(results):
    keys = [put(results, number)[0] for number in range(5)]
    assert sorted(path.name for path in results.path.iterdir()) == ["2", "3", "4"]
    for key in keys[:2]:
        with pytest.raises(Problem) as caught:
            results.held(key)
        assert caught.value.status == 404
    assert results.held(keys[4]).found.n_objects == 1


def test_what_is_looked_at_stays(results):
    keys = [put(results, number)[0] for number in range(3)]
    results.held(keys[0])
    put(results, 3)
    assert results.held(keys[0]).job.number == 0


def test_large_results_go_sooner_but_the_newest_always_stays(results):
    first = put(results, 0)[0]
    last = put(results, 1, side=60)[0]
    with pytest.raises(Problem):
        results.held(first)
    layer = results.held(last).found.layers[0]
    assert results.load(layer).shape == (60, 60)


def test_a_memory_map_outlives_its_file(results):
    key = put(results, 0)[0]
    values = results.load(results.held(key).found.layers[0])
    layer = results.held(key).found.layers[0]
    results.close()
    assert values.sum() == 100
    with pytest.raises(Problem):
        results.load(layer)


def test_the_message_says_where_the_layers_are(results):
    key, job, found = put(results, 0, level=1)
    message = make_result(7, job, found, key, 12.3456)
    assert (message.request, message.exact, message.level, message.total_ms) == (7, False, 1, 12.35)
    (layer,) = message.layers
    assert layer.url == f"/api/v1/previews/{key}/layers/0/tiles"
    assert (layer.level, layer.n_levels, layer.height) == (1, 2, 10)
    assert message.settings["separate.choose.min_size"] == 10
