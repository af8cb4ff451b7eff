"""Waiting for what a page says, in pages that forbid evaluated code.

Playwright's own `wait_for_function` asks the page again from a timer inside the page, and there a policy without
'unsafe-eval' stops it: it works only where the answer is yes at once. Asked from here, each question stands for itself.
"""

from __future__ import annotations

import time


def wait_until(page, question, *, arg=None, timeout=30_000):
    """Ask a page until the JavaScript `question` says yes; TimeoutError after `timeout` milliseconds."""
    end = time.monotonic() + timeout / 1000
    while not page.evaluate(question, arg):
        if time.monotonic() > end:
            raise TimeoutError(f"{timeout} ms passed and the page still says no to: {question}")
        page.wait_for_timeout(20)
