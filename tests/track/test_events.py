from __future__ import annotations

import numpy as np
import pytest
from moving_discs import paint

from granum.errors import ShapeError
from granum.track import TrackBuilder, find_death_times, list_events, list_lives

STILL, DIES, LATE = (90, 120, 7), (40, 130, 7), (90, 40, 7)


def scene():
    """Return tracks: 1 dies in frame 3, 2 divides in frame 4, 3 lives, 4 comes in frame 2 and goes in frame 5."""
    builder = TrackBuilder(steady=True)
    for t in range(8):
        discs = [DIES, STILL, *([(50, 50, 10)] if t < 4 else [(43, 50, 7), (57, 50, 7)])]
        discs += [LATE] if 2 <= t < 5 else []
        p_dead = [0.995 if t >= 3 else 0.005, 0.02] + [0.03] * (len(discs) - 2)
        builder.add(paint(discs), {"p_dead": p_dead})
    return builder.tracks()


def test_everything_that_happens_is_listed_in_its_frame():
    tracks = scene()
    events = list_events(tracks, find_death_times(tracks))
    found = list(zip(events["event"], events["frame"], events["track"], events["other"], strict=True))
    assert found == [
        ("appears", 2, 4, 0), ("death", 3, 1, 0), ("division", 4, 2, 5), ("division", 4, 2, 6), ("disappears", 5, 4, 0),
    ]  # fmt: skip
    death = events["event"] == "death"
    np.testing.assert_allclose([events["y"][death], events["x"][death]], [[40], [130]], atol=0.2)
    assert (events["low"][death], events["high"][death]) == (2, 4)


def test_without_judgements_there_are_no_deaths():
    events = list_events(scene())
    assert "death" not in events["event"]
    assert len(events["event"]) == 4
    assert all(len(column) == 0 for column in list_events(TrackBuilder().tracks()).values())


def test_what_crosses_the_border_enters_and_departs():
    builder = TrackBuilder(steady=True)
    for t in range(6):
        builder.add(paint([STILL, *([(60, 20 - 6 * t, 6)] if t < 4 else []), *([(4 + 4 * t, 80, 5)] if t else [])]))
    events = list_events(builder.tracks())
    assert [(str(e), int(f)) for e, f in zip(events["event"], events["frame"], strict=True)] == [
        ("enters", 1), ("departs", 4),
    ]  # fmt: skip


def test_a_merge_says_into_what():
    builder = TrackBuilder(steady=True)
    for discs in [[(50, 45, 7), (50, 60, 6)], *[[(50, 52, 11)]] * 5]:
        builder.add(paint(discs))
    events = list_events(builder.tracks())
    assert events["event"].tolist() == ["merge"]
    assert sorted([*events["track"], *events["other"]]) == [1, 2]


def test_lives_end_with_death_or_are_censored_when_last_seen():
    tracks = scene()
    lives = list_lives(find_death_times(tracks), np.arange(8) * 0.5)
    rows = {int(t): (s, e, bool(d)) for t, s, e, d in zip(*lives.values(), strict=True)}
    assert rows == {
        1: (0, 1.5, True), 2: (0, 1.5, False), 3: (0, 3.5, False), 4: (1, 2, False), 5: (2, 3.5, False),
        6: (2, 3.5, False),
    }  # fmt: skip


def test_the_dead_from_the_start_have_no_life_here_and_the_doubtful_count_while_surely_alive():
    track = np.repeat([1, 2], 16)
    p_dead = np.concatenate([np.full(16, 0.98), [0.02] * 6 + [0.98] * 7 + [0.02] * 3])
    deaths = find_death_times({"track": track, "frame": np.tile(np.arange(16), 2), "p_dead": p_dead})
    lives = list_lives(deaths, np.arange(16.0))
    assert lives["track"].tolist() == [2]
    assert 4 <= lives["end"][0] <= 5
    assert lives["died"].tolist() == [False]


def test_every_frame_needs_its_time():
    with pytest.raises(ShapeError, match="go on to frame 7"):
        list_lives(find_death_times(scene()), np.arange(7.0))
