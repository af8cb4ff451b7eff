from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from granum.errors import SettingError, ShapeError
from granum.separate import merge_needless_cuts

SURE = np.array([0.4, 0.9], np.float32)


def two_halves(
    *, notch: float = 0.0, right: float = 1.0, line: float = 1.0
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """An oval cut in the middle: with notches, with a darker right half, or with a dark line along the cut."""
    y, x = np.mgrid[:50, :70]
    oval = ((y - 25) / 12) ** 2 + ((x - 35) / 20) ** 2 < 1
    oval &= np.abs(y - 25) < 14 - notch * np.maximum(0, 1 - np.abs(x - 35.5) / 9) * 12
    labels = np.where(oval, 1 + (x > 35), 0).astype(np.int32)
    relief = np.where(x > 35, right, 1.0) * np.where(np.abs(x - 35.5) < 1, line, 1.0) * oval
    return labels, relief.astype(np.float32)


def test_a_cut_through_an_even_oval_is_taken_back() -> None:
    labels, relief = two_halves()
    joined, sure, choice = merge_needless_cuts(labels, SURE, relief)
    np.testing.assert_array_equal(joined, labels > 0)
    assert sure.tolist() == pytest.approx([0.9])
    assert choice.chosen == {"n_cuts": 1, "n_taken_back": 1}


@pytest.mark.parametrize("reason", [{"notch": 0.7}, {"right": 0.6}, {"line": 0.7}])
def test_notches_steps_and_dark_lines_are_reasons_to_cut(reason: dict[str, float]) -> None:
    labels, relief = two_halves(**reason)
    kept, sure, choice = merge_needless_cuts(labels, SURE, relief)
    np.testing.assert_array_equal(kept, labels)
    np.testing.assert_array_equal(sure, SURE)
    assert choice.chosen["n_taken_back"] == 0


def test_three_parts_of_one_become_one_and_others_keep_their_order() -> None:
    labels, relief = two_halves()
    labels[(labels == 2) & (np.arange(70) > 45)] = 3
    wide = np.concatenate([labels, np.where(labels > 0, labels + 3, 0)])
    brightness = np.concatenate([relief, relief])
    wide[:4, :4], brightness[:4, :4] = 7, 1
    joined, sure, _ = merge_needless_cuts(wide, np.full(7, 0.5, np.float32), brightness)
    assert len(sure) == joined.max() == 3
    assert (joined[:4, :4] == 3).all()
    assert set(np.unique(joined[:50])) == {0, 1, 3}


def test_input_is_not_changed_and_empty_input_is_survived() -> None:
    labels, relief = two_halves()
    before = labels.copy()
    merge_needless_cuts(labels, SURE, relief)
    np.testing.assert_array_equal(labels, before)
    nothing = np.zeros((5, 6), np.int32)
    joined, sure, _ = merge_needless_cuts(nothing, np.zeros(0, np.float32), np.zeros((5, 6)))
    assert not joined.any()
    assert len(sure) == 0


def test_bad_input_is_refused_with_its_value() -> None:
    labels, relief = two_halves()
    with pytest.raises(ShapeError, match="has 1 values, there are 2"):
        merge_needless_cuts(labels, SURE[:1], relief)
    with pytest.raises(SettingError, match=r"notch: 1\.5"):
        merge_needless_cuts(labels, SURE, relief, notch=1.5)
