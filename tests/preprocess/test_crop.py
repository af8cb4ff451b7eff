"""Info bars, scale bars and pixels without a value are left out, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from granum.errors import SettingError, ShapeError
from granum.preprocess import find_analysed_area, measure_scale_bar

DATA = Path(__file__).parents[3] / "shared" / "data"
CLEAN = [
    "tem_gold_sintering/images",
    "nuclei_fluorescence/images",
    "seed_gold_particles",
    "stem_catalyst_boxes/images",
    "ni_superalloy_3class/images",
    "sandstone_4class/images",
    "fibsem_drift_stack",
    "insitu_tem_titanium/images",
    "scratch_assay",
    "seed_confluency",
]


def particles(height: int = 480, width: int = 640, ground: float = 110.0) -> np.ndarray:
    rng = np.random.default_rng(1)
    image = rng.normal(ground, 18, (height, width)).astype(np.float32)
    for y, x, r in zip(rng.uniform(0, height, 40), rng.uniform(0, width, 40), rng.uniform(6, 20, 40), strict=True):
        cv2.circle(image, (int(x), int(y)), int(r), 200.0, -1)
    return np.clip(cv2.GaussianBlur(image, (0, 0), 0.7), 0, 255).astype(np.uint8)


def write(image: np.ndarray, text: str, x: int, y: int, value: int, scale: float = 0.5) -> None:
    cv2.putText(image, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, scale, value, 1, cv2.LINE_AA)


def zeiss(image: np.ndarray) -> tuple[np.ndarray, float, tuple[int, int]]:
    band = np.zeros((44, image.shape[1]), np.uint8)
    write(band, "10 um", 20, 18, 255)
    band[30:32, 20:141] = band[24:38, 20:22] = band[24:38, 139:141] = 255
    write(band, "Mag = 10.00 K X", 200, 18, 255)
    write(band, "EHT = 5.00 kV", 200, 38, 255)
    return np.vstack([image, band]), 119.0, (480, 524)


def fei(image: np.ndarray) -> tuple[np.ndarray, float, tuple[int, int]]:
    band = np.zeros((50, image.shape[1]), np.uint8)
    band[0] = band[-1] = 255
    band[:, [0, 90, 180, 270, -1]] = 255
    band[25, :270] = 255
    for i, text in enumerate(("HV", "mag", "WD")):
        write(band, text, 10 + 90 * i, 18, 255)
        write(band, "5.00", 10 + 90 * i, 42, 255)
    band[25:27, 330:400] = band[25:27, 461:531] = band[18:34, 330:332] = band[18:34, 529:531] = 255
    write(band, "5 um", 408, 31, 255)
    return np.vstack([image, band]), 199.0, (480, 530)


def white_on_top(image: np.ndarray) -> tuple[np.ndarray, float, tuple[int, int]]:
    band = np.full((50, image.shape[1]), 255, np.uint8)
    write(band, "SEI 15.0kV X10,000", 20, 32, 0, 0.6)
    band[14:17, 400:550] = 0
    write(band, "1um", 450, 40, 0, 0.6)
    return np.vstack([band, image]), 150.0, (0, 50)


@pytest.mark.parametrize("add_bar", [zeiss, fei, white_on_top])
@pytest.mark.parametrize("quality", [None, 90, 60])
def test_info_bars_are_left_out_whole_and_their_scale_bar_measured(
    add_bar: Callable[[np.ndarray], tuple[np.ndarray, float, tuple[int, int]]], quality: int | None
) -> None:
    image, length, rows = add_bar(particles())
    if quality is not None:
        image = cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], 0)
    area, choice = find_analysed_area(image, margin=0)
    expected = np.ones(image.shape, bool)
    expected[slice(*rows)] = False
    assert abs(int(area.sum()) - int(expected.sum())) <= 2 * image.shape[1]
    assert not area[slice(*rows)].any()
    assert measure_scale_bar(image) == pytest.approx(length, abs=0.6)
    assert "info bar" in choice.reason


@pytest.mark.parametrize("ink", [0, 255])
@pytest.mark.parametrize("frame", [True, False])
def test_a_scale_bar_in_the_picture_is_left_out_with_its_text_and_frame(ink: int, frame: bool) -> None:
    image = np.clip(particles(), 30, 225)
    if frame:
        image[420:465, 20:240] = 255 - ink
    image[440:446, 30:130] = ink
    write(image, "50 nm", 150, 450, ink, 0.8)
    area, choice = find_analysed_area(image)
    assert not area[440:446, 30:130].any()
    assert not area[436:450, 150:220].any()
    if frame:
        assert not area[420:465, 20:240].any()
    assert area[:400].all()
    assert choice.chosen["scale_bar_px"] == pytest.approx(100, abs=0.6)
    assert measure_scale_bar(image) == pytest.approx(100, abs=0.6)


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.float32])
def test_the_bar_is_found_in_other_types_too(dtype: type) -> None:
    image = (particles().astype(np.float64) * 40).astype(dtype)
    band = np.zeros(image.shape, np.uint8)
    band[440:446, 30:130] = 1
    write(band, "50 nm", 150, 450, 1, 0.8)
    image[band > 0] = 30_000
    assert measure_scale_bar(image) == pytest.approx(100, abs=0.6)


def test_a_stroke_without_text_stays() -> None:
    image = particles()
    image[440:446, 30:130] = 255
    assert find_analysed_area(image)[0].all()
    assert measure_scale_bar(image) is None


def test_looking_can_be_switched_off() -> None:
    image, _, _ = zeiss(particles())
    assert find_analysed_area(image, info_bar="none", scale_bar="none")[0].all()


def test_a_dark_margin_is_no_info_bar() -> None:
    image = particles()
    image[430:] = 0
    assert find_analysed_area(image)[0].all()


def test_pixels_without_a_value_are_left_out_and_counted() -> None:
    image = particles().astype(np.float32)
    image[3, 4], image[5, 6] = np.nan, np.inf
    area, choice = find_analysed_area(image)
    assert np.argwhere(~area).tolist() == [[3, 4], [5, 6]]
    assert choice.chosen["invalid_px"] == 2


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 90), st.integers(1, 90), st.integers(0, 3), st.integers(0, 2**31))
def test_noise_of_any_size_is_analysed_whole(height: int, width: int, kind: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(height, width))
    image = [noise, noise > 1, (noise * 10).astype(np.int16), np.zeros((height, width), np.uint8)][kind]
    assert find_analysed_area(image)[0].all()


def test_settings_and_shapes_are_checked() -> None:
    with pytest.raises(SettingError, match="info_bar is 'yes'"):
        find_analysed_area(particles(), info_bar="yes")  # type: ignore[arg-type]
    with pytest.raises(SettingError, match="0 to 200"):
        find_analysed_area(particles(), margin=-1)
    with pytest.raises(ShapeError):
        find_analysed_area(np.zeros((3, 4, 5)))


def load(path: Path) -> np.ndarray:
    return cv2.imread(str(path), cv2.IMREAD_ANYDEPTH | cv2.IMREAD_GRAYSCALE)


@pytest.mark.parametrize("folder", CLEAN)
def test_real_pictures_without_bars_are_analysed_whole(folder: str) -> None:
    if not (DATA / folder).is_dir():
        pytest.skip(f"shared data folder {folder} is not here")
    paths = sorted(p for p in (DATA / folder).iterdir() if p.suffix in (".png", ".jpg", ".tif"))[:6]
    assert paths
    assert [path.name for path in paths if not find_analysed_area(load(path))[0].all()] == []


def test_the_scale_bars_of_the_gallery_are_all_found() -> None:
    if not (DATA / "seed_tem_gallery").is_dir():
        pytest.skip("shared data folder seed_tem_gallery is not here")
    paths = sorted((DATA / "seed_tem_gallery").iterdir())
    lengths = {path.name: measure_scale_bar(load(path)) for path in paths}
    assert [name for name, length in lengths.items() if length is None] == []
    # read by eye in the pictures
    assert lengths["CuAg_1.6_135kX_0302.jpg"] == pytest.approx(191, abs=1.5)
    assert lengths["Pd_0.9a.jpg"] == pytest.approx(153, abs=1.5)
