"""The process that opens files: what it tells about an image, what it leaves on disk, how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time

import cv2
import numpy as np
import psutil
import pytest
import tifffile
from PIL import Image as PillowImage

from granum.app.builder_process import BuilderProcess
from granum.app.image_facts import facts_are_whole
from granum.app.thumbnails import draw_thumbnail
from granum.app.tile_builder import SMALL, exact_path, plane_path, run_job, thumbnail_path
from granum.app.tile_store import MemoryTiles, TileStore
from granum.errors import OutputError, ReadError

LARGE = (4300, 4200)


def inspect(path, folder, **more):
    return run_job({"job": "inspect", "path": str(path), "folder": str(folder), **more}, lambda share: None)


def facts_of(tmp_path, pixels, name="a.tif", **how):
    tifffile.imwrite(tmp_path / name, pixels, **how)
    return inspect(tmp_path / name, tmp_path / "cache")["facts"]


@pytest.fixture
def process():
    """A process for jobs."""
    process = BuilderProcess()
    yield process
    process.close()


def gradient(dtype, shape=(60, 80)):
    return (np.arange(shape[0])[:, None] * 100 + np.arange(shape[1])).astype(dtype)


@pytest.mark.parametrize(
    ("dtype", "scale", "offset"),
    [("uint8", 1, 0), ("uint16", 1, 0), ("int16", 1, -32768), ("int32", 1, 0), ("float32", 5979 / 65535, 0)],
)
def test_each_type_says_what_its_tile_values_mean(tmp_path, dtype, scale, offset):
    facts = facts_of(tmp_path, gradient(dtype))
    (channel,) = facts["channels"]
    assert facts_are_whole(facts)
    assert facts["dtype"] == dtype
    assert channel["value_scale"] == pytest.approx(scale, rel=1e-6)
    assert channel["value_offset"] == offset
    assert 0 <= channel["low"] < channel["high"] <= 65535


def test_a_series_of_floats_has_one_scale_for_all_frames(tmp_path):
    frames = np.stack([np.full((20, 30), value, np.float32) for value in (5, -3, 100, np.nan)])
    (channel,) = facts_of(tmp_path, frames, imagej=True, metadata={"axes": "TYX"})["channels"]
    assert channel["value_offset"] == -3
    assert channel["value_scale"] == pytest.approx(103 / 65535)


@pytest.mark.parametrize("value", [np.nan, np.inf, 3.5])
def test_an_image_without_contrast_or_without_numbers_is_shown_as_such(tmp_path, value):
    facts = facts_of(tmp_path, np.full((20, 30), value, np.float32))
    assert facts_are_whole(facts)
    assert facts["channels"][0]["low"] == 0
    json.dumps(facts, allow_nan=False)


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (700, 1)])
def test_the_smallest_images_have_facts_and_a_thumbnail(tmp_path, shape):
    facts = facts_of(tmp_path, np.ones(shape, np.uint8))
    assert (facts["height"], facts["width"]) == shape
    thumbnail = cv2.imdecode(np.fromfile(thumbnail_path(tmp_path / "cache"), np.uint8), cv2.IMREAD_COLOR)
    assert max(thumbnail.shape[:2]) == min(max(shape), 256)


# ------------------------------------------------------------------------- colours (fault 16)

RED, SOFT = np.array([250, 40, 10], np.uint8), np.array([60, 70, 200], np.uint8)


def colours():
    picture = np.empty((30, 40, 3), np.uint8)
    picture[:, :20], picture[:, 20:] = RED, SOFT
    return picture


def write_rgb_png(path):
    PillowImage.fromarray(colours()).save(path / "a.png")
    return path / "a.png"


def write_rgba_png(path):
    alpha = np.full((30, 40, 1), 128, np.uint8)
    alpha[0] = 3
    PillowImage.fromarray(np.concatenate([colours(), alpha], axis=-1)).save(path / "a.png")
    return path / "a.png"


def write_palette_png(path):
    PillowImage.fromarray(colours()).convert("P", palette=PillowImage.Palette.ADAPTIVE, colors=4).save(path / "a.png")
    return path / "a.png"


def write_tiff(path):
    tifffile.imwrite(path / "a.tif", colours(), photometric="rgb")
    return path / "a.tif"


def write_planar_tiff(path):
    planes = np.moveaxis(colours(), -1, 0)
    tifffile.imwrite(path / "a.tif", planes, photometric="rgb", planarconfig="separate")
    return path / "a.tif"


def write_bmp(path):
    PillowImage.fromarray(colours()).save(path / "a.bmp")
    return path / "a.bmp"


@pytest.mark.parametrize(
    "write", [write_rgb_png, write_rgba_png, write_palette_png, write_tiff, write_planar_tiff, write_bmp]
)
def test_colour_has_the_channels_red_green_and_blue_as_stored(tmp_path, write):
    facts = inspect(write(tmp_path), tmp_path / "cache")["facts"]
    assert facts["colour"]
    assert [one["name"] for one in facts["channels"]] == ["red", "green", "blue"]
    assert [(one["low"], one["high"]) for one in facts["channels"]] == [(0, 255)] * 3
    thumbnail = cv2.imdecode(np.fromfile(thumbnail_path(tmp_path / "cache"), np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(thumbnail[15, 5, ::-1].astype(int) - RED).max() < 25
    notes = " ".join(facts["notes"])
    assert ("alpha" in notes) == (write is write_rgba_png)
    assert ("palette" in notes) == (write is write_palette_png)


def test_cmyk_is_converted_and_says_so(tmp_path):
    PillowImage.fromarray(colours()).convert("CMYK").save(tmp_path / "a.jpg", quality=95)
    facts = inspect(tmp_path / "a.jpg", tmp_path / "cache")["facts"]
    assert facts["colour"]
    assert "CMYK" in " ".join(facts["notes"])


def test_grey_written_as_colour_has_one_channel_and_says_so(tmp_path):
    grey = np.repeat(gradient(np.uint8)[..., None] % 200, 3, axis=-1).astype(np.uint8)
    facts = facts_of(tmp_path, grey, photometric="rgb")
    assert [one["name"] for one in facts["channels"]] == ["grey"]
    assert "grey throughout" in " ".join(facts["notes"])


def test_colour_of_12_bit_is_shown_to_the_top_of_12_bit(tmp_path):
    deep = colours().astype(np.uint16) * 16
    facts = facts_of(tmp_path, deep, photometric="rgb")
    assert [(one["low"], one["high"]) for one in facts["channels"]] == [(0, 4095)] * 3


def test_several_channels_have_names_and_tints_of_their_own(tmp_path):
    stack = np.stack([gradient(np.uint16), gradient(np.uint16) + 7, gradient(np.uint16) * 2])
    facts = facts_of(
        tmp_path, stack, imagej=True, metadata={"axes": "CYX", "Labels": ["DAPI", "GFP", "<script>alert(1)</script>"]}
    )
    names = [one["name"] for one in facts["channels"]]
    assert len(set(names)) == 3
    assert len({one["colour"] for one in facts["channels"]}) == 3
    assert not facts["colour"]


# ------------------------------------------------------------------------- large planes


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_a_large_plane_by_bands_or_whole_gives_the_tiles_of_the_plane_in_memory(tmp_path, compression, dtype):
    assert LARGE[0] * LARGE[1] > SMALL
    plane = gradient(dtype, LARGE) if dtype != "uint8" else gradient("uint16", LARGE).astype(np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", plane, compression=compression)
    folder = tmp_path / "cache"
    first = inspect(tmp_path / "a.tif", folder)
    assert first["large"]
    assert first["n_channels"] == 1
    assert not folder.exists()
    shares = []
    job = {"job": "inspect", "path": str(tmp_path / "a.tif"), "folder": str(folder), "large": True}
    facts = run_job(job, shares.append)["facts"]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    store = TileStore(plane_path(folder, 0, 0, 0))
    (channel,) = facts["channels"]
    values = (plane.astype(np.float64) - channel["value_offset"]) / channel["value_scale"]
    memory = MemoryTiles(np.rint(values).astype(channel["kept"]))
    for level in range(store.n_levels):
        height, width = memory.levels[level].shape
        assert np.array_equal(store.region(level, 0, 0, height, width), memory.levels[level])
    exact = exact_path(folder, 0, 0, 0)
    assert exact.exists() == (dtype == "float32" and compression is not None)
    if exact.exists():
        assert np.array_equal(np.fromfile(exact, "<f4").reshape(LARGE), plane)


def test_a_thumbnail_shows_the_window_and_the_same_bytes_each_time():
    plane = np.zeros((100, 400), np.uint16)
    plane[:, 200:] = 1000
    channel = {"low": 0, "high": 1000, "colour": "#00ff00"}
    data = draw_thumbnail([plane], [channel])
    assert data == draw_thumbnail([plane], [channel])
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (64, 256, 3)
    assert picture[32, 10].max() < 20
    assert picture[32, 240, 1] > 230
    assert picture[32, 240, 0] < 60


# ------------------------------------------------------------------------- the process


def test_answers_come_back_and_errors_are_sentences_with_the_name(process, tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", gradient(np.uint8))
    (tmp_path / "b.tif").write_bytes(b"II*\0nonsense")
    assert process.run({"job": "open", "path": str(tmp_path / "a.tif")}) == {"format": "TIFF"}
    with pytest.raises(ReadError, match=r"^b\.tif: ") as error:
        process.run({"job": "open", "path": str(tmp_path / "b.tif")})
    assert str(tmp_path) not in str(error.value)
    assert process.run({"job": "open", "path": str(tmp_path / "a.tif")}) == {"format": "TIFF"}


def test_a_cache_that_cannot_be_written_is_not_the_files_fault(process, tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", gradient(np.uint8))
    (tmp_path / "cache").write_bytes(b"in the way")
    job = {"job": "inspect", "path": str(tmp_path / "a.tif"), "folder": str(tmp_path / "cache")}
    with pytest.raises(OutputError, match="tiles cannot be written"):
        process.run(job)


def test_after_a_crash_the_next_job_gets_a_new_process(process, tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", gradient(np.uint8, LARGE), compression="zlib")
    job = {"job": "inspect", "path": str(tmp_path / "a.tif"), "folder": str(tmp_path / "cache"), "large": True}
    killed = threading.Event()

    def kill_it(share):
        if not killed.is_set():
            killed.set()
            os.kill(process._process.pid, signal.SIGKILL)

    # without a progress message in time it would simply be done: every 0.2 s one comes
    stopper = threading.Thread(target=lambda: (wait_for_child(process), kill_it(0)))
    stopper.start()
    with pytest.raises(ReadError, match=r"a\.tif: makes its reader crash"):
        process.run(job)
    stopper.join()
    assert process.run({**job, "job": "open"}) == {"format": "TIFF"}
    assert list((tmp_path / "cache").glob("*.tiles")) == []


def wait_for_child(process):
    while process._process is None:
        time.sleep(0.001)


def test_it_ends_when_nobody_listens_any_more(tmp_path):
    command = [sys.executable, "-P", "-m", "granum.app.tile_builder"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        child.stdin.close()
        assert child.wait(20) == 0


def test_it_ends_with_a_server_that_is_killed(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", gradient(np.uint8))
    code = (
        "import sys, os, signal; from granum.app.builder_process import BuilderProcess;"
        "process = BuilderProcess(); process.run({'job': 'open', 'path': sys.argv[1]});"
        "print(process._process.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.tif")], capture_output=True, check=False)
    pid = int(done.stdout)
    for _ in range(500):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return
        time.sleep(0.02)
    pytest.fail("the process lives on")


def test_an_idle_process_is_ended_and_started_again(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", gradient(np.uint8))
    process = BuilderProcess(idle_s=0.05)
    try:
        for _ in range(2):
            assert process.run({"job": "open", "path": str(tmp_path / "a.tif")})
            for _ in range(500):
                if process._process is None:
                    break
                time.sleep(0.02)
            assert process._process is None
    finally:
        process.close()


def test_closed_in_the_middle_of_a_job_it_says_so(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", gradient(np.uint16, LARGE), compression="zlib")
    process = BuilderProcess()
    closer = threading.Thread(target=lambda: (wait_for_child(process), process.close()))
    closer.start()
    job = {"job": "inspect", "path": str(tmp_path / "a.tif"), "folder": str(tmp_path / "cache"), "large": True}
    with pytest.raises(OutputError, match="being stopped"):
        process.run(job)
    closer.join()
    with pytest.raises(OutputError, match="being stopped"):
        process.run(job)


@pytest.mark.parametrize("suffix", [".tif", ".png", ".jpg"])
@pytest.mark.slow
def test_a_legitimate_picture_of_20000_x_20000_opens_in_less_than_2_gb(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    plane = np.zeros((20000, 20000), np.uint16 if suffix == ".tif" else np.uint8)
    plane[::1000] = 200
    if suffix == ".tif":
        tifffile.imwrite(path, plane, compression="zlib", rowsperstrip=500)
    else:
        assert cv2.imwrite(str(path), plane)
    del plane
    assert path.stat().st_size < 20 * 10**6
    process = BuilderProcess()
    peak = [0]
    done = threading.Event()

    def watch():
        wait_for_child(process)
        child = psutil.Process(process._process.pid)
        while not done.wait(0.02):
            peak[0] = max(peak[0], child.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        job = {"job": "inspect", "path": str(path), "folder": str(tmp_path / "cache")}
        assert process.run(job)["large"]
        facts = process.run({**job, "large": True})["facts"]
    finally:
        done.set()
        watcher.join()
        process.close()
    assert (facts["height"], facts["width"]) == (20000, 20000)
    store = TileStore(plane_path(tmp_path / "cache", 0, 0, 0))
    assert store.n_levels == 7
    assert store.region(0, 0, 0, 2, 1).ravel().tolist() == pytest.approx([200, 0], abs=3)
    assert 0 < peak[0] < 2 * 10**9
