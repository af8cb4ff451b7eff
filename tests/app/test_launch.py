from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import time
import webbrowser

import httpx
import pytest
import uvicorn

from granum.app import launch
from granum.app.guard import Address
from granum.errors import SettingError

TOKEN = "a-token-of-the-lab-2026"


@pytest.fixture
def started(monkeypatch, tmp_path):
    """Run `serve` without serving: what it has said, and the configuration it would have served with."""
    said, opened = [], []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    monkeypatch.setattr(launch, "_has_desktop", lambda: True)

    def run(*, folder=tmp_path, **options):
        seen = {}

        def pretend(self, sockets):
            seen["config"] = self.config
            seen["port"] = sockets[0].getsockname()[1]
            seen["address"] = sockets[0].getsockname()[0]

        monkeypatch.setattr(uvicorn.Server, "run", pretend)
        launch.serve(folder, say=said.append, **options)
        return {**seen, "said": said, "opened": opened}

    return run


def wait_for(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_the_app_answers_scripts_with_the_token_and_ends_within_two_seconds(serve, tmp_path):
    served = serve(tmp_path)
    answer = httpx.get(f"{served.url}/api/v1/openapi.json", headers=served.headers)
    assert answer.status_code == 200
    assert answer.json()["info"]["title"] == "granum app"
    start = time.monotonic()
    assert served.stop(signal.SIGINT) == 130
    assert time.monotonic() - start < 3


def test_nothing_that_is_printed_holds_a_token_but_the_links(serve, tmp_path):
    served = serve(tmp_path)
    link = served.new_link()
    token = link.partition("token=")[2]
    for path in ("/", f"/api/v1/images?token={token}", f"/api/v1/socket?token={token}", "/%ff?token=" + token):
        httpx.get(served.url + path)
    cookie = httpx.get(link).headers["set-cookie"]
    httpx.get(served.url + "/api/v1/nothing?token=" + token, headers=served.headers)
    following = served.new_link()
    assert served.stop() == 143
    printed = "".join(served.lines)
    assert printed.count(token) == 1
    assert printed.count(following.partition("token=")[2]) == 1
    assert served.headers["Authorization"].split()[1] not in printed
    assert cookie.partition("=")[2].partition(";")[0] not in printed


def test_without_a_wish_another_port_is_found_and_a_wish_is_kept(started, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(launch, "DEFAULT_PORT", port)
        assert started()["port"] != port
        with pytest.raises(SettingError, match=f"port {port} is in use"):
            started(port=port)
    assert started(port=port)["port"] == port


@pytest.mark.parametrize("browser", [True, False])
def test_the_browser_is_opened_with_the_link_that_was_printed_unless_it_is_not_wanted(started, browser):
    run = started(open_browser=browser, port=0)
    (link,) = [word for line in run["said"] for word in line.split() if "?token=" in word]
    if browser:
        wait_for(lambda: run["opened"])
    assert run["opened"] == ([link] if browser else [])
    assert re.fullmatch(rf"http://127\.0\.0\.1:{run['port']}/\?token=[\w-]{{32}}", link)
    assert run["address"] == "127.0.0.1"


def test_no_browser_comes_up_inside_a_terminal(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "WSL_DISTRO_NAME"):
        monkeypatch.delenv(name, raising=False)
    assert not launch._has_desktop()
    monkeypatch.setenv("DISPLAY", ":0")
    assert launch._has_desktop()


def test_the_server_logs_no_addresses_and_believes_no_proxy(started):
    config = started(port=0)["config"]
    assert not config.access_log
    assert not config.proxy_headers
    assert config.ws_max_size <= 2**20


@pytest.mark.parametrize(
    "options",
    [{"host": "0.0.0.0"}, {"host": "192.168.0.9"}, {"host": "lab.example"}, {"host": "::"},
     {"behind_proxy": True}, {"allow_host": ("lab.example",)}],
)  # fmt: skip
def test_nothing_is_opened_to_others_without_a_token(started, options):
    with pytest.raises(SettingError, match="--token of 16"):
        started(**options)


@pytest.mark.parametrize("options", [{}, {"host": "127.0.0.1"}])
def test_weak_tokens_are_refused_everywhere(started, options):
    with pytest.raises(SettingError, match="16 or more"):
        started(token="short", **options)


def test_a_lab_server_is_named_by_its_names_and_never_by_a_wildcard(started, monkeypatch):
    monkeypatch.setattr(socket, "gethostname", lambda: "beamline")
    run = started(host="0.0.0.0", token=TOKEN, port=0)
    assert f"http://beamline:{run['port']}/?token=" in run["said"][1]
    assert any("read along" in line for line in run["said"])
    hosts = Address(8642, launch._names("0.0.0.0", ("lab.example",))).hosts()
    assert {"beamline:8642", "lab.example:8642"} <= hosts
    assert not [host for host in hosts if "0.0.0.0" in host]


def test_behind_a_proxy_the_link_has_the_outer_name(started):
    run = started(behind_proxy=True, allow_host=("lab.example",), token=TOKEN, port=0)
    assert "https://lab.example/?token=" in run["said"][1]
    assert not any("read along" in line for line in run["said"])
    assert run["address"] == "127.0.0.1"


def test_an_address_that_is_not_of_this_computer_is_refused_in_one_sentence(started):
    with pytest.raises(SettingError, match=r"cannot listen on 192\.0\.2\.1"):
        started(host="192.0.2.1", token=TOKEN)
    with pytest.raises(SettingError, match=r"cannot listen on no\.such\.name\.invalid"):
        started(host="no.such.name.invalid", token=TOKEN)
    with pytest.raises(SettingError, match="0 to 65535"):
        started(port=70_000)
    with pytest.raises(SettingError, match="--host is empty"):
        started(host="")


def test_a_bad_folder_is_refused_and_the_port_is_free_again(started, tmp_path):
    with pytest.raises(SettingError, match="not a folder"):
        started(folder=tmp_path / "missing", port=0)
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingError, match="not a folder"):
        started(folder=tmp_path / "file", port=0)


def test_the_sample_is_put_into_a_new_folder_once(started, tmp_path):
    folder = tmp_path / "new" / "folder"
    started(folder=folder, sample=True, port=0)
    (image,) = [path for path in folder.iterdir() if path.is_file()]
    before = image.stat().st_mtime_ns
    started(folder=folder, sample=True, port=0)
    assert image.stat().st_mtime_ns == before


def test_a_port_that_is_left_is_free_at_once(serve, tmp_path):
    first = serve(tmp_path)
    httpx.get(first.url)
    first.stop()
    again = serve(tmp_path, port=first.port)
    assert again.port == first.port


def test_a_second_app_on_the_same_folder_is_told_where_the_first_one_is(serve, tmp_path):
    first = serve(tmp_path)
    words = [sys.executable, "-m", "granum", "app", str(tmp_path), "--no-browser", "--port", "0"]
    second = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert second.returncode == 2
    assert first.url in second.stderr
    assert second.stderr.count("\n") == 1
    assert "token=" not in second.stderr


def test_open_sockets_and_uploads_that_stand_still_do_not_delay_the_end(serve, tmp_path):
    served = serve(tmp_path)
    bearer = f"Authorization: {served.headers['Authorization']}\r\nHost: 127.0.0.1:{served.port}\r\n"
    upgrade = (
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        "Sec-WebSocket-Version: 13\r\n\r\n"
    )
    heads = [
        f"GET /api/v1/socket HTTP/1.1\r\n{bearer}{upgrade}",
        f"POST /api/v1/images?name=x.tif HTTP/1.1\r\n{bearer}Content-Length: 1000000\r\n\r\nII*",
        f"PUT /api/v1/classes HTTP/1.1\r\n{bearer}Content-Length: 1000\r\n\r\n{{",
    ]
    opened = [socket.create_connection(("127.0.0.1", served.port)) for _ in heads]
    for connection, head in zip(opened, heads, strict=True):
        connection.sendall(head.encode())
    assert opened[0].recv(12) == b"HTTP/1.1 101"
    # until the upload has begun
    wait_for(lambda: list(tmp_path.glob("granum_project/uploads/.*")), 20)
    start = time.monotonic()
    assert served.stop() == 143
    assert time.monotonic() - start < 3
    assert not list(tmp_path.glob("granum_project/uploads/*"))
    for connection in opened:
        connection.close()
