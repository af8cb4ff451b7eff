from __future__ import annotations

import csv
import hashlib

import numpy as np
import pytest
import tifffile

from granum.app.measure_again import Measurer
from granum.app.object_body import make_object_body
from granum.batch import run_batch
from granum.errors import SettingError
from granum.pipeline import run
from granum.read import read_image
from granum.recipe import load_recipe, parse_recipe
from granum.report.label_images import read_labels
from granum.samples import simulate_particles
from granum.separate import edit_labels

# the image is overwritten before the measuring, and the measuring reads another channel
SMOOTHED = """
[[step]]
do = "preprocess.crop"
[[step]]
do = "preprocess.denoise"
[[step]]
do = "segment.threshold"
[[step]]
do = "segment.components"
[[step]]
do = "measure.objects"
"""
OTHER_CHANNEL = """
[[step]]
do = "segment.threshold"
[[step]]
do = "segment.components"
[[step]]
do = "measure.objects"
from = { image = "channel.dye" }
shape = "basic"
"""
JUDGED = """
[channels.live]
names = ["a"]
[channels.dead]
names = ["b"]
[[step]]
do = "segment.threshold"
from = { image = "channel.live" }
[[step]]
do = "segment.components"
[[step]]
do = "stand_in.cells"
[[step]]
do = "measure.objects"
from = { image = "channel.live" }
[[step]]
do = "stand_in.judge"
from = { dead = "channel.dead" }
"""
RECIPES = {
    "automatic": load_recipe("particles"),
    "seed": load_recipe("particles-seed"),
    "smoothed": parse_recipe(SMOOTHED),
    "other channel": parse_recipe(OTHER_CHANNEL),
}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """Two frames of two channels."""
    path = tmp_path_factory.mktemp("images") / "cells.ome.tif"
    frames = [
        [simulate_particles("discs", size=180, count=8, seed=2 * t + c, dtype="uint16").image for c in (0, 1)]
        for t in (0, 1)
    ]
    tifffile.imwrite(path, np.array(frames), ome=True, metadata={"axes": "TCYX", "Channel": {"Name": ["a", "b"]}})
    return path


@pytest.mark.parametrize("name", RECIPES)
def test_numbers_are_those_of_a_run_with_the_same_corrections(name, path, tmp_path):
    recipe = RECIPES[name]
    channels = {"image": "0", **({"dye": "1"} if name == "other channel" else {})}
    plain, corrected = tmp_path / "plain", tmp_path / "corrected"
    run_batch(recipe, [path], plain, channels=channels)
    labels = read_labels(plain / "labels" / "cells.tif")[1]
    y, x = np.argwhere(labels == 2).mean(axis=0)
    edits = [
        {"op": "erase", "points": [[y - 40, x], [y + 40, x]], "radius": 1.0, "labels": [2]},
        {"op": "delete", "labels": [1]},
    ]
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    run_batch(recipe, [path], corrected, channels=channels, edits={sha256: {"1": edits}})

    confidence = {}
    with (plain / "objects.csv").open(newline="") as stream:
        for row in csv.DictReader(stream):
            if row["frame"] == "1":
                confidence[int(row["label"])] = float(row["confidence"])
    measure = Measurer(recipe, [path], 1, {"channels": channels, "z": None}, labels)
    result = edit_labels(labels, edits=edits)
    edited = np.isin(result.values, result.edited)
    known = np.array([1.0 if hand else confidence[v] for v, hand in zip(result.values.tolist(), edited, strict=True)])
    for _ in range(2):
        body = make_object_body(measure(result.labels, known, edited), None, labels.size)
    with (corrected / "objects.csv").open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["frame"] == "1"]
    assert body.n_objects == len(rows) > 2
    for column in body.columns:
        for value, row in zip(column.values, rows, strict=True):
            if column.name == "flags":
                assert value == row["flags"]
            elif column.name != "label":
                assert value == (float(row[column.name]) if row[column.name] else None), column.name


def test_a_recipe_that_measures_nothing_has_no_table(path):
    recipe = parse_recipe("[[step]]\ndo='segment.threshold'\n[[step]]\ndo='segment.components'")
    labels = np.zeros((180, 180), np.int32)
    assert Measurer(recipe, [path], 0, {}, labels)(labels, None, np.zeros(0, bool)) is None


def test_channels_in_files_of_their_own_are_measured_as_in_one_file(path, tmp_path):
    stack = tifffile.imread(path)
    for number, name in enumerate(("x_w1.tif", "x_w2.tif")):
        tifffile.imwrite(tmp_path / name, stack[:, number], imagej=True, metadata={"axes": "TYX"})
    patterns = {"image": "*_w1.tif", "dye": "*_w2.tif"}
    labels = run(RECIPES["other channel"], read_image(path), channels={"image": 0, "dye": 1}, frame=1).labels
    known, edited = np.ones(labels.max()), np.zeros(labels.max(), bool)
    reading = {"channels": {"image": "0", "dye": "1"}, "z": None}
    expected = Measurer(RECIPES["other channel"], [path], 1, reading, labels)(labels, known, edited)
    paths = [tmp_path / "x_w1.tif", tmp_path / "x_w2.tif"]
    apart = Measurer(RECIPES["other channel"], paths, 1, {"patterns": patterns}, labels)(labels, known, edited)
    assert apart.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(apart[name], values)
    with pytest.raises(SettingError, match=r"do not fit the patterns|no file goes with"):
        Measurer(RECIPES["other channel"], paths[::-1], 1, {"patterns": patterns}, labels)


def test_what_follows_from_the_labels_is_judged_again_too(path, stand_ins):
    recipe = parse_recipe(JUDGED)
    image = read_image(path)
    whole = run(recipe, image)
    measure = Measurer(recipe, [path], 0, {}, whole.labels)
    labels = np.where(whole.labels == 2, 0, whole.labels).astype(np.int32)
    body = measure(labels, None, np.zeros(len(np.unique(labels)) - 1, bool))
    kept = whole.objects["label"] != 2
    assert body["label"].tolist() == whole.objects["label"][kept].tolist()
    assert body["state"].tolist() == whole.objects["state"][kept].tolist()
    np.testing.assert_array_equal(body["p_dead"], whole.objects["p_dead"][kept])
