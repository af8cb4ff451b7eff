from __future__ import annotations

import numpy as np
import pytest

from granum.image import PixelSize
from granum.measure.sampling import border_weights
from granum.report.run_sizes import collect_sizes
from granum.report.tables import join_csv, read_images_csv, read_objects_csv, write_objects_csv


def _collect(out):
    return collect_sizes(read_objects_csv(out / "objects.csv"), read_images_csv(out / "images.csv"))


def test_sizes_are_in_the_unit_of_the_pixel_size_and_weighted_for_the_border(make_run, discs):
    sizes = _collect(make_run()[0])
    assert sizes.unit == "nm"
    assert sizes.values == pytest.approx(discs[2]["ecd"] / 2, rel=1e-6)
    assert sizes.weights == pytest.approx(border_weights(discs[2], (120, 160)))
    assert (sizes.n_all, sizes.n_border, sizes.distribution.n) == (7, 1, 6)
    assert sizes.nanomaterial.fraction == 1
    assert sizes.density == pytest.approx(6.5 / (120 * 160 * 0.25e-6), rel=1e-6)
    assert sizes.density_unit == "µm²"


def test_without_a_pixel_size_nothing_is_said_about_nanomaterials(make_run):
    sizes = _collect(make_run(size=None)[0])
    assert sizes.unit == "px"
    assert sizes.nanomaterial is None
    assert sizes.density_unit == "Mpx"


def test_images_with_different_units_are_brought_to_one(make_run, tmp_path, discs):
    out, _ = make_run(("a", "b"))
    write_objects_csv(tmp_path / "a.csv", discs[2], PixelSize(0.5, 0.5, "nm", "file"), file="a")
    write_objects_csv(tmp_path / "b.csv", discs[2], PixelSize(0.0005, 0.0005, "um", "file"), file="b")
    join_csv(out / "objects.csv", [tmp_path / "a.csv", tmp_path / "b.csv"])
    sizes = _collect(out)
    assert sizes.unit == "nm"
    assert sizes.values[:7] == pytest.approx(sizes.values[7:], rel=1e-5)


def test_a_pixel_size_of_some_images_only_gives_pixels_and_a_warning(make_run, tmp_path, discs):
    out, _ = make_run(("a", "b"))
    write_objects_csv(tmp_path / "a.csv", discs[2], PixelSize(0.5, 0.5, "nm", "file"), file="a")
    write_objects_csv(tmp_path / "b.csv", discs[2], file="b")
    join_csv(out / "objects.csv", [tmp_path / "a.csv", tmp_path / "b.csv"])
    sizes = _collect(out)
    assert sizes.unit == "px"
    assert "known for some images only" in sizes.warnings[0]


def test_no_object_at_all_is_defined():
    sizes = collect_sizes({}, [{"file": "a", "frame": 0, "n_objects": 0, "analysed_px": 100}])
    assert sizes.distribution.n == 0
    assert sizes.density == 0


def test_only_objects_at_the_border_are_said(make_run, tmp_path, discs):
    out, _ = make_run()
    objects = {**discs[2], "flags": np.ones(7, dtype=int)}
    write_objects_csv(out / "objects.csv", objects, file="discs.tif")
    sizes = _collect(out)
    assert sizes.distribution.n == 0
    assert "no whole object" in sizes.warnings[0]


def test_an_object_as_large_as_the_frame_does_not_stop_the_report(make_run, discs):
    out, _ = make_run()
    objects = {**discs[2], "bbox_width": np.full(7, 160), "flags": np.zeros(7, dtype=int)}
    write_objects_csv(out / "objects.csv", objects, file="discs.tif")
    sizes = _collect(out)
    assert "border correction" in sizes.warnings[0]
    assert (sizes.weights == 1).all()
