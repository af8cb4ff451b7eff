from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from granum.errors import GranumWarning, SettingError, ShapeError
from granum.segment import find_nuclei, label_components
from granum.segment.nuclei import stain_kind

FIELD = Path(__file__).parents[3] / "shared/data/seed_live_dead_field"
PLATE = Path(__file__).parents[3] / "shared/data/two_stain_plate/images"


def draw(
    spots: list[tuple[float, float, float, float]],
    *,
    shape: tuple[int, int] = (160, 200),
    noise: float = 3.0,
    blur: float = 1.2,
    seed: int = 0,
    base: float = 100.0,
) -> NDArray[np.float64]:
    """Discs (y, x, radius, height), blurred, on a noisy background."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    image = np.zeros(shape)
    for row, column, radius, height in spots:
        image = np.maximum(image, height * ((y - row) ** 2 + (x - column) ** 2 <= radius**2))
    rng = np.random.default_rng(seed)
    return np.asarray(base + cv2.GaussianBlur(image, (0, 0), blur) + rng.normal(0, noise, shape))


def iou(one: NDArray[Any], other: NDArray[Any]) -> float:
    return float((one & other).sum() / (one | other).sum())


LIVE = [(40.0, 40.0, 9.0, 100.0), (40.0, 110.0, 8.0, 60.0), (110.0, 60.0, 9.0, 80.0)]
DEAD = [(110.0, 140.0, 9.0, 150.0)]


def test_each_stain_shows_its_own_nuclei_and_the_mask_shows_all() -> None:
    mask, relief, living, dead, choice = find_nuclei(draw(LIVE), draw(DEAD, seed=1))
    truth = draw(LIVE + DEAD, noise=0, blur=0.01) > 100
    assert label_components(living).max() == 3
    assert label_components(dead).max() == 1
    assert iou(mask, truth) > 0.9
    np.testing.assert_array_equal(mask, living | dead)
    assert relief.dtype == np.float32
    assert relief[40, 40] > 0.7 > 0.2 > abs(relief[75, 100])
    assert choice.chosen["live_regions"] == 3


@pytest.mark.parametrize(("gain", "offset"), [(16.0, 0.0), (0.5, 0.0), (1.0, 1000.0), (0.003, -7.0)])
def test_gain_and_offset_change_nothing(gain: float, offset: float) -> None:
    live, dead = draw(LIVE), draw(DEAD, seed=1)
    expected = find_nuclei(live, dead)[0]
    assert iou(find_nuclei(live * gain + offset, dead * gain + offset)[0], expected) > 0.995


def test_counts_times_sixteen_give_the_very_same_mask() -> None:
    live, dead = draw(LIVE).astype(np.uint16), draw(DEAD, seed=1).astype(np.uint16)
    expected = find_nuclei(live, dead)[0]
    np.testing.assert_array_equal(find_nuclei(live * 16, dead * 16)[0], expected)
    np.testing.assert_array_equal(find_nuclei(live + 1000, dead + 1000)[0], expected)


@pytest.mark.parametrize("noise", [0.0, 1.0, 20.0])
def test_an_empty_field_has_no_nucleus_whatever_its_noise(noise: float) -> None:
    for seed in range(4):
        with pytest.warns(GranumWarning, match="neither stain shows a nucleus"):
            mask, *_ = find_nuclei(draw([], noise=noise, seed=seed), draw([], noise=noise, seed=seed + 50))
        assert not mask.any()


def test_photon_noise_under_a_slope_is_no_nucleus() -> None:
    rng = np.random.default_rng(3)
    slope = np.tile(np.linspace(5, 60, 300), (300, 1))
    with pytest.warns(GranumWarning, match="neither"):
        mask, *_ = find_nuclei(rng.poisson(slope).astype(np.uint16), rng.poisson(slope).astype(np.uint16))
    assert not mask.any()


def test_all_alive_a_dead_stain_of_noise_adds_nothing() -> None:
    mask, _, living, dead, choice = find_nuclei(draw(LIVE), draw([], seed=1))
    assert not dead.any()
    np.testing.assert_array_equal(mask, living)
    assert "dead stain shows nothing" in choice.reason


def test_all_dead_the_vanished_live_stain_costs_no_nucleus() -> None:
    mask, _, living, dead, _ = find_nuclei(draw([]), draw(LIVE, seed=1))
    assert not living.any()
    assert label_components(mask).max() == label_components(dead).max() == 3


def test_dim_light_of_another_plane_is_left_out_and_counted() -> None:
    glow = draw([(60.0, 150.0, 14.0, 60.0)], blur=11.0, noise=0, base=0)
    mask, _, _, dead, choice = find_nuclei(draw(LIVE), draw(DEAD, seed=1) + glow)
    assert label_components(dead).max() == 1
    assert choice.chosen["dead_out_of_focus"] == 1
    assert not mask[60, 150]
    kept = find_nuclei(draw(LIVE), draw(DEAD, seed=1) + glow, out_of_focus="keep")[3]
    assert kept[60, 150]


def test_glow_alone_is_no_dead_nucleus() -> None:
    glow = draw([(60.0, 150.0, 14.0, 90.0)], blur=11.0, noise=3, seed=1)
    assert not find_nuclei(draw(LIVE), glow)[3].any()


def test_a_dim_nucleus_beside_a_bright_one_is_found() -> None:
    pair = [(80.0, 80.0, 9.0, 400.0), (80.0, 102.0, 10.0, 160.0), (40.0, 150.0, 9.0, 80.0), (120.0, 150.0, 9.0, 70.0)]
    mask = find_nuclei(draw(pair, blur=2.0), draw([], seed=1))[0]
    assert mask[80, 80]
    assert mask[80, 104]
    assert not mask[60, 102]


def test_uneven_light_does_not_hide_the_dark_side() -> None:
    light = np.linspace(0.3, 1.5, 200)[None, :] * np.linspace(0.6, 1.2, 160)[:, None]
    shaded = 100 + (draw(LIVE, noise=0, base=40)) * light + np.random.default_rng(0).normal(0, 1, (160, 200))
    assert label_components(find_nuclei(shaded, draw([], seed=1))[2]).max() == 3


def test_saturated_nuclei_keep_their_outline() -> None:
    live = np.clip(draw([(y, x, r, 3 * h) for y, x, r, h in LIVE]), 0, 255).astype(np.uint8)
    mask = find_nuclei(live, draw([], seed=1).astype(np.uint8))[0]
    assert label_components(mask).max() == 3
    assert iou(mask, draw(LIVE, noise=0, blur=0.01) > 100) > 0.75


def test_calcein_shows_bodies_and_a_dead_nucleus_beside_one_stays_apart() -> None:
    bodies = draw([(50.0, 50.0, 22.0, 100.0), (110.0, 120.0, 20.0, 80.0)])
    dead = draw([(50.0, 78.0, 7.0, 120.0)], seed=1)
    mask, _, living, nuclei, choice = find_nuclei(bodies, dead, stains={"live": "Calcein AM", "dead": "EthD-1"})
    assert choice.chosen["live_stain"] == "cytoplasm"
    assert "Calcein AM" in choice.reason
    assert label_components(mask).max() == 3
    assert living[50, 50]
    assert nuclei[50, 78]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Hoechst 33342", "nuclei"),
        ("DAPI", "nuclei"),
        ("SYTO 9", "nuclei"),
        ("calcein-AM", "cytoplasm"),
        ("Cy5", "unknown"),
    ],
)
def test_names_of_stains_are_known(name: str, kind: str) -> None:
    assert stain_kind(name) == kind


def test_thresholds_of_the_user_are_grey_levels_of_the_file() -> None:
    live, dead = draw(LIVE, noise=0, blur=0.01).astype(np.uint8), draw(DEAD, noise=0, blur=0.01).astype(np.uint8)
    mask = find_nuclei(live, dead, live_threshold=170.0, dead_threshold=200.0, smoothing=0.0)[0]
    np.testing.assert_array_equal(label_components(mask).max(), 3)
    assert not mask[40, 110]


def test_nothing_is_found_outside_the_area() -> None:
    area = np.zeros((160, 200), bool)
    area[:, :75] = True
    mask = find_nuclei(draw(LIVE), draw(DEAD, seed=1), area)[0]
    assert label_components(mask).max() == 2
    assert not mask[:, 75:].any()


def test_bad_input_is_refused_with_its_value() -> None:
    with pytest.raises(ShapeError, match="dead"):
        find_nuclei(np.zeros((20, 20)), np.zeros((20, 21)))
    with pytest.raises(SettingError, match=r"level: 0\.95"):
        find_nuclei(np.zeros((20, 20)), np.zeros((20, 20)), level=0.95)
    with pytest.raises(SettingError, match="'body'"):
        find_nuclei(np.zeros((20, 20)), np.zeros((20, 20)), live_stain="body")  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (2, 2), (3, 3)])
def test_tiny_images_are_survived(shape: tuple[int, int]) -> None:
    image = np.arange(np.prod(shape)).reshape(shape).astype(np.uint8)
    with pytest.warns(GranumWarning):
        mask, *_ = find_nuclei(image, image[::-1])
    assert mask.shape == shape


@pytest.mark.skipif(not FIELD.exists(), reason="the field of seed 002 is not there")
def test_every_nucleus_of_the_author_is_found_in_its_own_stain() -> None:
    # his masks lie 4 px right of his own stains, and cut bright dead nuclei far inside: places count, not areas
    hoechst, draq7, classes = (
        cv2.imread(str(FIELD / f"field1_{name}.png"), 0)[100:]
        for name in ("hoechst_8bit", "draq7_8bit", "author_live3_dead4_labels")
    )
    _, _, living, dead, choice = find_nuclei(hoechst, draq7)
    regions = label_components(classes > 0, connectivity=2)
    assert regions.max() == 10
    for name in range(1, 11):
        own = regions == name
        found = living if classes[own].max() == 3 else dead
        assert (np.roll(found, (2, 4), (0, 1)) & own).sum() > 0.5 * own.sum()
    assert choice.chosen["live_regions"] == 5
    assert choice.chosen["dead_regions"] == 7  # and two dim ones with sharp edges, which his threshold left out
    assert choice.chosen["dead_out_of_focus"] >= 1


@pytest.mark.skipif(not PLATE.exists(), reason="the plates of CellProfiler are not there")
def test_mitotic_nuclei_of_a_real_well_are_found_in_both_stains() -> None:
    dna, ph3 = (cv2.imread(str(PLATE / f"percentpositive_D03_d{i}.tif"), 0) for i in (0, 1))
    _, _, nuclei, positive, _ = find_nuclei(dna, ph3)
    assert 240 < label_components(nuclei).max() < 290
    assert 17 <= label_components(positive).max() <= 22
    assert (nuclei & positive).sum() > 0.7 * positive.sum()


def test_a_glow_over_bleeding_nuclei_is_no_nucleus() -> None:
    glow = draw([(75.0, 150.0, 12.0, 250.0)], blur=16.0, noise=0, base=0)
    live = draw(LIVE)
    dead = draw([(y, x, r, 0.3 * h) for y, x, r, h in LIVE], seed=1) + glow
    mask, _, _, dead_mask, choice = find_nuclei(live, dead)
    assert not mask[75, 150]
    assert not dead_mask[75, 150]
    assert choice.chosen["dead_out_of_focus"] >= 1


def test_specks_among_nuclei_are_debris_whatever_their_number() -> None:
    specks = [(20.0 + 24 * i, 20.0 + 30 * j, 2.5, 45.0) for i in range(6) for j in (2, 4, 5)]
    nuclei = [(20.0 + 24 * i, 20.0 + 30 * j, 9.0, 100.0) for i in (0, 2, 4) for j in (0, 1, 3)]
    _, _, living, dead, _ = find_nuclei(draw(nuclei), draw([(30.0, 170.0, 2.5, 45.0)], seed=1))
    assert label_components(living).max() == 9
    assert not dead.any()
    assert label_components(find_nuclei(draw(nuclei + specks[::3]), draw([], seed=1))[0]).max() == 9


def test_a_small_bright_nucleus_is_no_debris() -> None:
    nuclei = [(40.0, 40.0, 9.0, 100.0), (40.0, 110.0, 9.0, 90.0), (110.0, 60.0, 9.0, 100.0), (110.0, 140.0, 5.5, 260.0)]
    assert find_nuclei(draw(nuclei), draw([], seed=1))[0][110, 140]


def test_a_textured_nucleus_is_drawn_to_its_edge() -> None:
    # half of its brightest spot would cut the rest of it away
    spots = [(y - 4, x + 3, 2.5, 1.9 * h) for y, x, _, h in LIVE]
    mask = find_nuclei(draw(LIVE + spots), draw([], seed=1))[0]
    truth = draw(LIVE, noise=0, blur=0.01) > 100
    assert abs(mask.sum() / truth.sum() - 1) < 0.12


def test_nuclei_in_haze_stay_apart() -> None:
    nuclei = [(15.0 + 26 * i, 15.0 + 26 * j, 9.0, 60.0) for i in range(6) for j in range(7)]
    live = draw(nuclei)
    hazy = live + 2.5 * (cv2.GaussianBlur(live, (0, 0), 12) - 100)
    assert label_components(find_nuclei(hazy, draw([], seed=1))[0]).max() == len(nuclei)
