"""Processes that outlive their parent: which one was meant, whether it still runs, and how to end it with its children.

A number alone is no proof, because systems use it again; a process is its number and the moment it began.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

__all__ = ["end_group", "is_alive", "process_token", "wait_ended"]

_PROC = Path("/proc")
_STEP_S = 0.02


def process_token(pid: int) -> str | None:
    """Return what tells a running process from a later one of the same number; None when there is none that runs.

    Parameters
    ----------
    pid : int
        Number of the process. One that has ended and was not waited for yet does not run.
    """
    if (_PROC / "self" / "stat").exists():
        try:
            text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None
        # the name in parentheses may hold anything, so count from its end: state, ..., start in clock ticks
        fields = text.rpartition(")")[2].split()
        return None if fields[0] in "ZX" else f"{_boot()}:{fields[19]}"
    shown = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)],
        capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"},
    )  # fmt: skip
    state, _, start = shown.stdout.strip().partition(" ")
    return None if not start or state.startswith("Z") else " ".join(start.split())


def _boot() -> str:
    """Return the name of this start of the system: ticks begin anew with each."""
    try:
        return (_PROC / "sys" / "kernel" / "random" / "boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def is_alive(pid: int, token: str) -> bool:
    """Return whether the very process that `process_token` has told about still runs."""
    return pid > 0 and process_token(pid) == token


def end_group(pid: int, token: str, *, patience_s: float = 3.0) -> bool:
    """End a process that leads its own group, and all of the group: first asked, then forced.

    Parameters
    ----------
    pid, token
        The leader; nothing happens when it does not run any more.
    patience_s : float
        How long it may take to end by itself.

    Returns
    -------
    ended : bool
        False when it does not even answer to force (a disk that hangs).
    """
    if not is_alive(pid, token):
        return True
    _send(pid, signal.SIGTERM)
    wait_ended(pid, token, patience_s)
    _send(pid, signal.SIGKILL)  # also for children that the leader has left behind
    return wait_ended(pid, token, patience_s)


def wait_ended(pid: int, token: str, patience_s: float) -> bool:
    """Wait until a process does not run any more; False when it still does after `patience_s` seconds."""
    deadline = time.monotonic() + patience_s
    while alive := is_alive(pid, token):
        if time.monotonic() > deadline:
            break
        time.sleep(_STEP_S)
    return not alive


def _send(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:  # all of it is gone, which is what was wanted
        return
