from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from granum.errors import GranumWarning, SettingError, ShapeError
from granum.measure import judge_nuclei, measure_objects
from granum.measure.dead_evidence import judge_evidence
from granum.measure.rings import find_rings, measure_levels, measure_nowhere
from granum.object_table import FLAGS

PLATE = Path(__file__).parents[3] / "shared/data/two_stain_plate/images"


def field(
    heights: list[float], *, bleed: float = 0.0, noise: float = 3.0, seed: int = 0, radius: float = 7.0
) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.float64]]:
    """Nuclei on a grid, live stain 100 high, dead stain as high as given and `bleed` of the live one more."""
    n = len(heights)
    columns = max(1, int(np.ceil(np.sqrt(n))))
    side = 40
    shape = (side * -(-n // columns) + 20, side * columns + 20)
    y, x = np.mgrid[: shape[0], : shape[1]]
    labels = np.zeros(shape, np.int32)
    for k in range(n):
        row, column = divmod(k, columns)
        labels[(y - 30 - side * row) ** 2 + (x - 30 - side * column) ** 2 <= radius**2] = k + 1
    rng = np.random.default_rng(seed)
    own = np.concatenate([[0.0], 100 * rng.lognormal(0, 0.25, n)])
    live = cv2.GaussianBlur(own[labels], (0, 0), 1.0)
    dead = cv2.GaussianBlur(np.concatenate([[0.0], heights])[labels] + bleed * own[labels], (0, 0), 1.0)
    return labels, 200 + live + rng.normal(0, noise, shape), 150 + dead + rng.normal(0, noise, shape)


def judge(labels: NDArray[np.int32], live: Any, dead: Any, *more: Any, **settings: Any) -> Any:
    return judge_nuclei(measure_objects(labels, live, shape="basic"), labels, live, dead, *more, **settings)


@pytest.mark.parametrize("n_dead", [0, 1, 25, 49, 50])
def test_any_number_of_fifty_dead_is_counted(n_dead: int) -> None:
    labels, live, dead = field([120.0] * n_dead + [0.0] * (50 - n_dead))
    objects, summary, _ = judge(labels, live, dead)
    assert list(objects["state"]) == ["dead"] * n_dead + ["live"] * (50 - n_dead)
    assert summary["n_dead"] == n_dead
    assert summary["viability"] == pytest.approx(1 - n_dead / 50)
    assert summary["viability_low"] <= summary["viability"] <= summary["viability_high"]
    assert summary["n_uncertain"] == 0


@pytest.mark.parametrize(("height", "state"), [(0.0, "live"), (100.0, "dead")])
def test_one_nucleus_is_judged_by_itself(height: float, state: str) -> None:
    objects, summary, choice = judge(*field([height]))
    assert list(objects["state"]) == [state]
    assert abs(objects["p_dead"][0] - (state == "dead")) < 0.1
    assert "judged by itself" in choice.reason
    assert summary["viability_high"] - summary["viability_low"] > 0.7


def test_bleed_through_alone_kills_nobody() -> None:
    labels, live, dead = field([0.0] * 40, bleed=0.1)
    objects, summary, _ = judge(labels, live, dead)
    assert summary["n_dead"] == 0
    assert objects["p_dead"].max() < 0.4


def test_bleed_through_does_not_hide_the_dead() -> None:
    labels, live, dead = field([150.0] * 4 + [0.0] * 36, bleed=0.1)
    assert judge(labels, live, dead)[1]["n_dead"] == 4


@pytest.mark.parametrize(("gain", "offset"), [(16.0, 0.0), (1.0, 5000.0), (0.01, -3.0)])
def test_gain_and_offset_change_no_probability(gain: float, offset: float) -> None:
    labels, live, dead = field([60.0, 20.0, 0.0, 0.0, 0.0, 8.0])
    expected = judge(labels, live, dead)[0]["p_dead"]
    np.testing.assert_allclose(
        judge(labels, live * gain + offset, dead * gain + offset)[0]["p_dead"], expected, atol=1e-6
    )


def test_probabilities_rise_with_the_stain_and_doubt_lies_between() -> None:
    labels, live, dead = field([0.0] * 10 + [100.0] * 10 + [10.0, 20.0, 40.0])
    objects, summary, _ = judge(labels, live, dead)
    between = objects["p_dead"][-3:]
    assert (np.diff(between) > -1e-9).all()
    calm = judge(*field([0.0] * 10 + [100.0] * 10))[1]
    assert 0 <= calm["doubt"] <= summary["doubt"] <= 1


def test_no_nucleus_gives_no_viability_and_no_error() -> None:
    labels = np.zeros((40, 40), np.int32)
    image = np.random.default_rng(0).normal(100, 3, (40, 40))
    objects, summary, choice = judge(labels, image, image)
    assert len(objects["p_dead"]) == len(objects["state"]) == 0
    assert np.isnan(summary["viability"])
    assert summary["n_live"] == summary["n_dead"] == 0
    assert "no nucleus" in choice.reason


def test_levels_are_means_and_medians_of_the_pixels_they_name() -> None:
    labels, live, _ = field([0.0, 0.0])
    rings = find_rings(labels)
    levels = measure_levels(live, rings)
    assert levels.inside[1] == pytest.approx(live[labels == 2].mean())
    ring = rings.ring[rings.ring_start[1] : rings.ring_start[2]]
    assert levels.ring[1] == pytest.approx(live.ravel()[ring].mean())
    assert levels.ground[1] == pytest.approx(np.median(live.ravel()[ring]))
    distance = np.hypot(*(np.stack(np.unravel_index(ring, labels.shape)) - [[30], [70]]))
    assert distance.min() > 7
    assert distance.max() < 7 + 1 + 4 + 1


def test_rings_of_neighbours_never_overlap_and_keep_to_their_cell() -> None:
    labels = np.zeros((40, 60), np.int32)
    labels[10:20, 10:20], labels[10:20, 23:33] = 3, 7
    rings = find_rings(labels)
    assert list(rings.values) == [3, 7]
    assert len(np.unique(rings.ring)) == len(rings.ring)
    cells = np.where(labels > 0, labels, 0)
    cells[8:22, 4:21] = 3
    own = find_rings(labels, None, cells.astype(np.int32))
    assert (cells.ravel()[own.ring[: own.ring_start[1]]] == 3).all()
    assert own.ring_start[2] > own.ring_start[1]


def test_the_contrast_of_nowhere_is_that_of_noise() -> None:
    labels, _, dead = field([0.0] * 16)
    nowhere = measure_nowhere(dead, find_rings(labels))
    assert len(nowhere) > 100
    assert abs(nowhere.mean()) < 0.1
    assert 0.2 < nowhere.std() < 0.5  # 3 / sqrt(149), and the ring's


def test_the_ratio_of_nucleus_over_ring_does_not_depend_on_the_offset() -> None:
    labels = np.zeros((60, 60), np.int32)
    labels[20:40, 20:40] = 1
    image = np.full((60, 60), 10.0)
    image[10:50, 10:50] = 30
    image[labels > 0] = 110
    for offset in (0.0, 1000.0):
        objects = judge(labels, image, image + offset)[0]
        assert objects["dead_ratio"][0] == pytest.approx(5.0)
        assert objects["dead_ring"][0] == pytest.approx(30 + offset)


def test_cells_give_their_area_and_the_nuclei_of_their_clump() -> None:
    labels, live, dead = field([0.0, 0.0, 100.0])
    cells = labels.copy()
    cells[20:40, 20:50], cells[20:40, 50:80] = 1, 2
    objects, summary, _ = judge(labels, live, dead, cells.astype(np.int32))
    assert list(objects["cell_area"][:2]) == [600, 600]
    assert list(objects["n_in_clump"]) == [2, 2, 1]
    assert 0 < summary["cell_area_fraction"] < 1


def test_facts_of_the_channels_reach_the_summary_and_the_doubt() -> None:
    labels, live, dead = field([0.0, 100.0])
    calm = judge(labels, live, dead, None, {"shift_px": 0.2})[1]
    shifted = judge(labels, live, dead, None, {"shift_px": 9.0})[1]
    assert calm["shift_px"] == 0.2
    assert shifted["doubt"] > calm["doubt"] + 0.3


def test_a_threshold_of_the_user_decides_alone() -> None:
    labels, live, dead = field([0.0, 30.0, 100.0])
    objects, _, choice = judge(labels, live, dead, threshold=60.0)
    assert list(objects["p_dead"]) == [0.0, 0.0, 1.0]
    assert "as set" in choice.reason


def test_saturated_and_constant_stains_are_survived() -> None:
    labels, live, dead = field([200.0] * 4 + [0.0] * 5)
    full = np.clip(dead, 0, 255).astype(np.uint8)
    assert judge(labels, live, full)[1]["n_dead"] == 4


def test_a_channel_without_any_signal_tells_nothing() -> None:
    labels, live, dead = field([200.0] * 4 + [0.0] * 5)
    for pair in ((live, np.zeros_like(dead)), (np.full_like(live, 7.0), dead)):
        with pytest.warns(GranumWarning, match="9 of 9 objects are neither live nor dead"):
            objects, summary, _ = judge(labels, *pair)
        assert set(objects["state"]) == {"unclear"}
        assert np.isnan(objects["p_dead"]).all()
        assert (summary["n_live"], summary["n_dead"], summary["n_unclear"]) == (0, 0, 9)
        assert np.isnan(summary["viability"])
        assert summary["doubt"] == 1


def test_what_neither_stain_shows_is_not_alive() -> None:
    labels, live, dead = field([200.0] * 4 + [0.0] * 5)
    live[labels == 9] = live[labels == 0].mean() + (live[labels == 9] - live[labels == 9].mean())
    with pytest.warns(GranumWarning, match="1 of 9 objects is neither"):
        objects, summary, _ = judge(labels, live, dead)
    assert list(objects["state"][-2:]) == ["live", "unclear"]
    assert (summary["n_live"], summary["n_dead"], summary["n_unclear"]) == (4, 4, 1)
    assert 0.1 < summary["doubt"] < 0.3


def test_bodies_cut_by_their_shape_alone_make_a_count_a_guess() -> None:
    labels, live, dead = field([200.0] * 4 + [0.0] * 5)
    objects = measure_objects(labels, live)
    objects["flags"] = objects["flags"] | np.where(np.arange(9) >= 6, FLAGS["was_split"][0], 0)
    with pytest.warns(GranumWarning, match="3 of 5 living cells were cut out"):
        _, summary, _ = judge_nuclei(objects, labels, live, dead, None, None, {"live": "Calcein AM"})
    assert summary["doubt"] > 0.6
    assert judge_nuclei(objects, labels, live, dead, None, None, {"live": "Hoechst"})[1]["doubt"] < 0.1


def test_nuclei_without_a_body_around_them_are_doubtful() -> None:
    labels, live, dead = field([200.0] * 4 + [0.0] * 5)
    objects = measure_objects(labels, live)
    bodies = ndimage.grey_dilation(labels, (5, 5))
    assert judge_nuclei(objects, labels, live, dead, bodies)[1]["doubt"] < 0.1
    assert judge_nuclei(objects, labels, live, dead, labels)[1]["doubt"] == 1


def test_twice_the_stain_makes_no_second_population() -> None:
    z = np.concatenate([np.full(30, 20.0), np.full(30, 40.0)]) * np.random.default_rng(0).lognormal(0, 0.1, 60)
    assert judge_evidence(z, np.full(60, 0.05)).p_two == 0.0


def test_bad_input_is_refused_with_its_value() -> None:
    labels, live, dead = field([0.0, 0.0])
    objects = measure_objects(labels, live)
    with pytest.raises(ShapeError, match="there are 1 nuclei"):
        judge_nuclei(objects, np.where(labels == 2, 0, labels), live, dead)
    with pytest.raises(ShapeError, match="dead"):
        judge_nuclei(objects, labels, live, dead[:-1])
    with pytest.raises(SettingError, match=r"confidence: 1\.0"):
        judge_nuclei(objects, labels, live, dead, confidence=1.0)


@pytest.mark.skipif(not PLATE.exists(), reason="the plates of CellProfiler are not there")
def test_mitotic_nuclei_of_a_real_well_are_the_bright_ones() -> None:
    from granum.segment import find_nuclei
    from granum.separate import split_automatically

    dna, ph3 = (cv2.imread(str(PLATE / f"percentpositive_D03_d{i}.tif"), 0) for i in (0, 1))
    mask, relief, *_ = find_nuclei(dna, ph3)
    labels = split_automatically(mask, relief)[0]
    summary = judge(labels, dna, ph3)[1]
    assert 17 <= summary["n_dead"] <= 25
    assert summary["n_uncertain"] <= 4


def test_strong_bleed_through_is_known_by_its_proportion() -> None:
    z = np.full(30, 40.0) * np.random.default_rng(0).lognormal(0, 0.3, 30)
    ratio = np.full(30, 0.3)
    assert judge_evidence(z, ratio).p_dead.min() > 0.5
    assert judge_evidence(z, ratio, proportion_spread=0.05).p_dead.max() < 0.2
    labels, live, dead = field([0.0] * 40, bleed=0.3)
    assert judge(labels, live, dead)[1]["n_dead"] == 0
