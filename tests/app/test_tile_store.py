"""All levels in one file: the same pixels as halving in memory, there whole or not at all."""

from __future__ import annotations

import os
import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from granum.app.tile_store import MemoryTiles, TileStore
from granum.app.tiles import TILE, cut_decimated, tile_grid


def bands(plane):
    return (plane[y : y + TILE] for y in range(0, plane.shape[0], TILE))


def write(path, plane, **more):
    TileStore.write(path, bands(plane), plane.shape, plane.dtype.name, **more)
    return TileStore(path)


def random_plane(shape, dtype="uint16", seed=0):
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape).astype(dtype)


@pytest.mark.parametrize("shape", [(1, 1), (1, 2000), (2000, 1), (512, 512), (513, 511), (1024, 1537), (1600, 700)])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_every_tile_of_every_level_is_that_of_the_plane_halved_in_memory(tmp_path, shape, dtype):
    plane = random_plane(shape, dtype)
    store, memory = write(tmp_path / "x.tiles", plane), MemoryTiles(plane)
    assert store.n_levels == memory.n_levels
    for level in range(store.n_levels):
        rows, columns = tile_grid(shape, level)
        for y in range(rows):
            for x in range(columns):
                expected = memory.levels[level][y * TILE : (y + 1) * TILE, x * TILE : (x + 1) * TILE]
                assert np.array_equal(store.tile(level, y, x), expected)
                assert np.array_equal(memory.tile(level, y, x), expected)


@pytest.mark.parametrize("place", [(-1, 0, 0), (3, 0, 0), (0, 4, 0), (0, 0, 2), (0, -1, 0), (1, 2, 0)])
def test_a_tile_outside_is_an_index_error(tmp_path, place):
    plane = random_plane((1600, 700))
    for tiles in (write(tmp_path / "x.tiles", plane), MemoryTiles(plane)):
        with pytest.raises(IndexError):
            tiles.tile(*place)


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """The same plane on disk and in memory."""
    plane = random_plane((1100, 1300), seed=3)
    return write(tmp_path_factory.mktemp("tiles") / "x.tiles", plane), MemoryTiles(plane)


@given(st.integers(0, 2), st.integers(-700, 1800), st.integers(-700, 1800), st.integers(1, 900), st.integers(1, 900))
def test_a_region_is_cut_from_its_level_with_the_edge_repeated(two, level, y0, x0, height, width):
    plane = two[1].levels[level]
    rows = np.clip(np.arange(y0, y0 + height), 0, plane.shape[0] - 1)
    columns = np.clip(np.arange(x0, x0 + width), 0, plane.shape[1] - 1)
    expected = plane[rows][:, columns]
    for tiles in two:
        assert np.array_equal(tiles.region(level, y0, x0, y0 + height, x0 + width), expected)


def test_an_empty_region_or_an_unknown_level_is_an_index_error(two):
    for tiles in two:
        for region in ((0, 5, 5, 5, 9), (3, 0, 0, 1, 1), (-1, 0, 0, 1, 1)):
            with pytest.raises(IndexError):
                tiles.region(*region)


@pytest.mark.parametrize("shape", [(3, 5), (512, 1024), (700, 1700)])
def test_labels_are_decimated_and_come_with_a_halo(tmp_path, shape):
    labels = np.random.default_rng(1).integers(0, 2**24 + 9, shape).astype(np.int32)
    TileStore.write_labels(tmp_path / "l.tiles", labels)
    store = TileStore(tmp_path / "l.tiles")
    assert store.dtype == np.uint32
    for level in range(store.n_levels):
        rows, columns = tile_grid(shape, level)
        for y in range(rows):
            for x in range(columns):
                assert np.array_equal(store.tile_with_halo(level, y, x), cut_decimated(labels, level, y, x))


def test_labels_above_two_to_the_24_stay_themselves(tmp_path):
    labels = np.full((600, 600), 2**32 - 1, np.uint32)
    labels[0, 0] = 2**24 + 1
    TileStore.write_labels(tmp_path / "l.tiles", labels)
    store = TileStore(tmp_path / "l.tiles")
    assert store.tile(0, 0, 0)[0, :2].tolist() == [2**24 + 1, 2**32 - 1]
    assert store.tile(1, 0, 0)[0, 0] == 2**24 + 1


def test_the_histogram_counts_every_pixel_once(tmp_path):
    plane = random_plane((600, 1100))
    store = write(tmp_path / "x.tiles", plane, count=True, about={"who": "me"})
    assert np.array_equal(store.histogram(), np.bincount(plane.ravel(), minlength=65536))
    assert store.about == {"who": "me"}
    assert write(tmp_path / "y.tiles", plane).histogram().size == 0


def test_a_cut_changed_or_missing_file_counts_as_missing(tmp_path):
    path = tmp_path / "x.tiles"
    with pytest.raises(FileNotFoundError):
        TileStore(path)
    write(path, random_plane((600, 600)), count=True).close()
    whole = path.read_bytes()
    for damaged in (
        b"",
        whole[:100],
        whole[:5000],
        whole[:-1],
        whole + b"x",
        whole.replace(b'"format": 1', b'"format": 0'),
    ):
        path.write_bytes(damaged)
        with pytest.raises(FileNotFoundError):
            TileStore(path)


def test_a_writer_that_fails_leaves_nothing(tmp_path):
    def broken():
        yield np.zeros((512, 600), np.uint16)
        raise OSError("the file ends")

    with pytest.raises(OSError, match="the file ends"):
        TileStore.write(tmp_path / "x.tiles", broken(), (600, 600), "uint16")
    with pytest.raises(ValueError, match="512 rows"):
        TileStore.write(tmp_path / "x.tiles", [np.zeros((512, 600), np.uint16)], (600, 600), "uint16")
    assert list(tmp_path.iterdir()) == []


def test_the_same_plane_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        write(tmp_path / name, random_plane((700, 900)), count=True)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_file_cut_under_our_hands_is_an_error_not_zeros(tmp_path):
    store = write(tmp_path / "x.tiles", random_plane((600, 600)))
    os.truncate(tmp_path / "x.tiles", 5000)
    with pytest.raises(OSError, match="was cut"):
        store.tile(0, 0, 0)


def test_a_store_deleted_while_it_is_open_still_reads(tmp_path):
    plane = random_plane((600, 600))
    store = write(tmp_path / "x.tiles", plane)
    (tmp_path / "x.tiles").unlink()
    assert np.array_equal(store.tile(0, 0, 0), plane[:512, :512])


def test_many_threads_read_the_right_tiles_while_stores_come_and_go(tmp_path):
    plane = random_plane((1600, 1600))
    write(tmp_path / "x.tiles", plane).close()
    wrong = []

    def read(seed):
        rng = np.random.default_rng(seed)
        for _ in range(30):
            y, x = rng.integers(0, 4, 2)
            tile = TileStore(tmp_path / "x.tiles").tile(0, y, x)
            if not np.array_equal(tile, plane[y * TILE : (y + 1) * TILE, x * TILE : (x + 1) * TILE]):
                wrong.append((y, x))

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_tile_takes_few_milliseconds(tmp_path):
    store = write(tmp_path / "x.tiles", random_plane((2048, 2048)))
    times = []
    for i in range(64):
        started = time.perf_counter()
        store.tile(0, i % 4, i // 4 % 4)
        times.append(time.perf_counter() - started)
    assert min(times) < 0.003  # the best of many, so that a busy machine does not matter
