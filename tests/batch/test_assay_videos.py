from __future__ import annotations

import numpy as np
import pytest
import tifffile

from granum.batch.assay_videos import VideoJob, _Frames, write_series_video
from granum.batch.item import Item, Reading, inspect_source, process_item
from granum.batch.plan import plan_sources
from granum.learn.scribbles import PixelClass
from granum.recipe import parse_recipe

RECIPE = """
[channels.phase]
names = ["BF"]
optional = true
[channels.live]
names = ["Hoechst"]
[[step]]
do = "segment.threshold"
from = { image = "channel.live" }
"""


@pytest.fixture
def job(tmp_path):
    def make(names, text=RECIPE):
        stack = np.random.default_rng(0).integers(0, 4000, (3, len(names), 40, 60)).astype(np.uint16)
        stack[:, :, 10:20, 10:20] += 9000
        path = tmp_path / "B03.ome.tif"
        tifffile.imwrite(path, stack, ome=True, metadata={"axes": "TCYX", "Channel": {"Name": list(names)}})
        (source,), _ = plan_sources([path])
        facts = inspect_source((source, Reading()))
        items = tmp_path / "items"
        items.mkdir()
        made = [Item(facts, t, parse_recipe(text), Reading(), items, "versions") for t in range(3)]
        for item in made:
            process_item(item)
        times = tuple((item, 2.0 * item.frame) for item in made)
        return VideoJob(tmp_path / "B03_1", times, "h", None, (PixelClass(1, "cells", "#ff0000"),)), stack

    return make


def test_a_frame_has_the_planes_of_its_time_by_role(job):
    video, stack = job(("Hoechst 33342", "BF"))
    frames = _Frames(video)
    assert len(frames) == 3
    frame = frames[2]
    assert frame.time == 4
    np.testing.assert_array_equal(frame.live, stack[2, 0])
    np.testing.assert_array_equal(frame.brightfield, stack[2, 1])
    assert frame.dead is None
    assert frame.classes is None
    assert frames.stains() == {"phase": "BF", "live": "Hoechst 33342"}


def test_the_one_image_of_a_recipe_without_roles_is_shown(job):
    video, stack = job(("any",), "[[step]]\ndo = 'segment.pixel_clusters'\n")
    frame = _Frames(video)[1]
    np.testing.assert_array_equal(frame.brightfield, stack[1, 0])
    assert frame.classes.shape == (40, 60)


def test_a_film_is_written_and_named(job, tmp_path):
    video, _ = job(("Hoechst", "BF"))
    name = write_series_video(video)
    assert name in ("B03_1.mp4", "B03_1.gif")
    assert (tmp_path / name).stat().st_size > 1000
