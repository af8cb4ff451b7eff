from pathlib import Path

import numpy as np
import pytest

from granum.segment import find_polarity, polarity_evidence

DATA = Path(__file__).parents[3] / "shared/data"


def discs(shape=(300, 320), *, step=40, radius=9, light=0.0, noise=6.0, seed=0):
    y, x = np.mgrid[: shape[0], : shape[1]]
    rng = np.random.default_rng(seed)
    height = 80 + 20 * rng.normal(size=(shape[0] // step + 1, shape[1] // step + 1))
    inside = ((y % step) - step // 2) ** 2 + ((x % step) - step // 2) ** 2 < radius**2
    return 90 + inside * height[y // step, x // step] + light * x / shape[1] + rng.normal(0, noise, shape)


@pytest.mark.parametrize(
    "settings", [{}, {"radius": 3}, {"light": 100}, {"noise": 40}, {"step": 22}, {"shape": (40, 60)}]
)
def test_bright_and_dark_discs_are_told_apart(settings):
    image = discs(**settings)
    assert find_polarity(image) == "bright"
    assert find_polarity(-image) == "dark"
    assert polarity_evidence(-image) == pytest.approx(-polarity_evidence(image), abs=0.02)


@pytest.mark.parametrize(("gain", "offset"), [(16, 0), (0.5, 1000), (1e-3, -5), (1e6, 1e9)])
def test_gain_and_offset_do_not_change_the_evidence(gain, offset):
    image = discs()
    assert polarity_evidence(image * gain + offset) == pytest.approx(polarity_evidence(image), abs=0.01)


def test_touching_discs_over_half_of_the_frame_are_still_objects():
    image = discs(step=20, radius=9)  # 64 % covered, brightness varies from disc to disc
    assert find_polarity(image) == "bright"
    assert find_polarity(255 - image) == "dark"


def test_what_lies_outside_the_area_does_not_count():
    image = discs()
    area = np.ones(image.shape, bool)
    area[260:] = False
    for bar in (0, 255):
        image[260:] = bar
        assert find_polarity(image, area) == "bright"
    assert find_polarity(image, ~area & area) == "bright"


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (2, 2), (3, 3), (50, 50)])
def test_where_nothing_speaks_the_answer_is_bright(shape):
    for image in (np.full(shape, 7, np.uint16), np.zeros(shape, bool), np.full(shape, np.nan)):
        assert polarity_evidence(image) == 0
        assert find_polarity(image) == "bright"


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int16, np.uint32, np.float64, ">u2"])
def test_every_dtype_is_taken(dtype):
    image = discs(noise=0)
    image = (image > 100).astype(dtype) if dtype is bool else image.astype(dtype)
    image.flags.writeable = False
    assert find_polarity(image) == "bright"
    assert find_polarity(np.asfortranarray(image)) == "bright"


@pytest.mark.skipif(not DATA.is_dir(), reason="no ../shared/data")
@pytest.mark.parametrize(
    ("pattern", "truth"),
    [
        ("tem_gold_sintering/images/*.png", "dark"),
        ("nuclei_fluorescence/images/*.png", "bright"),
        ("seed_gold_particles/*.png", "bright"),
        ("seed_live_dead_field/*draq7*.png", "bright"),
        ("stem_catalyst_boxes/images/Pt*C*.jpg", None),
    ],
)
def test_real_images_are_told_apart(pattern, truth):
    import cv2

    paths = sorted(DATA.glob(pattern))
    assert paths
    dark_in_mixed = {"PtC1", "PtC2", "PtCo1", "PtCo3"}
    for path in paths[::5]:
        image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        assert find_polarity(image) == (truth or ("dark" if path.stem in dark_in_mixed else "bright")), path.name
