from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import tifffile

from granum.batch.item import Item, Reading, inspect_source, process_item
from granum.batch.plan import plan_sources
from granum.errors import OutputError, ReadError
from granum.image import PixelSize
from granum.recipe import parse_recipe
from granum.report.tables import read_objects_csv


@pytest.fixture
def make_item(tmp_path, quick):
    def make(path, *, frame=0, recipe=quick, channels=None, **reading):
        (source,), _ = plan_sources([path])
        source = replace(source, channel_paths=channels or {})
        items = tmp_path / "items"
        items.mkdir(exist_ok=True)
        how = Reading(**reading)
        return Item(inspect_source((source, how)), frame, recipe, how, items, "versions")

    return make


def read(item):
    folder = item.items / process_item(item)
    return folder, json.loads((folder / "item.json").read_text())


def test_an_item_leaves_table_labels_overlay_and_section(make_item, pictures):
    folder, about = read(make_item(pictures / "field_5.tif", pixel_size=PixelSize.parse("2 nm")))
    assert sorted(path.name for path in folder.iterdir()) == [
        "field_5.png",
        "field_5.tif",
        "item.json",
        "objects.csv",
        "section.html",
    ]
    objects = read_objects_csv(folder / "objects.csv")
    assert objects["label"].tolist() == [1, 2, 3, 4, 5]
    np.testing.assert_allclose(objects["area_nm2"], 4.0 * objects["area_px"])
    assert about["n_labels"] == 5
    row = about["row"]
    assert list(row)[:5] == ["file", "frame", "n_objects", "area_fraction", "threshold"]
    assert list(row)[-2:] == ["flags", "warnings"]
    assert row["n_objects"] == 5
    assert row["area_fraction"] == pytest.approx(objects["area_px"].sum() / 64**2)
    assert row["pixel_size_nm"] == 2
    assert about["pixel_size"] == {"y": 2.0, "x": 2.0, "unit": "nm", "source": "typed"}


def test_an_item_that_the_report_cannot_show_leaves_no_section_and_has_a_name_of_its_own(make_item, pictures):
    shown = make_item(pictures / "field_5.tif")
    hidden = replace(shown, in_report=False)
    assert hidden.key != shown.key
    with_picture, without = read(shown)[0], read(hidden)[0]
    for path in with_picture.iterdir():
        if path.name not in ("section.html", "item.json"):
            assert (without / path.name).read_bytes() == path.read_bytes()
    assert not (without / "section.html").exists()


def test_statistics_of_an_image_are_in_the_unit_of_its_pixels(make_item, pictures):
    _, um = read(make_item(pictures / "field_5.tif", pixel_size=PixelSize.parse("2 um")))
    _, none = read(make_item(pictures / "field_5.tif"))
    assert um["row"]["ecd_d50_um"] == pytest.approx(2 * um["row"]["ecd_d50_px"])
    assert um["row"]["density_per_um2"] == pytest.approx(um["row"]["density_per_mpx"] / 4e6)
    assert not any(name.endswith(("_nm", "_um", "_um2")) for name in none["row"])


def test_the_interval_gives_every_frame_its_time(make_item, series):
    item = make_item(series, frame=2, interval_s=5.0)
    _, about = read(item)
    assert item.facts.n_frames == 3
    assert about["row"]["time_s"] == 10
    assert about["row"]["n_objects"] == 3


def test_other_files_become_channels(make_item, pictures):
    recipe = parse_recipe(
        "[[step]]\ndo = 'stand_in.above'\nfrom = { image = 'channel.dye' }\n"
        "[[step]]\ndo = 'stand_in.label'\n[[step]]\ndo = 'measure.objects'"
    )
    item = make_item(pictures / "field_3.tif", recipe=recipe, channels={"dye": pictures / "field_7.tif"})
    assert read(item)[1]["n_labels"] == 7
    assert len(item.facts.to_json()["files"]) == 2


def test_a_typed_scale_bar_gives_the_pixel_size_only_where_one_is_drawn(make_item, pictures, monkeypatch):
    import granum.preprocess.crop

    item = make_item(pictures / "field_3.tif", scale_bar=PixelSize.parse("50 nm"))
    _, about = read(item)
    assert about["pixel_size"] is None
    assert "no scale bar was found, so the pixel size is not known." in about["warnings"]
    monkeypatch.setattr(granum.preprocess.crop, "measure_scale_bar", lambda image: 25.0)
    item = make_item(pictures / "field_5.tif", scale_bar=PixelSize.parse("50 nm"))
    _, about = read(item)
    assert about["pixel_size"] == {"y": 2.0, "x": 2.0, "unit": "nm", "source": "scale bar"}


def test_the_key_changes_with_everything_that_the_result_depends_on(make_item, pictures, series, quick):
    first = make_item(pictures / "field_3.tif")
    others = [
        make_item(pictures / "field_5.tif"),
        make_item(pictures / "field_3.tif", recipe=quick.with_settings({"above.level": 11})),
        make_item(pictures / "field_3.tif", pixel_size=PixelSize.parse("1 nm")),
        make_item(series, frame=0),
        make_item(series, frame=1),
        replace(first, about="other versions"),
        replace(first, n_items=100),
    ]
    keys = [item.key for item in (first, *others)]
    assert len(set(keys)) == len(keys)
    assert make_item(pictures / "field_3.tif").key == first.key


def test_a_file_that_cannot_be_read_is_a_read_error(tmp_path):
    path = tmp_path / "bad.tif"
    path.write_bytes(b"II*\0 nothing here")
    (source,), _ = plan_sources([path])
    with pytest.raises(ReadError, match=r"bad\.tif"):
        inspect_source((source, Reading()))


def test_a_result_that_cannot_be_written_is_an_output_error(make_item, pictures):
    item = make_item(pictures / "field_3.tif")
    with pytest.raises(OutputError, match="cannot be written"):
        process_item(replace(item, items=pictures / "field_3.tif"))


def test_an_image_without_objects_has_a_row_all_the_same(make_item, tmp_path):
    tifffile.imwrite(tmp_path / "empty.tif", np.zeros((20, 20), np.uint8))
    folder, about = read(make_item(tmp_path / "empty.tif"))
    assert about["row"]["n_objects"] == 0
    assert about["row"]["flags"] == ["constant", "no_objects"]
    lines = (folder / "objects.csv").read_text().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("file,frame,label,")


def test_a_recipe_without_labels_has_no_pictures(make_item, pictures, quick):
    recipe = replace(quick, steps=quick.steps[:1])
    folder, about = read(make_item(pictures / "field_3.tif", recipe=recipe))
    assert sorted(path.name for path in folder.iterdir()) == ["item.json", "objects.csv"]
    assert about["row"]["area_fraction"] is None


def test_a_summary_becomes_columns_after_the_known_ones(make_item, pictures):
    text = "[[step]]\ndo = 'stand_in.above'\n[[step]]\ndo = 'stand_in.count'\n"
    _, about = read(make_item(pictures / "field_5.tif", recipe=parse_recipe(text)))
    assert list(about["row"])[-4:] == ["n_pixels", "last", "flags", "warnings"]
    assert about["row"]["n_pixels"] == 5 * 49
    with pytest.raises(TypeError, match="threshold already"):
        read(make_item(pictures / "field_5.tif", recipe=parse_recipe(text + "name = 'threshold'")))
