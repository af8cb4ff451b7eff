from __future__ import annotations

import cv2
import numpy as np
import pytest

from granum.errors import SettingError, ShapeError
from granum.report.overlays import (
    DOUBTFUL,
    PALETTE,
    colour_objects,
    draw_overlay,
    outline_map,
    stretch_contrast,
    write_overlay,
)


def test_outlines_lie_on_objects_next_to_another_label_and_nowhere_else(discs):
    labels = discs[1]
    padded = np.pad(labels, 1, mode="edge")
    others = [padded[1 + dy : 121 + dy, 1 + dx : 161 + dx] for dy, dx in ((0, 1), (0, -1), (1, 0), (-1, 0))]
    edge = (labels > 0) & np.any([other != labels for other in others], axis=0)
    assert np.array_equal(outline_map(labels) > 0, edge)


def test_grey_stays_grey_away_from_outlines_and_colours_are_of_the_palette(discs):
    image, labels, objects = discs
    overlay = draw_overlay(image, labels, objects)
    outline = outline_map(labels, objects) > 0
    assert overlay.shape == (*image.shape, 3)
    assert (np.ptp(overlay[~outline], axis=1) == 0).all()
    colours = {tuple(colour) for colour in overlay[outline].tolist()}
    assert colours <= {tuple(colour) for colour in np.concatenate([PALETTE, DOUBTFUL]).tolist()}


def test_doubtful_objects_have_the_colour_that_is_kept_for_them_and_thicker_lines(discs):
    _, labels, objects = discs
    drawn = outline_map(labels, objects)
    assert set(np.unique(drawn[labels == 2])) == {0, 6}
    assert 6 not in drawn[labels != 2]
    assert np.count_nonzero(drawn[labels == 2]) > np.count_nonzero(outline_map(labels)[labels == 2])


def test_objects_at_the_border_are_dashed(discs):
    _, labels, objects = discs
    dashed, solid = (np.count_nonzero(outline_map(labels, table)[labels == 1]) for table in (objects, None))
    assert 0 < dashed < solid


@pytest.mark.parametrize("seed", range(3))
def test_neighbours_have_different_colours(seed):
    rng = np.random.default_rng(seed)
    points = rng.integers(0, 120, (60, 2))
    rows, columns = np.indices((120, 120))
    distance = (rows[..., None] - points[:, 0]) ** 2 + (columns[..., None] - points[:, 1]) ** 2
    labels = (distance.argmin(axis=2) + 1).astype(np.int32)
    colours = colour_objects(labels)
    for a, b in ((labels[:, 1:], labels[:, :-1]), (labels[1:], labels[:-1])):
        touching = a != b
        assert (colours[a[touching]] != colours[b[touching]]).mean() > 0.97


def test_what_was_not_analysed_is_darker(discs):
    image, labels, objects = discs
    image = 400 - image  # bright background
    area = np.ones(image.shape, dtype=bool)
    area[100:] = False
    with_area, without = draw_overlay(image, labels, objects, area), draw_overlay(image, labels, objects)
    assert with_area[105:, :30].mean() < 0.8 * without[105:, :30].mean()
    assert np.array_equal(with_area[:100], without[:100])


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((5, 7)), np.full((5, 7), np.nan), np.eye(5, 7, dtype=bool),
        np.arange(35, dtype=">i2").reshape(5, 7) - 9,
        np.arange(35, dtype=np.uint32).reshape(5, 7) * 10**8, np.arange(70.0).reshape(5, 14)[:, ::2],
        np.array([[np.inf, 1.0], [-np.inf, np.nan]]), np.zeros((1, 1), np.uint16),
    ],
)  # fmt: skip
def test_any_image_has_an_overlay(image):
    overlay = draw_overlay(image, np.zeros(image.shape, dtype=int))
    assert overlay.shape == (*image.shape, 3)
    assert overlay.dtype == np.uint8


def test_contrast_is_stretched_to_the_whole_range():
    grey = stretch_contrast(np.arange(10_000, dtype=np.uint16).reshape(100, 100) + 500)
    assert (grey.min(), grey.max()) == (0, 255)
    assert np.array_equal(stretch_contrast(np.full((3, 3), 9)), np.full((3, 3), 128))


def test_the_file_holds_the_overlay_the_same_every_time(tmp_path, discs):
    for name in ("a.png", "b.png"):
        write_overlay(tmp_path / name, *discs)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert np.array_equal(cv2.imread(str(tmp_path / "a.png"))[:, :, ::-1], draw_overlay(*discs))


def test_what_does_not_fit_is_said(discs):
    image, labels, _ = discs
    with pytest.raises(ShapeError, match="labels"):
        draw_overlay(image, labels[1:])
    with pytest.raises(SettingError, match="width: 0"):
        draw_overlay(image, labels, width=0)
    with pytest.raises(SettingError, match="tail: 60"):
        stretch_contrast(image, tail=60)
