from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from granum.batch.image_places import ImagePlace
from granum.batch.series_tracks import SeriesFrame, SeriesJob, follow_series
from granum.report.label_images import write_labels
from granum.report.tables import read_objects_csv, write_objects_csv


def labels_at(places, *, size=60, radius=5):
    y, x = np.mgrid[:size, :size]
    labels = np.zeros((size, size), np.int32)
    for number, (cy, cx) in enumerate(places, 1):
        labels[(y - cy) ** 2 + (x - cx) ** 2 <= radius**2] = number
    return labels


@pytest.fixture
def job(tmp_path):
    def make(*frames, shapes=None):
        made = []
        for t, (places, p_dead) in enumerate(frames):
            labels = labels_at(places, size=60 if shapes is None else shapes[t])
            write_labels(tmp_path / f"{t}.tif", labels)
            n = len(places)
            objects = {"label": np.arange(1, n + 1), "p_dead": np.array(p_dead, float), "state": np.full(n, "live")}
            write_objects_csv(tmp_path / f"{t}.csv", objects, file=f"f{t}.tif")
            made.append(SeriesFrame(f"f{t}.tif", 0, 2.0 * t, tmp_path / f"{t}.tif", tmp_path / f"{t}.csv"))
        return SeriesJob(ImagePlace("P", "B03", "1", 0.0), tuple(made), "h", tmp_path, 7)

    return make


TWO = [(15, 15), (40, 40)]


def test_nuclei_are_followed_and_their_death_is_timed(job):
    done = job((TWO, [0.02, 0.02]), (TWO[::-1], [0.02, 0.03]), (TWO, [0.02, 0.98]), (TWO, [0.02, 0.99]))
    found = follow_series(pickle.loads(pickle.dumps(done)))
    assert found.n_tracks == 2
    assert found.notes == ()
    assert found.lives["died"].tolist() == [False, True]
    assert found.lives["end"].tolist() == [6.0, 4.0]
    tracks = read_objects_csv(done.table("tracks"))
    assert tracks["track"].tolist() == [1] * 4 + [2] * 4
    assert tracks["label"].tolist() == [1, 2, 1, 1, 2, 1, 2, 2]
    assert tracks["time_h"][:4].tolist() == [0, 2, 4, 6]
    assert set(tracks["well"]) == {"B03"}
    events = read_objects_csv(done.table("events"))
    assert events["event"].tolist() == ["death"]
    assert (events["track"][0], events["time_h"][0], events["file"][0]) == (2, 4, "f2.tif")
    assert read_objects_csv(done.table("lives"))["outcome"].tolist() == ["survived", "died"]


def test_frames_of_another_size_begin_anew_and_it_is_said(job):
    done = job(
        (TWO, [0.02, 0.02]), (TWO, [0.02, 0.02]), (TWO, [0.02, 0.02]), (TWO, [0.02, 0.98]), shapes=(60, 60, 64, 64)
    )
    found = follow_series(done)
    assert found.n_tracks == 4
    assert "P B03 1: frames have different sizes; nuclei are not followed across f2.tif, frame 0." in found.notes
    tracks = read_objects_csv(done.table("tracks"))
    assert sorted(set(zip(tracks["track"].tolist(), tracks["time_h"].tolist(), strict=True))) == [
        (1, 0), (1, 2), (2, 0), (2, 2), (3, 4), (3, 6), (4, 4), (4, 6),
    ]  # fmt: skip
    assert len(found.lives["died"]) == 4


def test_frames_without_a_nucleus_and_series_without_any_are_no_fault(job):
    found = follow_series(job((TWO, [0.1, 0.1]), ([], []), (TWO, [0.1, 0.1])))
    assert found.n_tracks == 2
    assert follow_series(job(([], []), ([], []))).n_tracks == 0


def test_the_same_series_gives_the_same_bytes(job):
    done = job((TWO, [0.02, 0.5]), (TWO, [0.4, 0.9]), (TWO, [0.1, 0.9]))
    follow_series(done)
    first = [done.table(name).read_bytes() for name in ("tracks", "events", "lives")]
    follow_series(done)
    assert [done.table(name).read_bytes() for name in ("tracks", "events", "lives")] == first


def test_the_docs_tell_every_column_of_the_tables(job):
    done = job((TWO, [0.02, 0.98]), (TWO, [0.02, 0.98]))
    follow_series(done)
    page = (Path(__file__).parents[2] / "docs" / "reference" / "run_folder.md").read_text(encoding="utf-8")
    for name in ("tracks", "events", "lives"):
        section = page.partition(f"### {name}.csv")[2].partition("#")[0]
        told = {word for row in section.splitlines() if row.startswith("| `") for word in row.split("|")[1].split("`")}
        assert set(read_objects_csv(done.table(name))) <= told, name
