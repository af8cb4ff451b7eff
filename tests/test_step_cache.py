from __future__ import annotations

import threading

import numpy as np
import pytest

from granum.errors import SettingError
from granum.step_cache import Cache, StepResult, content_key, layer_key, remembered


def result(n_bytes, **more):
    return StepResult({"mask": np.zeros(n_bytes, np.uint8), **more}, (), ())


def test_what_was_put_is_found_again():
    cache, kept = Cache(), result(5)
    cache.put("a", kept)
    assert cache.get("a") is kept
    assert cache.get("b") is None


def test_the_least_recently_used_goes_first():
    cache = Cache(max_bytes=30)
    for key in "abc":
        cache.put(key, result(10))
    cache.get("a")
    cache.put("d", result(10))
    assert [key for key in "abcd" if cache.get(key)] == ["a", "c", "d"]
    assert cache.n_bytes == 30


def test_tables_count_with_all_their_columns():
    cache = Cache()
    cache.put("a", result(10, objects={"area": np.zeros(4), "label": np.zeros(4, np.int32)}, area=None))
    assert cache.n_bytes == 10 + 32 + 16


def test_what_is_larger_than_the_cache_is_not_kept():
    cache = Cache(max_bytes=5)
    cache.put("a", result(6))
    assert (len(cache), cache.n_bytes) == (0, 0)


def test_it_can_be_emptied_and_has_no_negative_size():
    cache = Cache()
    cache.put("a", result(5))
    cache.clear()
    assert len(cache) == 0
    with pytest.raises(SettingError, match="at least 0"):
        Cache(-1)


def test_threads_may_share_it():
    cache = Cache(max_bytes=1000)

    def work(start):
        for n in range(start, start + 200):
            cache.put(str(n), result(100))
            cache.get(str(n - 1))

    threads = [threading.Thread(target=work, args=(100 * i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cache.n_bytes == 1000


def doubling():
    """A remembered function, and the list of its calls."""
    calls = []

    @remembered
    def double(values, times, *, more=None):
        calls.append(times)
        return values * times, values.sum()

    return double, calls


def test_a_part_of_a_step_is_computed_once_for_the_same_array_and_settings():
    double, calls = doubling()
    cache, values = Cache(), np.arange(5)
    for _ in range(3):
        with cache.remembering([("image", values)]):
            first = double(values, 2)
            assert first[0].tolist() == [0, 2, 4, 6, 8]
            double(values, 3)
            double(first[0], 2)  # what a remembered function returned is known, too
    assert calls == [2, 3, 2]


def test_other_pixels_under_the_same_name_of_a_layer_are_other_pixels():
    double, calls = doubling()
    cache = Cache()
    for number in range(3):
        values = np.full(5, number)
        with cache.remembering([(content_key(values), values)]):
            assert double(values, 2)[0].tolist() == [2 * number] * 5
    assert len(calls) == 3


def test_an_array_of_unknown_content_and_a_run_without_cache_remember_nothing():
    double, calls = doubling()
    cache, values = Cache(), np.arange(5)
    double(values, 2)
    double(values, 2)
    with cache.remembering([("image", np.arange(5))]):
        double(values, 2)
        double(values, 2)
    assert len(calls) == 4
    assert len(cache) == 0


def test_settings_by_name_and_by_place_are_told_apart():
    double, calls = doubling()
    cache, values = Cache(), np.arange(5)
    with cache.remembering([("image", values)]):
        double(values, 2, more=1)
        double(values, 2, more=None)
        double(values, True)
        double(values, 1)
    assert len(calls) == 4


def test_remembered_parts_obey_the_bytes_of_the_cache():
    double, calls = doubling()
    cache, values = Cache(max_bytes=100), np.arange(5)
    with cache.remembering([("image", values)]):
        for times in (1, 2, 3, 1):
            double(values, times)
    assert cache.n_bytes <= 100
    assert calls == [1, 2, 3, 1]


def test_one_thread_does_not_see_the_arrays_of_another():
    double, calls = doubling()
    values = np.arange(5)
    with Cache().remembering([("image", values)]):
        other = threading.Thread(target=double, args=(values, 2))
        other.start()
        other.join()
        double(values, 2)
    assert len(calls) == 2


def test_masks_are_known_by_their_content_and_their_shape():
    mask = np.eye(4, dtype=bool)
    assert layer_key(mask, "a") == layer_key(mask.copy(), "b")
    assert layer_key(mask, "a") != layer_key(~mask, "a")
    assert layer_key(mask, "a") != layer_key(mask.reshape(2, 8), "a")
    assert layer_key(mask.astype(np.uint8), "a") == "a"
