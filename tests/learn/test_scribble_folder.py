from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from granum.errors import ReadError, SettingError
from granum.learn.scribble_folder import find_scribbles


def save(path, *classes, shape=(20, 30)):
    path.parent.mkdir(exist_ok=True)
    plane = np.zeros(shape, np.uint8)
    for class_id in classes:
        plane[2 * class_id, 3:9] = class_id
    Image.fromarray(plane).save(path)
    return path


@pytest.fixture
def images(tmp_path):
    return [save(tmp_path / "images" / f"{name}.tif") for name in ("a", "b", "c")]


def names_of(found):
    return [path and path.name for path in found.paths]


def test_strokes_are_found_by_the_name_of_the_image_and_its_endings(tmp_path, images):
    save(tmp_path / "s" / "a.png", 1, 2)
    save(tmp_path / "s" / "c_scribbles.tif", 2, 3)
    found = find_scribbles(tmp_path / "s", images)
    assert names_of(found) == ["a.png", None, "c_scribbles.tif"]
    assert [one and one.name for one in found.scribbles] == ["a.tif", None, "c.tif"]
    assert [one.id for one in found.classes] == [1, 2, 3]
    assert found.notes == ()


@pytest.mark.parametrize("name", ["a.labels.png", "a_labels.png", "a.scribbles.tif", "a_strokes.png", "a.strokes.png"])
def test_other_programs_endings_are_known(tmp_path, images, name):
    save(tmp_path / "s" / name, 1)
    assert names_of(find_scribbles(tmp_path / "s", images))[0] == name


def test_strokes_may_lie_beside_the_images_which_are_not_taken_for_strokes(tmp_path, images):
    save(tmp_path / "images" / "b_scribbles.png", 1, 2)
    assert names_of(find_scribbles(tmp_path / "images", images)) == [None, "b_scribbles.png", None]


def test_names_that_are_only_alike_are_not_guessed_but_told(tmp_path, images):
    image = save(tmp_path / "images" / "batch_17P1_POS0013.tif")
    save(tmp_path / "s" / "batch_sparse_17P1_POS0013.tif", 1, 2)
    words = r"none of its 1 files .* batch_sparse_17P1_POS0013.tif \(of batch_17P1_POS0013.tif\?\).*pairs.csv"
    with pytest.raises(SettingError, match=words):
        find_scribbles(tmp_path / "s", [image])
    save(tmp_path / "s" / "a.tif", 1, 2)
    found = find_scribbles(tmp_path / "s", [*images, image])
    assert names_of(found) == ["a.tif", None, None, None]
    assert "batch_sparse_17P1_POS0013.tif (of batch_17P1_POS0013.tif?)" in found.notes[0]


def test_pairs_are_typed_or_stand_in_a_file(tmp_path, images):
    save(tmp_path / "s" / "x1.png", 1, 2)
    save(tmp_path / "s" / "x2.png", 3)
    assert names_of(find_scribbles(tmp_path / "s", images, pairs={"a.tif": "x1.png"})) == ["x1.png", None, None]
    (tmp_path / "s" / "pairs.csv").write_text("image,strokes\nb.tif,x1.png\nc.tif , x2.png\n")
    found = find_scribbles(tmp_path / "s", images)
    assert names_of(found) == [None, "x1.png", "x2.png"]
    assert found.notes == ()
    with pytest.raises(SettingError, match=r"no file 'x9.png', which was paired with 'a.tif'"):
        find_scribbles(tmp_path / "s", images, pairs={"a.tif": "x9.png"})
    (tmp_path / "s" / "pairs.csv").write_text("a.tif\n")
    with pytest.raises(ReadError, match="line 1 has 1 columns"):
        find_scribbles(tmp_path / "s", images)


def test_what_is_ambiguous_is_refused(tmp_path, images):
    save(tmp_path / "s" / "a.png", 1, 2)
    save(tmp_path / "s" / "a_labels.png", 1, 2)
    with pytest.raises(SettingError, match=r"a.tif goes with a.png, a_labels.png"):
        find_scribbles(tmp_path / "s", images)
    assert names_of(find_scribbles(tmp_path / "s", images, pairs={"a.tif": "a.png"}))[0] == "a.png"
    (tmp_path / "s" / "a_labels.png").unlink()
    twin = save(tmp_path / "other" / "a.tif")
    with pytest.raises(SettingError, match="give images whose names differ"):
        find_scribbles(tmp_path / "s", [*images, twin])


def test_class_names_of_the_folder_are_used_for_all(tmp_path, images):
    save(tmp_path / "s" / "a.png", 1)
    (tmp_path / "s" / "classes.csv").write_text("1,grain\n2,pore\n")
    found = find_scribbles(tmp_path / "s", images)
    assert [(one.id, one.name) for one in found.classes] == [(1, "grain"), (2, "pore")]


def test_colours_mean_the_same_in_all_drawings_of_a_folder(tmp_path, images):
    (tmp_path / "s").mkdir()
    for name, colours in (("a", [(255, 0, 0), (0, 0, 255)]), ("b", [(255, 0, 0)])):
        pixels = np.zeros((20, 30, 3), np.uint8)
        for row, colour in enumerate(colours):
            pixels[2 * row, :9] = colour
        Image.fromarray(pixels).save(tmp_path / "s" / f"{name}.png")
    found = find_scribbles(tmp_path / "s", images)
    assert found.scribbles[0].class_plane()[0, 0] == found.scribbles[1].class_plane()[0, 0] == 2
    assert [one.name for one in found.classes] == ["#0000ff", "#ff0000"]


def test_numbers_are_mapped_in_all_files(tmp_path, images):
    save(tmp_path / "s" / "a.png", 1, 2, 3)
    found = find_scribbles(tmp_path / "s", images, class_map={1: 1, 2: 1, 3: 2})
    assert [one.class_id for one in found.scribbles[0].counts()] == [1, 1, 2]


def test_no_folder_and_no_strokes_are_refused(tmp_path, images):
    with pytest.raises(ReadError, match="is not a folder"):
        find_scribbles(tmp_path / "s", images)
    (tmp_path / "s").mkdir()
    with pytest.raises(SettingError, match="holds no file of strokes"):
        find_scribbles(tmp_path / "s", images)


def test_images_of_classes_are_warned_of_the_class_zero(tmp_path, images):
    plane = np.ones((20, 30), np.uint8)
    plane[:, 12:] = 0
    (tmp_path / "s").mkdir()
    Image.fromarray(plane).save(tmp_path / "s" / "a.png")
    Image.fromarray(plane).save(tmp_path / "s" / "b.png")
    found = find_scribbles(tmp_path / "s", images)
    assert "a.tif (and 1 more): 40% of all pixels are painted, like an image of classes; 0 counts" in found.notes[0]
    Image.fromarray(plane + 1).save(tmp_path / "s" / "a.png")
    (tmp_path / "s" / "b.png").unlink()
    assert find_scribbles(tmp_path / "s", images).notes == ()
