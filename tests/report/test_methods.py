from __future__ import annotations

import re

from granum.report.methods import _SENTENCES, REFERENCES, write_methods
from granum.steps import STEPS


def test_every_step_has_its_sentence():
    assert set(STEPS) <= set(_SENTENCES)


def test_citations_are_numbered_in_the_order_of_their_first_use():
    steps = [
        {"do": "segment.threshold", "settings": {"method": "li"}},
        {"do": "separate.peaks", "settings": {"min_distance": 7}},
        {"do": "separate.local_kmeans", "settings": {}},
    ]
    text, references = write_methods(steps, version="0.1.0", recipe="particles-seed", recipe_hash="abcdef0123456789")
    assert "granum 0.1.0, recipe particles-seed abcdef012345" in text
    assert "threshold of Li [1]." in text
    assert "distance transform (min_distance 7 px) [2]." in text
    numbers = [int(number) for number in re.findall(r"\[(\d+)", text)]
    assert numbers == sorted(numbers)
    assert references == [REFERENCES["li"], REFERENCES["distance"], REFERENCES["kmeans"]]


def test_the_pixel_size_is_told_or_said_to_be_unknown():
    assert "pixel size was not known" in write_methods([], version="1", recipe="r")[0]
    assert (
        "The pixel size was 0.5 nm (typed)."
        in write_methods([], version="1", recipe="r", pixel_size="0.5 nm (typed)")[0]
    )


def test_every_setting_of_every_known_step_gives_a_sentence_with_known_references():
    for name, sentence in _SENTENCES.items():
        for settings in ({}, {"method": "otsu"}, {"method": "rolling_ball"}, {"size_weighted": True, "sigma": 2}):
            text, keys = sentence(settings)
            assert text.endswith("."), name
            assert set(keys) <= REFERENCES.keys(), name


def test_a_step_without_a_sentence_is_still_named():
    assert "Step preprocess.new was applied." in write_methods([{"do": "preprocess.new"}], version="1", recipe="r")[0]
