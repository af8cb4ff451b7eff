from __future__ import annotations

import numpy as np
import pytest
import tifffile

from granum.errors import ReadError, SettingError
from granum.learn.scribbles import make_scribbles
from granum.learn.training_files import PaintedPlane, read_training_images


def strokes(learnt, name="a"):
    return make_scribbles(learnt.draw_strokes(), name=name)


def test_painted_images_come_first_and_keep_what_the_file_says(learnt, tmp_path):
    pixels = np.stack([learnt.draw_discs(), learnt.draw_discs(3)])
    about = {"axes": "CYX", "Channel": {"Name": ["a", "b"]}, "PhysicalSizeX": 2.0, "PhysicalSizeXUnit": "nm",
             "PhysicalSizeY": 2.0, "PhysicalSizeYUnit": "nm"}  # fmt: skip
    tifffile.imwrite(tmp_path / "two.ome.tif", pixels, metadata=about, photometric="minisblack")
    path = tmp_path / "two.ome.tif"
    images, notes = read_training_images([PaintedPlane(path), PaintedPlane(path, strokes(learnt))])
    assert [image.scribbles is None for image in images] == [False, True]
    assert (images[0].channels == pixels).all()
    assert images[0].channel_names == ("a", "b")
    assert images[0].pixel_size_nm == pytest.approx(2)
    assert not notes
    (one, _), _ = read_training_images([PaintedPlane(path), PaintedPlane(path)], channels={"image": "b"})
    assert (one.channels == pixels[1:]).all()
    assert one.channel_names == ("b",)


def test_an_info_bar_is_not_learnt_from(tmp_path):
    from granum.samples import simulate_particles

    tifffile.imwrite(tmp_path / "bar.tif", simulate_particles("sem", size=512, count=20, info_bar=True, seed=1).image)
    (image,), _ = read_training_images([PaintedPlane(tmp_path / "bar.tif")])
    assert not image.area[-3:].any()
    assert image.area[:100].all()


def test_few_of_many_unpainted_images_are_read(learnt, disc_pictures):
    path = disc_pictures / "a.tif"
    planes = [PaintedPlane(path, strokes(learnt)), *(PaintedPlane(disc_pictures / "b.tif") for _ in range(40))]
    images, notes = read_training_images(planes)
    assert len(images) == 13
    assert "12 of 40" in notes[0]


def test_strokes_of_another_size_and_files_that_cannot_be_read_are_refused(learnt, tmp_path, disc_pictures):
    small = make_scribbles(learnt.draw_strokes()[:50], name="a.tif")
    with pytest.raises(SettingError, match=r"a\.tif: the strokes are 50 x 96 px, the image is 96 x 96"):
        read_training_images([PaintedPlane(disc_pictures / "a.tif", small)])
    (tmp_path / "bad.tif").write_bytes(b"no")
    with pytest.raises(ReadError, match=r"bad\.tif"):
        read_training_images([PaintedPlane(tmp_path / "bad.tif")])
