from __future__ import annotations

import numpy as np
import pytest

from granum.errors import SettingError
from granum.learn.training_data import TrainingImage
from granum.learn.training_tiles import TilePlan, TileSource, split_sources, write_tiles


def source(name, group, counts, read=None):
    return TileSource(name, group, np.array(counts, np.int64), read or (lambda: None))


def test_groups_are_set_aside_whole_and_a_class_that_nobody_has_hinders_nothing():
    sources = [source(f"{n}", f"well {n // 3}", [50, 5, 0]) for n in range(12)]
    sides = split_sources(sources, 0.25, 0)
    assert sides.count("validation") == 3
    for n in range(4):
        assert len(set(sides[3 * n : 3 * n + 3])) == 1


def test_the_only_group_of_a_class_stays_for_training():
    sources = [source(f"{n}", f"{n}", [50, 5 * (n == 2)]) for n in range(4)]
    for seed in range(8):
        sides = split_sources(sources, 0.5, seed)
        assert sides[2] == "train"
        assert sides.count("validation") == 2


def test_images_are_read_one_after_the_other(tmp_path):
    alive = []

    def read(number):
        assert alive.count(number) == 0
        alive.append(number)
        pixels = np.full((1, 20, 20), number, np.uint8)
        return TrainingImage(str(number), pixels), lambda w: np.zeros((w[2] - w[0], w[3] - w[1]), np.uint8)

    sources = [source(str(n), str(n), [400, 0], lambda n=n: read(n)) for n in range(3)]
    written = write_tiles(tmp_path, sources, ["train"] * 3, TilePlan(10, 10))
    assert alive == [0, 1, 2]
    assert len(written.tiles) == 12


def test_small_images_are_whole_or_refused(tmp_path):
    def read():
        return TrainingImage("small", np.zeros((1, 8, 30), np.uint8)), lambda w: np.zeros(
            (w[2] - w[0], w[3] - w[1]), np.uint8
        )

    written = write_tiles(tmp_path / "a", [source("small", "", [1, 0], read)], ["train"], TilePlan(16, 16))
    assert [tile["window"] for tile in written.tiles] == [[0, 0, 8, 16], [0, 14, 8, 30]]
    with pytest.raises(SettingError, match=r"tile: 16 px is larger than small \(8 x 30 px\)"):
        write_tiles(tmp_path / "b", [source("small", "", [1, 0], read)], ["train"], TilePlan(16, 16, smaller="refuse"))
