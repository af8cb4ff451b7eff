from __future__ import annotations

import numpy as np
import pytest

from granum.errors import SettingError, ShapeError
from granum.learn.place_candidates import PlaceCandidates
from granum.learn.scribbles import make_scribbles
from granum.learn.stroke_places import suggest_strokes


def candidates(probabilities, *, features=None, image=None, y=None, x=None, unsure=None):
    """Return places far from each other, with the uncertainty of their probabilities unless another is given."""
    planes = np.asarray(probabilities, np.float32)
    n = planes.shape[1]
    lead = np.sort(planes, axis=0)
    return PlaceCandidates(
        image=np.zeros(n, np.int32) if image is None else np.asarray(image, np.int32),
        y=np.arange(n, dtype=np.int32) * 100 if y is None else np.asarray(y, np.int32),
        x=np.arange(n, dtype=np.int32) * 100 if x is None else np.asarray(x, np.int32),
        features=np.random.default_rng(0).normal(size=(5, n)).astype(np.float32) if features is None else features,
        probabilities=planes,
        uncertainty=(1 - (lead[-1] - lead[-2]) if unsure is None else np.asarray(unsure)).astype(np.float32),
    )


def test_the_most_doubtful_place_comes_first_with_the_classes_that_it_is_between():
    places = candidates([[0.9, 0.5, 0.1, 0.05], [0.1, 0.5, 0.6, 0.05], [0.0, 0.0, 0.3, 0.9]])
    found = suggest_strokes(places, [3, 7, 9])
    assert (found[0].y, found[0].x) == (100, 100)
    assert found[0].class_ids == (3, 7)
    assert "hesitates" in found[0].reason


def test_a_rare_class_comes_before_a_frequent_one_at_the_same_doubt():
    """Of 100 places all but two are class 1 or 2; one is between those, one between 1 and the rare 3."""
    planes = np.zeros((3, 100), np.float32)
    planes[0, :50], planes[1, 50:] = 1, 1
    planes[:, 10] = 0.5, 0.5, 0
    planes[:, 20] = 0.5, 0, 0.5
    assert suggest_strokes(candidates(planes), [1, 2, 3])[0].class_ids == (1, 3)


def test_where_the_model_is_sure_nothing_is_suggested():
    assert suggest_strokes(candidates(np.array([[0.99, 0.01], [0.01, 0.99]])), [1, 2]) == ()


def test_places_that_look_the_same_are_asked_once_before_others():
    """Nine equal doubtful places, and another kind that is a little less so: it is the second, not the tenth."""
    planes = np.full((2, 30), 0.5, np.float32)
    planes[:, 10:] = [[1.0], [0.0]]
    planes[:, 9] = 0.6, 0.4
    features = np.zeros((4, 30), np.float32)
    features[:, :9], features[:, 9] = 5, -5
    found = suggest_strokes(candidates(planes, features=features), [1, 2])
    assert [one.y for one in found[:2]] == [0, 900]


def test_places_keep_apart_in_an_image_but_not_between_images():
    planes = np.full((2, 3), 0.5, np.float32)
    places = candidates(planes, image=[0, 0, 1], y=[50, 52, 50], x=[50, 52, 50])
    assert [one.image for one in suggest_strokes(places, [1, 2])] == [0, 1]


def test_what_looks_like_nothing_painted_comes_before_what_does():
    planes = np.full((2, 40), 0.5, np.float32)
    features = np.random.default_rng(1).normal(size=(6, 40)).astype(np.float32)
    features[:, 30:] += 6
    painted = np.random.default_rng(2).normal(size=(6, 200)).astype(np.float32)
    found = suggest_strokes(candidates(planes, features=features), [1, 2], painted=painted)
    assert found[0].y >= 3000
    assert "nothing painted looks like this" in found[0].reason


def test_painted_places_are_not_suggested():
    places = candidates(np.full((2, 2), 0.5), y=[5, 90], x=[7, 90])
    plane = np.zeros((100, 100), np.uint8)
    plane[3:8, 7] = 2
    found = suggest_strokes(places, [1, 2], scribbles=(make_scribbles(plane, name="a"),))
    assert [(one.y, one.x) for one in found] == [(90, 90)]


def test_the_same_input_gives_the_same_places():
    rng = np.random.default_rng(5)
    planes = rng.dirichlet(np.ones(3), 500).T
    painted = rng.normal(size=(5, 700)).astype(np.float32)
    first, second = (suggest_strokes(candidates(planes), [1, 2, 3], painted=painted, most=5) for _ in range(2))
    assert first == second
    assert len(first) == 5


def test_features_that_are_not_finite_do_no_harm():
    features = np.random.default_rng(0).normal(size=(3, 20)).astype(np.float32)
    features[0, 3], features[1, 4] = np.nan, np.inf
    places = candidates(np.full((2, 20), 0.5), features=features, unsure=[np.nan] * 5 + [0.9] * 15)
    found = suggest_strokes(places, [1, 2], painted=features)
    assert found
    assert all(one.y >= 500 for one in found)


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"class_ids": [1]}, ShapeError, "class_ids: 1, but there are 2"),
        ({"painted": np.zeros((2, 9), np.float32)}, ShapeError, "painted: .* have 5 features"),
        ({"most": 0}, SettingError, "most is 0"),
    ],
)
def test_what_does_not_fit_is_refused(change, error, match):
    with pytest.raises(error, match=match):
        suggest_strokes(candidates(np.full((2, 4), 0.5)), **{"class_ids": [1, 2], **change})


def test_candidates_of_different_places_are_refused():
    with pytest.raises(ShapeError, match="all must be of the same places"):
        candidates(np.full((2, 4), 0.5), x=[1, 2])
