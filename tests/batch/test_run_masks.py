from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import tifffile
from finished_runs import make_run, make_scene

from granum.batch import run_batch
from granum.batch.run_masks import open_run
from granum.errors import ReadError, SettingError


def test_a_run_gives_frames_classes_and_labels(tmp_path):
    run = open_run(make_run(tmp_path, n_frames=3))
    assert run.ground_is_zero
    assert [one.name for one in run.legend] == ["cell", "outline", "live nucleus", "dead nucleus"]
    assert [one.name for one in run.frames[:4]] == [
        *(f"B02_f1.tif, frame {t}" for t in range(3)),
        "B02_f2.tif, frame 0",
    ]
    _, labels, classes, p_dead = make_scene(11)
    np.testing.assert_array_equal(run.classes(run.frames[4]), classes)
    np.testing.assert_array_equal(run.labels(run.frames[4]), labels)
    assert run.doubtful["B02_f2.tif", 1] == list(enumerate(p_dead, 1))
    run.check_sources()


def test_a_real_run_of_pixel_classes_can_be_read_and_its_zero_is_not_background(tmp_path):
    y, x = np.mgrid[:80, :90]
    pixels = np.where((y // 20 + x // 30) % 2, 180, 60).astype(np.uint8)
    tifffile.imwrite(
        tmp_path / "a.tif", pixels + np.random.default_rng(0).integers(0, 9, pixels.shape).astype(np.uint8)
    )
    run_batch("pixel-clusters", [tmp_path / "a.tif"], tmp_path / "run")
    run = open_run(tmp_path / "run")
    assert not run.ground_is_zero
    (one,) = run.frames
    classes = run.classes(one)
    assert {kind.id for kind in run.legend} == set(np.unique(classes).tolist()) - {0}
    assert one.n_px[1] == (classes == 1).sum()
    with pytest.raises(SettingError, match="has no p_dead"):
        run.doubtful  # noqa: B018


def test_images_that_were_moved_are_found_by_name_and_content(tmp_path):
    folder = make_run(tmp_path)
    (tmp_path / "images").rename(tmp_path / "elsewhere")
    with pytest.raises(ReadError, match=r"B02_f1\.tif: is not there any more; say where it is with --images"):
        open_run(folder)
    other = tmp_path / "elsewhere" / "copies"
    other.mkdir()
    shutil.copy(tmp_path / "elsewhere" / "B03_f1.tif", other / "B02_f1.tif")  # another picture of the same name
    run = open_run(folder, images=tmp_path / "elsewhere")
    run.check_sources()
    assert run.frames[0].facts.source.path == tmp_path / "elsewhere" / "B02_f1.tif"
    with pytest.raises(ReadError, match="nor in"):
        open_run(folder, images=other)
    with pytest.raises(SettingError, match="is no folder"):
        open_run(folder, images=tmp_path / "nowhere")


def test_an_image_that_has_changed_is_refused(tmp_path):
    folder = make_run(tmp_path)
    tifffile.imwrite(tmp_path / "images" / "B03_f1.tif", np.zeros((96, 128), np.uint8))
    with pytest.raises(ReadError, match=r"B03_f1\.tif: was changed since run was made"):
        open_run(folder).check_sources()


def test_what_is_no_finished_run_with_classes_is_refused(tmp_path):
    with pytest.raises(SettingError, match="is no run folder"):
        open_run(tmp_path)
    folder = make_run(tmp_path)
    shutil.rmtree(folder / "classes")
    with pytest.raises(SettingError, match="has no classes/, recipe 'live-dead' finds none"):
        open_run(folder)
    (folder / "DONE").unlink()
    with pytest.raises(SettingError, match="is not finished"):
        open_run(folder)


@pytest.mark.parametrize("text", ["{", "[]", json.dumps({"reading": {}})])
def test_a_damaged_run_says_so(tmp_path, text):
    folder = make_run(tmp_path)
    (folder / "run.json").write_text(text)
    with pytest.raises(ReadError, match="cannot be read"):
        open_run(folder)


def test_a_mask_of_another_size_is_refused(tmp_path):
    folder = make_run(tmp_path)
    tifffile.imwrite(folder / "classes" / "B02_f1.tif", np.zeros((9, 9), np.uint8))
    run = open_run(folder)
    with pytest.raises(ReadError, match=r"has shape \(9, 9\)"):
        run.classes(run.frames[0])
    (folder / "classes" / "B02_f1.tif").unlink()
    with pytest.raises(ReadError, match="cannot be read"):
        run.classes(run.frames[0])
