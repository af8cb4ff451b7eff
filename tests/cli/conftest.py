from __future__ import annotations

import numpy as np
import pytest
import tifffile

from granum.cli.main import main


@pytest.fixture
def granum(capsys):
    """Run the command line in this process: (exit code, standard output, standard error)."""

    def run(*words):
        code = main([str(word) for word in words])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


@pytest.fixture
def picture(tmp_path):
    """A picture with four bright discs."""
    y, x = np.mgrid[:48, :48]
    pixels = np.full((48, 48), 10, np.uint8)
    for cy, cx in ((12, 12), (12, 36), (36, 12), (36, 36)):
        pixels[(y - cy) ** 2 + (x - cx) ** 2 <= 25] = 200
    tifffile.imwrite(tmp_path / "four.tif", pixels)
    return tmp_path / "four.tif"
