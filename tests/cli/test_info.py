"""`granum info`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
import typer
from typer.testing import CliRunner

from granum.cli.info import info

APP = typer.Typer()
APP.command()(info)


def test_everything_known_is_printed_in_aligned_lines(tmp_path: Path) -> None:
    about = {"axes": "TYX", "unit": "nm", "finterval": 0.5}
    tifffile.imwrite(
        tmp_path / "a.tif", np.zeros((3, 40, 50), np.uint16), imagej=True, resolution=(2, 2), metadata=about
    )
    result = CliRunner().invoke(APP, [str(tmp_path / "a.tif")])
    assert result.exit_code == 0
    lines = result.output.splitlines()[1:]
    shown = {line[2:].split("  ")[0]: line[2:].split("  ", 1)[1].strip() for line in lines}
    assert shown["format"] == "ImageJ TIFF"
    assert shown["size"] == "40 x 50 px (height x width), 3 frames"
    assert shown["pixel size"] == "0.5 nm (from the file)"
    assert shown["times"] == "0 s to 1 s"
    assert len({len(line) - len(line[2:].split("  ", 1)[1].lstrip()) for line in lines}) == 1


@pytest.mark.parametrize("good_first", [True, False])
def test_a_bad_file_does_not_stop_the_others(tmp_path: Path, good_first: bool) -> None:
    names = ["a.tif", "b.tif"] if good_first else ["b.tif", "a.tif"]
    tifffile.imwrite(tmp_path / names[0], np.zeros((4, 5), np.uint8))
    (tmp_path / names[1]).touch()
    result = CliRunner().invoke(APP, [str(tmp_path)])
    assert result.exit_code == 3
    assert "is empty" in result.output
    assert "4 x 5 px" in result.output
