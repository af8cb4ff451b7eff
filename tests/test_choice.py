from __future__ import annotations

import json

import pytest

from granum.choice import Choice


def test_a_choice_survives_json():
    choice = Choice("smoothing", {"sigma": 2.0}, "It separates best.", [{"sigma": 2.0, "score": 0.9}, {"sigma": 0.0}])
    assert Choice(**json.loads(json.dumps(choice.to_json()))) == choice


def test_a_choice_cannot_be_changed():
    with pytest.raises(AttributeError):
        Choice("smoothing", {}, "").about = "other"
