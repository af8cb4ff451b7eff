import cv2
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from granum.segment.gradient_relief import measure_gradient, threshold_gradient


def textured(shape=(300, 400), seed=0, texture=60.0, noise=4.0):
    """A field of noise with two textured cells, as float."""
    rng = np.random.default_rng(seed)
    image = rng.normal(500, noise, shape)
    y, x = np.mgrid[: shape[0], : shape[1]]
    cells = ((y - 90) ** 2 + (x - 110) ** 2 < 40**2) | ((y - 210) ** 2 / 4 + (x - 300) ** 2 < 35**2)
    image[cells] += rng.normal(0, texture, cells.sum())
    return image, cells


def test_steps_of_60000_do_not_overflow():
    image = np.zeros((40, 40), np.uint16)
    image[:, 20:30] = 60_000
    assert measure_gradient(image, smoothing=0).magnitude.max() == 4 * 60_000


@pytest.mark.parametrize(("gain", "offset"), [(16, 0), (0.5, 0), (1, 1000), (7, -300)])
def test_gain_and_offset_change_nothing_but_the_units(gain, offset):
    image, _ = textured()
    image = image.round()
    plain, changed = measure_gradient(image), measure_gradient(image * gain + offset)
    assert changed.smoothing == plain.smoothing
    assert changed.contrast == pytest.approx(plain.contrast)
    assert_allclose(changed.magnitude, plain.magnitude * gain, rtol=1e-4, atol=1e-3 * gain)
    assert_array_equal(threshold_gradient(changed)[0], threshold_gradient(plain)[0])


def test_bands_leave_no_trace(monkeypatch):
    image, _ = textured((520, 300))
    for sigma in (0, 1.4):
        monkeypatch.setattr("granum.segment.gradient_relief._BAND_ROWS", 1024)
        whole = measure_gradient(image, smoothing=sigma).magnitude
        monkeypatch.setattr("granum.segment.gradient_relief._BAND_ROWS", 128)
        assert_allclose(measure_gradient(image, smoothing=sigma).magnitude, whole, rtol=1e-4, atol=1e-3)


def test_clear_texture_is_not_smoothed_and_texture_in_noise_is():
    assert measure_gradient(textured(texture=80, noise=2)[0]).smoothing == 0
    rng = np.random.default_rng(1)
    image, cells = textured(noise=0)
    image = 500 + 3 * cells * cv2.GaussianBlur(image - 500, (0, 0), 2) + rng.normal(0, 12, image.shape)
    found = measure_gradient(image)
    assert found.smoothing >= 1
    mask = threshold_gradient(found)[0]
    plain = threshold_gradient(measure_gradient(image, smoothing=0))[0]
    assert (mask & cells).sum() > 3 * (plain & cells).sum()
    near = cv2.dilate(cells.astype(np.uint8), np.ones((15, 15), np.uint8)) > 0
    assert (mask & ~near).sum() < 0.01 * mask.sum()


def test_noise_alone_shows_nothing():
    rng = np.random.default_rng(2)
    mask, _, unevenness, _ = threshold_gradient(measure_gradient(rng.normal(100, 9, (1000, 1000)).round()))
    assert mask.mean() < 1e-3
    assert unevenness == 1


def test_seams_of_stitched_tiles_go_and_cells_beside_them_stay():
    image, cells = textured()
    stitched = image.copy()
    stitched[:, 200:] += 90
    stitched[150:] -= 60
    found = measure_gradient(stitched, smoothing=0)
    assert found.n_seams > 0
    mask = threshold_gradient(found)[0]
    assert mask[:, 198:203][~cells[:, 198:203]].mean() < 0.02
    assert mask[148:153][~cells[148:153]].mean() < 0.02
    plain = threshold_gradient(measure_gradient(image, smoothing=0))[0]
    assert (mask & cells).sum() > 0.97 * (plain & cells).sum()


def test_edges_of_objects_are_no_seams():
    image = np.random.default_rng(0).normal(100, 1, (300, 300))
    y, x = np.mgrid[:300, :300]
    image[np.hypot(y - 150, x - 150) < 100] += 80
    image[20:60, 20:70] += 80
    assert measure_gradient(image, smoothing=0).n_seams == 0


def test_more_noise_where_there_is_more_light_is_not_a_cell():
    y, x = np.mgrid[:900, :1200]
    light = 2000 * (1 - 0.8 * (((y - 450) / 450) ** 2 + ((x - 600) / 600) ** 2) / 2)
    image = np.random.default_rng(0).poisson(light)
    found = measure_gradient(image, smoothing=0)
    mask, threshold, unevenness, _ = threshold_gradient(found)
    assert unevenness > 1.2
    assert mask.mean() < 1e-4
    # one number lets the middle through
    assert (found.magnitude > threshold)[300:600, 400:800].mean() > 5 * mask[300:600, 400:800].mean()


def test_a_shading_that_changes_no_noise_keeps_one_threshold():
    y, x = np.mgrid[:600, :800]
    image = np.random.default_rng(0).normal(1000 + x * 0.5 + y * 0.3, 5)
    assert threshold_gradient(measure_gradient(image, smoothing=0))[2] == 1


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (2, 2), (3, 70)])
def test_small_and_constant_images_have_no_gradient(shape):
    found = measure_gradient(np.full(shape, 7, np.uint8))
    mask, _, _, _ = threshold_gradient(found)
    assert not mask.any()
    assert found.contrast == 0
