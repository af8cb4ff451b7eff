from __future__ import annotations

import numpy as np
import pytest

from granum.batch.runs import run_batch
from granum.recipe import parse_recipe
from granum.report.label_images import read_labels


@pytest.fixture
def with_cells(quick):
    return parse_recipe(quick.to_toml() + "[[step]]\ndo = 'stand_in.cells'\n")


def test_cells_stand_beside_labels_with_the_same_ids(with_cells, pictures, tmp_path):
    run_batch(with_cells, [pictures], tmp_path / "out")
    for n in (3, 5, 7):
        labels, cells = (read_labels(tmp_path / "out" / kind / f"field_{n}.tif") for kind in ("labels", "cells"))
        assert labels.max() == cells.max() == n
        assert (cells[labels > 0] == labels[labels > 0]).all()
        assert np.count_nonzero(cells) > np.count_nonzero(labels)


def test_cells_of_a_series_are_one_stack(with_cells, series, tmp_path):
    run_batch(with_cells, [series], tmp_path / "out")
    assert read_labels(tmp_path / "out" / "cells" / "movie.tif").max(axis=(1, 2)).tolist() == [1, 2, 3]
    assert sorted(path.name for path in (tmp_path / "out" / "overlays").iterdir()) == [
        "movie_t0.png", "movie_t1.png", "movie_t2.png",
    ]  # fmt: skip


def test_a_recipe_without_cells_leaves_no_folder(quick, series, tmp_path):
    run_batch(quick, [series], tmp_path / "out")
    assert not (tmp_path / "out" / "cells").exists()
