from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

from granum.app.paint_export import LAYER, read_layer, read_painted
from granum.app.paint_messages import ClassInfo, Stroke
from granum.app.paint_store import PaintStore
from granum.app.project import Project
from granum.errors import ReadError

SIZE = (300, 400)


def make_project(folder, *, n_z=1):
    project = Project(folder)
    project.set_classes(
        [ClassInfo(id=2, name="pore", colour="#112233"), ClassInfo(id=1, name="grain", colour="#445566")]
    )
    sha256 = hashlib.sha256(b"a.tif").hexdigest()
    facts = {"height": SIZE[0], "width": SIZE[1], "n_frames": 1, "n_z": n_z}
    about = {"name": "a.tif", "sha256": sha256, "facts": facts}
    project.write(json.dumps(about).encode(), "images", f"{sha256[:16]}.json")
    return project, sha256[:16], PaintStore(project, lambda image: SIZE, lambda message: None)


def paint(store, image, id, class_id, y, *, z=0, layer=LAYER):
    points = [[y, 20.0], [y + 5, 200.0]]
    store.paint(image, layer, Stroke(id=id, tool="brush", class_id=class_id, radius=3, points=points, z=z), "ann")


def test_a_project_gives_the_strokes_that_the_open_layer_gives(tmp_path):
    project, image, store = make_project(tmp_path)
    paint(store, image, "s1", 1, 50)
    paint(store, image, "s2", 1, 56)
    paint(store, image, "s3", 2, 52)
    store.undo(image, LAYER, 0, 0, "ann")
    store.redo(image, LAYER, 0, 0, "ann")
    with store.layer(image, LAYER, 0, 0) as layer:
        live = read_layer(layer, name="a.tif")
        np.testing.assert_array_equal(live.class_plane(), layer.tiles.window(0, 0, *SIZE))
    painted = read_painted(project.place)
    (plane,) = painted.planes
    assert (plane.image, plane.t, plane.z, plane.path) == (image, 0, 0, tmp_path / "a.tif")
    for name in ("y", "x", "class_ids", "strokes"):
        np.testing.assert_array_equal(getattr(plane.scribbles, name), getattr(live, name))
    assert plane.scribbles.n_strokes == 3
    assert plane.scribbles.notes == live.notes
    assert "overlap" in live.notes[0]
    assert [(one.id, one.name) for one in painted.classes] == [(1, "grain"), (2, "pore")]
    assert plane.scribbles.names[2].name == "pore"
    assert painted.notes == ()


def test_the_folder_with_the_images_is_as_good_and_nothing_is_changed(tmp_path):
    _, image, store = make_project(tmp_path)
    paint(store, image, "s1", 1, 50)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert read_painted(tmp_path).planes[0].scribbles.n_px > 100
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_planes_of_a_stack_are_named_and_erased_ones_left_out(tmp_path):
    _, image, store = make_project(tmp_path, n_z=9)
    for z in (7, 2, 4):
        paint(store, image, f"s{z}", 1, 50, z=z)
    store.undo(image, LAYER, 0, 4, "ann")
    painted = read_painted(tmp_path)
    assert [(one.z, one.scribbles.name) for one in painted.planes] == [(2, "a.tif, z 2"), (7, "a.tif, z 7")]


def test_other_layers_are_not_mixed_in(tmp_path):
    _, image, store = make_project(tmp_path)
    paint(store, image, "s1", 1, 50, layer="other")
    with pytest.raises(ReadError, match="nothing is painted in the layer 'scribbles'"):
        read_painted(tmp_path)
    assert read_painted(tmp_path, layer="other").planes[0].scribbles.n_strokes == 1


def test_strokes_of_an_image_that_the_project_does_not_know_are_left_out_and_it_is_said(tmp_path):
    _, image, store = make_project(tmp_path)
    paint(store, image, "s1", 1, 50)
    paint(store, "ffffffffffffffff", "s1", 1, 50)
    painted = read_painted(tmp_path)
    assert len(painted.planes) == 1
    assert "ffffffffffffffff" in painted.notes[0]


def test_a_damaged_journal_is_read_as_far_as_it_is_whole_and_it_is_said(tmp_path):
    _, image, store = make_project(tmp_path)
    paint(store, image, "s1", 1, 50)
    paint(store, image, "s2", 2, 90)
    journal = next(tmp_path.rglob("journal.log"))
    journal.write_bytes(journal.read_bytes()[:-10])
    painted = read_painted(tmp_path)
    assert painted.planes[0].scribbles.n_strokes == 1
    assert "damaged" in painted.notes[0]


def test_what_is_no_project_is_refused_with_a_sentence(tmp_path):
    with pytest.raises(ReadError, match="is not a folder"):
        read_painted(tmp_path / "missing")
    with pytest.raises(ReadError, match="nothing is painted"):
        read_painted(tmp_path)
    _, image, store = make_project(tmp_path)
    paint(store, image, "s1", 1, 50)
    with pytest.raises(ReadError, match="no name"):
        read_painted(tmp_path, layer="../x")
