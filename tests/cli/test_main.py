from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

import granum as package
from granum import errors
from granum.cli import main as main_module
from granum.cli.main import commands, exit_code, main


def test_help_lists_every_command(granum):
    code, out, _ = granum("--help")
    assert code == 0
    for name in ("run", "demo", "info", "recipes", "simulate", "score", "export", "app"):
        assert f"  {name} " in out


def test_no_command_is_wrong_usage_with_the_help(granum):
    code, out, err = granum()
    assert code == 2
    assert "Commands:" in out + err


def test_the_version_is_that_of_the_package(granum):
    assert granum("--version") == (0, f"granum {package.__version__}\n", "")


@pytest.mark.parametrize("words", [["rum"], ["run"], ["run", "particles-seed", "x", "-o", "y", "--job", "2"]])
def test_wrong_usage_is_two(granum, words):
    code, out, err = granum(*words)
    assert code == 2
    assert out == ""
    assert "Usage:" in err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.SettingError("x"), 2),
        (errors.RecipeError("x"), 2),
        (errors.OutputError("x"), 2),
        (errors.MissingExtraError("x"), 2),
        (errors.ReadError("x"), 3),
        (errors.ShapeError("x"), 3),
        (ValueError("x"), 1),
    ],
)
def test_the_exit_code_says_whose_fault_it_is(error, code):
    assert exit_code(error) == code


@pytest.fixture
def failing(monkeypatch):
    """Make `granum demo` raise something."""

    def make(error):
        def fail():
            raise error

        for command in commands.registered_commands:
            if command.callback is main_module.demo:
                monkeypatch.setattr(command, "callback", fail)
                monkeypatch.setattr(command, "name", "demo")

    return make


def test_an_error_of_granums_own_is_one_line_and_has_a_traceback_only_with_debug(granum, failing):
    error = KeyError("labels")
    error.add_note("in step 2")
    failing(error)
    code, out, err = granum("demo")
    assert (code, out) == (1, "")
    assert err == "granum's own fault: KeyError: 'labels' (in step 2); run again with --debug for the traceback.\n"
    for words in (["--debug", "demo"], ["demo", "--debug"]):
        code, _, err = granum(*words)
        assert code == 1
        assert "Traceback (most recent call last)" in err


def test_an_expected_error_is_one_line_however_many_it_has(granum, failing):
    failing(errors.ReadError("a.tif: is empty;\n  choose another"))
    assert granum("demo") == (3, "", "granum: a.tif: is empty; choose another\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_with_its_own_code_and_handlers_are_put_back(granum, monkeypatch, number):
    before = signal.getsignal(number)

    def stop_me():
        os.kill(os.getpid(), number)
        signal.pause()

    for command in commands.registered_commands:
        if command.callback is main_module.demo:
            monkeypatch.setattr(command, "callback", stop_me)
            monkeypatch.setattr(command, "name", "demo")
    assert granum("demo") == (128 + number, "", "granum: stopped.\n")
    assert signal.getsignal(number) is before


def test_the_module_and_the_command_are_the_same():
    shown = subprocess.run([sys.executable, "-m", "granum", "--version"], capture_output=True, text=True, check=True)
    assert shown.stdout == f"granum {package.__version__}\n"


def test_words_default_to_those_of_the_process(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["granum", "--version"])
    assert main() == 0
    assert "granum" in capsys.readouterr().out


@pytest.mark.parametrize(("before", "after"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_threads_do_not_wait_by_spinning_unless_it_is_asked_for(monkeypatch, before, after):
    monkeypatch.setenv("OMP_WAIT_POLICY", "")  # so that it is put back afterwards
    monkeypatch.delenv("OMP_WAIT_POLICY")
    if before:
        monkeypatch.setenv("OMP_WAIT_POLICY", before)
    main(["--version"])
    assert os.environ["OMP_WAIT_POLICY"] == after


def test_help_imports_nothing_heavy():
    code = (
        "import sys\n"
        "from granum.cli.main import main\n"
        "main(['--help'])\n"
        "heavy = {'numpy', 'scipy', 'skimage', 'cv2', 'numba', 'sklearn', 'pandas', 'pydantic', 'tifffile', 'rich'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)\n"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (shown.returncode, shown.stderr) == (0, "")
