"""A real server in a process of its own, and real Chromium: for tests of what can only be seen there.

`tests/conftest.py` registers the fixtures, so every test may just take `serve`, `chromium` or `signed_in`.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

TOKEN = "token-for-tests-0123456789"
# a name of the wide world that leads here: what DNS rebinding makes of an attacker's name
_FLAGS = ["--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP rebound.example 127.0.0.1"]


@dataclass
class Served:
    """A server that runs.

    Attributes
    ----------
    url : str
        "http://127.0.0.1:PORT", without a slash at the end.
    process : subprocess.Popen
    lines : list of str
        What it has printed so far.
    """

    url: str
    process: subprocess.Popen
    folder: Path
    lines: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)

    @property
    def port(self):
        return int(self.url.rpartition(":")[2])

    @property
    def headers(self):
        """Headers for scripts: ``httpx.get(served.url + "/api/v1/images", headers=served.headers)``."""
        return {"Authorization": f"Bearer {TOKEN}"}

    def new_link(self, seconds=20):
        """Return a link that nobody was given yet; each opens one browser, and then the next one is printed."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = [link for line in list(self.lines) for link in re.findall(r"http\S+\?token=\S+", line)]
            if found and found[-1] not in self.used:
                self.used.add(found[-1])
                return found[-1]
            time.sleep(0.01)
        raise AssertionError("no new link was printed:\n" + "".join(self.lines))

    def wait_for(self, text, seconds=20):
        """Wait until it has printed a line with a text, and return the line."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for line in list(self.lines):
                if text in line:
                    return line
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise AssertionError(f"{text!r} was not printed:\n" + "".join(self.lines))

    def stop(self, number=signal.SIGTERM, seconds=20):
        """End it and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(seconds)


@pytest.fixture
def serve(request):
    """Start `granum app FOLDER` on a free port: ``serve(folder, *words)`` returns a `Served`.

    The token for scripts is `Served.headers`; everything ends with the test.
    """
    started = []

    def start(folder, *words, token=TOKEN, port=0, environment=None):
        command = [sys.executable, "-m", "granum", "app", str(folder), "--no-browser"]
        command += [] if port is None else ["--port", str(port)]
        command += [str(word) for word in words]
        variables = {**os.environ, "PYTHONUNBUFFERED": "1", **({"GRANUM_TOKEN": token} if token else {})}
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            env={**variables, **(environment or {})},
            start_new_session=True,
        )
        lines = []

        def read():
            for line in process.stdout:
                lines.append(line)

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        served = Served("", process, Path(folder), lines)
        started.append((served, thread))
        line = served.wait_for("?token=", 60)
        served.url = re.search(r"(http://\S+?)/\?token=", line).group(1)
        return served

    yield start
    for served, thread in started:
        try:
            served.stop(signal.SIGTERM, 10)
        except subprocess.TimeoutExpired:
            served.process.kill()
            served.process.wait(10)
        thread.join(10)
        served.process.stdout.close()


@pytest.fixture
def chromium():
    """Headless Chromium by playwright: ``chromium.new_context()``, ``.new_page()``."""
    where = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if where is None:
        pytest.skip("there is no Chromium on this computer (Debian: apt-get install chromium)")
    api = pytest.importorskip("playwright.sync_api", reason="the browser tests need playwright")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=where, args=_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def signed_in(chromium):
    """Open a page that is signed in: ``signed_in(served, context=None)`` returns the page.

    `page.csp` lists violations of the content security policy, `page.faults` errors of scripts and of the console.
    """
    contexts = []

    def open_page(served, context=None, **options):
        if context is None:
            context = chromium.new_context(**options)
            contexts.append(context)
        page = context.new_page()
        watch(page)
        page.goto(served.new_link())
        return page

    yield open_page
    for context in contexts:
        context.close()


def watch(page):
    """Collect what goes wrong in a page, in `page.csp` and `page.faults`."""
    page.csp, page.faults = [], []
    page.on("pageerror", lambda error: page.faults.append(str(error)))

    def note(message):
        if "Content Security Policy" in message.text or "content security policy" in message.text:
            page.csp.append(message.text)
        elif message.type == "error":
            page.faults.append(message.text)

    page.on("console", note)
