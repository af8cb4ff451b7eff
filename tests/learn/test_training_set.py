from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
import tifffile

from granum.errors import OutputError, SettingError, ShapeError
from granum.learn import PixelClass, TrainingImage, export_training_set, make_scribbles, measure_intensity

CLASSES = [PixelClass(2, "grain", "#e69f00"), PixelClass(7, "pore")]


def painted_image(name, *, seed=0, shape=(100, 130), channels=1, classes=(2, 7), dtype=np.uint16, **more):
    pixels = np.random.default_rng(seed).integers(0, 200, (channels, *shape)).astype(dtype)
    plane = np.zeros(shape, np.uint8)
    for row, class_id in enumerate(classes):
        plane[10 + 5 * row, 5:25] = class_id
        plane[60 + 5 * row, 80:100] = class_id
    return TrainingImage(name, pixels, make_scribbles(plane, name=name), **more)


def dense_mask(shape=(100, 130)):
    mask = np.full(shape, 2, np.uint8)
    mask[:, 70:] = 7
    mask[:5] = 0
    return mask


def manifest_of(folder):
    return json.loads((folder / "manifest.json").read_text())


def all_files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_strokes_become_masks_with_255_where_nothing_is_painted(tmp_path):
    images = [painted_image("a"), painted_image("b", seed=1)]
    written = export_training_set(images, tmp_path / "out", classes=CLASSES, tile=0)
    about = manifest_of(written.folder)
    assert [(one["index"], one["id"], one["name"]) for one in about["classes"]] == [(0, 2, "grain"), (1, 7, "pore")]
    assert about["origin"] == "strokes"
    for tile in about["tiles"]:
        image = images[tile["source"]]
        np.testing.assert_array_equal(tifffile.imread(written.folder / tile["image"]), image.channels[0])
        mask = tifffile.imread(written.folder / tile["mask"])
        wanted = np.array([255, 255, 0, 255, 255, 255, 255, 1], np.uint8)[image.scribbles.class_plane()]
        np.testing.assert_array_equal(mask, wanted)
        assert tile["n_px"] == [40, 40]
    assert written.n_tiles == {"train": 1, "validation": 1}
    assert written.balance["train"] == {"grain": 40, "pore": 40}


def test_tiles_cover_the_image_and_those_without_a_label_are_left_out(tmp_path):
    image = painted_image("a")
    written = export_training_set([image], tmp_path / "out", tile=48, validation_share=0)
    tiles = manifest_of(written.folder)["tiles"]
    covered = np.zeros((100, 130), np.bool_)
    for tile in tiles:
        y0, x0, y1, x1 = tile["window"]
        assert (y1 - y0, x1 - x0) == (48, 48)
        covered[y0:y1, x0:x1] = True
        np.testing.assert_array_equal(tifffile.imread(written.folder / tile["image"]), image.channels[0, y0:y1, x0:x1])
        assert (tifffile.imread(written.folder / tile["mask"]) != 255).any()
    assert covered[image.scribbles.class_plane() > 0].all()
    assert not covered[:48, 48:82].any()


def test_steps_shorter_than_a_tile_overlap(tmp_path):
    written = export_training_set(
        [painted_image("a")], tmp_path / "out", masks=[dense_mask()], tile=60, stride=30, validation_share=0
    )
    windows = [tuple(tile["window"][:2]) for tile in manifest_of(written.folder)["tiles"]]
    assert windows == [(y, x) for y in (0, 30, 40) for x in (0, 30, 60, 70)]


def test_class_images_become_masks_and_zero_and_the_outside_are_not_known(tmp_path):
    area = np.ones((100, 130), np.bool_)
    area[90:] = False
    image = painted_image("a", area=area)
    written = export_training_set(
        [image, painted_image("b")],
        tmp_path / "out",
        classes=CLASSES,
        masks=[dense_mask(), None],
        origin="model m",
        tile=0,
    )
    about = manifest_of(written.folder)
    mask = tifffile.imread(written.folder / about["tiles"][0]["mask"])
    assert (mask[:5] == 255).all()
    assert (mask[90:] == 255).all()
    assert (mask[5:90, :70] == 0).all()
    assert (mask[5:90, 70:] == 1).all()
    assert about["origin"] == "model m"
    assert written.balance["train"] == {"grain": 85 * 70, "pore": 85 * 60}
    assert [one["name"] for one in about["images"]] == ["a"]


def test_no_image_and_no_group_is_on_both_sides(tmp_path):
    images = [painted_image(f"i{n}", seed=n) for n in range(10)]
    written = export_training_set(images, tmp_path / "one", tile=48, validation_share=0.3)
    about = manifest_of(written.folder)
    sides = {one["name"]: one["split"] for one in about["images"]}
    assert sorted(sides.values()).count("validation") == 3
    for tile in about["tiles"]:
        assert tile["split"] == sides[about["images"][tile["source"]]["name"]]
    groups = [f"sample {n // 5}" for n in range(10)]
    written = export_training_set(images, tmp_path / "two", tile=48, groups=groups)
    sides = [one["split"] for one in manifest_of(written.folder)["images"]]
    assert len(set(sides[:5])) == len(set(sides[5:])) == 1
    assert set(sides) == {"train", "validation"}


def test_a_large_group_that_is_set_aside_is_told(tmp_path):
    images = [painted_image(f"i{n}", seed=n) for n in range(6)]
    found = []
    for seed in range(8):
        written = export_training_set(
            images, tmp_path / str(seed), tile=48, groups=["large"] * 5 + ["small"], seed=seed, validation_share=0.2
        )
        told = any("tiles are set aside for validation" in note for note in written.notes)
        assert told == (written.n_tiles["validation"] > written.n_tiles["train"])
        found.append(told)
    assert set(found) == {True, False}


def test_a_class_never_loses_its_last_image_to_validation(tmp_path):
    images = [painted_image("a", classes=(2, 7)), painted_image("b", classes=(2,)), painted_image("c", classes=(2,))]
    for seed in range(5):
        written = export_training_set(images, tmp_path / str(seed), validation_share=0.5, seed=seed)
        assert written.balance["train"]["class 7"] > 0
    written = export_training_set(images[:1], tmp_path / "alone", validation_share=0.5)
    assert written.n_tiles["validation"] == 0
    assert "Nothing is set aside" in written.notes[-1]


def test_the_manifest_holds_checksums_sizes_and_grey_levels(tmp_path):
    image = painted_image("a", pixel_size_nm=2.5, channels=3, channel_names=("red", "green", "blue"), dtype=np.uint8)
    written = export_training_set([image], tmp_path / "out", tile=0)
    about = manifest_of(written.folder)
    for tile in about["tiles"]:
        for kind in ("image", "mask"):
            data = (written.folder / tile[kind]).read_bytes()
            assert hashlib.sha256(data).hexdigest() == tile[f"{kind}_sha256"]
    (one,) = about["images"]
    assert (one["shape"], one["dtype"], one["pixel_size_nm"]) == ([3, 100, 130], "uint8", 2.5)
    assert one["intensity"] == measure_intensity(image.channels).to_json()
    np.testing.assert_array_equal(
        tifffile.imread(written.folder / about["tiles"][0]["image"]), np.moveaxis(image.channels, 0, -1)
    )


def test_channels_that_are_no_colours_stay_planes(tmp_path):
    image = painted_image("a", channels=2, dtype=np.float32, channel_names=("BSE", "SE"))
    written = export_training_set([image], tmp_path / "out", tile=0)
    pixels = tifffile.imread(written.folder / manifest_of(written.folder)["tiles"][0]["image"])
    np.testing.assert_array_equal(pixels, image.channels)


def test_the_same_input_gives_the_same_bytes(tmp_path):
    images = [painted_image("a"), painted_image("b", seed=1)]
    for name in ("one", "two"):
        export_training_set(images, tmp_path / name, tile=48)
    assert all_files(tmp_path / "one") == all_files(tmp_path / "two")


def test_a_folder_that_holds_something_is_left_as_it_is(tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(OutputError, match="not an empty folder"):
        export_training_set([painted_image("a")], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    (tmp_path / "empty").mkdir()
    assert export_training_set([painted_image("a")], tmp_path / "empty").n_tiles["train"] == 1
    with pytest.raises(OutputError, match="cannot be written"):
        export_training_set([painted_image("a")], tmp_path / "mine.txt" / "out")


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"tile": -1}, SettingError, "tile: -1"),
        ({"validation_share": 1.0}, SettingError, "validation_share"),
        ({"groups": ["a", "b"]}, SettingError, "groups: 2 are given for 1"),
        ({"masks": [np.zeros((100, 130), np.uint8)]}, SettingError, "hold 0 classes"),
        ({"masks": [np.ones((10, 130), np.uint8)]}, ShapeError, r"a: the mask is a uint8 array of shape \(10, 130\)"),
        ({"masks": [np.full((100, 130), 300)]}, ShapeError, "300 to 300"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_written(tmp_path, settings, error, words):
    with pytest.raises(error, match=words):
        export_training_set([painted_image("a")], tmp_path / "out", **settings)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(SettingError, match="images: none"):
        export_training_set([], tmp_path / "out")
