"""Hills of a relief on listed pixels, against cv2 and a plain climb on the whole image."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from granum.segment.hills import climb_hills, mask_by_own_levels, mask_in_the_shade


def _relief(seed: int, sigma: float = 3.0) -> NDArray[np.float32]:
    noise = np.random.default_rng(seed).normal(0, 30, (90, 131)).astype(np.float32)
    return cv2.GaussianBlur(noise, (0, 0), sigma)


def _climb_plainly(relief: NDArray[np.float32], mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the place of the top that each pixel reaches, -1 outside."""
    rows, columns = relief.shape

    def step(y: int, x: int) -> tuple[int, int]:
        near = [(v, u) for v in range(y - 1, y + 2) for u in range(x - 1, x + 2) if 0 <= v < rows and 0 <= u < columns]
        return max((p for p in near if mask[p]), key=lambda p: (relief[p], -p[0] * columns - p[1]))

    tops = np.full(relief.shape, -1, np.int64)
    for y, x in np.argwhere(mask):
        here = (int(y), int(x))
        while (there := step(*here)) != here:
            here = there
        tops[y, x] = here[0] * columns + here[1]
    return tops


@pytest.mark.parametrize("seed", range(3))
def test_every_pixel_belongs_to_the_top_it_climbs_to(seed: int) -> None:
    relief = np.round(_relief(seed)) if seed == 2 else _relief(seed)  # with plateaus
    mask = relief > 1
    hills, heights = climb_hills(relief, mask)
    tops = _climb_plainly(relief, mask)
    places = np.unique(tops[mask])
    np.testing.assert_array_equal(hills[~mask], 0)
    np.testing.assert_array_equal(hills[mask], np.searchsorted(places, tops[mask]) + 1)
    np.testing.assert_array_equal(heights, relief.ravel()[places])


def test_no_candidates_have_no_hills() -> None:
    relief, nothing = _relief(0), np.zeros((90, 131), np.bool_)
    hills, heights = climb_hills(relief, nothing)
    assert not hills.any()
    assert len(heights) == 0
    assert not mask_by_own_levels(relief, nothing, 5.0, 0.5, 1.0).any()
    assert not mask_in_the_shade(relief, nothing, nothing, 5.0, 0.5, 2.0).any()


def test_each_disc_is_cut_half_way_up_to_its_own_top() -> None:
    y, x = np.mgrid[:100, :160].astype(np.float32)
    relief = np.zeros((100, 160), np.float32)
    for middle, height in ((40, 100.0), (110, 10.0)):
        relief[(y - 50) ** 2 + (x - middle) ** 2 <= 12**2] = height
    relief = cv2.GaussianBlur(relief, (0, 0), 2.0)
    mask = mask_by_own_levels(relief, relief > 0.5, 12.0, 0.5, 2.0)
    areas = [int(mask[:, :75].sum()), int(mask[:, 75:].sum())]
    assert areas == pytest.approx([np.pi * 12**2] * 2, rel=0.05)
    assert areas[0] == areas[1]


def test_a_dim_blob_on_the_flank_of_a_bright_one_is_found_wherever_it_stands() -> None:
    y, x = np.mgrid[:300, :420].astype(np.float32)
    found = []
    for y0, x0 in ((150, 200), (150, 4), (296, 416)):
        relief = np.float32(20) * np.exp(-((y - y0) ** 2 + (x - x0) ** 2) / np.float32(2 * 6**2)).astype(np.float32)
        mask = np.zeros(relief.shape, np.bool_)
        mask[y0 - 9 : y0 + 9, max(x0 - 40, 0) : max(x0 - 12, 0)] = True
        left = mask_in_the_shade(relief, relief > 1, mask, 8.0, 0.5, 2.0)
        found.append(int(left.sum()))
        assert left[y0, x0]
        assert not (left & mask).any()
    assert found[0] > found[1] > found[2] > 50  # cut by the frame
