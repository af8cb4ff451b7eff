from __future__ import annotations

import numpy as np
import pytest

from granum import pipeline
from granum.app.forms import shrink_recipe
from granum.app.preview_results import make_result
from granum.app.preview_worker import PreviewJob, PreviewMaker, PreviewSource, Stopped, full_objects
from granum.app.tiles import halve
from granum.errors import GranumError, SettingError
from granum.image import Image, PixelSize
from granum.read import read_image
from granum.recipe import load_recipe, parse_recipe
from granum.samples import simulate_particles
from granum.steps import FULL_SIZE_ONLY


@pytest.fixture(scope="module")
def picture():
    return simulate_particles("discs", size=300, count=20, seed=3, dtype="uint16")


@pytest.fixture
def source(tmp_path, picture):
    path = tmp_path / "discs.npy"
    np.save(path, picture.image)
    return PreviewSource("0" * 16, path, PixelSize(0.5, 0.5, "nm", "typed"))


def job(source, tmp_path, **about):
    folder = tmp_path / f"out{about.get('number', 1)}"
    folder.mkdir(exist_ok=True)
    return PreviewJob(**{"number": 1, "source": source, "recipe": load_recipe("particles"), "folder": folder, **about})


def test_the_exact_preview_is_what_granum_run_gives_bit_for_bit(source, tmp_path):
    found = PreviewMaker().make(job(source, tmp_path, layers=("labels", "mask", "area")))
    wanted = pipeline.run("particles", read_image(source.path, pixel_size=source.pixel_size))
    assert [layer.name for layer in found.layers] == ["labels", "mask", "area"]
    for layer in found.layers:
        stored = np.load(layer.path)
        assert stored.dtype == wanted.layers[layer.name].dtype
        np.testing.assert_array_equal(stored, wanted.layers[layer.name])
    assert found.objects.keys() == wanted.objects.keys()
    for name, values in wanted.objects.items():
        np.testing.assert_array_equal(found.objects[name], values)
    assert (found.choices, found.warnings, found.n_objects) == (wanted.choices, wanted.warnings, wanted.n_objects)
    assert found.pixel_size == wanted.pixel_size


def test_moving_sliders_leads_to_the_same_bytes_as_a_fresh_start(source, tmp_path):
    maker = PreviewMaker()
    settings = [
        {"segment.automatic.smoothing": 1.5}, {"segment.automatic.smoothing": 2.5}, {"separate.choose.min_size": 60},
        {"segment.automatic.method": "local_levels"}, {"segment.automatic.method": "spots"},
        {"segment.automatic.flatten": "no"}, {"segment.automatic.smoothing": 1.5, "preprocess.crop.margin": 5},
        {"segment.automatic.polarity": "dark"}, {"separate.object_levels.max_growth": 2}, {},
    ]  # fmt: skip
    for number, changes in enumerate(settings):
        recipe = load_recipe("particles").with_settings(changes)
        found = maker.make(job(source, tmp_path, number=number, recipe=recipe, layers=("labels", "relief")))
        wanted = pipeline.run(recipe, read_image(source.path))
        np.testing.assert_array_equal(np.load(found.layers[0].path), wanted.labels, err_msg=str(changes))
        assert found.choices == wanted.choices
        for name, values in wanted.objects.items():
            np.testing.assert_array_equal(found.objects[name], values)


def test_a_coarser_level_is_told_in_pixels_of_the_full_image(source, tmp_path, picture):
    maker = PreviewMaker()
    exact = maker.make(job(source, tmp_path))
    coarse = maker.make(job(source, tmp_path, number=2, level=1, layers=("labels", "peaks")))
    assert coarse.shape == (300, 300)
    assert np.load(coarse.layers[0].path).shape == (150, 150)
    assert abs(coarse.n_objects - exact.n_objects) <= 2
    assert np.median(coarse.objects["ecd"]) == pytest.approx(np.median(exact.objects["ecd"]), rel=0.05)
    assert np.median(coarse.objects["area"]) == pytest.approx(np.median(exact.objects["area"]), rel=0.1)
    assert coarse.pixel_size == exact.pixel_size
    assert coarse.n_pixels == exact.n_pixels
    # an object that both levels found lies at the same place
    for y, x in zip(coarse.objects["y"][:5], coarse.objects["x"][:5], strict=True):
        assert np.hypot(exact.objects["y"] - y, exact.objects["x"] - x).min() < 2


def test_lengths_and_areas_shrink_with_the_image_and_stay_legal():
    recipe = load_recipe("particles-dark-on-carbon")
    small = shrink_recipe(recipe, 1)
    assert [step.settings for step in shrink_recipe(recipe, 0).steps] == [step.settings for step in recipe.steps]
    denoise, cleanup = small.steps[1].settings, small.steps[3].settings
    assert (denoise["sigma"], denoise["strength"]) == (2.0, 0.8)
    assert denoise["patch_size"] == 3
    assert denoise["radius"] == 1
    assert cleanup["min_area"] == 8
    assert shrink_recipe(recipe, 16).steps[3].settings["min_area"] == 0


@pytest.mark.parametrize("size", [7, 9, 11, 13, 15])
def test_a_window_that_must_be_odd_stays_odd(size):
    recipe = load_recipe("particles-dark-on-carbon").with_settings({"preprocess.denoise.patch_size": size})
    for level in range(5):
        assert shrink_recipe(recipe, level).steps[1].settings["patch_size"] % 2 == 1


def test_a_recipe_that_works_at_full_size_only_is_never_run_on_a_shrunken_image(tmp_path, disc_model, learnt):
    np.save(tmp_path / "discs.npy", learnt.draw_discs())
    source = PreviewSource("3" * 16, tmp_path / "discs.npy")
    recipe = load_recipe("scribbles").with_settings({"segment.learned.model": str(disc_model)})
    maker = PreviewMaker()
    moving = maker.make(job(source, tmp_path, recipe=recipe, level=2, layers=("labels", "classes")))
    wanted = pipeline.run(recipe, read_image(source.path))
    assert (moving.level, moving.n_objects, moving.n_pixels) == (0, 6, 96 * 96)
    labels, classes = moving.layers
    np.testing.assert_array_equal(np.load(labels.path), wanted.labels)
    np.testing.assert_array_equal(np.load(classes.path), wanted.classes)
    assert classes.kind == "classes"
    assert classes.legend == wanted.legend
    info = make_result(1, job(source, tmp_path, recipe=recipe, level=2), moving, "k", 1.0)
    assert (info.level, info.exact, info.layers[1].level) == (0, True, 0)
    assert info.layers[1].names == {1: "ground", 4: "disc <b>"}
    assert info.layers[1].colours.keys() == {1, 4}


@pytest.mark.parametrize("name", sorted(FULL_SIZE_ONLY))
def test_on_a_large_image_it_waits_until_the_setting_is_let_go_and_says_so(tmp_path, monkeypatch, source, name):
    monkeypatch.setattr("granum.app.preview_worker.LARGEST_MOVING", 299 * 299)
    recipe = parse_recipe(f'[[step]]\ndo = "{name}"\n')
    with pytest.raises(GranumError, match=r"while a setting moves.* full size .*300 x 300 .* let go"):
        PreviewMaker().make(job(source, tmp_path, recipe=recipe, level=1, layers=("classes",)))
    with pytest.raises(SettingError, match="full size only"):
        shrink_recipe(recipe, 1)
    if name == "segment.pixel_clusters":
        assert PreviewMaker().make(job(source, tmp_path, recipe=recipe, layers=("classes",))).level == 0
    monkeypatch.setattr("granum.app.preview_worker.LARGEST_PLANE", 299 * 299)
    with pytest.raises(GranumError, match=r"full size only.*start a run"):
        PreviewMaker().make(job(source, tmp_path, recipe=recipe, level=3, layers=("classes",)))


def test_a_newer_request_stops_it_between_two_steps(source, tmp_path):
    seen = []

    def progress(step, n_steps, name):
        seen.append(name)
        if step == 2:
            raise Stopped

    maker = PreviewMaker()
    with pytest.raises(Stopped):
        maker.make(job(source, tmp_path), progress)
    assert seen == ["preprocess.crop", "segment.automatic", "separate.choose"]
    assert maker.make(job(source, tmp_path)).seconds["segment.automatic"] == 0  # what was done is not lost


def test_a_plane_over_the_limit_asks_for_a_run_and_its_coarser_levels_come_from_the_pyramid(tmp_path, monkeypatch):
    monkeypatch.setattr("granum.app.preview_worker.LARGEST_PLANE", 150 * 150)
    picture = simulate_particles("discs", size=300, count=20, seed=3).image
    np.save(tmp_path / "big.npy", picture)
    asked = []

    def read_level(t, c, z, level):
        asked.append((t, c, z, level))
        return picture[::2, ::2].copy()

    source = PreviewSource("1" * 16, tmp_path / "big.npy", read_level=read_level)
    with pytest.raises(GranumError, match=r"300 x 300 pixels .* start a run"):
        PreviewMaker().make(job(source, tmp_path))
    found = PreviewMaker().make(job(source, tmp_path, level=1))
    assert asked == [(0, 0, 0, 1)]
    assert found.n_objects > 10


def test_an_unknown_layer_is_named(source, tmp_path):
    with pytest.raises(
        SettingError, match=r"layer 'labls': .*it has image, area, mask, relief, labels, distance, peaks"
    ):
        PreviewMaker().make(job(source, tmp_path, layers=("labls",)))


def test_planes_are_kept_within_their_bytes(source, tmp_path):
    maker = PreviewMaker(plane_bytes=300 * 300 * 2 + 150 * 150 * 2, step_bytes=1 << 20)
    for level in (0, 1, 2, 1, 0):
        maker.make(job(source, tmp_path, level=level))
        assert sum(plane.nbytes for plane in maker._planes.values()) <= 300 * 300 * 2 + 150 * 150 * 2
    assert maker._steps.n_bytes <= 1 << 20


def test_true_colour_needs_its_channel_and_a_mask_is_an_image_too(tmp_path):
    np.save(tmp_path / "mask.npy", simulate_particles("discs", size=200, count=10, seed=1).image > 100)
    found = PreviewMaker().make(
        job(PreviewSource("2" * 16, tmp_path / "mask.npy"), tmp_path, level=1, recipe=load_recipe("particles-seed"))
    )
    assert found.n_objects > 0


def test_resolution_is_judged_in_pixels_of_the_full_image():
    table = {"feret_min": np.array([4.0, 6.0]), "flags": np.array([16, 17]), "y": np.array([0.0, 1.0])}
    full = full_objects(table, 1)
    assert full["flags"].tolist() == [16, 1]
    assert full["y"].tolist() == [0.5, 2.5]
    assert full_objects(table, 0) is table


def test_choices_are_in_pixels_of_the_full_image(source, tmp_path):
    found = PreviewMaker().make(job(source, tmp_path, level=1))
    small = pipeline.run(
        shrink_recipe(load_recipe("particles"), 1),
        Image.from_array(halve(np.load(source.path))),
    )
    automatic = next(choice for choice in found.choices if choice.about == "segmentation")
    there = next(choice for choice in small.choices if choice.about == "segmentation")
    assert automatic.chosen["smoothing_px"] == 2 * there.chosen["smoothing_px"]
    assert "2 times smaller" in automatic.reason


def test_channels_in_files_of_their_own_give_what_a_run_gives(tmp_path, picture):
    recipe = parse_recipe(
        "[channels.live]\nnames = ['hoechst']\n[channels.dead]\n"
        "[[step]]\ndo = 'segment.threshold'\nfrom = { image = 'channel.dead' }\n[[step]]\ndo = 'segment.components'\n"
    )
    for name, pixels in (("live", picture.image[::-1]), ("dead", picture.image)):
        np.save(tmp_path / f"{name}.npy", np.ascontiguousarray(pixels))
    live, dead = (PreviewSource(name, tmp_path / f"{name}.npy") for name in ("live", "dead"))
    others = {"hoechst": live, "dead": dead}
    found = PreviewMaker().make(job(dead, tmp_path, recipe=recipe, others=others))
    given = {"hoechst": read_image(live.path), "dead": read_image(dead.path)}
    wanted = pipeline.run(recipe, read_image(live.path), channels=given)
    assert wanted.n_objects > 5
    np.testing.assert_array_equal(np.load(found.layers[0].path), wanted.labels)
    # two files with the same bytes, as two empty channels, are two channels
    np.save(tmp_path / "twin.npy", picture.image)
    twins = {"hoechst": PreviewSource("dead", tmp_path / "twin.npy"), "dead": dead}
    assert PreviewMaker().make(job(dead, tmp_path, number=2, recipe=recipe, others=twins)).n_objects == found.n_objects
