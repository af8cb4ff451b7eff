from __future__ import annotations

import json

import numpy as np
import pytest

from granum.errors import SettingError
from granum.samples import LiveDeadLook, simulate_live_dead


@pytest.fixture(scope="module")
def field():
    return simulate_live_dead(size=384, count=30, dead_share=0.4, seed=3, binucleate=0.3)


def test_the_same_seed_gives_the_same_bytes_and_another_one_another_field():
    one, two, other = (simulate_live_dead(size=160, count=5, seed=seed) for seed in (3, 3, 4))
    for name in ("brightfield", "live", "dead", "nuclei", "cells", "classes", "is_dead"):
        assert getattr(one, name).tobytes() == getattr(two, name).tobytes(), name
    assert one.truth == two.truth
    assert not np.array_equal(one.nuclei, other.nuclei)


def test_labels_of_nuclei_and_cells_share_ids_without_gaps(field):
    k = field.nuclei.max()
    assert np.array_equal(np.unique(field.nuclei), np.arange(k + 1))
    assert np.array_equal(np.unique(field.cells), np.arange(k + 1))
    inside = field.nuclei > 0
    assert np.array_equal(field.cells[inside], field.nuclei[inside])
    assert field.cell_mask[field.cells > 0].all()
    assert len(field.is_dead) == k == len(field.truth["nuclei"]["label"])


def test_the_truth_is_json_and_agrees_with_the_labels(field):
    assert json.loads(json.dumps(field.truth)) == json.loads(json.dumps(field.truth))
    nuclei = field.truth["nuclei"]
    assert nuclei["is_dead"] == field.is_dead.tolist()
    assert nuclei["area_px"] == np.bincount(field.nuclei.ravel())[1:].tolist()
    assert field.truth["n_dead"] == field.is_dead.sum()
    assert field.truth["viability"] == pytest.approx(1 - field.is_dead.mean(), abs=1e-6)
    for label, y, x in zip(nuclei["label"], nuclei["y"], nuclei["x"], strict=True):
        rows, columns = np.nonzero(field.nuclei == label)
        if len(rows) > 200 and 14 < y < 369 and 14 < x < 369:
            assert (rows.mean(), columns.mean()) == pytest.approx((y, x), abs=3.0)


def test_dead_nuclei_show_in_the_dead_channel_and_all_of_them_in_the_live_one(field):
    empty_live, empty_dead = (np.median(plane[~field.cell_mask]) for plane in (field.live, field.dead))
    for label, dead in enumerate(field.is_dead, 1):
        nucleus = field.nuclei == label
        if nucleus.sum() < 60:
            continue
        assert (np.median(field.dead[nucleus]) > empty_dead + 150) == dead
        assert np.median(field.live[nucleus]) > empty_live + (40 if dead else 150)


def test_the_five_classes_follow_from_the_labels(field):
    classes = field.classes
    assert set(np.unique(classes)) == {0, 1, 2, 3, 4}
    assert np.array_equal(classes > 0, field.cells > 0)
    state = np.concatenate([[False], field.is_dead])[field.nuclei]
    assert np.array_equal(classes == 4, (field.nuclei > 0) & state)
    assert np.array_equal(classes == 3, (field.nuclei > 0) & ~state)
    padded = np.pad(field.cells, 1, mode="edge")
    middle = padded[1:-1, 1:-1]
    edge = np.zeros(classes.shape, bool)
    for other in (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]):
        edge |= other != middle
    assert np.array_equal(classes == 2, edge & (field.cells > 0) & (field.nuclei == 0))


def test_the_share_of_dead_cells_is_what_was_asked_for():
    assert simulate_live_dead(size=256, count=10, dead_share=0.0, seed=1).is_dead.sum() == 0
    assert simulate_live_dead(size=256, count=10, dead_share=1.0, seed=1).is_dead.all()
    field = simulate_live_dead(size=1024, count=100, dead_share=0.3, seed=1, binucleate=0.0)
    nuclei = field.truth["nuclei"]
    inside = [0 <= y <= 1023 and 0 <= x <= 1023 for y, x in zip(nuclei["y"], nuclei["x"], strict=True)]
    assert sum(inside) == pytest.approx(100, abs=2)
    assert field.is_dead[inside].sum() == pytest.approx(30, abs=2)


def test_an_empty_field_has_no_nuclei_and_no_viability():
    field = simulate_live_dead(size=128, count=0)
    assert field.nuclei.max() == 0
    assert field.truth["viability"] is None
    assert not field.cell_mask.any()


def test_calcein_shows_the_bodies_of_the_living_only():
    look = LiveDeadLook(stains="calcein-ethd1", brightfield=False)
    field = simulate_live_dead(size=384, count=16, dead_share=0.5, seed=2, look=look)
    assert field.brightfield is None
    assert field.truth["channels"] == {"live": "calcein", "dead": "ethd1"}
    dead = np.concatenate([[False], field.is_dead])[field.cells]
    body = (field.cells > 0) & (field.nuclei == 0)
    empty = np.median(field.live[~field.cell_mask])
    assert field.live[body & ~dead].mean() > empty + 60
    assert field.live[body & dead].mean() < empty + 20


def test_a_shift_moves_the_dead_channel_and_leaves_the_truth():
    plain, shifted = (
        simulate_live_dead(
            size=256,
            count=12,
            dead_share=0.6,
            seed=5,
            look=LiveDeadLook(noise=0.0, uneven_light=0.0, dead_shift=shift),
        )
        for shift in ((0.0, 0.0), (3.0, -4.0))
    )
    assert np.array_equal(plain.nuclei, shifted.nuclei)
    assert np.array_equal(plain.live, shifted.live)
    assert np.array_equal(plain.dead[10:-13, 14:-10], shifted.dead[13:-10, 10:-14])
    assert not np.array_equal(plain.dead, shifted.dead)


def test_gain_and_offset_change_grey_levels_only_and_eight_bits_are_the_same_picture_over_16():
    plain = simulate_live_dead(size=128, count=4, seed=1, look=LiveDeadLook(offset=0.0))
    bright = simulate_live_dead(size=128, count=4, seed=1, look=LiveDeadLook(gain=4.0, offset=1000.0))
    export = simulate_live_dead(size=128, count=4, seed=1, look=LiveDeadLook(offset=0.0, dtype="uint8"))
    assert np.abs(bright.live.astype(float) - 1000 - 4 * plain.live).max() <= 4
    assert export.live.dtype == np.uint8
    assert np.abs(export.live - plain.live / 16).max() <= 1


def test_stitched_tiles_leave_seams():
    look = LiveDeadLook(tiles=2, noise=0.0, debris=0.0, uneven_light=0.3)
    field = simulate_live_dead(size=256, count=0, look=look)
    rows = np.abs(np.diff(field.brightfield.mean(axis=1)))
    assert rows.argmax() == 127
    assert rows[127] > 5 * np.median(rows)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dead_share": 1.2}, "dead_share: 1.2 is out of range"),
        ({"count": -1}, "count"),
        ({"size": 10}, "size: 10 is out of range"),
        ({"size": (128, 9000)}, "size"),
    ],
)
def test_a_wrong_setting_is_an_error(settings, message):
    with pytest.raises(SettingError, match=message):
        simulate_live_dead(**{"size": 64, **settings})


@pytest.mark.parametrize("wrong", [{"stains": "gfp"}, {"noise": -1.0}, {"dead_shift": (0.0, 300.0)}, {"tiles": 0}])
def test_a_wrong_look_is_an_error(wrong):
    with pytest.raises(SettingError, match=next(iter(wrong))):
        LiveDeadLook(**wrong)
