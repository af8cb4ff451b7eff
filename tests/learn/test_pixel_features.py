from __future__ import annotations

import math

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from skimage import feature

from granum.errors import ModelError, SettingError, ShapeError
from granum.learn.feature_samples import _REGION, _TILE
from granum.learn.feature_scales import feature_scales
from granum.learn.feature_set import KINDS, SIGMAS, FeatureSet
from granum.learn.intensity import IntensityScale, map_features, measure_intensity
from granum.learn.pixel_features import TILE, compute_features, feature_halo, sample_features

ALL = FeatureSet(position=True)
UNIT = IntensityScale((0.0,), (1.0,))


def noise(shape, seed=0, dtype=np.uint16):
    rng = np.random.default_rng(seed)
    return (900 + 200 * rng.normal(size=shape)).clip(0, 4000).astype(dtype)


def one_feature(image, kind, sigma, part=0):
    return compute_features(image[None], FeatureSet((sigma,), (kind,), pixel=False), intensity=UNIT)[part]


def bytes_of(planes):
    return np.ascontiguousarray(planes).tobytes()


# -- windows, tiles, threads, memory layouts -----------------------------------------------------------------------


@given(st.integers(1, 90), st.integers(1, 300), st.integers(0, 9), st.randoms(use_true_random=False))
def test_a_window_is_bit_for_bit_the_part_of_the_whole(height, width, seed, random):
    image = noise((1, height, width), seed)
    scale = measure_intensity(image)
    whole = compute_features(image, ALL, intensity=scale)
    assert np.isfinite(whole).all()
    for _ in range(3):
        y0, x0 = random.randrange(height), random.randrange(width)
        y1, x1 = random.randint(y0 + 1, height), random.randint(x0 + 1, width)
        part = compute_features(image, ALL, intensity=scale, window=(y0, x0, y1, x1))
        assert bytes_of(part) == bytes_of(whole[:, y0:y1, x0:x1])


@given(
    st.lists(st.floats(0.3, 64), min_size=1, max_size=3, unique=True),
    st.sets(st.sampled_from(KINDS), min_size=1, max_size=3),
    st.randoms(use_true_random=False),
)
def test_windows_agree_for_any_scales_and_kinds(sigmas, kinds, random):
    image = noise((1, 40, 53), 4, np.float32)
    features = FeatureSet(tuple(sorted(sigmas)), tuple(sorted(kinds)))
    whole = compute_features(image, features, intensity=UNIT)
    y0, x0 = random.randrange(40), random.randrange(53)
    y1, x1 = random.randint(y0 + 1, 40), random.randint(x0 + 1, 53)
    part = compute_features(image, features, intensity=UNIT, window=(y0, x0, y1, x1))
    assert bytes_of(part) == bytes_of(whole[:, y0:y1, x0:x1])
    y, x = np.array([y0, y1 - 1, 0, 39]), np.array([x1 - 1, x0, 52, 0])
    assert bytes_of(sample_features(image, features, intensity=UNIT, y=y, x=x)) == bytes_of(whole[:, y, x])


def test_every_kind_gives_the_same_bytes_alone_as_together():
    image = noise((1, 50, 60))
    scale = measure_intensity(image)
    names = ALL.names()
    whole = compute_features(image, ALL, intensity=scale)
    for kind in KINDS:
        features = FeatureSet(SIGMAS, (kind,), pixel=False)
        rows = [names.index(name) for name in features.names()]
        assert bytes_of(compute_features(image, features, intensity=scale)) == bytes_of(whole[rows]), kind


def test_threads_and_tiles_change_no_byte(monkeypatch):
    image = noise((2, 150, 530))
    scale = measure_intensity(image)
    expected = compute_features(image, ALL, intensity=scale)
    monkeypatch.setattr("granum.learn.pixel_features.TILE", (37, 41))
    assert bytes_of(compute_features(image, ALL, intensity=scale)) == bytes_of(expected)
    before = numba.get_num_threads()
    try:
        numba.set_num_threads(min(2, numba.config.NUMBA_NUM_THREADS))
        assert bytes_of(compute_features(image, ALL, intensity=scale)) == bytes_of(expected)
        y, x = np.mgrid[0:150:7, 0:530:7].reshape(2, -1)
        assert bytes_of(sample_features(image, ALL, intensity=scale, y=y, x=x)) == bytes_of(expected[:, y, x])
    finally:
        numba.set_num_threads(before)


def test_bands_of_a_buffer_and_odd_strides_may_be_written_to():
    image = noise((1, 40, 50))
    expected = compute_features(image, FeatureSet(), intensity=UNIT)
    buffer = np.full((85, 100, 50), -7, np.float32)
    assert compute_features(image, FeatureSet(), intensity=UNIT, out=buffer[:, 30:70]).base is buffer
    assert bytes_of(buffer[:, 30:70]) == bytes_of(expected)
    assert (buffer[:, :30] == -7).all()
    assert (buffer[:, 70:] == -7).all()
    turned = np.empty((85, 50, 40), np.float32).transpose(0, 2, 1)
    compute_features(image, FeatureSet(), intensity=UNIT, out=turned)
    assert bytes_of(turned) == bytes_of(expected)


@pytest.mark.parametrize("dtype", ["bool", "u1", ">u2", "i4", "<f2", ">f4", "f8", "i8"])
def test_any_dtype_and_layout_gives_the_same_features(dtype):
    levels = np.random.default_rng(0).integers(0, 2 if dtype == "bool" else 200, (2, 30, 41))
    scale = IntensityScale((10.0, 20.0), (50.0, 70.0))
    expected = compute_features(levels.astype(np.float64), FeatureSet(), intensity=scale)
    turned = np.asfortranarray(levels.astype(dtype))
    turned.setflags(write=False)
    assert bytes_of(compute_features(turned, FeatureSet(), intensity=scale)) == bytes_of(expected)


@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 200))
def test_single_pixels_are_those_of_the_whole(region, tile, n):
    """Small regions and tiles, so that windows and patches, and their seams, all occur."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("granum.learn.feature_samples._REGION", 64 * region)
        patch.setattr("granum.learn.feature_samples._TILE", 16 * tile)
        rng = np.random.default_rng(n)
        image = noise((2, 75, 140), n)
        y, x = rng.integers(0, 75, n), rng.integers(0, 140, n)
        scale = measure_intensity(image)
        whole = compute_features(image, ALL, intensity=scale)
        assert bytes_of(sample_features(image, ALL, intensity=scale, y=y, x=x)) == bytes_of(whole[:, y, x])


def test_sample_of_nothing_is_empty_and_grids_fit_each_other():
    nothing = sample_features(noise((1, 9, 9)), ALL, intensity=UNIT, y=[], x=[])
    assert nothing.shape == (ALL.n_features(), 0)
    assert _REGION % _TILE == 0
    assert _TILE % 8 == 0
    assert min(TILE) > 0


# -- how far features see ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sigma", [0.3, 0.7, 1.6, 3.5, 5.0, 10.0])
def test_the_halo_is_exact(kind, sigma):
    features = FeatureSet((sigma,), (kind,), pixel=False)
    halo = feature_halo(features)
    side = 2 * halo + 33
    image = noise((1, side, side), 1, np.float32)
    middle = slice(halo + 8, halo + 24)  # all phases of the reduced grid, at both ends
    before = compute_features(image, features, intensity=UNIT)
    seen = []
    for distance in (halo + 1, halo):
        changed = False
        for place in range(middle.start, middle.stop):
            for sign in (-1, 1):
                other = image.copy()
                other[0, place + sign * distance :: sign] += 1e5  # all rows from here on, away from the place
                window = (place, 0, place + 1, side)
                after = compute_features(other, features, intensity=UNIT, window=window)
                changed |= bool((after != before[:, place : place + 1]).any())
        seen.append(changed)
    assert seen[0] is False
    assert seen[1] or kind == "lines"  # which may see less by a pixel of the reduced image, as directions are rounded


def test_a_crop_with_its_halo_on_the_reduced_grid_gives_the_bytes_of_the_image():
    image = noise((1, 300, 320))
    whole, halo = compute_features(image, FeatureSet(), intensity=UNIT), feature_halo(FeatureSet())
    y, x = 4 * 27, 4 * 28
    crop = image[:, y - 104 :, x - 104 : x + 20 + halo]
    part = compute_features(crop, FeatureSet(), intensity=UNIT)
    assert halo <= 104
    assert bytes_of(part[:, 104:, 104:124]) == bytes_of(whole[:, y:, x : x + 20])


def test_the_halo_is_that_of_the_widest_scale():
    assert feature_halo(FeatureSet((), (), pixel=True)) == 0
    assert feature_halo(FeatureSet((1.0,), ())) == 0
    wide, narrow = FeatureSet((1.0, 20.0), ("gaussian",)), FeatureSet((20.0,), ("gaussian",))
    assert feature_halo(wide) == feature_halo(narrow) > feature_halo(FeatureSet((1.0,), ("gaussian",)))


# -- what features are: beside SciPy and scikit-image --------------------------------------------------------------


@pytest.mark.parametrize("sigma", [0.7, 1.0, 1.6, 3.0])
def test_gaussian_is_that_of_scipy(sigma):
    image = noise((70, 80), dtype=np.float64)
    expected = ndimage.gaussian_filter(image, sigma, truncate=3.0)
    assert abs(one_feature(image, "gaussian", sigma) / expected - 1).max() < 1e-6


@pytest.mark.parametrize("sigma", [1.0, 1.6, 3.0])
def test_laplacian_and_difference_are_those_of_scipy(sigma):
    image = noise((70, 80), dtype=np.float64)
    smooth = ndimage.gaussian_filter(image, sigma, truncate=3.0)
    kernel = sigma**2 * np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]])
    expected = ndimage.correlate(smooth, kernel)
    assert abs(one_feature(image, "laplacian", sigma) - expected).max() < 1e-3 * expected.std()
    twice = ndimage.gaussian_filter(smooth, sigma, truncate=3.0)
    assert abs(one_feature(image, "difference", sigma) - (smooth - twice)).max() < 1e-3 * (smooth - twice).std()


@pytest.mark.parametrize(("sigma", "most"), [(1.0, 0.22), (1.6, 0.1), (3.0, 0.06)])
def test_laplacian_is_near_that_of_the_derivatives_of_the_gaussian(sigma, most):
    """Differences of pixels stand for derivatives: the finer the scale, the rougher; `most` is of the spread."""
    image = noise((90, 90), dtype=np.float64)
    expected = sigma**2 * ndimage.gaussian_laplace(image, sigma)
    rest = one_feature(image, "laplacian", sigma) - expected
    assert rest.std() < most * expected.std()


@pytest.mark.parametrize("sigma", [1.0, 1.6, 3.0])
def test_gradient_and_hessian_are_those_of_the_smoothed_image(sigma):
    image = noise((70, 80), dtype=np.float64)
    smooth = np.pad(ndimage.gaussian_filter(image, sigma, truncate=3.0), 1, mode="symmetric")
    dy, dx = (smooth[2:, 1:-1] - smooth[:-2, 1:-1]) / 2, (smooth[1:-1, 2:] - smooth[1:-1, :-2]) / 2
    assert abs(one_feature(image, "gradient", sigma) - sigma * np.hypot(dy, dx)).max() < 1e-2
    middle = smooth[1:-1, 1:-1]
    yy = smooth[2:, 1:-1] - 2 * middle + smooth[:-2, 1:-1]
    xx = smooth[1:-1, 2:] - 2 * middle + smooth[1:-1, :-2]
    yx = (smooth[2:, 2:] - smooth[2:, :-2] - smooth[:-2, 2:] + smooth[:-2, :-2]) / 4
    expected = sigma**2 * feature.hessian_matrix_eigvals([yy, yx, xx])
    for part in range(2):
        assert abs(one_feature(image, "hessian", sigma, part) - expected[part]).max() < 2e-2


@pytest.mark.parametrize(("sigma", "most"), [(1.0, 0.28), (1.6, 0.13), (3.0, 0.07)])
def test_hessian_is_near_that_of_the_derivatives_of_the_gaussian(sigma, most):
    image = noise((90, 90), dtype=np.float64)
    matrix = [ndimage.gaussian_filter(image, sigma, order=order) for order in ((2, 0), (1, 1), (0, 2))]
    expected = sigma**2 * feature.hessian_matrix_eigvals(matrix)
    for part in range(2):
        rest = one_feature(image, "hessian", sigma, part) - expected[part]
        assert rest.std() < most * expected[part].std()


@pytest.mark.parametrize("sigma", [1.0, 1.6, 3.0])
def test_structure_is_the_root_of_the_eigenvalues_of_the_smoothed_products(sigma):
    image = noise((70, 80), dtype=np.float64)
    smooth = np.pad(ndimage.gaussian_filter(image, sigma, truncate=3.0), 1, mode="symmetric")
    dy, dx = (smooth[2:, 1:-1] - smooth[:-2, 1:-1]) / 2, (smooth[1:-1, 2:] - smooth[1:-1, :-2]) / 2
    products = [ndimage.gaussian_filter(product, sigma, truncate=3.0) for product in (dy * dy, dy * dx, dx * dx)]
    expected = sigma * np.sqrt(np.maximum(feature.structure_tensor_eigenvalues(products), 0))
    inside = (slice(15, -15),) * 2  # beyond the border the products of the reflected image differ in sign
    for part in range(2):
        rest = one_feature(image, "structure", sigma, part) - expected[part]
        assert abs(rest[inside]).max() < 1e-3 * expected[part].mean()


@pytest.mark.parametrize("sigma", [1.0, 3.0])
def test_deviation_is_the_root_mean_square_of_what_smoothing_takes_away(sigma):
    image = noise((70, 80), dtype=np.float64)
    rest = image - ndimage.gaussian_filter(image, sigma, truncate=3.0)
    expected = np.sqrt(ndimage.gaussian_filter(rest**2, sigma, truncate=3.0))
    assert abs(one_feature(image, "deviation", sigma) / expected - 1).max() < 1e-4


def test_deviation_of_fine_noise_is_the_same_on_reduced_images():
    image = noise((300, 300), dtype=np.float64)
    found = [one_feature(image, "deviation", sigma)[100:200, 100:200].mean() for sigma in (3.0, 5.0, 10.0, 20.0)]
    assert np.allclose(found, image.std(), rtol=0.03)


def test_extremes_are_those_of_the_square_around():
    image = noise((40, 50))
    radius = feature_scales(FeatureSet((1.6,), ("extremes",)))[0].radius
    side = 2 * radius + 1
    assert (one_feature(image, "extremes", 1.6, 0) == ndimage.minimum_filter(image, side, mode="reflect")).all()
    assert (one_feature(image, "extremes", 1.6, 1) == ndimage.maximum_filter(image, side, mode="reflect")).all()


@pytest.mark.parametrize("sigma", [3.5, 5.0, 6.9, 7.0, 10.0, 14.0, 20.0])
def test_reduced_scales_are_near_those_of_the_full_image(sigma):
    image = ndimage.gaussian_filter(noise((260, 270), dtype=np.float64), 2)
    expected = {
        "gaussian": (ndimage.gaussian_filter(image, sigma), 0.06, 0.998),
        "laplacian": (sigma**2 * ndimage.gaussian_laplace(image, sigma), 0.12, 0.994),
        "gradient": (sigma * ndimage.gaussian_gradient_magnitude(image, sigma), 0.24, 0.975),
    }
    for kind, (values, most, least) in expected.items():
        found = one_feature(image, kind, sigma)
        assert (found - values).std() < most * values.std(), kind
        assert np.corrcoef(found.ravel(), values.ravel())[0, 1] > least, kind


@pytest.mark.parametrize("sigma", [1.0, 2.0, 5.0])
@pytest.mark.parametrize("degrees", [0, 20, 45, 90, 130])
def test_lines_answer_to_lines_of_their_sign_in_any_direction_more_than_to_blobs(sigma, degrees):
    y, x = np.mgrid[-60:61, -60:61]
    angle = math.radians(degrees)
    line = np.exp(-((x * math.sin(angle) - y * math.cos(angle)) ** 2) / (2 * sigma**2))
    blob = np.exp(-(x**2 + y**2) / (2 * sigma**2))
    bright, dark = (one_feature(line, "lines", sigma, part)[60, 60] for part in range(2))
    assert bright > 0.2
    assert dark < 0.1 * bright
    assert one_feature(-line, "lines", sigma, 1)[60, 60] == pytest.approx(bright, rel=1e-5)
    of_blob = one_feature(blob, "lines", sigma, 0)[60, 60]
    assert of_blob < 0.6 * bright


def test_entropy_tells_even_noise_from_few_spikes_and_from_nothing():
    rng = np.random.default_rng(0)
    two_levels = rng.integers(0, 2, (80, 80)).astype(np.float64)
    spikes = (rng.random((80, 80)) < 0.02).astype(np.float64)
    of_two, of_spikes, of_nothing = (
        one_feature(image, "entropy", 3.0)[20:60, 20:60].mean() for image in (two_levels, spikes, np.full((80, 80), 7))
    )
    assert of_nothing == 0
    assert of_two > of_spikes + 0.2
    assert of_two <= 2 / 3


# -- what grey levels do -------------------------------------------------------------------------------------------


def test_an_affine_change_of_grey_levels_does_what_the_response_says():
    rng = np.random.default_rng(5)
    blocks = np.kron(rng.integers(0, 4, (12, 14)), np.ones((9, 9))) * 800
    image = (blocks + rng.normal(300, 60, blocks.shape)).clip(0, 4095).round()[None]
    old = measure_intensity(image)
    new = IntensityScale((old.offset[0] - 310.0,), (old.scale[0] * 2.7,))
    before, after = (compute_features(image, ALL, intensity=scale) for scale in (old, new))
    mapped = map_features(before, ALL.names(), old=old, new=new)
    for name, found, expected in zip(ALL.names(), mapped, after, strict=True):
        most = 1e-3 if "entropy" in name else 2e-5 * max(1, np.ptp(expected))
        assert abs(found - expected).max() < most, name
    # and pixels that change, with a scale that follows, change nothing
    moved = compute_features(image * 3 + 17, ALL, intensity=measure_intensity(image * 3 + 17))
    assert abs(moved - before).max() < 1e-4


def test_a_constant_image_has_no_change_at_any_scale():
    planes = compute_features(np.full((1, 33, 47), 173, np.uint8), FeatureSet(), intensity=IntensityScale((0,), (255,)))
    for name, plane in zip(FeatureSet().names(), planes, strict=True):
        expected = 173 / 255 if FeatureSet.response(name) == "level" else 0
        assert abs(plane - expected).max() < 2e-6, name


def test_what_is_not_finite_counts_as_the_offset():
    image = noise((1, 40, 50), dtype=np.float32)
    scale = IntensityScale((900.0,), (200.0,))
    filled = image.copy()
    filled[0, 5:9, 7:20] = 900
    broken = image.copy()
    broken[0, 5:9, 7:20] = np.nan
    broken[0, 6, 8], broken[0, 7, 9] = np.inf, -np.inf
    found = compute_features(broken, FeatureSet(), intensity=scale)
    assert bytes_of(found) == bytes_of(compute_features(filled, FeatureSet(), intensity=scale))
    huge = image.astype(np.float64)
    huge[0, 3, 3], huge[0, 20, 20] = 1e300, -1e30
    assert np.isfinite(compute_features(huge, FeatureSet(), intensity=scale)).all()


def test_channels_have_their_own_scale_and_do_not_mix():
    image = noise((2, 30, 40))
    scale = IntensityScale((900.0, 700.0), (200.0, 90.0))
    both = compute_features(image, ALL, intensity=scale)
    assert both.shape == (ALL.n_features(2), 30, 40)
    alone = [
        compute_features(image[i : i + 1], FeatureSet(), intensity=IntensityScale(scale.offset[i : i + 1], (s,)))
        for i, s in enumerate(scale.scale)
    ]
    assert bytes_of(both[:-2]) == bytes_of(np.concatenate(alone))
    assert both[-2, 0, 0] == np.float32(0.5 / 30)
    assert both[-1, 0, -1] == np.float32(39.5 / 40)


# -- what is refused -----------------------------------------------------------------------------------------------


def test_bad_input_is_refused_with_what_is_wrong():
    image = noise((1, 20, 30))
    with pytest.raises(ShapeError, match="three axes"):
        compute_features(image[0], ALL, intensity=UNIT)
    with pytest.raises(ShapeError, match="at least one pixel"):
        compute_features(image[:, :0], ALL, intensity=UNIT)
    with pytest.raises(ShapeError, match="complex"):
        compute_features(image.astype(complex), ALL, intensity=UNIT)
    with pytest.raises(ModelError, match="there are 1, the intensity scale is of 2"):
        compute_features(image, ALL, intensity=IntensityScale((0, 0), (1, 1)))
    for window in ((0, 0, 21, 5), (3, 3, 3, 9), (-1, 0, 5, 5)):
        with pytest.raises(SettingError, match="no part of an image of 20 x 30"):
            compute_features(image, ALL, intensity=UNIT, window=window)
    with pytest.raises(ShapeError, match="out: is float64"):
        compute_features(image, ALL, intensity=UNIT, out=np.empty((ALL.n_features(), 20, 30)))
    with pytest.raises(ShapeError, match=r"pixel 1 is \(20, 3\)"):
        sample_features(image, ALL, intensity=UNIT, y=[1, 20], x=[2, 3])
    with pytest.raises(ShapeError, match="same length"):
        sample_features(image, ALL, intensity=UNIT, y=[1, 2], x=[2])
