from __future__ import annotations

import io
import json
import sys
import zipfile

import numpy as np
import pytest

from granum.errors import MissingExtraError, OutputError, ReadError, SettingError
from granum.report.contours import fill_contours
from granum.report.export_formats import encode_run_lengths, imagej_roi_zip
from granum.report.exports import export_run
from granum.report.label_images import read_labels, write_labels
from granum.report.tables import read_objects_csv


def _decode(counts, size):
    flat = np.repeat(np.arange(len(counts)) % 2, counts)
    return flat.reshape(size, order="F").astype(bool)


def _rings_to_mask(rings, shape):
    return fill_contours([[np.array(ring)[:-1, ::-1] for ring in rings]], shape)


def test_coco_gives_back_every_object_with_its_area_and_box(make_run, discs):
    out, _ = make_run()
    place = export_run(out, "coco")
    assert place == out.with_name("out-coco")
    content = json.loads((place / "coco.json").read_text())
    labels = discs[1]
    assert content["images"] == [{"id": 1, "file_name": "discs.tif", "height": 120, "width": 160}]
    assert [a["id"] for a in content["annotations"]] == [1, 2, 3, 4, 5, 6, 7]
    for annotation in content["annotations"]:
        truth = labels == annotation["label"]
        shape = annotation["segmentation"]
        if isinstance(shape, dict):
            mask = _decode(shape["counts"], shape["size"])
        else:
            mask = fill_contours([[np.array(ring).reshape(-1, 2)[:, ::-1]] for ring in shape], labels.shape)
        assert np.array_equal(mask, truth)
        assert annotation["area"] == truth.sum()
        rows, columns = np.nonzero(truth)
        x, y, width, height = annotation["bbox"]
        assert (x, y, width, height) == (columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1)
    assert isinstance(content["annotations"][1]["segmentation"], dict)  # the disc with a hole
    assert content["annotations"][0]["score"] == pytest.approx(0.4)


def test_geojson_has_closed_rings_holes_and_single_polygons(make_run, discs):
    out, _ = make_run()
    content = json.loads((export_run(out, "geojson") / "stem0.geojson").read_text())
    labels = discs[1]
    assert content["type"] == "FeatureCollection"
    assert len(content["features"]) == 7
    for feature in content["features"]:
        assert feature["geometry"]["type"] == "Polygon"
        rings = feature["geometry"]["coordinates"]
        assert all(ring[0] == ring[-1] for ring in rings)
        label = int(feature["properties"]["name"])
        assert len(rings) == (2 if label == 2 else 1)
        assert np.array_equal(_rings_to_mask(rings, labels.shape), labels == label)
    names = [feature["properties"]["classification"]["name"] for feature in content["features"]]
    assert names[:3] == ["touches border", "low confidence", "object"]
    assert content["features"][2]["properties"]["measurements"]["ecd_nm"] == pytest.approx(discs[2]["ecd"][2] / 2)


def test_imagej_reads_the_rois_back_and_they_fill_the_objects(make_run, discs):
    roifile = pytest.importorskip("roifile")
    out, _ = make_run()
    place = export_run(out, "imagej-rois")
    labels = discs[1]
    with zipfile.ZipFile(place / "stem0.zip") as archive:
        assert archive.namelist() == [f"{label:05d}.roi" for label in range(1, 8)]
        rois = [roifile.ImagejRoi.frombytes(archive.read(name)) for name in archive.namelist()]
    for label, roi in enumerate(rois, start=1):
        assert roi.name == f"{label:05d}"
        if label == 2:
            assert roi.composite
            rings = [np.asarray(ring) for ring in roi.coordinates(multi=True)]
        else:
            assert roi.roitype == roifile.ROI_TYPE.TRACED
            rings = [roi.coordinates()]
        rings = [ring[:-1] if np.array_equal(ring[0], ring[-1]) else ring for ring in rings]
        mask = fill_contours([[ring[:, ::-1].astype(int) for ring in rings]], labels.shape)
        assert np.array_equal(mask, labels == label)


def test_roi_zips_have_the_same_bytes_every_time_and_know_their_frame(discs):
    roifile = pytest.importorskip("roifile")
    planes = [(0, discs[1]), (1, discs[1])]
    data = imagej_roi_zip(planes)
    assert data == imagej_roi_zip(planes)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = archive.namelist()
        assert names[0] == "0001-00001.roi"
        assert names[7] == "0002-00001.roi"
        assert roifile.ImagejRoi.frombytes(archive.read(names[7])).position == 2


def test_ome_zarr_holds_the_labels_with_their_scale(make_run, discs):
    import zarr

    out, _ = make_run()
    store = export_run(out, "ome-zarr") / "stem0.zarr"
    group = zarr.open_group(store / "labels" / "objects", mode="r", zarr_format=2)
    multiscales = group.attrs["multiscales"][0]
    assert multiscales["version"] == "0.4"
    assert [axis["name"] for axis in multiscales["axes"]] == ["y", "x"]
    assert multiscales["axes"][0]["unit"] == "nanometer"
    assert multiscales["datasets"][0]["coordinateTransformations"] == [{"type": "scale", "scale": [0.5, 0.5]}]
    assert np.array_equal(group["0"][...], discs[1])
    assert json.loads((store / "labels" / ".zattrs").read_text()) == {"labels": ["objects"]}
    assert "image-label" in group.attrs


def test_ome_zarr_levels_halve_and_keep_label_values(make_run, discs, tmp_path):
    import zarr

    from granum.report.export_formats import write_ome_zarr_labels

    labels = np.kron(discs[1], np.ones((5, 5), dtype=np.int32))
    write_ome_zarr_labels(tmp_path / "big.zarr", labels)
    group = zarr.open_group(tmp_path / "big.zarr" / "labels" / "objects", mode="r", zarr_format=2)
    shapes = [group[level["path"]].shape for level in group.attrs["multiscales"][0]["datasets"]]
    assert shapes == [(600, 800), (300, 400), (150, 200)]
    assert set(np.unique(group["2"][...])) <= set(range(8))


def test_parquet_holds_the_tables(make_run):
    parquet = pytest.importorskip("pyarrow.parquet")
    out, _ = make_run()
    table = parquet.read_table(export_run(out, "parquet") / "objects.parquet")
    assert table.column_names == list(read_objects_csv(out / "objects.csv"))
    assert table["label"].to_pylist() == [1, 2, 3, 4, 5, 6, 7]


def test_parquet_without_pyarrow_names_the_extra(make_run, monkeypatch):
    out, _ = make_run()
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'granum\[tables\]'"):
        export_run(out, "parquet")
    assert not out.with_name("out-parquet").exists()


def test_a_series_is_exported_frame_by_frame(make_run, discs):
    from granum.report.tables import write_images_csv, write_objects_csv

    out, _ = make_run()
    write_labels(out / "labels" / "stem0.tif", np.stack([discs[1], np.where(discs[1] == 3, 1, 0)]))
    write_images_csv(out / "images.csv", [{"file": "discs.tif", "frame": t, "n_objects": 7} for t in (0, 1)])
    one = {name: values[:1] for name, values in discs[2].items()}
    write_objects_csv(out / "objects.csv", discs[2], file="discs.tif", frame=0)
    write_objects_csv(out / "objects.csv", one, file="discs.tif", frame=1, append=True)
    place = export_run(out, "geojson")
    assert sorted(path.name for path in place.iterdir()) == ["stem0_t0000.geojson", "stem0_t0001.geojson"]
    content = json.loads((export_run(out, "coco") / "coco.json").read_text())
    assert [image["frame"] for image in content["images"]] == [0, 1]
    assert len(content["annotations"]) == 8


@pytest.mark.parametrize("mask", [np.zeros((2, 3), bool), np.ones((2, 3), bool), np.eye(3, dtype=bool)])
def test_run_lengths_start_with_background_and_cover_all(mask):
    counts = encode_run_lengths(mask)
    assert sum(counts) == mask.size
    assert np.array_equal(_decode(counts, mask.shape), mask)


def test_an_export_never_overwrites_unasked_and_leaves_the_run_alone(make_run):
    out, _ = make_run()
    before = sorted(path.relative_to(out) for path in out.rglob("*"))
    export_run(out, "coco")
    with pytest.raises(OutputError, match="exists"):
        export_run(out, "coco")
    export_run(out, "coco", overwrite=True)
    with pytest.raises(OutputError, match="holds the run itself"):
        export_run(out, "coco", out, overwrite=True)
    assert sorted(path.relative_to(out) for path in out.rglob("*")) == before


def test_a_folder_that_is_no_run_and_a_wrong_format_are_said(tmp_path, make_run):
    with pytest.raises(ReadError, match="not the output folder of a run"):
        export_run(tmp_path, "coco")
    out, _ = make_run()
    with pytest.raises(SettingError, match="did you mean 'coco'"):
        export_run(out, "cocoo")
    assert read_labels(out / "labels" / "stem0.tif").max() == 7
