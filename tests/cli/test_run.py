from __future__ import annotations

import hashlib
import json

import pytest

from granum.cli.run import parse_interval, parse_settings
from granum.errors import SettingError


def test_a_run_says_what_it_found_and_where(granum, picture, tmp_path):
    out = tmp_path / "out"
    code, printed, err = granum(
        "run", "particles-seed", picture, "-o", out, "--pixel-size", "0.5 nm", "--interval", "2 s"
    )
    assert code == 0
    assert printed == f"4 objects in 1 images\nReport: {out / 'report.html'}\n"
    assert err == "1 of 1 done (four.tif)\n"
    run = json.loads((out / "run.json").read_text())
    assert run["reading"]["pixel_size"] == "0.5 nm (typed)"
    assert run["reading"]["interval_s"] == 2
    header = (out / "objects.csv").read_text().partition("\n")[0]
    assert "area_px,area_nm2" in header


def test_settings_change_the_recipe_that_is_written(granum, picture, tmp_path):
    out = tmp_path / "out"
    options = ["--set", "threshold.method=li", "--set", "separate.peaks.min_distance=3"]
    assert granum("run", "particles-seed", picture, "-o", out, *options)[0] == 0
    written = (out / "recipe.toml").read_text()
    assert 'method = "li"' in written
    assert "min_distance = 3" in written


def test_a_bad_file_is_code_three_and_named(granum, picture, tmp_path):
    (tmp_path / "broken.tif").write_bytes(b"II*\0")
    code, printed, err = granum("run", "particles-seed", tmp_path, "-o", tmp_path / "out")
    assert code == 3
    assert "4 objects in 1 images" in printed
    assert "failed: " in err
    assert "broken.tif" in err
    assert "1 failed; --resume tries them once more." in err
    assert (tmp_path / "out" / "DONE").exists()
    code, printed, _ = granum("run", "particles-seed", tmp_path, "-o", tmp_path / "out", "--resume")
    assert code == 3
    assert "(1 done before)" in printed


def test_only_bad_files_are_code_three_and_leave_nothing(granum, tmp_path):
    (tmp_path / "broken.tif").write_bytes(b"II*\0")
    code, printed, err = granum("run", "particles-seed", tmp_path / "broken.tif", "-o", tmp_path / "out")
    assert (code, printed) == (3, "")
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["particels"], "did you mean 'particles"),
        (["particles-seed", "--set", "threshold.method=otzu"], "'otzu' is not one of otsu, li"),
        (["particles-seed", "--set", "peaks.min_distance=0"], "must be 1 to 10000"),
        (["particles-seed", "--set", "peaks.min_distnce=3"], "did you mean 'min_distance'"),
        (["particles-seed", "--set", "method"], "write STEP.SETTING=VALUE"),
        (["particles-seed", "--pixel-size", "0.5"], "write a number and a unit"),
        (["particles-seed", "--interval", "5"], "as in '5 s'"),
        (["particles-seed", "--channel", "dye=2"], "reads only image"),
        (["particles-seed", "--channel", "dye"], "write NAME=INDEX"),
        (["particles-seed", "--jobs", "0"], "must be at least 1"),
        (["particles-seed", "--z", "3"], "no z plane 3"),
        (["particles-seed", "--cluster", "tcp://x"], "--cluster: is not there yet"),
        (["particles-seed", "--tile", "512"], "--tile: is not there yet"),
    ],
)
def test_wrong_usage_is_code_two_one_line_and_no_folder(granum, picture, tmp_path, words, message):
    code, printed, err = granum("run", words[0], picture, "-o", tmp_path / "out", *words[1:])
    assert (code, printed) == (2, "")
    assert message in err
    assert len(err.splitlines()) == 1 or "done (" in err
    assert [path.name for path in tmp_path.iterdir()] == ["four.tif"]


def test_an_existing_folder_is_code_two(granum, picture, tmp_path):
    assert granum("run", "particles-seed", picture, "-o", tmp_path)[::2] == (
        2,
        f"granum: {tmp_path}: exists already; choose another folder for -o, or add --resume.\n",
    )


@pytest.mark.parametrize(
    ("text", "seconds"), [("5 s", 5), ("250ms", 0.25), ("0.5 min", 30), ("2 h", 7200), (".5 s", 0.5), ("1 d", 86400)]
)
def test_intervals_are_read_in_every_unit(text, seconds):
    assert parse_interval(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["5", "s", "-5 s", "0 s", "5 parsec", ""])
def test_what_is_no_interval_is_refused(text):
    with pytest.raises(SettingError, match="as in '5 s'"):
        parse_interval(text)


def test_settings_are_split_at_the_first_equals_sign():
    assert parse_settings(["a.b=c=d", "a.c="]) == {"a.b": "c=d", "a.c": ""}
    with pytest.raises(SettingError, match="given twice"):
        parse_settings(["a.b=1", "a.b=2"])


def test_corrections_by_hand_come_from_a_file(granum, picture, tmp_path):
    sha256 = hashlib.sha256(picture.read_bytes()).hexdigest()
    edits = tmp_path / "corrections.json"
    edits.write_text(json.dumps({sha256: {"0": [{"op": "delete", "labels": [2]}]}}))
    code, printed, err = granum("run", "particles-seed", picture, "-o", tmp_path / "out", "--edits", edits)
    assert code == 0
    assert printed.startswith("3 objects in 1 images\n")
    assert "1 correction by hand went into the labels" in err
    edits.write_text(json.dumps({"0" * 64: {"0": [{"op": "delete", "labels": [2]}]}}))
    code, _, err = granum("run", "particles-seed", picture, "-o", tmp_path / "other", "--edits", edits)
    assert code == 2
    assert "no input has the SHA-256 000000000000" in err
