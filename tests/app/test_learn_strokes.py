from __future__ import annotations

import numpy as np
import pytest

from granum.app.learn_strokes import PaintedPlanes
from granum.app.messages import ImageEntry
from granum.app.paint_messages import ClassInfo, Stroke
from granum.app.paint_store import PaintStore
from granum.app.preview_worker import PreviewSource
from granum.app.problems import Problem
from granum.app.project import Project

ONE, TWO = "1" * 16, "2" * 16


class Bench:
    def __init__(self, tmp_path):
        folder = tmp_path / "images"
        folder.mkdir()
        self.folder = folder
        self.project = Project(folder)
        self.status = {ONE: "ready", TWO: "ready"}
        self.classes = [
            ClassInfo(id=1, name="dark", colour="#e69f00"),
            ClassInfo(id=2, name="bright", colour="#56b4e9"),
        ]
        self.open()

    def open(self):
        self.paint = PaintStore(self.project, lambda image: (100, 120), self.heard, planes_of=lambda image: (2, 1))
        self.planes = PaintedPlanes(self.paint, self.entry, self.source, lambda: self.classes)

    def heard(self, message):
        if message["layer"] == "scribbles":
            self.planes.touch((message["image"], message["t"], message["z"]))

    def entry(self, image):
        if image not in self.status:
            raise Problem(404, "not_found", f"image {image!r}: there is none.")
        return ImageEntry(
            id=image, name=f"{image[0]}.tif", size_bytes=1, uploaded=False, status=self.status[image], n_frames=2,
            height=100, width=120,
        )  # fmt: skip

    def source(self, image):
        self.entry(image)
        return PreviewSource(image, self.folder / f"{image[0]}.tif")

    def stroke(self, id, class_id, y, image=ONE, t=0, layer="scribbles", tool="brush"):
        points = [[y, 10.0], [y, 60.0]]
        stroke = Stroke(id=id, tool=tool, class_id=class_id, radius=2, points=points, t=t)
        self.paint.paint(image, layer, stroke, "local")


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    yield bench
    bench.project.close()


def test_nothing_and_one_class_are_told_in_a_sentence(bench):
    assert bench.planes.refresh()
    assert "Nothing is painted yet" in bench.planes.problem()
    bench.stroke("a", 1, 20.0)
    assert bench.planes.refresh()
    assert "Only 'dark' is painted" in bench.planes.problem()
    bench.stroke("b", 2, 50.0, image=TWO)
    bench.planes.refresh()
    assert bench.planes.problem() == ""
    assert not bench.planes.refresh()


def test_only_what_has_changed_is_sent_and_what_is_gone_is_told(bench):
    known = {}
    bench.stroke("a", 1, 20.0)
    bench.stroke("b", 2, 50.0, image=TWO, t=1)
    bench.planes.refresh()
    first = bench.planes.changes(known)
    assert set(first.planes) == {(ONE, 0, 0), (TWO, 1, 0)}
    assert set(first.sources) == set(first.planes)
    assert [one.name for one in first.classes] == ["dark", "bright"]
    assert bench.planes.changes(known).planes == {}
    bench.stroke("c", 2, 80.0)
    bench.planes.refresh()
    second = bench.planes.changes(known)
    assert set(second.planes) == {(ONE, 0, 0)}
    assert second.version > first.version
    assert sorted(np.unique(second.planes[ONE, 0, 0].class_ids)) == [1, 2]
    bench.paint.undo(TWO, "scribbles", 1, 0, "local")
    bench.planes.refresh()
    assert bench.planes.changes(known).planes == {(TWO, 1, 0): None}
    assert set(known) == {(ONE, 0, 0)}


def test_strokes_are_those_of_the_layer_with_their_numbers(bench):
    bench.stroke("a", 1, 20.0)
    bench.stroke("b", 2, 50.0)
    bench.stroke("e", 0, 50.0, tool="eraser")
    bench.stroke("d", 1, 80.0, layer="classes")
    bench.planes.refresh()
    ((key, scribbles),) = bench.planes.training()
    with bench.paint.layer(ONE, "scribbles", 0, 0) as layer:
        np.testing.assert_array_equal(scribbles.class_plane(), layer.tiles.window(0, 0, 100, 120))
    assert key == (ONE, 0, 0)
    assert scribbles.name == "1.tif, t 0"
    (about,) = bench.planes.planes()
    assert about.areas == {1: scribbles.n_px}
    assert about.n_strokes == 3


def test_what_was_painted_before_is_found_when_the_project_is_opened(bench):
    bench.stroke("a", 1, 20.0)
    bench.stroke("b", 2, 50.0, image=TWO)
    bench.open()
    bench.planes.refresh()
    assert [(one.image, one.areas.keys()) for one in bench.planes.planes()] == [(ONE, {1}), (TWO, {2})]


def test_an_image_that_is_gone_or_damaged_is_left_out_with_a_note_until_it_is_there(bench):
    bench.stroke("a", 1, 20.0)
    bench.stroke("b", 2, 50.0, image=TWO)
    bench.status[TWO] = "failed"
    bench.open()
    bench.planes.refresh()
    assert [one.image for one in bench.planes.planes()] == [ONE]
    assert "2.tif is painted, but cannot be read" in bench.planes.notes()[0]
    assert "Only 'dark'" in bench.planes.problem()
    del bench.status[ONE]
    assert bench.planes.images_changed({ONE})
    bench.planes.refresh()
    assert bench.planes.planes() == []
    bench.status = {ONE: "ready", TWO: "ready"}
    assert bench.planes.images_changed({ONE, TWO, "3" * 16})
    bench.planes.refresh()
    assert len(bench.planes.planes()) == 2
    assert bench.planes.notes() == []
    assert not bench.planes.images_changed({ONE, TWO})


def test_an_image_that_changes_in_this_moment_is_not_sent_and_comes_later(bench):
    bench.stroke("a", 1, 20.0)
    bench.planes.refresh()
    known = {}
    del bench.status[ONE]
    assert bench.planes.changes(known).planes == {}
    bench.status[ONE] = "ready"
    assert set(bench.planes.changes(known).planes) == {(ONE, 0, 0)}
