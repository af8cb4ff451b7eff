from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from moving_discs import crawl, move, paint, scatter

from granum.errors import SettingError, ShapeError
from granum.track import TrackBuilder

SHAPE = (300, 400)


def build(frames, shape=(120, 160), **settings):
    builder = TrackBuilder(**settings)
    for discs in frames:
        builder.add(paint(discs, shape))
    return builder.tracks()


def paths(tracks):
    """Return track -> [(frame, label), ...]."""
    found: dict[int, list[tuple[int, int]]] = {}
    for track, frame, label in zip(tracks["track"], tracks["frame"], tracks["label"], strict=True):
        found.setdefault(int(track), []).append((int(frame), int(label)))
    return found


def series(n=50, frames=8, step=2.0, seed=0):
    discs, made = scatter(n, seed=seed), []
    for t in range(frames):
        discs = crawl(discs, step, seed=100 * seed + t)
        made.append(discs)
    return made


def test_crawling_cells_keep_their_tracks_through_a_jump_of_the_stage():
    frames = series()
    frames = frames[:4] + [move(one, 15, -12) for one in frames[4:]]
    builder = TrackBuilder()
    for discs in frames:
        builder.add(paint(discs, SHAPE))
    np.testing.assert_allclose(builder.shifts[4], (15, -12), atol=1.5)
    tracks = builder.tracks()
    whole = [path for path in paths(tracks).values() if len(path) == 8]
    assert len(whole) >= 40
    assert all(len({label for _, label in path}) == 1 for path in whole)


def test_a_nucleus_that_is_missed_for_two_frames_goes_on_and_for_three_does_not():
    still, other = (60, 60, 8), (30, 120, 8)
    frames = [[still, other], [other], [other], [still, other]]
    tracks = build(frames)
    assert paths(tracks) == {1: [(0, 2), (1, 1), (2, 1), (3, 2)], 2: [(0, 1), (3, 1)]}
    assert tracks["gap"].tolist() == [0, 0, 0, 0, 0, 2]
    assert len(paths(build([*frames[:3], [other], [still, other]]))) == 3
    assert len(paths(build(frames, longest_gap=1))) == 3


def test_a_division_ends_the_parent_and_names_it_in_both_daughters():
    tracks = build([[(50, 50, 10)], [(50, 50, 10)], [(43, 50, 7), (57, 50, 7)], [(41, 50, 7), (59, 50, 7)]])
    assert paths(tracks) == {1: [(0, 1), (1, 1)], 2: [(2, 1), (3, 1)], 3: [(2, 2), (3, 2)]}
    assert tracks["parent"].tolist() == [0, 0, 1, 1, 1, 1]


def test_a_split_of_one_frame_is_no_division():
    whole, halves = [(50, 50, 10)], [(44, 50, 7), (57, 50, 6.5)]
    tracks = build([whole, whole, halves, whole, whole])
    assert (tracks["parent"] == 0).all()
    assert sorted(len(path) for path in paths(tracks).values()) == [1, 5]
    assert len(paths(build([whole, whole, halves, halves, halves, halves, whole]))) == 3


def test_two_that_are_one_for_a_frame_are_the_same_two_afterwards():
    apart, joint = [(50, 45, 7), (50, 60, 7)], [(50, 52, 11)]
    tracks = build([apart, joint, apart])
    assert sorted(len(path) for path in paths(tracks).values()) == [2, 3]
    assert (tracks["parent"] == 0).all()
    assert (tracks["merged_into"] == 0).all()
    for path in paths(tracks).values():
        assert path[0][1] == path[-1][1]


def test_a_merge_that_lasts_names_where_it_went():
    apart, joint = [(50, 45, 7), (50, 60, 6)], [(50, 52, 11)]
    tracks = build([apart, joint, joint, joint, joint])
    ((lost, into),) = {(t, m) for t, m in zip(tracks["track"], tracks["merged_into"], strict=True) if m}
    assert len(paths(tracks)[int(lost)]) == 1
    assert len(paths(tracks)[int(into)]) == 5


def test_rows_go_with_their_objects_whatever_their_order():
    builder = TrackBuilder()
    discs = [(30, 30, 6), (80, 90, 6)]
    builder.add(paint(discs), {"label": [2, 1], "p_dead": [0.9, 0.1], "state": ["dead", "live"]})
    builder.add(paint(discs[::-1]), {"p_dead": [0.8, 0.2], "n_in_clump": [1, 2]})
    tracks = builder.tracks()
    assert tracks["p_dead"].tolist() == [0.1, 0.2, 0.9, 0.8]
    np.testing.assert_array_equal(tracks["n_in_clump"], [np.nan, 2, np.nan, 1])
    assert "state" not in tracks


def test_frames_without_objects_are_frames():
    tracks = build([[], [(50, 50, 8)], [], []])
    assert tracks["frame"].tolist() == [1]
    assert all(len(column) == 0 for column in build([[], []]).values())
    assert all(len(column) == 0 for column in TrackBuilder().tracks().values())


def test_the_same_frames_give_the_same_tracks_and_looking_changes_nothing():
    frames = series(seed=3, step=5)
    first = build(frames, SHAPE)
    builder = TrackBuilder()
    for discs in frames:
        builder.add(paint(discs, SHAPE))
        builder.tracks()
    second = builder.tracks()
    for name, column in first.items():
        np.testing.assert_array_equal(column, second[name])


def test_only_the_last_frames_are_kept():
    builder = TrackBuilder(longest_gap=1)
    for discs in series(n=5, frames=6):
        builder.add(paint(discs, SHAPE))
    assert len(builder._recent) == 2


@pytest.mark.parametrize(
    ("frame", "rows", "words"),
    [
        (np.zeros((5, 5), np.int32), None, r"labels: has shape \(5, 5\)"),
        (paint([(50, 50, 5)]), {"p_dead": [0.1, 0.2]}, r"p_dead has shape \(2,\), there are 1"),
        (paint([(50, 50, 5)]), {"label": [3], "p_dead": [0.1]}, "does not hold the labels"),
    ],
)
def test_what_does_not_fit_is_refused(frame, rows, words):
    builder = TrackBuilder()
    builder.add(paint([(50, 50, 5)]))
    with pytest.raises(ShapeError, match=words):
        builder.add(frame, rows)
    assert builder.n_frames == 1
    with pytest.raises(SettingError, match="longest_gap: 11"):
        TrackBuilder(longest_gap=11)


def test_phase_contrast_cells_get_nearly_the_links_that_the_authors_made():
    folder = Path(__file__).parents[3] / "shared/data/cells_phase_t98g"
    if not folder.is_dir():
        pytest.skip("needs ../shared/data/cells_phase_t98g")
    labels, names = (
        [tifffile.imread(path).astype(np.int32) for path in sorted((folder / kind).glob("*.tif"))]
        for kind in ("labels", "track_ids")
    )
    builder = TrackBuilder()
    for plane in labels:
        builder.add(plane)
    tracks = builder.tracks()
    truth = np.array(
        [
            np.bincount(names[frame][labels[frame] == label]).argmax()
            for frame, label in zip(tracks["frame"], tracks["label"], strict=True)
        ]
    )
    follows = (np.diff(tracks["track"]) == 0) & (truth[1:] > 0) & (truth[:-1] > 0)
    right = (truth[1:] == truth[:-1])[follows]
    assert follows.sum() >= 440
    assert right.mean() >= 0.99
