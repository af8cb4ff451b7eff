"""Tiles of planes: built once, bounded in memory and on disk, never from the wrong plane."""

from __future__ import annotations

import pickle
import threading
import time

import numpy as np
import pytest
import tifffile

from granum.app import planes as module
from granum.app.pictures import Pictures
from granum.app.plane_values import ValueMap
from granum.app.planes import BuildQueue, Plane, Planes
from granum.app.problems import Problem
from granum.app.project import Project
from granum.app.tile_builder import SMALL, exact_path, plane_path
from granum.app.tile_store import TileStore
from granum.errors import OutputError, ReadError
from granum.image import Image

LARGE = (4300, 4200)


class CountingBuilder:
    """Stands for the process: builds here, and counts."""

    def __init__(self, fail=None):
        self.jobs, self.fail = [], fail
        self.go = threading.Event()
        self.go.set()

    def run(self, job, progress=None):
        self.go.wait(20)
        self.jobs.append(job)
        if self.fail:
            raise self.fail
        from granum.app.tile_builder import run_job

        return run_job(job, lambda share: None)


@pytest.fixture
def large(tmp_path):
    """A plane that the server does not decode itself."""
    tifffile.imwrite(tmp_path / "a.tif", (np.arange(LARGE[0])[:, None] + np.arange(LARGE[1])).astype(np.uint16))
    return Plane("a", (0, 0, 0), tmp_path / "a.tif", tmp_path / "cache" / "a", LARGE, ValueMap(), lambda: None)


@pytest.fixture
def make(tmp_path):
    """Make `Planes` around a builder; returns them, the queue and the ids that were told."""
    (tmp_path / "cache").mkdir(exist_ok=True)
    queues = []

    def make(builder, **limits):
        queue, told = BuildQueue(), []
        queues.append(queue)
        return Planes(tmp_path / "cache", builder, queue, told.append, **limits), queue, told

    yield make
    for queue in queues:
        queue.close()


def until_idle(queue):
    deadline = time.monotonic() + 60
    while not queue.idle:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def small_plane(pixels, opened, id="s", values=None):
    def open_image():
        opened.append(id)
        time.sleep(0.02)
        return Image.from_array(pixels)

    values = values or ValueMap.of_type(pixels.dtype)
    return Plane(id, (0, 0, 0), None, None, pixels.shape, values, open_image)


def test_a_small_plane_is_decoded_once_however_many_ask(make):
    planes, _, _ = make(CountingBuilder())
    opened, pixels = [], np.arange(60, dtype=np.uint16).reshape(6, 10)
    plane, tiles = small_plane(pixels, opened), []
    threads = [threading.Thread(target=lambda: tiles.append(planes.tiles(plane))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert opened == ["s"]
    assert all(one is tiles[0] for one in tiles)


def test_the_memory_of_small_planes_is_bounded_and_the_last_used_stay(make):
    planes, _, _ = make(CountingBuilder(), memory=3 * 2**20)
    opened, pixels = [], np.zeros((512, 1024), np.uint16)  # 1.33 MiB with its levels
    many = [small_plane(pixels, opened, id=str(i)) for i in range(3)]
    planes.tiles(many[0])
    planes.tiles(many[1])
    planes.tiles(many[0])
    planes.tiles(many[2])
    opened.clear()
    planes.tiles(many[0])
    planes.tiles(many[2])
    assert opened == []
    planes.tiles(many[1])
    assert opened == ["1"]
    planes.forget("1")
    planes.tiles(many[1])
    assert opened == ["1", "1"]


def test_a_small_plane_that_cannot_be_read_fails_for_all_and_can_be_tried_again(make):
    planes, _, _ = make(CountingBuilder())
    tries = []

    def open_image():
        tries.append(1)
        if len(tries) == 1:
            raise ReadError("a.tif: is cut.")
        return Image.from_array(np.ones((2, 2), np.uint8))

    plane = Plane("s", (0, 0, 0), None, None, (2, 2), ValueMap(dtype="uint8"), open_image)
    with pytest.raises(ReadError):
        planes.tiles(plane)
    assert planes.tiles(plane).tile(0, 0, 0).all()


def test_a_large_plane_is_built_once_and_askers_are_told_to_come_again(make, large):
    assert LARGE[0] * LARGE[1] > SMALL
    builder = CountingBuilder()
    builder.go.clear()
    planes, queue, told = make(builder)
    for _ in range(5):
        with pytest.raises(Problem) as busy:
            planes.tiles(large)
        assert (busy.value.status, busy.value.code) == (503, "reading")
    builder.go.set()
    until_idle(queue)
    assert len(builder.jobs) == 1
    assert told == ["a"]
    assert planes.tiles(large).tile(0, 1, 2)[3, 4] == 512 + 3 + 1024 + 4
    assert planes.grey(large, 4299, 17) == 4316


def test_a_failed_build_is_told_once_and_tried_again(make, large):
    builder = CountingBuilder(fail=OutputError("the disk is full."))
    planes, queue, told = make(builder)
    for _ in range(2):
        with pytest.raises(Problem):
            planes.tiles(large)
        until_idle(queue)
        with pytest.raises(OutputError, match="the disk is full"):
            planes.tiles(large)
    builder.fail = None
    with pytest.raises(Problem):
        planes.tiles(large)
    until_idle(queue)
    assert planes.tiles(large).shape == LARGE
    assert told == ["a"] * 3


def test_tiles_of_another_shape_or_type_are_not_taken(make, large):
    planes, queue, _ = make(CountingBuilder())
    for shape, dtype in (((600, 600), "uint16"), (LARGE, "uint8")):
        path = plane_path(large.folder, 0, 0, 0)
        bands = (np.zeros((min(512, shape[0] - y), shape[1]), dtype) for y in range(0, shape[0], 512))
        TileStore.write(path, bands, shape, dtype)
        with pytest.raises(Problem):
            planes.tiles(large)
        until_idle(queue)
        assert planes.tiles(large).tile(0, 0, 0)[0, 5] == 5
        planes.forget("a")


def test_the_oldest_tiles_go_when_the_disk_share_is_used_up(make, tmp_path):
    planes, _, _ = make(CountingBuilder(), disk=10_000_000)
    paths = []
    for i in range(4):
        path = plane_path(tmp_path / "cache" / str(i), 0, 0, 0)
        TileStore.write(path, [np.zeros((500, 2000), np.uint16)], (500, 2000), "uint16")
        exact_path(path.parent, 0, 0, 0).write_bytes(b"x")
        module.os.utime(path, (1000 - i, 1000 - i))
        paths.append(path)
    planes.make_room(500_000)
    assert [path.exists() for path in paths] == [True, True, False, False]
    assert [exact_path(path.parent, 0, 0, 0).exists() for path in paths] == [True, True, False, False]


def test_a_full_disk_is_told_before_anything_is_written(make, monkeypatch):
    planes, _, _ = make(CountingBuilder())
    usage = module.shutil.disk_usage("/")
    monkeypatch.setattr(module.shutil, "disk_usage", lambda path: usage._replace(free=10**8))
    with pytest.raises(OutputError, match=r"0\.1 GB left.*2\.4 GB; make room"):
        planes.make_room(400_000_000)


def test_urgent_builds_go_first_and_none_twice():
    builds, order, go = BuildQueue(), [], threading.Event()
    builds.submit("first", lambda: go.wait(20), urgent=False)
    for key, urgent in (("slow", False), ("quick", True), ("slow", True), ("later", False)):
        builds.submit(key, lambda key=key: order.append(key), urgent=urgent)
    assert "slow" in builds
    go.set()
    until_idle(builds)
    builds.close()
    assert order == ["quick", "slow", "later"]


@pytest.mark.parametrize(
    ("dtype", "compression"), [("uint16", None), ("int16", "zlib"), ("float32", "zlib"), ("float32", None)]
)
def test_a_large_image_is_shown_and_read_out_exactly(tmp_path, dtype, compression):
    plane = (np.arange(LARGE[0])[:, None] * 3 - np.arange(LARGE[1])).astype(np.int16)
    plane = (plane + 5000).astype(dtype) if dtype != "float32" else (plane / np.float32(7)).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", plane, compression=compression)
    published = []
    with Pictures(Project(tmp_path), published.append) as pictures:
        assert pictures.wait()
        (entry,) = pictures.entries()
        assert entry.status == "ready", entry.error
        states = [image["status"] for message in published for image in message["images"]]
        assert states.index("reading") < states.index("ready")
        for y, x in ((0, 0), (4299, 4199), (1234, 567)):
            assert pictures.pixel(entry.id, 0, 0, y, x) == [float(plane[y, x])]
        (channel,) = entry.channels
        tile = pictures.tiles(entry.id, 0, 0, 0).tile(0, 2, 3)
        grey = tile * channel.value_scale + channel.value_offset
        assert np.abs(grey - plane[1024:1536, 1536:2048]).max() <= channel.value_scale / 2 + 1e-3
        reader = pickle.loads(pickle.dumps(pictures.level_reader(entry.id)))  # as it travels to the process of previews
        level = reader(0, 0, 0, 0)
        assert level.dtype == dtype
        assert np.abs(level.astype(np.float64) - plane).max() <= (
            0 if dtype != "float32" else channel.value_scale / 2 + 1e-3
        )
        assert reader(0, 0, 0, 3).shape == (538, 525)
        plane_path(pictures.project.cache / entry.id, 0, 0, 0).unlink()
        with pytest.raises(ReadError, match="pyramid"):
            reader(0, 0, 0, 0)
