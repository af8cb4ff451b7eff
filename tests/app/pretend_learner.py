"""A process that predicts nothing but says what it was asked; the tests of the queue of looks run it."""

from __future__ import annotations

import os

from granum.app.learn_jobs import Answer, Found, LookJob, Painted, SaveJob

SHAPE = (512, 512)


def pretend(connection):
    """View of the job in pixels: x0 = 1 waits in the view, 2 waits in the rest, 3 dies; both until they are stopped."""
    version = -1
    waiting = []
    while True:
        try:
            message = waiting.pop(0) if waiting else connection.recv()
        except EOFError:
            return
        if isinstance(message, Painted):
            version = message.version
        elif isinstance(message, SaveJob):
            if message.file.name == "no":
                connection.send(Answer("failed", message.number, "Nothing is painted."))
            else:
                message.file.write_text(f"version {version}")
                connection.send(Answer("done", message.number))
        elif isinstance(message, LookJob):
            kind, stopped = message.view[1], False
            if kind == 3:
                os._exit(1)
            for phase in (1, 2):
                if kind == phase:
                    while not stopped:
                        more = connection.recv()
                        stopped = more == ("stop", message.number)
                        if not isinstance(more, tuple):
                            waiting.append(more)
                if stopped:
                    break
                found = Found(f"{message.model}-{version}", SHAPE, ((0, 0, 256, 256),), True, phase == 2)
                connection.send(Answer("found", message.number, found=found))
            connection.send(Answer("stopped" if stopped else "done", message.number))
