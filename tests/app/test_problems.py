from __future__ import annotations

import logging
from typing import Annotated

import pytest
from fastapi import FastAPI, Query
from fastapi.testclient import TestClient
from pydantic import BaseModel, Field

from granum.app.problems import Problem, add_error_handlers
from granum.errors import EmptyResultError, OutputError, ReadError, SettingError


class Body(BaseModel):
    radius: Annotated[float, Field(ge=0, le=10)]
    name: str


@pytest.fixture
def client():
    app = FastAPI()
    add_error_handlers(app)
    raised = {
        "problem": Problem(409, "in_use", "It is in use."), "setting": SettingError("sigma is -1."),
        "read": ReadError("cut."), "write": OutputError("disk full."), "empty": EmptyResultError("nothing."),
        "fault": RuntimeError("secret path"),
    }  # fmt: skip

    @app.get("/raise/{kind}")
    def fail(kind: str) -> None:
        raise raised[kind]

    @app.post("/body")
    def body(body: Body, level: Annotated[int, Query(ge=0)] = 0) -> None:
        """Take a body."""

    return TestClient(app, raise_server_exceptions=False)


def told(answer):
    assert set(answer.json()) == {"error"}
    assert set(answer.json()["error"]) == {"code", "message"}
    return answer.status_code, answer.json()["error"]["code"], answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("kind", "status", "code", "said"),
    [("problem", 409, "in_use", "It is in use."), ("setting", 422, "setting", "sigma is -1."),
     ("read", 422, "unreadable", "cut."), ("write", 507, "not_written", "disk full."),
     ("empty", 422, "not_possible", "nothing.")],
)  # fmt: skip
def test_errors_on_purpose_keep_their_sentence(client, kind, status, code, said):
    assert told(client.get(f"/raise/{kind}")) == (status, code, said)


def test_a_fault_is_logged_and_tells_strangers_only_its_kind(client, caplog):
    with caplog.at_level(logging.ERROR, "granum.app"):
        status, code, said = told(client.get("/raise/fault"))
    assert (status, code) == (500, "fault")
    assert "RuntimeError" in said
    assert "secret" not in said
    assert "secret path" in caplog.text


def test_unknown_routes_and_methods_have_the_same_shape(client):
    assert told(client.get("/nothing"))[:2] == (404, "not_found")
    assert told(client.get("/body"))[:2] == (405, "wrong_method")


def test_wrong_values_are_named_with_place_and_value(client):
    status, code, said = told(client.post("/body", json={"radius": 99, "name": "x"}))
    assert (status, code) == (422, "setting")
    assert said == "radius is 99: input should be less than or equal to 10"
    said = told(client.post("/body?level=-3", json={"name": "x"}))[2]
    assert "query.level is '-3'" in said
    assert "radius: field required" in said


def test_of_many_wrong_values_three_are_named_and_long_ones_are_not_repeated(client):
    said = told(client.post("/body", json={"radius": "x" * 500}))[2]
    assert "x" * 100 not in said
    assert told(client.post("/body", content=b"{"))[:2] == (422, "setting")
