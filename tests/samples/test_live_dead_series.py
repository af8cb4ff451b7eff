from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

from granum.errors import SettingError
from granum.samples import DeathLaw, LiveDeadLook, simulate_live_dead_series


@pytest.fixture(scope="module")
def series():
    return simulate_live_dead_series(
        size=320, count=20, hours=16, death=DeathLaw(15.0, 1.5), division_per_h=0.03, speed=0.6, seed=4,
    )  # fmt: skip


@pytest.fixture(scope="module")
def frames(series):
    return list(series)


def test_the_same_seed_gives_the_same_bytes_and_any_frame_can_be_drawn_alone(series, frames):
    again = simulate_live_dead_series(
        size=320, count=20, hours=16, death=DeathLaw(15.0, 1.5), division_per_h=0.03, speed=0.6, seed=4,
    )  # fmt: skip
    assert again.truth == series.truth
    alone = again[9]
    for name in ("brightfield", "live", "dead", "nuclei", "cells"):
        assert getattr(alone, name).tobytes() == getattr(frames[9], name).tobytes(), name
    assert alone.truth == frames[9].truth
    other = simulate_live_dead_series(size=320, count=20, hours=16, death=DeathLaw(15.0, 1.5), seed=5)
    assert other.truth["tracks"] != series.truth["tracks"]


def test_the_counts_known_beforehand_are_those_of_the_frames(series, frames):
    assert [frame.truth["n_live"] for frame in frames] == series.n_live.tolist()
    assert [frame.truth["n_dead"] for frame in frames] == series.n_dead.tolist()
    assert [frame.truth["viability"] for frame in frames] == pytest.approx(series.viability.tolist(), abs=1e-6)
    assert [frame.truth["time_h"] for frame in frames] == series.times_h.tolist()


def test_every_nucleus_of_every_frame_has_its_track_and_every_track_its_nuclei(series, frames):
    seen = {}
    for number, frame in enumerate(frames):
        tracks = frame.truth["nuclei"]["track"]
        assert len(set(tracks)) == len(tracks) == frame.nuclei.max()
        assert min(tracks) >= 1
        for track, dead in zip(tracks, frame.is_dead, strict=True):
            seen.setdefault(track, []).append((number, bool(dead)))
    columns = series.tracks
    assert sorted(seen) == columns["track"]
    for at, track in enumerate(columns["track"]):
        shown = [number for number, _ in seen[track]]
        assert shown == list(range(columns["first_frame"][at], columns["last_frame"][at] + 1))
        dead = [number for number, is_dead in seen[track] if is_dead]
        death = columns["death_h"][at]
        if death is not None:
            assert dead == [number for number in shown if series.times_h[number] >= death]
            assert 0 < len(dead) < len(shown)
        else:
            assert len(dead) == (len(shown) if columns["dead_at_first"][at] else 0)


def test_daughters_begin_where_their_mother_ends(series):
    columns = series.tracks
    born = [at for at, begin in enumerate(columns["begin"]) if begin == "born"]
    assert len(born) >= 4
    for at in born:
        mother = columns["parent"][at] - 1
        assert columns["end"][mother] == "divided"
        assert columns["last_frame"][mother] == columns["first_frame"][at] - 1
    assert {"start", "entered", "born"} == set(columns["begin"])
    assert {"last", "left", "divided"} <= set(columns["end"])
    assert all(parent == 0 for at, parent in enumerate(columns["parent"]) if at not in born)


def test_hoechst_gives_way_to_draq7_within_two_frames_of_death():
    series = simulate_live_dead_series(
        size=256, count=12, hours=8, death=DeathLaw(6.0), division_per_h=0.0, speed=0.05, dead_at_start=0.0, seed=2,
        look=LiveDeadLook(noise=0.0, uneven_light=0.0),
    )  # fmt: skip
    light = {}
    for frame in series:
        nuclei = frame.truth["nuclei"]
        for label, track, area in zip(nuclei["label"], nuclei["track"], nuclei["area_px"], strict=True):
            if area > 150:
                inside = frame.nuclei == label
                both = frame.live[inside].mean() - 130, frame.dead[inside].mean() - 130
                light.setdefault(track, {})[frame.truth["frame"]] = both
    checked = 0
    for track, death in zip(series.tracks["track"], series.tracks["death_h"], strict=True):
        shown = light.get(track, {})
        before, after = (int(np.floor(death)) - 1, int(np.ceil(death)) + 1) if death else (-1, -1)
        if before in shown and after in shown:
            checked += 1
            assert shown[after][0] < 0.6 * shown[before][0]
            assert shown[after][1] > 4 * shown[before][1]
    assert checked >= 3


def test_cells_move_a_little_from_frame_to_frame(frames):
    for one, two in itertools.pairwise(frames):
        before = dict(
            zip(one.truth["nuclei"]["track"], zip(*(one.truth["nuclei"][k] for k in "yx"), strict=True), strict=True)
        )
        now = dict(
            zip(two.truth["nuclei"]["track"], zip(*(two.truth["nuclei"][k] for k in "yx"), strict=True), strict=True)
        )
        steps = [np.hypot(*np.subtract(now[track], before[track])) for track in before.keys() & now.keys()]
        assert 0 < np.median(steps) < 20


def test_many_cells_die_by_the_law():
    law = DeathLaw(20.0, 2.0)
    series = simulate_live_dead_series(
        size=1024, count=1500, nucleus_diameter=12.0, hours=40, interval_h=8, death=law, dead_at_start=0.0,
        division_per_h=0.0, speed=0.0, binucleate=0.0, seed=1,
    )  # fmt: skip
    expected = [law.survival(time) for time in series.times_h]
    assert series.viability.tolist() == pytest.approx(expected, abs=0.04)
    assert series.truth["survival_law"] == pytest.approx(expected, abs=1e-6)
    assert law.survival(law.median_h) == pytest.approx(0.5)


def test_dead_cells_come_off_when_asked_and_the_truth_is_json():
    series = simulate_live_dead_series(
        size=256, count=20, hours=20, death=DeathLaw(8.0), loose_per_h=0.3, division_per_h=0.0, seed=3
    )
    assert "loose" in series.tracks["end"]
    assert series.n_dead[-1] < 0.6 * sum(death is not None for death in series.tracks["death_h"])
    assert json.loads(json.dumps(series.truth)) == json.loads(json.dumps(series.truth))


def test_a_series_may_have_one_frame_and_no_cell():
    series = simulate_live_dead_series(size=64, count=0, hours=0)
    assert len(series) == 1
    assert np.isnan(series.viability).all()
    assert series[-1].nuclei.max() == 0
    with pytest.raises(IndexError):
        series[1]


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"interval_h": 0.0}, "interval_h"), ({"speed": -1.0}, "speed"), ({"hours": 20000.0}, "hours")],
)
def test_a_wrong_setting_is_an_error(settings, message):
    with pytest.raises(SettingError, match=message):
        simulate_live_dead_series(**{"size": 64, "count": 1, **settings})
    with pytest.raises(SettingError, match="scale_h"):
        DeathLaw(0.0)


def test_too_many_divisions_are_an_error():
    with pytest.raises(SettingError, match="division_per_h"):
        simulate_live_dead_series(size=64, count=500, hours=2000, division_per_h=0.2, death=DeathLaw(1e9))
