from __future__ import annotations

import json
import threading
import zlib

import numpy as np
import pytest

from granum.app.journal import Journal
from granum.app.paint_messages import Stroke
from granum.app.paint_store import PaintStore
from granum.app.problems import Problem

SIZE = (3000, 4000)


class Folder:
    def __init__(self, root):
        self.root = root
        self.read_only = ""

    def path(self, *parts):
        return self.root.joinpath(*parts)


def size_of(image):
    if image == "gone":
        raise Problem(404, "not_found", "There is no image 'gone'.")
    return SIZE


def open_store(root, said=None, **settings):
    return PaintStore(Folder(root), size_of, (said if said is not None else []).append, **settings)


def make_stroke(id, y=100.0, x=100.0, t=0, z=0, class_id=1):
    return Stroke(id=id, tool="brush", class_id=class_id, radius=8, points=[[y, x], [y + 20, x + 30]], t=t, z=z)


def pixels(store, image="i", layer="strokes", t=0, z=0):
    with store.layer(image, layer, t, z) as plane:
        return plane.tiles.window(0, 0, 1500, 1500)


def test_strokes_are_there_again_after_a_restart_with_who_when_and_where(tmp_path):
    said = []
    store = open_store(tmp_path, said)
    ack = store.paint("i", "strokes", make_stroke("s", t=2, z=1), "ann")
    store.undo("i", "strokes", 2, 1, "ann", "u")
    store.redo("i", "strokes", 2, 1, "ann")
    again = open_store(tmp_path)
    np.testing.assert_array_equal(pixels(again, t=2, z=1), pixels(store, t=2, z=1))
    assert pixels(again, t=2, z=1).any()
    assert not pixels(again).any()
    records = Journal(tmp_path / "annotations" / "i" / "strokes" / "journal.log").records
    assert [(r["v"], r["t"], r["z"], r["author"], r["do"]) for r in records] == [
        (1, 2, 1, "ann", do) for do in ("paint", "undo", "redo")
    ]
    assert all(record["time"].endswith("Z") for record in records)
    assert said[0] == {
        "type": "paint", "image": "i", "layer": "strokes", "t": 2, "z": 1, "author": "ann", **ack.model_dump(),
    }  # fmt: skip
    assert [message["version"] for message in said] == [1, 2, 3]


def test_nothing_is_written_or_told_when_somebody_only_looks(tmp_path):
    said = []
    store = open_store(tmp_path, said)
    for number in range(50):
        assert not pixels(store, layer=f"l{number}").any()
    store.undo("i", "strokes", 0, 0, "a")
    assert list(tmp_path.iterdir()) == []
    assert said == []
    assert not store._books


def test_the_same_stroke_twice_is_told_once(tmp_path):
    said = []
    store = open_store(tmp_path, said)
    assert store.paint("i", "l", make_stroke("s"), "a") == store.paint("i", "l", make_stroke("s"), "a")
    assert len(said) == 1


def test_idle_layers_leave_memory_and_come_back(tmp_path):
    store = open_store(tmp_path, most_bytes=4 << 20, idle_s=0)
    for t in range(12):
        store.paint("i", "l", make_stroke(f"s{t}", x=50.0 * t, t=t), "a")
    in_memory = sum(len(book.used) for book in store._books.values())
    assert 1 <= in_memory < 8
    fresh = open_store(tmp_path)
    for t in range(12):
        np.testing.assert_array_equal(pixels(store, layer="l", t=t), pixels(fresh, layer="l", t=t))
        assert pixels(store, layer="l", t=t).any()
    assert store.undo("i", "l", 0, 0, "a").n_strokes == 0


def test_what_somebody_paints_on_stays_in_memory_however_large_it_is(tmp_path):
    store = open_store(tmp_path, most_bytes=1)
    store.paint("i", "l", make_stroke("s"), "a")
    with store.layer("i", "l", 0, 0) as first:
        pass
    store.paint("i", "l", make_stroke("t"), "a")
    with store.layer("i", "l", 0, 0) as second:
        assert second is first


def test_two_writers_on_one_image_converge(tmp_path):
    """Row 27 of the fault list: what both are told in the end, memory and the journal agree on every pixel."""
    said = []
    store = open_store(tmp_path, said)
    start = threading.Barrier(4)

    def work(author, class_id):
        rng = np.random.default_rng(class_id)
        start.wait()
        for number in range(40):
            y, x = rng.uniform(50, 400, 2)
            store.paint("i", "l", make_stroke(f"{author}{number}", y, x, class_id=class_id), author)
            if number % 7 == 6:
                store.undo("i", "l", 0, 0, author, f"u{author}{number}")

    threads = [threading.Thread(target=work, args=(f"w{n}", n + 1)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [message["version"] for message in said] == list(range(1, 4 * 45 + 1))
    fresh = open_store(tmp_path)
    np.testing.assert_array_equal(pixels(store, layer="l"), pixels(fresh, layer="l"))
    assert store.n_strokes("i") == fresh.n_strokes("i") == 4 * 35
    assert said[-1]["n_strokes"] == 4 * 35


def test_images_do_not_share_strokes_and_a_slow_one_does_not_hold_up_another(tmp_path):
    store = open_store(tmp_path)
    with store.layer("i", "l", 0, 0):
        done = threading.Thread(target=store.paint, args=("other", "l", make_stroke("s"), "a"))
        done.start()
        done.join(20)
        assert not done.is_alive()
    assert pixels(store, "other", "l").any()
    assert not pixels(store, "i", "l").any()


def test_a_failed_write_changes_nothing_and_is_not_told(tmp_path, monkeypatch):
    said = []
    store = open_store(tmp_path, said)
    store.paint("i", "l", make_stroke("s"), "a")
    before = pixels(store, layer="l")

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("granum.app.journal.os.write", full)
    with pytest.raises(Problem, match="No space left on device") as caught:
        store.paint("i", "l", make_stroke("t", 500), "a")
    assert caught.value.status == 507
    monkeypatch.undo()
    np.testing.assert_array_equal(pixels(store, layer="l"), before)
    assert len(said) == 1
    assert store.paint("i", "l", make_stroke("t", 500), "a").version == 2
    np.testing.assert_array_equal(pixels(open_store(tmp_path), layer="l"), pixels(store, layer="l"))


def test_damage_costs_one_stroke_and_is_noted(tmp_path):
    store = open_store(tmp_path)
    for number in range(3):
        store.paint("i", "l", make_stroke(f"s{number}", 100.0 + 200 * number), "a")
    path = tmp_path / "annotations" / "i" / "l" / "journal.log"
    data = path.read_bytes()
    path.write_bytes(data.replace(b'"s1"', b'"xx"'))
    again = open_store(tmp_path)
    assert [bool(pixels(again, layer="l")[100 + 200 * n, 100]) for n in range(3)] == [True, False, True]
    assert "1 records are left out" in again.notes[0]


def test_a_read_only_project_can_be_looked_at(tmp_path):
    open_store(tmp_path).paint("i", "l", make_stroke("s"), "a")
    folder = Folder(tmp_path)
    folder.read_only = "The folder is read-only."
    store = PaintStore(folder, size_of, [].append)
    assert pixels(store, layer="l").any()
    for act in (
        lambda: store.paint("i", "l", make_stroke("t"), "a"),
        lambda: store.undo("i", "l", 0, 0, "a"),
        lambda: store.redo("i", "l", 0, 0, "a"),
    ):
        with pytest.raises(Problem, match="The folder is read-only") as caught:
            act()
        assert (caught.value.status, caught.value.code) == (409, "read_only")


def test_a_journal_outlives_its_image(tmp_path):
    path = tmp_path / "annotations" / "gone" / "l" / "journal.log"
    Journal(path).append({"v": 1})
    with pytest.raises(Problem, match="no image 'gone'"), open_store(tmp_path).layer("gone", "l", 0, 0):
        pass
    assert path.exists()


@pytest.mark.parametrize(("image", "layer"), [("..", "l"), ("i", "../../x"), ("i", ""), ("i/j", "l"), ("i", "a" * 65)])
def test_names_never_become_paths(tmp_path, image, layer):
    store = open_store(tmp_path / "inside")
    with pytest.raises(Problem, match="is no name") as caught:
        store.paint(image, layer, make_stroke("s"), "a")
    assert caught.value.status == 404
    assert list(tmp_path.iterdir()) == []


def test_names_that_differ_in_case_are_one_layer_as_on_every_disk(tmp_path):
    store = open_store(tmp_path)
    store.paint("i", "Strokes", make_stroke("s"), "a")
    assert store.paint("i", "strokes", make_stroke("t"), "a").version == 2


def test_planes_that_the_image_does_not_have_are_refused(tmp_path):
    store = open_store(tmp_path, planes_of=lambda image: (2, 1))
    store.paint("i", "l", make_stroke("s", t=1), "a")
    with pytest.raises(Problem, match="no plane t 2, z 0: the image has 2 frames and 1 planes"):
        store.paint("i", "l", make_stroke("t", t=2), "a")


def test_a_journal_of_a_later_granum_is_left_alone(tmp_path):
    path = tmp_path / "annotations" / "i" / "l" / "journal.log"
    path.parent.mkdir(parents=True)
    body = json.dumps({"v": 2, "t": 0, "z": 0}).encode()
    path.write_bytes(b"%08x %b\n" % (zlib.crc32(body), body))
    before = path.read_bytes()
    with pytest.raises(Problem, match="record 1 is of version 2, this granum reads 1"):
        open_store(tmp_path).paint("i", "l", make_stroke("s"), "a")
    assert path.read_bytes() == before


def test_strokes_are_counted_without_painting_them(tmp_path):
    store = open_store(tmp_path)
    assert store.n_strokes("i") == 0
    for number in range(4):
        store.paint("i", "l", make_stroke(f"s{number}", class_id=1 + number // 2), "a")
    store.paint("i", "m", make_stroke("s", class_id=3), "b")
    store.undo("i", "l", 0, 0, "a")
    store.undo("i", "l", 0, 0, "a")
    assert store.n_strokes("i") == 3
    assert store.used_classes() == {1: 2, 2: 2, 3: 1}  # class 2 can be brought back
    store.paint("i", "l", make_stroke("new", class_id=1), "a")
    assert open_store(tmp_path).used_classes() == store.used_classes() == {1: 3, 3: 1}
    store.undo("i", "m", 0, 0, "b")
    store.redo("i", "m", 0, 0, "b")
    assert store.n_strokes("i") == 4


def test_counting_never_reads_a_journal_that_is_in_use(tmp_path, monkeypatch):
    """The list of images shows the number after every stroke: reading 10,000 of them each time would take 0.3 s."""
    store = open_store(tmp_path)
    store.paint("i", "Strokes", make_stroke("s"), "a")
    monkeypatch.setattr("granum.app.paint_store.Journal", None)
    store.paint("i", "Strokes", make_stroke("t"), "a")
    assert store.n_strokes("i") == 2
    assert store.used_classes() == {1: 2}


def test_a_journal_that_cannot_be_read_counts_nothing_and_is_noted_once(tmp_path):
    Journal(tmp_path / "annotations" / "i" / "l" / "journal.log").append({"v": 9})
    store = open_store(tmp_path)
    assert [store.n_strokes("i"), store.n_strokes("i")] == [0, 0]
    assert len(store.notes) == 1
    with pytest.raises(Problem, match="version 9"):
        store.used_classes()


def test_warming_up_leaves_nothing_behind(tmp_path):
    said = []
    store = open_store(tmp_path, said)
    store.warm().join(120)
    assert list(tmp_path.iterdir()) == []
    assert said == []
    assert store.n_strokes("i") == 0
