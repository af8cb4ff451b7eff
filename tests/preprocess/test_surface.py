"""A surface under bright objects: known polynomials come back, objects do not pull it up."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from granum.errors import SettingError, ShapeError
from granum.preprocess import surface
from granum.preprocess.surface import evaluate_surface, fit_surface


def axes(shape):
    y, x = np.mgrid[: shape[0], : shape[1]]
    return y / (shape[0] - 1) - 0.5, x / (shape[1] - 1) - 0.5


def light(shape, coefficients=(100.0, 20.0, -12.0, 8.0, 5.0, -9.0)):
    y, x = axes(shape)
    return sum(c * term for c, term in zip(coefficients, (1, y, x, y * y, x * y, x * x), strict=True))


def with_discs(shape, height=200.0):
    yy, xx = np.mgrid[: shape[0], : shape[1]]
    discs = ((yy % 40) - 20) ** 2 + ((xx % 40) - 20) ** 2 < 64
    return light(shape) + height * discs, discs


@pytest.mark.parametrize("shape", [(120, 90), (64, 200)])
def test_a_polynomial_comes_back_with_its_coefficients(shape):
    found = fit_surface(light(shape), n_rounds=0)
    assert_allclose(found, [np.median(light(shape)), 0, 0, 0, 0, 0], atol=1e-4)
    drawn = evaluate_surface(np.array([100.0, 20.0, -12.0, 8.0, 5.0, -9.0]), shape)
    assert drawn.dtype == np.float32
    assert_allclose(drawn, light(shape), atol=1e-4)


@pytest.mark.parametrize("shape", [(160, 200), (700, 400)])
def test_bright_objects_do_not_pull_the_surface_up(shape):
    image, discs = with_discs(shape)
    drawn = evaluate_surface(fit_surface(image), shape)
    assert np.abs(drawn - light(shape))[~discs].max() < 1.5
    # without leaving objects out the surface lies far too high
    assert np.mean(image - light(shape)) > 20


def test_what_lies_outside_the_area_does_not_count():
    image, discs = with_discs((160, 160))
    area = np.ones(image.shape, bool)
    area[120:] = False
    spoilt = image.copy()
    spoilt[120:] = 5000
    drawn = evaluate_surface(fit_surface(spoilt, area), image.shape)
    assert np.abs(drawn - light(image.shape))[:110][~discs[:110]].max() < 3
    assert not fit_surface(image, np.zeros(image.shape, bool)).any()


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (3, 3), (20, 30)])
def test_a_constant_image_has_its_value_as_surface(shape):
    image = np.full(shape, 7.0)
    assert_allclose(evaluate_surface(fit_surface(image), shape), image, atol=1e-5)


def test_the_input_may_be_of_any_kind_and_stays_as_it_is():
    image = np.round(with_discs((80, 80))[0]).astype(np.uint16)
    before = image.copy()
    plain = fit_surface(image)
    image.flags.writeable = False
    for other in (image, image.astype(">u2"), np.asfortranarray(image), image.astype(float)):
        assert_array_equal(fit_surface(other), plain)
    assert_array_equal(image, before)


def test_what_does_not_fit_is_refused():
    with pytest.raises(SettingError, match="n_rounds is 101"):
        fit_surface(np.zeros((9, 9)), n_rounds=101)
    with pytest.raises(ShapeError, match="area"):
        fit_surface(np.zeros((9, 9)), np.zeros((3, 3), bool))


@pytest.mark.parametrize("whole", [True, False])
def test_bins_are_counted_as_numpy_counts_them(whole):
    rng = np.random.default_rng(0)
    for spread in (0.01, 1.0, 700.0):
        values = rng.normal(40, spread, 3000)
        values = np.round(values) if whole else values
        if values.min() == values.max():
            continue
        counts, edges = np.histogram(values, 64, (values.min(), values.max()))
        assert_array_equal(surface._count(values, np.linspace(values.min(), values.max(), 65)), counts)
        assert_array_equal(np.linspace(values.min(), values.max(), 65), edges)


def test_the_fit_is_that_of_least_squares_at_any_gain_and_offset():
    rng = np.random.default_rng(1)
    y, x = (np.linspace(-0.5, 0.5, n) for n in (70, 90))
    used = rng.random((70, 90)) < 0.6
    terms = np.stack([term + np.zeros((70, 90)) for term in
                      (1.0, y[:, None], x, y[:, None] ** 2, y[:, None] * x, x * x)], axis=-1)  # fmt: skip
    for gain, offset in ((1.0, 0.0), (1e-9, 0.0), (1e3, 1e8)):
        image = gain * (light((70, 90)) + rng.normal(0, 5, (70, 90))) + offset
        middle = float(np.median(image))
        found = surface._solve(*surface._sums(image, used, y, x, middle))
        expected = np.linalg.lstsq(terms[used], image[used] - middle, rcond=None)[0]
        assert_allclose(found, expected, rtol=1e-6, atol=1e-9 * gain)
