from __future__ import annotations

import contextlib
import os
import pty
import sys

from granum.cli import progress
from granum.cli.progress import show_progress


def test_elsewhere_than_on_a_terminal_there_are_plain_lines(capsys, monkeypatch):
    monkeypatch.setattr(progress, "_SECONDS_BETWEEN_LINES", 1e9)
    with show_progress() as show:
        for n in (1, 2, 3):
            show(n, 3, f"{n}.tif")
    assert capsys.readouterr().err == "3 of 3 done (3.tif)\n"
    monkeypatch.setattr(progress, "_SECONDS_BETWEEN_LINES", 0)
    with show_progress() as show:
        show(1, 3, "1.tif")
    assert capsys.readouterr().err == "1 of 3 done (1.tif)\n"
    with show_progress(unit="s") as show:
        show(10, 30, "a search")
    assert capsys.readouterr().err == "10 of 30 s (a search)\n"


def test_a_terminal_gets_a_bar_that_takes_names_as_they_are(monkeypatch):
    reader, writer = pty.openpty()
    with os.fdopen(writer, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        with show_progress(unit="pipelines") as show:
            show(2, 4, "odd [/bold] name.tif")
    shown = b""
    with contextlib.suppress(OSError):  # the end of a terminal is an error
        while more := os.read(reader, 100_000):
            shown += more
    os.close(reader)
    shown = shown.decode()
    assert "2/4" in shown
    assert "pipelines" in shown
    assert "odd [/bold] name.tif" in shown
