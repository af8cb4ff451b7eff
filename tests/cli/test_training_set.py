from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile
from finished_runs import make_run

from granum.cli.training_set import parse_background


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


def test_a_run_becomes_tiles_of_its_classes(granum, tmp_path):
    run = make_run(tmp_path)
    words = ("learn", "training-set", run, "--channel", "brightfield", "--tile", "32", "--ignore-uncertain")
    code, out, err = granum(*words, "-o", tmp_path / "set", "--background", "drop", "--stride", "16")
    assert code == 0, err
    assert "nothing but background" in out
    assert "dead nucleus" in out
    manifest = json.loads((tmp_path / "set" / "manifest.json").read_text())
    assert manifest["settings"] == {
        "tile": 32, "stride": 16, "validation_share": 0.2, "seed": 0, "channel": "brightfield", "split_by": "well",
        "background": 0.0, "uncertain": [0.2, 0.8],
    }  # fmt: skip
    code, _, err = granum(*words[:3], "-o", tmp_path / "large")
    assert code == 2
    assert "tile: 160 px is larger than" in err
    (tmp_path / "images" / "B03_f1.tif").unlink()
    code, _, err = granum(*words, "-o", tmp_path / "gone")
    assert code == 3
    assert "--images" in err
    assert not (tmp_path / "gone").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a.tif", "b.tif"], "give one run folder"),
        (["."], "is no run folder"),
        ([".", "--classes", "1=a"], "names strokes"),
        ([".", "--background", "some"], "write keep, drop"),
        ([".", "--scribbles", ".", "--background", "drop"], "--background: goes with a run folder"),
        ([".", "--split-by", "tile"], "split_by: 'tile' must be"),
    ],
)
def test_options_that_do_not_go_together_are_wrong_usage(granum, tmp_path, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    code, _, err = granum("learn", "training-set", *words, "-o", "set")
    assert code == 2
    assert said in err


@pytest.mark.parametrize(("text", "share"), [("keep", 1), ("Drop", 0), ("0.25", 0.25)])
def test_background_is_a_word_or_a_share(text, share):
    assert parse_background(text) == share
