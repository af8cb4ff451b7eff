from __future__ import annotations

import numpy as np
import pytest

from granum.errors import SettingError, ShapeError
from granum.track import find_death_times

STEADY = [0.02] * 20


def table(*series, parents=None, **more):
    """Return the columns of tracks: one list of p_dead per track; None where the nucleus was missed."""
    rows = []
    for number, values in enumerate(series, 1):
        first = (more.get("first") or {}).get(number, 0)
        parent = (parents or {}).get(number, 0)
        rows += [(number, first + t, p, parent) for t, p in enumerate(values) if p is not None]
    track, frame, p_dead, parent = (np.array(column) for column in zip(*rows, strict=True))
    return {"track": track, "frame": frame, "p_dead": p_dead.astype(float), "parent": parent}


def judged(*series, **more):
    deaths = find_death_times(table(*series, **more))
    return [{name: column[k] for name, column in deaths.table.items()} for k in range(len(series))]


def test_a_clear_step_is_found_on_its_frame():
    (row,) = judged([0.005] * 9 + [0.995] * 6)
    assert (row["outcome"], row["death_frame"], row["death_low"], row["death_high"]) == ("died", 9, 8, 10)
    assert row["p_died"] > 0.999
    assert not row["doubtful"]
    assert row["surely_alive"] == 7


def test_one_wrong_frame_moves_nothing():
    (row, other) = judged([0.03] * 4 + [0.99] + [0.03] * 5 + [0.97] * 6, [0.03] * 9 + [0.97, 0.97, 0.01] + [0.97] * 5)
    assert row["death_frame"] == 10
    assert other["death_frame"] == 9
    assert not row["doubtful"]
    assert not other["doubtful"]


def test_what_lives_is_censored_and_what_is_dead_at_first_did_not_die_here():
    rows = judged(STEADY, [0.98] * 20, STEADY[:7])
    assert [row["outcome"] for row in rows] == ["survived", "dead_from_start", "disappeared"]
    assert np.isnan([row["death_frame"] for row in rows]).all()
    assert rows[0]["p_died"] < 0.05
    assert rows[1]["surely_alive"] == -1


def test_a_single_doubtful_frame_at_the_end_is_no_death_and_a_clear_pair_is():
    rows = judged(*[STEADY] * 20, [0.02] * 19 + [0.7], [0.02] * 18 + [0.97, 0.98])
    assert rows[20]["outcome"] == "survived"
    assert rows[21]["outcome"] == "died"
    assert rows[21]["death_frame"] == 18


def test_frames_in_which_it_was_missed_widen_the_interval_and_the_middle_is_taken():
    (row,) = judged([0.02] * 6 + [None, None] + [0.98] * 6)
    assert (row["death_frame"], row["death_low"], row["death_high"]) == (7, 5, 9)


def test_a_slow_step_has_a_wide_interval_that_holds_it():
    (row,) = judged([0.05] * 8 + [0.35, 0.5, 0.6, 0.65] + [0.95] * 8)
    assert row["death_low"] <= 9 <= row["death_high"]
    assert row["death_high"] - row["death_low"] >= 2


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ([0.02] * 6 + [0.98] * 9 + [0.02] * 4, "looks alive again"),
        ([0.1, 0.9] * 8, "contradict"),
        ([0.02] * 5 + [0.5] * 10 + [0.98] * 5, "when it died"),
        ([np.nan] * 5, "never judged"),
    ],
)
def test_what_the_frames_cannot_tell_is_said(values, why):
    (row,) = judged(values)
    assert row["doubtful"]
    assert why in row["why"]


def test_judgements_are_smoothed_by_their_track():
    values = [0.03, 0.8, 0.03, 0.03, 0.97, 0.3, 0.97, 0.97]
    smooth = find_death_times(table(values)).p_dead
    assert ((smooth >= 0.5) == [False] * 4 + [True] * 4).all()
    assert (np.diff(smooth) >= 0).all()


def test_intervals_hold_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(5)
    series, truth = [], []
    for _ in range(400):
        death = int(rng.integers(5, 40))
        evidence = np.where(np.arange(48) >= death, 1, -1) * 1.5 + rng.normal(0, np.sqrt(1.5), 48) / 1.0
        series.append(list(1 / (1 + np.exp(-2 * evidence))))
        truth.append(death)
    rows = judged(*series)
    died = np.array([row["outcome"] == "died" for row in rows])
    inside = np.array([row["death_low"] <= t <= row["death_high"] for row, t in zip(rows, truth, strict=True)])
    near = np.array([abs(row["death_frame"] - t) <= 1 for row, t in zip(rows, truth, strict=True)])
    assert died.mean() > 0.99
    assert inside[died].mean() > 0.9
    assert near[died].mean() > 0.8


def test_daughters_of_a_dead_nucleus_are_pieces_and_no_new_deaths():
    rows = judged(
        [0.02] * 5 + [0.98] * 5, [0.97] * 6, [0.6] * 6, parents={2: 1, 3: 1}, first={2: 10, 3: 10}
    )  # fmt: skip
    assert [row["outcome"] for row in rows] == ["died", "fragment", "fragment"]
    assert rows[0]["death_frame"] == 5


def test_a_nucleus_that_breaks_up_as_it_dies_died_once():
    rows = judged(
        [0.02] * 8, [0.97] * 6, [0.97] * 6, STEADY, parents={2: 1, 3: 1}, first={2: 8, 3: 8}
    )  # fmt: skip
    assert [row["outcome"] for row in rows] == ["died", "fragment", "fragment", "survived"]
    assert rows[0]["death_frame"] == 8


def test_a_parent_has_divided_and_a_daughter_that_is_dead_at_once_died_then():
    rows = judged([0.02] * 8, [0.02] * 9, [0.97] * 9, parents={2: 1, 3: 1}, first={2: 8, 3: 8})
    assert [row["outcome"] for row in rows] == ["divided", "survived", "died"]
    assert rows[2]["death_frame"] == 8


def test_who_leaves_over_the_border_has_departed():
    tracks = table(STEADY, STEADY[:5], STEADY[:5]) | {
        "y": np.array([50.0] * 30), "x": np.array([50.0] * 30), "to_border": np.array([40.0] * 25 + [9, 6, 3, 1, 0]),
    }  # fmt: skip
    assert find_death_times(tracks).table["outcome"].tolist() == ["survived", "disappeared", "departed"]


def test_no_tracks_no_deaths():
    empty = {name: np.array([]) for name in ("track", "frame", "p_dead")}
    deaths = find_death_times(empty)
    assert len(deaths.table["track"]) == len(deaths.p_dead) == 0


def test_the_same_tracks_give_the_same_bytes():
    tracks = table(*[list(np.random.default_rng(n).uniform(0, 1, 30)) for n in range(20)])
    one, two = find_death_times(tracks), find_death_times(tracks)
    assert one.p_dead.tobytes() == two.p_dead.tobytes()


@pytest.mark.parametrize(
    ("change", "settings", "error", "words"),
    [
        ({"p_dead": None}, {}, SettingError, "p_dead is missing"),
        ({"p_dead": [0.1, 1.5]}, {}, ShapeError, "0.1 to 1.5"),
        ({"p_dead": [0.1]}, {}, ShapeError, "has shape"),
        ({"frame": [1, 0]}, {}, ShapeError, "sorted"),
        ({}, {"n_frames": 1}, SettingError, "go on to frame 1"),
        ({}, {"wrong_share": 0.6}, SettingError, "wrong_share"),
    ],
)
def test_what_does_not_fit_is_refused(change, settings, error, words):
    tracks = {"track": [1, 1], "frame": [0, 1], "p_dead": [0.1, 0.2]} | change
    tracks = {name: column for name, column in tracks.items() if column is not None}
    with pytest.raises(error, match=words):
        find_death_times(tracks, **settings)
