"""A small folder of images for the tests of the app, and a list that catches what is published."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from granum.app.pictures import Pictures
from granum.app.project import Project
from granum.samples import simulate_particles


def write_tiff(path: Path, pixels: np.ndarray, *, nm: float | None = None, axes: str = "YX") -> None:
    """Write an ImageJ TIFF, the same bytes for the same pixels."""
    size = {} if nm is None else {"resolution": (1 / nm, 1 / nm)}
    tifffile.imwrite(path, pixels, imagej=True, metadata={"axes": axes, **({"unit": "nm"} if nm else {})}, **size)


@pytest.fixture
def image_folder(tmp_path: Path) -> Path:
    """frame2.tif and frame10.tif (600 x 700, 16 bit, 0.5 nm), series.tif (3 frames, 64 x 80, 8 bit), colour.png."""
    import cv2

    folder = tmp_path / "my images"
    folder.mkdir()
    for number in (2, 10):
        picture = simulate_particles("tem", size=700, count=20, seed=number, dtype="uint16").image[:600]
        write_tiff(folder / f"frame{number}.tif", picture, nm=0.5)
    y, x = np.mgrid[:64, :80]
    series = np.stack([((y // 8 + x // 8 + t) % 2 * 100 + 20).astype(np.uint8) for t in range(3)])
    write_tiff(folder / "series.tif", series, axes="TYX")
    colour = np.stack([(x * 3) % 256, (y * 4) % 256, (x + y) % 256], axis=-1).astype(np.uint8)
    cv2.imwrite(str(folder / "colour.png"), colour[..., ::-1])
    return folder


@pytest.fixture
def project(image_folder: Path):
    """A project over `image_folder`; nothing is written yet."""
    project = Project(image_folder)
    yield project
    project.close()


@pytest.fixture
def published() -> list[dict]:
    """What parts have published; give them its `append`."""
    return []


@pytest.fixture
def pictures(project: Project, published: list[dict]):
    """The images of `project`, all ready."""
    with Pictures(project, published.append, watch_s=0.2) as pictures:
        assert pictures.wait()
        yield pictures
