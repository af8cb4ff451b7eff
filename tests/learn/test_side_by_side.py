from __future__ import annotations

import threading
import time

import pytest

from granum.learn.side_by_side import side_by_side


@pytest.mark.parametrize("threads", [1, 3])
def test_results_come_in_the_order_of_the_items(threads):
    def slower_first(item):
        time.sleep(0.002 * (5 - item))
        return item * item

    assert list(side_by_side(slower_first, range(5), threads=threads)) == [0, 1, 4, 9, 16]


def test_items_are_worked_on_at_the_same_time():
    meeting = threading.Barrier(2, timeout=20)
    assert list(side_by_side(lambda item: meeting.wait() >= 0, [0, 1], threads=2)) == [True, True]


@pytest.mark.parametrize("threads", [1, 2])
def test_an_error_is_raised_and_what_has_not_begun_is_left_out(threads):
    begun = []

    def work(item):
        begun.append(item)
        if item == 0:
            raise ValueError("broken")
        time.sleep(0.01)
        return item

    with pytest.raises(ValueError, match="broken"):
        list(side_by_side(work, range(200), threads=threads))
    assert len(begun) < 100
