from __future__ import annotations

import numpy as np
import typer
from typer.testing import CliRunner

from granum.cli.export import export
from granum.report.label_images import write_labels
from granum.report.tables import write_images_csv


def _run_folder(tmp_path):
    out = tmp_path / "out"
    (out / "labels").mkdir(parents=True)
    write_labels(out / "labels" / "a.tif", np.array([[0, 1], [2, 2]]))
    write_images_csv(out / "images.csv", [{"file": "a.png", "frame": 0, "n_objects": 2}])
    return out


def _invoke(*arguments):
    app = typer.Typer()
    app.command()(export)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_export_writes_beside_the_run_and_prints_the_place(tmp_path):
    out = _run_folder(tmp_path)
    result = _invoke(out, "--to", "coco")
    assert result.exit_code == 0
    assert (tmp_path / "out-coco" / "coco.json").is_file()
    assert result.stdout.strip().endswith("out-coco")


def test_export_takes_another_place(tmp_path):
    out = _run_folder(tmp_path)
    assert _invoke(out, "--to", "geojson", "-o", tmp_path / "here").exit_code == 0
    assert (tmp_path / "here" / "a.geojson").is_file()


def test_an_unknown_format_is_wrong_usage(tmp_path):
    assert _invoke(_run_folder(tmp_path), "--to", "gif").exit_code == 2
