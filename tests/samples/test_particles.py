"""Simulated micrographs of particles."""

from __future__ import annotations

import json

import numpy as np
import pytest

from granum.errors import GranumWarning, SettingError
from granum.samples import demo_image, simulate_particles

KINDS = ("tem", "haadf", "sem", "discs")


@pytest.mark.parametrize("kind", KINDS)
def test_same_seed_gives_the_same_bytes_and_another_seed_does_not(kind):
    one, same = (simulate_particles(kind, size=160, count=12, seed=4) for _ in range(2))
    other = simulate_particles(kind, size=160, count=12, seed=5)
    assert one.image.tobytes() == same.image.tobytes()
    assert one.labels.tobytes() == same.labels.tobytes()
    assert one.truth == same.truth
    assert one.image.tobytes() != other.image.tobytes()


@pytest.mark.parametrize("kind", KINDS)
def test_labels_have_no_gaps_and_match_the_truth(kind):
    simulated = simulate_particles(kind, size=300, count=40, seed=1)
    particles = simulated.truth["particles"]
    n = simulated.truth["n_particles"]
    assert simulated.labels.dtype == np.int32
    assert np.array_equal(np.unique(simulated.labels[simulated.labels > 0]), np.arange(1, n + 1))
    assert all(len(column) == n for column in particles.values())
    area = np.bincount(simulated.labels.ravel())[1:]
    expected = np.array(particles["visible"]) * np.pi / 4 * np.array(particles["diameter_px"]) ** 2
    assert area == pytest.approx(expected, rel=0.02, abs=4)  # whole pixels
    assert json.loads(json.dumps(simulated.truth)) == simulated.truth


@pytest.mark.parametrize(("kind", "sign"), [("tem", -1), ("haadf", 1), ("sem", 1), ("discs", 1)])
def test_particles_are_dark_or_bright_as_in_that_microscope(kind, sign):
    simulated = simulate_particles(kind, size=300, count=30, seed=2, uneven_light=0)
    inside = simulated.image[simulated.labels > 0].mean()
    outside = simulated.image[simulated.labels == 0].mean()
    assert sign * (inside - outside) > 25


def test_isolated_discs_have_the_centre_and_the_area_that_the_truth_says():
    simulated = simulate_particles("discs", size=400, count=12, seed=3, touching=0, median_diameter=30)
    particles = simulated.truth["particles"]
    for label, y, x, visible in zip(*(particles[k] for k in ("label", "y", "x", "visible")), strict=True):
        if visible > 0.97:
            rows, columns = np.nonzero(simulated.labels == label)
            assert (rows.mean(), columns.mean()) == pytest.approx((y, x), abs=0.3)


def test_brightness_adds_up_where_haadf_particles_overlap():
    simulated = simulate_particles(
        "haadf", size=256, count=40, seed=0, touching=1, median_diameter=40, log_sd=0, noise=0, uneven_light=0
    )
    particles = simulated.truth["particles"]
    centres = np.column_stack([particles["y"], particles["x"]])
    yy, xx = np.mgrid[:256, :256]
    covered = sum(((yy - y) ** 2 + (xx - x) ** 2 < 19**2).astype(int) for y, x in centres)
    assert (covered == 2).sum() > 20
    assert simulated.image[covered == 2].mean() > 1.2 * simulated.image[covered == 1].mean()


def test_the_size_law_is_the_one_asked_for():
    simulated = simulate_particles("discs", size=2000, count=1500, seed=0, median_diameter=20, log_sd=0.3)
    diameters = np.array(simulated.truth["particles"]["diameter_px"])
    assert np.median(diameters) == pytest.approx(20, rel=0.03)
    assert np.log(diameters).std() == pytest.approx(0.3, rel=0.05)


def test_two_populations_have_two_sizes():
    simulated = simulate_particles(
        "discs", size=600, count=120, median_diameter=10, second_median=40, second_share=0.3, log_sd=0.05
    )
    diameters = np.array(simulated.truth["particles"]["diameter_px"])
    assert np.all((diameters < 14) | (diameters > 33))
    assert 0.15 < (diameters > 20).mean() < 0.45


def test_the_info_bar_hides_particles_and_its_scale_bar_is_as_long_as_it_says():
    simulated = simulate_particles("tem", size=400, count=60, seed=1, info_bar=True, pixel_size_nm=0.25)
    bar = simulated.truth["info_bar"]
    assert simulated.labels[bar["top_row"] :].max() == 0
    assert simulated.labels[: bar["top_row"]].max() == simulated.truth["n_particles"]
    y0, x0, y1, x1 = bar["scale_bar_box"]
    assert np.all(simulated.image[y0:y1, x0:x1] == 255)
    assert (x1 - x0) * 0.25 == bar["scale_bar_nm"] == float(bar["text"].removesuffix(" nm"))


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_pixels_fill_the_range_of_their_type(dtype):
    image = simulate_particles("tem", size=128, count=8, dtype=dtype).image
    assert image.dtype == dtype
    assert image.max() > 0.6 * np.iinfo(dtype).max


def test_noise_and_uneven_light_do_what_they_say():
    def spread(**settings):
        simulated = simulate_particles("discs", size=256, count=0, **settings)
        return simulated.image.astype(float)

    assert spread(noise=0, uneven_light=0).std() == 0
    assert spread(noise=3, uneven_light=0).std() > 2 * spread(noise=1, uneven_light=0).std()
    light = spread(noise=0, uneven_light=0.4)
    assert (light.max() - light.min()) / light.mean() == pytest.approx(0.4, abs=0.03)


def test_no_particle_gives_an_empty_truth():
    for kind in KINDS:
        simulated = simulate_particles(kind, size=64, count=0)
        assert simulated.labels.max() == 0
        assert simulated.truth["n_particles"] == 0


def test_a_full_frame_warns_and_keeps_what_it_placed():
    with pytest.warns(GranumWarning, match="of 500 particles, the frame is full"):
        simulated = simulate_particles("discs", size=100, count=500, median_diameter=20)
    assert 5 < simulated.truth["n_particles"] < 60


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "xray"}, "kind: 'xray' is not one of tem, haadf, sem, discs"),
        ({"size": 8}, "size: 8 is out of range, must be 32 to 32768"),
        ({"touching": 1.5}, r"touching: 1\.5 is out of range, must be 0 to 1"),
        ({"median_diameter": float("nan")}, "median_diameter: nan is out of range"),
        ({"seed": -1}, "seed: -1 is out of range, must be at least 0"),
        ({"shape": "star"}, "shape: 'star' is not one of round, facetted"),
        ({"dtype": "float32"}, "dtype: 'float32' is not one of uint8, uint16"),
    ],
)
def test_a_wrong_setting_is_an_error_that_names_what_is_right(settings, message):
    with pytest.raises(SettingError, match=message):
        simulate_particles(**{"kind": "tem", **settings})


def test_the_demo_picture_has_its_particles_and_its_pixel_size():
    simulated = demo_image()
    assert simulated.image.shape == (1024, 1024)
    assert simulated.truth["n_particles"] == 230
    assert simulated.truth["pixel_size_nm"] == 0.21
