from __future__ import annotations

from granum.plate import PlateImage
from granum.plate.review import list_reviews


def image(file, **values):
    return PlateImage(file, file, 0, "", "A01", "1", 2.0, values=values)


def test_the_most_doubtful_comes_first_and_each_says_why():
    found = list_reviews(
        [
            image("calm", doubt=0.05, confluency=0.5, confluency_low=0.5, confluency_high=0.5),
            image("moved", doubt=0.12, confluency=0.5, confluency_low=0.5, confluency_high=0.5),
            image("torn", doubt=0.9, confluency=0.5, confluency_low=0.2, confluency_high=0.8, confluency_texture=0.2,
                  confluency_local_contrast=0.8),
            image("empty", doubt=0.4, confluency=0.0),
            image("unknown"),
        ],
        "confluency",
        {("torn", 0): "overlays/torn.png"},
    )  # fmt: skip
    assert [(one.file, one.why) for one in found] == [
        ("torn", "Texture finds 20% cells, local contrast 80%."),
        ("empty", "The dish looks empty."),
        ("moved", "The methods agree on the share, not on where cells are."),
        ("calm", "Nothing particular."),
    ]
    assert found[0].overlay == "overlays/torn.png"


def test_reasons_of_a_viability():
    found = list_reviews(
        [
            image("a", doubt=0.9, n_live=0, n_dead=0),
            image("b", doubt=0.8, n_live=50, n_dead=10, n_uncertain=12, shift_px=3.25),
            image("c", doubt=0.7, n_live=4, n_dead=1, n_uncertain=0),
            image("d", doubt=7.0, n_live=40, n_dead=1),
            image("e", doubt=float("nan")),
        ],
        "live-dead",
    )
    assert {one.file: one.why for one in found} == {
        "a": "No nucleus was found.",
        "b": "12 of 60 nuclei are neither clearly live nor clearly dead; the channels are shifted by 3.2 px.",
        "c": "Only 5 nuclei were counted.",
        "d": "Nothing particular.",
    }
    assert found[0].doubt == 1.0
