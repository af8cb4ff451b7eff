from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from granum.errors import GranumWarning, SettingError, ShapeError
from granum.preprocess import check_channels
from granum.preprocess.channel_shift import measure_shift

PLATE = Path(__file__).parents[3] / "shared/data/two_stain_plate/images"
FIELD = Path(__file__).parents[3] / "shared/data/seed_live_dead_field"


def stain(which: range, *, shift: tuple[float, float] = (0.0, 0.0), seed: int = 0, height: float = 100.0) -> Any:
    """Return nuclei at random places, those of `which` only, with noise."""
    places = np.random.default_rng(7).uniform(20, 236, (40, 2))
    y, x = np.mgrid[:256, :256]
    image = np.zeros((256, 256))
    for k in which:
        image += height / (1 + np.exp((np.hypot(y - places[k, 0] - shift[0], x - places[k, 1] - shift[1]) - 7) / 0.7))
    return 200 + image + np.random.default_rng(seed).normal(0, 3, image.shape)


def quiet(*channels: Any, **more: Any) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return check_channels(*channels, **more)[0]


def complaints(*channels: Any, **more: Any) -> tuple[dict[str, Any], str]:
    with pytest.warns(GranumWarning) as caught:
        facts = check_channels(*channels, **more)[0]
    return facts, " ".join(str(one.message) for one in caught)


def test_good_channels_are_passed_without_a_word() -> None:
    facts = quiet(stain(range(40)), stain(range(10), seed=1))
    assert facts["doubts"] == []
    assert facts["shift_px"] < 0.3


@pytest.mark.parametrize("shift", [(3.0, -2.0), (0.4, 0.7), (-9.3, 12.6)])
def test_a_shift_is_measured_to_a_fraction_of_a_pixel(shift: tuple[float, float]) -> None:
    found = measure_shift(stain(range(40)), stain(range(15), shift=shift, seed=1))
    assert found is not None
    np.testing.assert_allclose(found[:2], shift, atol=0.15)


def test_a_shift_is_told_with_its_value() -> None:
    with pytest.warns(GranumWarning, match=r"[+]3.[01] px down, -2.[01] px right"):
        facts, choice = check_channels(stain(range(40)), stain(range(15), shift=(3.0, -2.0), seed=1))
    assert facts["doubts"] == ["shifted"]
    assert choice.chosen["shift_px"] == pytest.approx(3.6, abs=0.15)


def test_stains_that_share_nothing_have_no_shift() -> None:
    facts, choice = check_channels(stain(range(20)), stain(range(20, 40), seed=1))
    assert np.isnan(facts["shift_px"])
    assert choice.chosen["shift_px"] is None
    assert "not measurable" in choice.reason


def test_swapped_stains_are_told_by_what_they_show() -> None:
    with pytest.warns(GranumWarning, match="may be swapped"):
        check_channels(stain(range(8)), stain(range(40), seed=1))


def test_swapped_stains_are_told_by_their_names() -> None:
    with pytest.warns(GranumWarning, match="Draq7 marks the dead"):
        check_channels(stain(range(20)), stain(range(20), seed=1), stains={"live": "Draq7", "dead": "Hoechst 33342"})
    names = {"live": "Hoechst 33342", "dead": "Draq7"}
    assert quiet(stain(range(8)), stain(range(40), seed=1), stains=names)["doubts"] == []


def test_all_dead_is_not_swapped() -> None:
    assert quiet(stain(range(40), height=30), stain(range(40), seed=1))["doubts"] == []


def test_a_bright_field_among_the_stains_is_named() -> None:
    y, x = np.mgrid[:256, :256]
    grey = 500 + 60 * np.sin(y / 5) * np.sin(x / 6) + np.random.default_rng(3).normal(0, 3, (256, 256))
    with pytest.warns(GranumWarning, match="'live' is as dark in places"):
        check_channels(grey, stain(range(10), seed=1))
    with pytest.warns(GranumWarning, match="'brightfield' has bright objects only"):
        check_channels(stain(range(40)), stain(range(10), seed=1), stain(range(40), seed=2))


def test_saturation_and_a_constant_channel_are_told() -> None:
    full = np.clip(stain(range(40), height=300), 0, 255).astype(np.uint8)
    with pytest.warns(GranumWarning, match="'live' is saturated: [0-9]+ %"):
        check_channels(full, stain(range(10), seed=1))
    with pytest.warns(GranumWarning, match="'dead' is constant"):
        check_channels(stain(range(40)), np.full((256, 256), 7))


def test_exports_with_few_grey_levels_are_told() -> None:
    live, dead = stain(range(40)), stain(range(10), seed=1)
    few = (np.round(live / 40) * 40).astype(np.uint16)
    assert re.search("only [0-9]+ grey levels", complaints(few, dead)[1])
    assert "in steps of 16" in complaints(np.clip(live / 2, 0, 255).astype(np.uint16) * 16, dead)[1]


def test_an_empty_field_is_told() -> None:
    with pytest.warns(GranumWarning, match="nothing rises over the noise"):
        check_channels(stain(range(0)), stain(range(0), seed=1))


def test_bad_input_is_refused() -> None:
    with pytest.raises(ShapeError, match="dead"):
        check_channels(np.zeros((20, 20)), np.zeros((20, 21)))
    with pytest.raises(SettingError, match=r"max_shift: -1"):
        check_channels(np.zeros((20, 20)), np.zeros((20, 20)), max_shift=-1)


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (5, 5)])
def test_tiny_images_are_survived(shape: tuple[int, int]) -> None:
    image: NDArray[Any] = np.random.default_rng(0).integers(0, 200, shape).astype(np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GranumWarning)
        assert "shift_px" in check_channels(image, image, image)[0]


@pytest.mark.skipif(not PLATE.exists(), reason="the plates of CellProfiler are not there")
@pytest.mark.parametrize("pair", ["percentpositive_D03_d", "sbs_A02_ch", "sbs_A12_ch", "sbs_E04_ch"])
def test_real_pairs_raise_no_alarm(pair: str) -> None:
    first, second = (0, 1) if "positive" in pair else (2, 1)
    facts = quiet(*(cv2.imread(str(PLATE / f"{pair}{i}.tif"), 0) for i in (first, second)))
    assert facts["doubts"] == []


@pytest.mark.skipif(not FIELD.exists(), reason="the field of seed 002 is not there")
def test_printed_panels_are_known_as_exports() -> None:
    panels = [cv2.imread(str(FIELD / f"field1_{name}_8bit.png"), 0)[100:] for name in ("hoechst", "draq7")]
    facts, told = complaints(*panels)
    assert "only 11 grey levels" in told
    assert set(facts["doubts"]) == {"few_levels", "saturated"}
