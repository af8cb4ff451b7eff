from __future__ import annotations

import csv
import hashlib
import json

import numpy as np
import pytest
import tifffile
from finished_runs import make_run, make_scene

from granum.batch import run_batch
from granum.batch.run_tiles import export_run_tiles
from granum.errors import OutputError, SettingError
from granum.samples import simulate_live_dead


def manifest(folder):
    return json.loads((folder / "manifest.json").read_text())


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_tiles_hold_the_pixels_and_the_five_classes(tmp_path):
    written = export_run_tiles(make_run(tmp_path), tmp_path / "set", tile=32, stride=16)
    about = manifest(tmp_path / "set")
    assert [(one["index"], one["name"]) for one in about["classes"]] == list(
        enumerate(["background", "cell", "outline", "live nucleus", "dead nucleus"])
    )
    assert len(about["tiles"]) == 4 * 5 * 7 == sum(written.n_tiles.values())
    for tile in about["tiles"]:
        pixels, _, classes, _ = make_scene(10 * tile["source"])
        y0, x0, y1, x1 = tile["window"]
        np.testing.assert_array_equal(tifffile.imread(tmp_path / "set" / tile["image"]), pixels[:, y0:y1, x0:x1])
        np.testing.assert_array_equal(tifffile.imread(tmp_path / "set" / tile["mask"]), classes[y0:y1, x0:x1])
    assert about["images"][0]["channel_names"] == ["brightfield", "live", "dead"]


def test_wells_are_never_parted(tmp_path):
    run = make_run(tmp_path, n_frames=2)
    for seed in range(4):
        export_run_tiles(run, tmp_path / str(seed), tile=48, stride=0, seed=seed)
        about = manifest(tmp_path / str(seed))
        assert about["settings"]["split_by"] == "well"
        sides = {}
        for one in about["images"]:
            sides.setdefault(one["group"], set()).add(one["split"])
        assert set(sides) == {"B02", "B03", "C02"}
        assert all(len(side) == 1 for side in sides.values())
        for tile in about["tiles"]:
            assert tile["split"] == about["images"][tile["source"]]["split"]


def test_fields_and_images_are_split_on_demand_and_names_may_be_told(tmp_path):
    run = make_run(tmp_path)
    export_run_tiles(run, tmp_path / "fields", tile=48, split_by="field")
    about = manifest(tmp_path / "fields")
    assert [one["group"] for one in about["images"]] == ["B02 1", "B02 2", "B03 1", "C02 1"]
    assert "Fields of the same well" in about["notes"][0]
    other = make_run(tmp_path / "other", files=("day_1_a.tif", "day_2_b.tif"))
    export_run_tiles(other, tmp_path / "guess", tile=48)
    assert manifest(tmp_path / "guess")["settings"]["split_by"] != "well"
    with pytest.raises(SettingError, match=r"no well is known of day_1_a\.tif"):
        export_run_tiles(other, tmp_path / "wells", tile=48, split_by="well")
    third = make_run(tmp_path / "third", files=("x1-A2-s1.tif", "x1-B2-s1.tif"))
    export_run_tiles(third, tmp_path / "told", tile=48, names="x*-{well}-s{field}.*")
    assert manifest(tmp_path / "told")["settings"]["split_by"] == "well"
    with pytest.raises(SettingError, match="fits none"):
        export_run_tiles(third, tmp_path / "wrong", tile=48, names="{well}_{field}_{time}.*")


@pytest.mark.parametrize("typed", ["brightfield", "BF", "bf"])
def test_one_channel_is_written_whatever_it_is_called(tmp_path, typed):
    export_run_tiles(make_run(tmp_path), tmp_path / "set", tile=0, channel=typed)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "set/images/0000_00000_00000.tif"), make_scene(0)[0][0])
    assert manifest(tmp_path / "set")["images"][0]["channel_names"] == ["brightfield"]


def test_channels_in_files_of_their_own_come_together(tmp_path):
    run = make_run(tmp_path, separate_files=True)
    export_run_tiles(run, tmp_path / "set", tile=0)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "set/images/0000_00000_00000.tif"), make_scene(0)[0])
    assert len(manifest(tmp_path / "set")["images"][0]["files"]) == 3
    with pytest.raises(SettingError, match=r"channel 'gfp': B02_f1_live\.tif has brightfield, live, dead"):
        export_run_tiles(run, tmp_path / "none", channel="gfp", tile=0)
    assert not (tmp_path / "none").exists()


def test_background_is_dropped_from_training_only_and_a_share_of_it_stays_the_same(tmp_path):
    run = make_run(tmp_path)

    def count(name, background):
        written = export_run_tiles(run, tmp_path / name, tile=16, stride=16, background=background)
        tiles = manifest(tmp_path / name)["tiles"]
        empty = [tile for tile in tiles if sum(tile["n_px"]) == tile["n_px"][0]]
        return written, {tile["image"] for tile in empty if tile["split"] == "train"}, len(empty)

    kept, all_empty, _ = count("keep", 1.0)
    assert kept.n_dropped == 0
    dropped, none, n_validation = count("drop", 0.0)
    assert none == set()
    assert dropped.n_dropped == len(all_empty)
    assert n_validation > 0
    _, half, _ = count("half", 0.5)
    assert half < all_empty
    assert 0.3 < len(half) / len(all_empty) < 0.7
    _, again, _ = count("again", 0.5)
    assert half == again
    _, more, _ = count("more", 0.7)
    assert half <= more


def test_uncertain_nuclei_are_not_known_if_asked(tmp_path):
    run = make_run(tmp_path, files=("B02_f1.tif", "B03_f1.tif"), n_frames=2)
    export_run_tiles(run, tmp_path / "set", tile=0, uncertain=(0.2, 0.8))
    for tile in manifest(tmp_path / "set")["tiles"]:
        number = 10 * (tile["source"] // 2) + tile["source"] % 2
        _, labels, classes, p_dead = make_scene(number)
        expected = np.where((labels == 2) & (p_dead[1] < 0.8), 255, classes)
        np.testing.assert_array_equal(tifffile.imread(tmp_path / "set" / tile["mask"]), expected)
        assert (expected == 255).any() == (tile["source"] % 2 == 1)


def test_the_manifest_has_hashes_of_everything_and_the_balance_adds_up(tmp_path):
    run = make_run(tmp_path)
    export_run_tiles(run, tmp_path / "set", tile=48)
    about = manifest(tmp_path / "set")
    assert about["run"]["run_json_sha256"] == hashlib.sha256((run / "run.json").read_bytes()).hexdigest()
    for one in about["images"]:
        image = (tmp_path / "images" / one["file"]).read_bytes()
        assert [file["sha256"] for file in one["files"]] == [hashlib.sha256(image).hexdigest()]
        stem = one["file"].removesuffix(".tif")
        assert one["classes_sha256"] == hashlib.sha256((run / "classes" / f"{stem}.tif").read_bytes()).hexdigest()
    for tile in about["tiles"]:
        for kind in ("image", "mask"):
            data = (tmp_path / "set" / tile[kind]).read_bytes()
            assert tile[f"{kind}_sha256"] == hashlib.sha256(data).hexdigest()
    with (tmp_path / "set" / "balance.csv").open() as file:
        rows = list(csv.DictReader(file))
    train = [row for row in rows if row["split"] == "train"]
    assert [row["class"] for row in train] == [one["name"] for one in about["classes"]]
    assert sum(float(row["share"]) for row in train) == pytest.approx(1, abs=1e-4)
    weighted = [float(row["weight"]) * int(row["n_px"]) for row in train]
    np.testing.assert_allclose(weighted, weighted[0], rtol=1e-4)


def test_the_same_run_gives_the_same_bytes(tmp_path):
    run = make_run(tmp_path)
    for name in ("one", "two"):
        export_run_tiles(run, tmp_path / name, tile=40, stride=20, background=0.5)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"tile": 97}, r"tile: 97 px is larger than B02_f1.tif \(96 x 128 px\)"),
        ({"tile": -1}, "tile: -1"),
        ({"background": 1.5}, "background: 1.5"),
        ({"uncertain": (0.8, 0.2)}, "uncertain"),
        ({"split_by": "tile"}, "split_by: 'tile'"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_left(tmp_path, settings, words):
    run = make_run(tmp_path)
    with pytest.raises(SettingError, match=words):
        export_run_tiles(run, tmp_path / "set", **settings)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["images", "run"]
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("")
    with pytest.raises(OutputError, match="not an empty folder"):
        export_run_tiles(run, tmp_path / "full", tile=48)


@pytest.mark.slow
def test_a_real_live_dead_run_becomes_five_classes_of_bright_field(tmp_path):
    fields = {}
    for seed, well in enumerate(("B02", "B03")):
        field = fields[well] = simulate_live_dead(size=192, count=5, dead_share=0.4, seed=seed)
        for role in ("brightfield", "live", "dead"):
            tifffile.imwrite(tmp_path / f"{well}_f1_{role}.tif", getattr(field, role))
    patterns = {role: f"*_{role}.tif" for role in ("live", "dead", "brightfield")}
    run_batch("live-dead", sorted(tmp_path.glob("*.tif")), tmp_path / "run", patterns=patterns)
    export_run_tiles(tmp_path / "run", tmp_path / "set", channel="brightfield", tile=0)
    about = manifest(tmp_path / "set")
    assert [one["index"] for one in about["classes"]] == [0, 1, 2, 3, 4]
    assert about["classes"][0]["name"] == "background"
    for tile in about["tiles"]:
        field = fields[about["images"][tile["source"]]["group"]]
        np.testing.assert_array_equal(tifffile.imread(tmp_path / "set" / tile["image"]), field.brightfield)
        mask = tifffile.imread(tmp_path / "set" / tile["mask"])
        dead, truth = mask == 4, field.classes == 4
        assert (dead & truth).sum() > 0.6 * (dead | truth).sum()
