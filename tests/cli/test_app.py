from __future__ import annotations

import subprocess
import sys

import pytest

from granum.app import launch


@pytest.fixture
def asked(monkeypatch):
    """What the command hands to the server, which is not started."""
    seen = {}
    monkeypatch.setattr(launch, "serve", lambda folder, **options: seen.update(folder=folder, **options))
    return seen


def test_without_a_folder_it_is_the_current_one(granum, asked):
    code, _, _ = granum("app")
    assert code == 0
    assert str(asked["folder"]) == "."
    assert asked["open_browser"]
    assert asked["host"] is asked["port"] is asked["token"] is None
    assert asked["allow_host"] == ()


def test_every_option_reaches_the_server(granum, asked, tmp_path, monkeypatch):
    monkeypatch.setenv("GRANUM_TOKEN", "from-the-environment")
    words = [
        "--no-browser",
        "--port",
        "9000",
        "--host",
        "0.0.0.0",
        "--allow-host",
        "a.example",
        "--allow-host",
        "b.example",
    ]
    code, _, _ = granum("app", tmp_path, *words, "--behind-proxy", "--print-token", "--sample")
    assert code == 0
    assert asked == {
        "folder": tmp_path, "open_browser": False, "port": 9000, "host": "0.0.0.0", "token": "from-the-environment",
        "allow_host": ("a.example", "b.example"), "behind_proxy": True, "print_token": True, "sample": True,
    }  # fmt: skip
    granum("app", "--token", "typed")
    assert asked["token"] == "typed"


@pytest.mark.parametrize(
    ("words", "said"),
    [(["missing"], "not a folder"), (["--host", "0.0.0.0"], "--token"), (["--token", "short"], "16 or more"),
     (["--port", "70000"], "65535"), (["--port", "x"], "integer")],
)  # fmt: skip
def test_what_cannot_be_done_is_said_in_one_sentence_with_exit_code_2(granum, monkeypatch, tmp_path, words, said):
    monkeypatch.chdir(tmp_path)
    code, out, err = granum("app", *words, "--no-browser")
    assert code == 2
    assert said in err
    assert out == ""
    assert "Traceback" not in err


def test_the_help_needs_no_web_packages():
    code = (
        "import sys; from granum.cli.main import main; main(['app', '--help']);"
        "print(sorted({'fastapi', 'starlette', 'uvicorn', 'websockets', 'numpy'} & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "--behind-proxy" in shown
    assert shown.endswith("[]\n")
