from __future__ import annotations

import json

import pytest
from pydantic import BaseModel, ValidationError

from granum.app import messages, paint_messages, plan_messages, recipe_messages, run_messages
from granum.app.messages import ProjectChange
from granum.app.paint_messages import ClassInfo, Stroke
from granum.app.run_messages import EditRequest, RunRequest

MODELS = [
    model
    for module in (messages, plan_messages, recipe_messages, paint_messages, run_messages)
    for name in module.__all__
    if isinstance(model := getattr(module, name), type) and issubclass(model, BaseModel)
]
STROKE = {"id": "a", "tool": "brush", "class_id": 1, "radius": 3, "points": [[1, 2]]}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_message_is_described_and_refuses_what_it_does_not_know(model):
    assert model.__doc__
    assert model.model_config["extra"] == "forbid"


@pytest.mark.parametrize(
    "wrong",
    [
        {"radius": 1e9}, {"radius": -1}, {"points": []}, {"points": [[1]]}, {"points": [[1, 2, 3]]}, {"class_id": 256},
        {"class_id": -1}, {"id": "../x"}, {"id": ""}, {"tool": "bomb"}, {"t": -1}, {"points": [[1, 2]] * 20_001},
        {"radios": 3},
    ],
)  # fmt: skip
def test_an_absurd_stroke_is_refused(wrong):
    with pytest.raises(ValidationError):
        Stroke.model_validate({**STROKE, **wrong})


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e400"])
def test_no_number_is_without_end(number):
    with pytest.raises(ValidationError):
        Stroke.model_validate_json(json.dumps(STROKE).replace('"radius": 3', f'"radius": {number}'))
    with pytest.raises(ValidationError):
        ProjectChange.model_validate_json(f'{{"interval_s": {number}}}')


@pytest.mark.parametrize("name", ["..", "a/b", "a\\b", "a\0", "", "x" * 65, "ü", "a b"])
def test_an_identifier_is_never_a_path(name):
    with pytest.raises(ValidationError):
        RunRequest(images=[name])
    with pytest.raises(ValidationError):
        EditRequest(id=name, op="delete", labels=[1])


def test_colours_are_colours_and_class_0_is_nobody():
    with pytest.raises(ValidationError):
        ClassInfo(id=0, name="nothing", colour="#ffffff")
    with pytest.raises(ValidationError):
        ClassInfo(id=1, name="x", colour="red; background: url(//evil)")
