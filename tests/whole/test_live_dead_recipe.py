"""The ready recipe `live-dead` on simulated fields, whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from granum import Image, pipeline
from granum.samples.live_dead import simulate_live_dead
from granum.samples.live_dead_scene import LiveDeadLook
from granum.segment import label_components

NAMES = {"brightfield": "Brightfield", "live": "Hoechst 33342", "dead": "Draq7 (Cy5)"}


def run(made, names=NAMES, **channels):
    planes = {role: plane for role in NAMES if (plane := getattr(made, role)) is not None}
    image = Image.from_array(
        np.stack(list(planes.values())), axes="CYX", channel_names=tuple(names[role] for role in planes)
    )
    return pipeline.run("live-dead", image, channels=channels)


@pytest.fixture(scope="module")
def made():
    return simulate_live_dead(size=(420, 520), count=16, dead_share=0.4, seed=5)


@pytest.fixture(scope="module")
def result(made):
    return run(made)


def test_channels_are_found_by_the_names_in_the_file(made, result):
    typed = run(made, dict.fromkeys(NAMES, ""), brightfield=0, hoechst=1, dead=2)
    np.testing.assert_array_equal(typed.layers["classes"], result.layers["classes"])


def test_nuclei_and_cells_share_their_numbers(result):
    nuclei, cells = result.layers["labels"], result.layers["cells"]
    assert nuclei.max() == cells.max() == result.n_objects > 0
    np.testing.assert_array_equal(cells[nuclei > 0], nuclei[nuclei > 0])
    for label in range(1, result.n_objects + 1):
        assert label_components(cells == label, connectivity=2).max() == 1


def test_five_classes_agree_with_the_table_and_with_the_truth(made, result):
    classes, nuclei = result.layers["classes"], result.layers["labels"]
    states = dict(zip(result.objects["label"], result.objects["state"], strict=True))
    for label, state in states.items():
        assert (classes[nuclei == label] == (4 if state == "dead" else 3)).all()
    assert (classes == made.classes).mean() > 0.92
    near = [
        np.count_nonzero((classes == k) & (made.classes == k)) / np.count_nonzero(made.classes == k) for k in (3, 4)
    ]
    assert min(near) > 0.8


def test_without_brightfield_cells_are_rings_and_it_is_said(made, result):
    blind = simulate_live_dead(size=(420, 520), count=16, dead_share=0.4, seed=5, look=LiveDeadLook(brightfield=False))
    rings = run(blind)
    assert any("no channel shows the cells" in warning for warning in rings.warnings)
    assert rings.n_objects == pytest.approx(result.n_objects, abs=2)
    assert np.count_nonzero(rings.layers["cells"]) < np.count_nonzero(result.layers["cells"])


def test_an_empty_field_has_no_cells(made):
    empty = run(simulate_live_dead(size=(420, 520), count=0, seed=2, look=LiveDeadLook(out_of_focus=0.0, debris=0.0)))
    assert empty.n_objects == 0
    assert not empty.layers["cells"].any()
    assert not empty.layers["classes"].any()
