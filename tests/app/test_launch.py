from __future__ import annotations

import signal
import socket
import time

import httpx
import pytest

from granum.app import launch
from granum.errors import SettingError


def test_the_app_answers_scripts_with_the_token_and_ends_within_two_seconds(serve, tmp_path):
    served = serve(tmp_path)
    answer = httpx.get(f"{served.url}/api/v1/openapi.json", headers=served.headers)
    assert answer.status_code == 200
    assert answer.json()["info"]["title"] == "granum app"
    start = time.monotonic()
    assert served.stop(signal.SIGINT) == 130
    assert time.monotonic() - start < 2
