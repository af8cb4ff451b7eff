from __future__ import annotations

import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from granum.app.label_planes import check_sum
from granum.app.problems import Problem
from granum.app.result_edits import EditLog, FrameEdits
from granum.app.run_messages import EditRequest
from granum.errors import GranumError
from granum.separate import edit_labels


def scene():
    """Six bars of 3 x 20 pixels."""
    labels = np.zeros((30, 24), np.int32)
    for n in range(6):
        labels[5 * n : 5 * n + 3, 2:22] = n + 1
    return labels


def opened(path, labels=None):
    labels = scene() if labels is None else labels
    return FrameEdits(labels, check_sum(labels), EditLog(path))


def cut(label, x=11):
    return {"op": "split", "labels": [label], "points": [[5 * label - 7, x], [5 * label - 1, x]]}


def delete(*labels):
    return {"op": "delete", "labels": list(labels)}


class Desk:
    """Edits with ids that count by themselves."""

    def __init__(self, path):
        self.path, self.n = path, 0
        self.edits = opened(path)

    def do(self, edit, author="ada"):
        self.n += 1
        return self.edits.edit(EditRequest(id=f"e{self.n}", **edit), author)

    def replayed(self):
        """What a run with these corrections makes of the labels."""
        log = EditLog(self.path)
        return edit_labels(scene(), edits=[act.edit for act in log.active])

    def check(self):
        """Memory, journal and replay agree."""
        result, again = self.replayed(), opened(self.path)
        for other in (result.labels, again.labels):
            assert (self.edits.labels == other).all()
        assert self.edits.values.tolist() == result.values.tolist() == again.values.tolist()
        assert self.edits.values[self.edits.edited].tolist() == result.edited.tolist()
        assert again.log.version == self.edits.log.version


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path / "edits" / "field_t0.log")


def test_without_edits_there_is_no_journal(desk):
    assert desk.edits.labels.max() == 6
    assert not desk.path.exists()


def test_undo_and_redo_give_back_the_same_pixels_and_labels(desk):
    states = [desk.edits.labels.copy()]
    for edit in (cut(1), cut(2), delete(7), {"op": "merge", "labels": [2, 8]}):
        desk.do(edit)
        states.append(desk.edits.labels.copy())
        desk.check()
    for before in reversed(states[:-1]):
        ack = desk.edits.undo("ada")
        assert (desk.edits.labels == before).all()
        desk.check()
    assert (ack.can_undo, ack.can_redo, ack.n_edits, ack.n_objects) == (False, True, 0, 6)
    for after in states[1:]:
        ack = desk.edits.redo("ada")
        assert (desk.edits.labels == after).all()
        desk.check()
    assert (ack.can_undo, ack.can_redo, ack.n_edits) == (True, False, 4)


def test_the_dirty_rectangle_of_an_undo_is_where_pixels_change(desk):
    ack = desk.do(delete(3))
    assert ack.dirty == [10, 2, 13, 22]
    assert desk.edits.undo("ada").dirty == [10, 2, 13, 22]


def test_a_new_edit_ends_what_could_be_redone_and_takes_new_labels(desk):
    assert desk.do(cut(1)).new_labels == [7]
    desk.edits.undo("ada")
    ack = desk.do(cut(2))
    assert ack.new_labels == [8]
    assert not ack.can_redo
    with pytest.raises(Problem, match="no correction of yours to redo"):
        desk.edits.redo("ada")
    desk.check()


def test_everybody_takes_back_their_own(desk):
    desk.do(delete(1), "ada")
    desk.do(delete(2), "bob")
    assert desk.edits.undo("ada").n_edits == 1
    assert np.unique(desk.edits.labels).tolist() == [0, 1, 3, 4, 5, 6]
    with pytest.raises(Problem, match="no correction of yours to take back"):
        desk.edits.undo("ada")
    desk.check()
    desk.edits.redo("ada")
    assert np.unique(desk.edits.labels).tolist() == [0, 3, 4, 5, 6]
    desk.check()


def test_later_edits_keep_their_labels_when_an_earlier_one_is_taken_back(desk):
    desk.do(cut(1), "ada")
    assert desk.do(cut(2), "bob").new_labels == [8]
    desk.do(delete(8), "bob")
    desk.edits.undo("ada")
    assert 8 not in desk.edits.labels
    assert np.bincount(desk.edits.labels.ravel(), minlength=9)[[1, 2, 7, 8]].tolist() == [60, 30, 0, 0]
    desk.check()


def test_what_later_edits_need_is_not_taken_back(desk):
    desk.do(cut(1), "ada")
    desk.do(delete(7), "bob")
    before, version = desk.edits.labels.copy(), desk.edits.log.version
    with pytest.raises(Problem, match=r"goes together with later ones.*no object 7") as caught:
        desk.edits.undo("ada")
    assert caught.value.status == 409
    assert (desk.edits.labels == before).all()
    assert desk.edits.log.version == version
    desk.check()


def test_an_erasure_that_parts_an_object_only_after_an_undo_gives_the_same_labels_everywhere(desk):
    desk.do({"op": "draw", "labels": [1], "points": [[3, 11], [4, 11]], "radius": 0.5}, "ada")
    desk.do({"op": "merge", "labels": [1, 2]}, "bob")  # one piece, by ada's bridge
    desk.do({"op": "draw", "labels": [1], "points": [[1, 1], [6, 1]], "radius": 1.0}, "ada")  # a second bridge
    assert desk.do({"op": "erase", "points": [[3, 11], [4, 11]], "radius": 0.5}, "bob").new_labels == []
    desk.edits.undo("ada")  # without it the erasure has parted the object
    assert np.unique(desk.edits.labels).tolist() == [0, 1, 3, 4, 5, 6, 7]
    desk.check()
    desk.edits.redo("ada")
    assert desk.do({"op": "draw", "points": [[29, 2]], "radius": 1.0}, "bob").new_labels == [8]  # 7 stays reserved
    desk.edits.undo("ada")
    assert np.unique(desk.edits.labels).tolist() == [0, 1, 3, 4, 5, 6, 7, 8]
    desk.check()


def test_what_does_not_fit_any_more_is_not_redone(desk):
    desk.do({"op": "merge", "labels": [1, 2]}, "ada")
    desk.edits.undo("ada")
    desk.do(delete(2), "bob")
    # at its old place, before bob's: then object 2 is gone for bob
    with pytest.raises(Problem, match="no object 2"):
        desk.edits.redo("ada")
    assert np.unique(desk.edits.labels).tolist() == [0, 1, 3, 4, 5, 6]
    desk.check()


def test_the_same_id_twice_is_one_edit(desk):
    request = EditRequest(id="once", **delete(1))
    first = desk.edits.edit(request, "ada")
    assert desk.edits.edit(request, "ada") == first
    assert len(desk.edits.log.acts) == 1
    again = opened(desk.path)
    assert again.edit(request, "ada").n_edits == 1
    assert len(again.log.acts) == 1
    undone = desk.edits.undo("ada", "back")
    assert desk.edits.undo("ada", "back") == undone


def test_an_edit_that_does_not_go_is_not_written(desk):
    for edit in (
        delete(99),
        {"op": "split", "labels": [1], "points": [[0, 0], [0, 1]]},
        {"op": "merge", "labels": [1]},
    ):
        with pytest.raises(GranumError):
            desk.do(edit)
    assert not desk.path.exists()
    assert desk.edits.log.version == 0


def test_an_edit_that_cannot_be_written_has_not_happened(desk, monkeypatch):
    desk.do(delete(1))
    before = desk.edits.labels.copy()

    def full(record):
        raise Problem(507, "not_written", "The disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(desk.edits.log.journal, "append", full)
        for act in (lambda: desk.do(delete(2)), lambda: desk.edits.undo("ada")):
            with pytest.raises(Problem, match="disk is full"):
                act()
            assert (desk.edits.labels == before).all()
    desk.check()
    assert desk.do(delete(2)).n_edits == 2
    desk.check()


def test_corrections_of_other_labels_are_not_applied(desk):
    desk.do(delete(1))
    other = scene()
    other[0, 0] = 9
    with pytest.raises(
        Problem, match=r"has changed since it was corrected; its 1 corrections are kept in field_t0\.log"
    ):
        opened(desk.path, other)


acts = st.lists(
    st.tuples(
        st.sampled_from(["ada", "bob"]),
        st.one_of(
            st.sampled_from(["undo", "redo"]),
            st.builds(cut, st.integers(1, 9), st.integers(4, 20)),
            st.builds(delete, st.integers(1, 9)),
            st.builds(lambda a, b: {"op": "merge", "labels": [a, b]}, st.integers(1, 9), st.integers(1, 9)),
            st.builds(
                lambda y, x, r: {"op": "erase", "points": [[y, x]], "radius": r},
                st.integers(0, 29), st.integers(0, 23), st.sampled_from([1.0, 3.0]),
            ),
            st.builds(
                lambda y, x: {"op": "draw", "points": [[y, x], [y, x + 4]], "radius": 2.0},
                st.integers(0, 29), st.integers(0, 20),
            ),
        ),
    ),
    max_size=14,
)  # fmt: skip


@settings(max_examples=60)
@given(acts)
def test_whatever_two_authors_do_memory_journal_and_replay_agree(tmp_path_factory, wanted):
    desk = Desk(tmp_path_factory.mktemp("edits") / "field_t0.log")
    for author, act in wanted:
        try:
            if act == "undo":
                desk.edits.undo(author)
            elif act == "redo":
                desk.edits.redo(author)
            else:
                desk.do(act, author)
        except GranumError:
            pass
    desk.check()


WRITER = """
import sys
from pathlib import Path
import numpy as np
from granum.app.label_planes import check_sum
from granum.app.run_messages import EditRequest
from granum.app.result_edits import EditLog, FrameEdits
labels = np.arange(1, 1001, dtype=np.int32).reshape(20, 50)
edits = FrameEdits(labels, check_sum(labels), EditLog(Path(sys.argv[1])))
for n in range(1, 1001):
    edits.edit(EditRequest(id=f"e{n}", op="delete", labels=[n]), "ada")
    print(n, flush=True)
"""


def test_a_correction_that_was_acknowledged_survives_kill_9(tmp_path):
    path = tmp_path / "field_t0.log"
    child = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
    told = 0
    for line in child.stdout:
        told = int(line)
        if told >= 40:
            os.kill(child.pid, signal.SIGKILL)
            break
    told = max([told, *(int(line) for line in child.stdout.read().split())])
    child.wait()
    child.stdout.close()
    labels = np.arange(1, 1001, dtype=np.int32).reshape(20, 50)
    edits = FrameEdits(labels, check_sum(labels), EditLog(path))
    gone = np.setdiff1d(np.arange(1, 1001), edits.values)
    assert gone.tolist() in (list(range(1, told + 1)), list(range(1, told + 2)))
