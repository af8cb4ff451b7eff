from __future__ import annotations

import json

import pytest

from granum.errors import OutputError, SettingError
from granum.learn.search_space import Part, Pipeline
from granum.learn.search_state import StudyFile, Trial, order_trials

PIPELINE = Pipeline((Part("mlp", (("hidden", (64, 32)),)),), "training")


def trial(number, miou=0.7, state="done", **more):
    return Trial(number, PIPELINE, state, 1.5, 0.4, miou=miou, without=(0.6, 0.8), partial=(0.9,), **more)


def test_trials_are_written_down_and_read_again(tmp_path):
    study = StudyFile(tmp_path / "study.jsonl", "abc")
    assert study.read() == ()
    given = (trial(0), trial(1, None, "pruned", problem="worse"), trial(2, None, "failed", problem="ValueError: no"))
    for one in given:
        study.add(one)
    again = StudyFile(tmp_path / "study.jsonl", "abc")
    assert again.read() == given
    again.add(trial(3))
    assert len(StudyFile(tmp_path / "study.jsonl", "abc").read()) == 4


def test_a_line_that_was_cut_off_is_left_out_and_the_next_is_whole(tmp_path):
    path = tmp_path / "study.jsonl"
    study = StudyFile(path, "abc")
    study.add(trial(0))
    study.add(trial(1))
    path.write_text(path.read_text()[:-40])
    again = StudyFile(path, "abc")
    assert [one.number for one in again.read()] == [0]
    again.add(trial(1))
    assert [one.number for one in StudyFile(path, "abc").read()] == [0, 1]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("no study\n", "not a study"),
        ("\x80\x04pickle", "not a study"),
        (json.dumps({"granum_study": 1, "fingerprint": "other"}) + "\n", "other images"),
        (json.dumps({"granum_study": 1, "fingerprint": "abc"}) + '\n{"number": 1}\n', "damaged"),
    ],
)
def test_a_file_of_something_else_is_refused(tmp_path, text, says):
    path = tmp_path / "study.jsonl"
    path.write_text(text)
    with pytest.raises(SettingError, match=says):
        StudyFile(path, "abc").read()
    assert path.read_text() == text


def test_a_study_that_cannot_be_written_is_an_error(tmp_path):
    with pytest.raises(OutputError, match="cannot be written"):
        StudyFile(tmp_path / "missing" / "study.jsonl", "abc").add(trial(0))


def test_without_a_path_nothing_is_kept():
    study = StudyFile(None, "abc")
    study.add(trial(0))
    assert study.read() == ()


def test_the_kept_one_comes_first_then_the_best_then_those_without_a_score():
    given = [trial(0, None, "failed"), trial(1, 0.8), trial(2, 0.79, is_best=True), trial(3, 0.9)]
    assert [one.number for one in order_trials(given)] == [2, 3, 1, 0]


def test_what_a_model_keeps_of_a_trial_holds_no_clock():
    assert "seconds" not in trial(0).to_json()
    assert trial(0).to_json()["description"] == PIPELINE.describe()
