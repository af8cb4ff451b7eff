from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from granum.app.learn_jobs import Found, LookJob, Spot
from granum.app.learn_layers import (
    BLOCK,
    LAYERS,
    PredictionBook,
    ToldBlocks,
    block_window,
    join_blocks,
    make_prediction,
)
from granum.app.preview_worker import PreviewSource
from granum.app.problems import Problem

SHAPE = (1100, 700)


@pytest.fixture
def book():
    book = PredictionBook()
    yield book
    book.close()


def job_of(folder, number=1):
    return LookJob(number, PreviewSource("a" * 16, Path("a.tif")), 0, 0, (0, 0, 10, 10), "live", None, folder)


def write(folder, name="p", fill=None):
    """Write the arrays of a prediction as the process does, and return them."""
    (folder / name).mkdir()
    arrays = {}
    for layer, dtype in LAYERS.items():
        array = np.lib.format.open_memmap(folder / name / f"{layer}.npy", "w+", dtype, SHAPE)
        if fill is not None:
            array[:] = fill[layer]
        arrays[layer] = array
    return arrays


def planes():
    rng = np.random.default_rng(1)
    return {
        "classes": rng.integers(0, 4, SHAPE).astype(np.uint8),
        "uncertainty": rng.integers(0, 65536, SHAPE).astype(np.uint16),
    }


def test_tiles_are_the_arrays_with_a_halo_around_classes_alone(book):
    folder, fill = book.new_place(), planes()
    write(folder, fill=fill)
    key, _ = book.follow(job_of(folder), Found("p", SHAPE, ((0, 0, *SHAPE),), True, True))
    tile, stays = book.tile(key, "classes", 0, 1, 0)
    assert stays
    assert tile.shape == (514, 514)
    np.testing.assert_array_equal(tile[:, 1:], fill["classes"][511:1025, :513])
    np.testing.assert_array_equal(tile[:, 0], fill["classes"][511:1025, 0])
    tile, _ = book.tile(key, "uncertainty", 0, 1, 0)
    assert tile.dtype == np.dtype("<u2")
    np.testing.assert_array_equal(tile, fill["uncertainty"][512:1024, :512])


def test_coarser_tiles_are_decimated_so_that_no_class_is_made_up(book):
    folder, fill = book.new_place(), planes()
    write(folder, fill=fill)
    key, _ = book.follow(job_of(folder), Found("p", SHAPE, ((0, 0, *SHAPE),), True, True))
    tile, _ = book.tile(key, "classes", 2, 0, 0)
    np.testing.assert_array_equal(tile[1:-1, 1:-1], fill["classes"][::4, ::4])
    tile, _ = book.tile(key, "uncertainty", 2, 0, 0)
    np.testing.assert_array_equal(tile, fill["uncertainty"][::4, ::4])


def test_what_is_not_predicted_yet_is_nothing_and_appears_when_the_process_has_written_it(book):
    folder = book.new_place()
    arrays = write(folder)
    key, n = book.follow(job_of(folder), Found("p", SHAPE))
    assert book.tile(key, "classes", 0, 0, 0) == (None, False)
    arrays["classes"][:256, :256] = 3
    again, more = book.follow(job_of(folder), Found("p", SHAPE, ((0, 0, 256, 256),), True))
    assert (again, more) == (key, n + 1)
    tile, stays = book.tile(key, "classes", 0, 0, 0)
    assert not stays
    assert int((tile[1:513, 1:513] == 3).sum()) == 256 * 256


@pytest.mark.parametrize(
    "tile", [("classes", 9, 0, 0), ("classes", 0, 3, 0), ("classes", 0, 0, 2), ("mask", 0, 0, 0), ("classes", 99, 0, 0)]
)
def test_a_tile_that_is_not_there_is_a_404(book, tile):
    folder = book.new_place()
    write(folder)
    key, _ = book.follow(job_of(folder), Found("p", SHAPE))
    with pytest.raises(Problem) as problem:
        book.tile(key, *tile)
    assert problem.value.status == 404


def test_predictions_that_were_let_go_or_whose_process_has_died_are_gone(book):
    folder = book.new_place()
    write(folder)
    key, _ = book.follow(job_of(folder), Found("p", SHAPE))
    book.forget("p")
    with pytest.raises(Problem, match="gone"):
        book.tile(key, "classes", 0, 0, 0)
    other, _ = book.follow(job_of(folder), Found("p", SHAPE))
    assert other != key
    book.new_place()
    assert not folder.exists()
    with pytest.raises(Problem, match="gone"):
        book.tile(other, "classes", 0, 0, 0)


def test_the_number_of_predictions_is_bounded_and_a_key_cannot_be_guessed(book):
    folder = book.new_place()
    keys = [book.follow(job_of(folder), Found(f"p{n}", SHAPE))[0] for n in range(200)]
    assert len(set(keys)) == 200
    assert min(map(len, keys)) == 24
    with pytest.raises(Problem):
        book.tile(keys[0], "classes", 0, 0, 0)


def test_blocks_cover_the_plane_without_overlap_and_join_to_few_windows():
    rows, columns = -(-SHAPE[0] // BLOCK), -(-SHAPE[1] // BLOCK)
    seen = np.zeros(SHAPE, int)
    for row in range(rows):
        for column in range(columns):
            y0, x0, y1, x1 = block_window(row, column, SHAPE)
            seen[y0:y1, x0:x1] += 1
    assert (seen == 1).all()
    assert join_blocks(np.ones((rows, columns), bool), SHAPE) == [(0, 0, *SHAPE)]
    assert join_blocks(np.zeros((rows, columns), bool), SHAPE) == []


@pytest.mark.parametrize("seed", range(20))
def test_joined_windows_are_exactly_the_blocks(seed):
    rng = np.random.default_rng(seed)
    done = rng.random((5, 3)) < rng.random()
    shape = (5 * BLOCK - 7, 3 * BLOCK - 200)
    seen = np.zeros(shape, int)
    for y0, x0, y1, x1 in join_blocks(done, shape):
        seen[y0:y1, x0:x1] += 1
    expected = np.kron(done, np.ones((BLOCK, BLOCK), int))[: shape[0], : shape[1]]
    np.testing.assert_array_equal(seen, expected)


def test_a_page_is_told_of_a_block_once_and_of_another_prediction_anew():
    told, shape = ToldBlocks(), (512, 768)
    assert told.fresh("k", [(0, 0, 256, 512)], shape) == [(0, 0, 256, 512)]
    assert told.fresh("k", [(0, 0, 512, 512)], shape) == [(256, 0, 512, 512)]
    assert told.fresh("k", [(0, 0, 512, 512)], shape) == []
    assert told.fresh("other", [(0, 0, 512, 512)], shape) == [(0, 0, 512, 512)]
    assert told.fresh("k", [(0, 0, 256, 256)], shape) == [(0, 0, 256, 256)]


def test_the_message_tells_layers_windows_and_suggestions():
    found = Found("p", SHAPE, (), True, True, {1: 5, 2: 6}, (Spot(1.0, 2.0, 3.0, (1, 2), "between"),))
    message = make_prediction(
        job_of(Path("x")), found, key="k", n_news=3, ready=[(0, 0, 256, 256)], request=7, seconds=0.123456
    )
    assert (message.request, message.model, message.complete, message.seconds) == (7, "live", True, 0.1235)
    assert message.ready == [[0, 0, 256, 256]]
    assert message.classes.kind == "classes"
    assert message.uncertainty.kind == "image"
    assert message.classes.url == "/api/v1/learn/predictions/k/classes/tiles"
    assert (message.classes.height, message.classes.width, message.classes.n_levels) == (*SHAPE, 3)
    assert message.suggestions[0].class_ids == [1, 2]
    assert message.areas == {1: 5, 2: 6}
