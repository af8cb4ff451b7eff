from __future__ import annotations

import numpy as np
import pytest
import tifffile

from granum.recipe import parse_recipe

QUICK = """
name = "quick"
[[step]]
do = "stand_in.above"
[[step]]
do = "stand_in.label"
[[step]]
do = "measure.objects"
"""


@pytest.fixture
def quick(stand_ins):
    """A recipe that costs nothing."""
    return parse_recipe(QUICK)


def discs(count, *, size=64, seed=0):
    """Bright discs of radius 4 on a grid, on noise."""
    y, x = np.mgrid[:size, :size]
    image = np.random.default_rng(seed).integers(0, 5, (size, size)).astype(np.uint8)
    per_row = size // 16
    for n in range(count):
        image[(y - 16 * (n // per_row) - 8) ** 2 + (x - 16 * (n % per_row) - 8) ** 2 <= 16] = 200
    return image


@pytest.fixture
def pictures(tmp_path):
    """A folder of three pictures with 3, 5 and 7 discs."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for n in (3, 5, 7):
        tifffile.imwrite(folder / f"field_{n}.tif", discs(n, seed=n))
    return folder


@pytest.fixture
def series(tmp_path):
    """One file of three frames with 1, 2 and 3 discs."""
    path = tmp_path / "movie.tif"
    frames = np.stack([discs(n, seed=n) for n in (1, 2, 3)])
    tifffile.imwrite(path, frames, metadata={"axes": "TYX"}, ome=True)
    return path
