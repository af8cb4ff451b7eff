from __future__ import annotations

import threading

import numpy as np
import pytest

from granum.errors import SettingError
from granum.step_cache import Cache, StepResult


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
