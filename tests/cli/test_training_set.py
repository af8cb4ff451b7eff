from __future__ import annotations

import json

import numpy as np
import tifffile


def test_painted_images_become_tiles_and_masks(granum, disc_pictures, learnt, tmp_path):
    strokes = tmp_path / "strokes"
    strokes.mkdir()
    plane = learnt.draw_strokes()
    tifffile.imwrite(strokes / "a.tif", plane)
    words = ("learn", "training-set", disc_pictures, "--scribbles", strokes, "--classes", "1=ground,4=disc")
    code, out, err = granum(*words, "-o", tmp_path / "set", "--tile", "64")
    assert code == 0, err
    assert "validation: 0 tiles" in out
    assert "Nothing is set aside" in err
    manifest = json.loads((tmp_path / "set" / "manifest.json").read_text())
    assert [one["name"] for one in manifest["classes"]] == ["ground", "disc"]
    assert [one["name"] for one in manifest["images"]] == ["a.tif"]
    for tile in manifest["tiles"]:
        y0, x0, y1, x1 = tile["window"]
        expected = np.full((y1 - y0, x1 - x0), 255, np.uint8)
        part = plane[y0:y1, x0:x1]
        expected[part == 1], expected[part == 4] = 0, 1
        np.testing.assert_array_equal(tifffile.imread(tmp_path / "set" / tile["mask"]), expected)
    code, _, err = granum(*words, "-o", tmp_path / "set")
    assert code == 2
    assert "not an empty folder" in err


def test_settings_out_of_range_are_wrong_usage(granum, disc_pictures, learnt, tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", learnt.draw_strokes())
    words = ("learn", "training-set", disc_pictures, "--scribbles", tmp_path, "-o", tmp_path / "set")
    code, _, err = granum(*words, "--validation", "1")
    assert code == 2
    assert "validation_share" in err
    assert not (tmp_path / "set").exists()
