from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from granum.batch.plan import _safe, find_files, parse_channels, plan_sources
from granum.errors import SettingError


def touch(folder, *names):
    paths = [folder / name for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return paths


def test_a_file_named_in_several_ways_counts_once(tmp_path, monkeypatch):
    touch(tmp_path, "a.png", "b.png")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link.png").symlink_to(tmp_path / "a.png")
    found = find_files(["b.png", str(tmp_path), "./a.png", "*.png"])
    assert [path.name for path in found] == ["b.png", "a.png"]


@pytest.mark.parametrize("missing", ["nothing.png", "nothing/*.png"])
def test_an_input_that_is_not_there_is_wrong_usage(tmp_path, missing):
    with pytest.raises(SettingError, match="nothing"):
        find_files([tmp_path / missing])


def test_one_file_is_one_source():
    (source,), notes = plan_sources([Path("data/gold 8nm.tif")])
    assert (source.file, source.stem, source.paths) == ("gold 8nm.tif", "gold 8nm", (Path("data/gold 8nm.tif"),))
    assert notes == []


def test_equal_names_are_told_apart_by_their_folders(tmp_path):
    files = touch(tmp_path, "a/x.tif", "b/x.tif", "b/X.tif")
    sources, _ = plan_sources(files)
    assert [source.file for source in sources] == ["a/x.tif", "b/x.tif", "b/X.tif"]
    assert [source.stem for source in sources] == ["a_x", "b_x_tif", "b_X_tif_2"]


def test_equal_stems_keep_their_endings():
    sources, _ = plan_sources([Path("x.tif"), Path("x.png"), Path("y.ome.tif")])
    assert [source.stem for source in sources] == ["x_tif", "x_png", "y"]


@given(st.lists(st.text(min_size=1, max_size=12).filter(lambda name: "/" not in name), max_size=6, unique=True))
def test_stems_are_always_unique_and_safe(names):
    sources, _ = plan_sources([Path("/data") / f"f{name}.tif" for name in names])
    stems = [source.stem.casefold() for source in sources]
    assert len(set(stems)) == len(names)
    for stem in stems:
        assert not set(stem) & set('/\\:*?"<>|\0\n')


@pytest.mark.parametrize(("name", "safe"), [("con", "con_"), ("a/b", "a_b"), (" . ", "image"), ("µ-1 (2)", "µ-1 (2)")])
def test_names_are_made_safe_for_every_system(name, safe):
    assert _safe(name) == safe


def test_channels_in_files_of_their_own_pair_by_what_the_star_matches():
    files = [Path(f"{well}_w{w}.tif") for well in ("A01", "A02") for w in (1, 2)] + [Path("notes.tif")]
    sources, notes = plan_sources(files, {"image": "*_w1.tif", "hoechst": "*_w2.tif"})
    assert [source.path.name for source in sources] == ["A01_w1.tif", "A02_w1.tif"]
    assert [source.channel_paths["hoechst"].name for source in sources] == ["A01_w2.tif", "A02_w2.tif"]
    assert len(sources[0].paths) == 2
    assert notes == ["1 files match no --channel pattern and were left out, as notes.tif."]


def test_without_a_pattern_for_the_image_the_first_names_the_files():
    (source,), _ = plan_sources([Path("a_1.tif"), Path("a_2.tif")], {"red": "*_2.tif", "blue": "*_1.tif"})
    assert source.path.name == "a_2.tif"
    assert set(source.channel_paths) == {"red", "blue"}


@pytest.mark.parametrize("pattern", ["?_[12].tif", "*_?.tif", "*.t[!x]f"])
def test_patterns_know_stars_question_marks_and_brackets(pattern):
    sources, _ = plan_sources([Path("a_1.tif"), Path("b_2.tif"), Path("c.txf")], {"image": pattern})
    assert [source.path.name for source in sources] == ["a_1.tif", "b_2.tif"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a_1.tif"], r"channel dye: '\*_2\.tif' matches none of the 1 files"),
        (["a_1.tif", "b_1.tif", "a_2.tif"], r"channel dye: no file goes with b_1"),
    ],
)
def test_fields_that_lack_a_channel_are_refused(names, message):
    with pytest.raises(SettingError, match=message):
        plan_sources([Path(name) for name in names], {"image": "*_1.tif", "dye": "*_2.tif"})


def test_two_files_for_one_channel_of_one_field_are_refused(tmp_path):
    files = touch(tmp_path, "a/x_1.tif", "b/x_1.tif")
    with pytest.raises(SettingError, match=r"channel image: x_1\.tif and x_1\.tif are both it"):
        plan_sources(files, {"image": "*_1.tif"})


def test_channel_options_are_indices_names_or_patterns():
    assert parse_channels(["hoechst=3", "image=*_w1.tif", "dye=Cy5"]) == (
        {"hoechst": "3", "dye": "Cy5"},
        {"image": "*_w1.tif"},
    )


@pytest.mark.parametrize(
    ("options", "message"), [(["hoechst"], "write NAME=INDEX"), (["=3"], "write"), (["a=1", "a=*"], "twice")]
)
def test_a_wrong_channel_option_is_explained(options, message):
    with pytest.raises(SettingError, match=message):
        parse_channels(options)
