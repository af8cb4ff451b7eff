from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from granum.errors import SettingError, ShapeError
from granum.learn import FeatureCache, FeatureSet, IntensityScale, compute_features
from granum.learn import feature_cache as module

FEATURES = FeatureSet((1.0, 3.5), ("gaussian", "hessian"))
UNIT = IntensityScale((0.0,), (1.0,))
IMAGE = np.random.default_rng(3).normal(0, 1, (1, 70, 90)).astype(np.float32)
WHOLE = compute_features(IMAGE, FEATURES, intensity=UNIT)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 32)


@pytest.fixture
def computed(monkeypatch):
    """Windows that were really computed."""
    windows = []

    def compute(*data, window, **settings):
        windows.append(window)
        return compute_features(*data, window=window, **settings)

    monkeypatch.setattr(module, "compute_features", compute)
    return windows


@pytest.mark.parametrize("window", [None, (0, 0, 1, 1), (31, 31, 33, 33), (10, 20, 70, 90)])
@pytest.mark.parametrize("most_bytes", [0, 50_000, 10**9])
def test_windows_are_those_of_compute_features_whatever_the_room(window, most_bytes):
    cache = FeatureCache(most_bytes)
    y0, x0, y1, x1 = window or (0, 0, 70, 90)
    for _ in range(2):
        assert (cache.window("a", IMAGE, FEATURES, UNIT, window) == WHOLE[:, y0:y1, x0:x1]).all()
        assert cache.n_bytes <= most_bytes


def test_what_is_there_is_not_computed_again(computed):
    cache = FeatureCache(10**9)
    cache.window("a", IMAGE, FEATURES, UNIT, (0, 0, 40, 40))
    assert len(computed) == 4
    cache.window("a", IMAGE, FEATURES, UNIT, (5, 5, 60, 60))
    assert len(computed) == 4
    cache.window("b", IMAGE, FEATURES, UNIT, (5, 5, 10, 10))
    cache.window("a", IMAGE, FEATURES, IntensityScale((0.0,), (2.0,)), (5, 5, 10, 10))
    cache.window("a", IMAGE, FeatureSet((1.0,)), UNIT, (5, 5, 10, 10))
    assert len(computed) == 7


def test_the_least_recently_used_block_goes_first(computed):
    block = 7 * 32 * 32 * 4
    cache = FeatureCache(2 * block)
    places = {"a": (0, 0, 1, 1), "b": (0, 40, 1, 41), "c": (40, 0, 41, 1)}
    for name in "abaca":
        cache.window("image", IMAGE, FEATURES, UNIT, places[name])
    assert [window[:2] for window in computed] == [(0, 0), (0, 32), (32, 0)]
    cache.window("image", IMAGE, FEATURES, UNIT, places["b"])
    assert len(computed) == 4
    assert cache.n_bytes == 2 * block


def test_forget_and_clear_give_the_room_back(computed):
    cache = FeatureCache(10**9)
    cache.window("a", IMAGE, FEATURES, UNIT, (0, 0, 1, 1))
    cache.window("b", IMAGE, FEATURES, UNIT, (0, 0, 1, 1))
    kept = cache.n_bytes
    cache.forget("a")
    assert cache.n_bytes == kept // 2
    cache.window("b", IMAGE, FEATURES, UNIT, (0, 0, 1, 1))
    assert len(computed) == 2
    cache.clear()
    assert cache.n_bytes == 0


def test_changing_a_returned_window_changes_no_other():
    cache = FeatureCache(10**9)
    cache.window("a", IMAGE, FEATURES, UNIT, (0, 0, 32, 32))[:] = 7
    assert (cache.window("a", IMAGE, FEATURES, UNIT, (0, 0, 32, 32)) == WHOLE[:, :32, :32]).all()


def test_threads_may_share_it():
    cache = FeatureCache(120_000)
    rng = np.random.default_rng(0)
    corners = [(int(y), int(x)) for y, x in zip(rng.integers(0, 50, 60), rng.integers(0, 70, 60), strict=True)]

    def check(corner):
        y, x = corner
        part = cache.window("a", IMAGE, FEATURES, UNIT, (y, x, y + 20, x + 20))
        return (part == WHOLE[:, y : y + 20, x : x + 20]).all()

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(check, corners))
    assert cache.n_bytes == sum(block.nbytes for block in cache._blocks.values()) <= 120_000


def test_bad_input_is_refused():
    with pytest.raises(SettingError, match="most_bytes"):
        FeatureCache(-1)
    with pytest.raises(ShapeError, match="channels"):
        FeatureCache(0).window("a", IMAGE[0], FEATURES, UNIT, None)
    with pytest.raises(SettingError, match="window"):
        FeatureCache(0).window("a", IMAGE, FEATURES, UNIT, (0, 0, 71, 1))


def test_what_is_not_to_be_kept_is_computed_alone_and_pushes_nothing_out(computed):
    cache = FeatureCache(10**9)
    cache.window("a", IMAGE, FEATURES, UNIT, (0, 0, 32, 32))
    held = cache.n_bytes
    for window in ((0, 30, 32, 34), (32, 32, 64, 64)):
        found = cache.window("a", IMAGE, FEATURES, UNIT, window, copy=False, keep=False)
        y0, x0, y1, x1 = window
        np.testing.assert_array_equal(found, WHOLE[:, y0:y1, x0:x1])
    assert computed == [(0, 0, 32, 32), (0, 30, 32, 34), (32, 32, 64, 64)]
    assert cache.n_bytes == held
    cache.window("a", IMAGE, FEATURES, UNIT, (5, 5, 20, 20), keep=False)
    assert len(computed) == 3


def test_a_window_that_is_a_block_comes_as_it_is_kept_when_it_is_only_read(computed):
    cache = FeatureCache(10**9)
    first = cache.window("a", IMAGE, FEATURES, UNIT, (32, 64, 64, 90), copy=False)
    assert cache.window("a", IMAGE, FEATURES, UNIT, (32, 64, 64, 90), copy=False) is first
    assert cache.window("a", IMAGE, FEATURES, UNIT, (32, 64, 64, 90)) is not first
    np.testing.assert_array_equal(first, WHOLE[:, 32:64, 64:90])
    assert len(computed) == 1
