from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from granum.app.forms import RecipeShelf
from granum.app.preview_worker import PreviewSource
from granum.app.previews import Previews
from granum.app.problems import Problem
from granum.app.recipe_messages import PreviewRequest, PreviewResult
from granum.errors import SettingError
from granum.samples import simulate_particles

SLOW = 60  # seconds that a machine under load may take


class Folder:
    def __init__(self, path):
        self.path = path

    def preview_source(self, image):
        path = self.path / f"{image}.npy"
        if not path.exists():
            raise Problem(404, "not_found", f"image {image!r}: there is none.")
        return PreviewSource(image, path)


class Inbox:
    """What was sent to clients; answers are the last words on a request."""

    def __init__(self):
        self.queue = queue.Queue()

    def send(self, client, message):
        self.queue.put((client, message))

    def answer(self):
        while True:
            client, message = self.queue.get(timeout=SLOW)
            if message["type"] != "preview_progress":
                return client, message

    def answers(self, n):
        return [self.answer() for _ in range(n)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("images")
    np.save(path / "small.npy", simulate_particles("discs", size=200, count=10, seed=1, dtype="uint16").image)
    np.save(path / "large.npy", simulate_particles("tem", size=1500, count=200, seed=1, dtype="uint16").image)
    return path


@pytest.fixture(scope="module")
def running(folder):
    inbox = Inbox()
    previews = Previews(Folder(folder), inbox.send, RecipeShelf(folder / "recipes"))
    yield previews, inbox
    previews.close()


def ask(previews, client, number, image="small", **about):
    previews.submit(client, PreviewRequest(request=number, image=image, **about))


def test_a_request_is_answered_with_layers_that_lie_on_the_disk(running):
    previews, inbox = running
    ask(previews, "a", 1, layers=["labels", "peaks"])
    client, message = inbox.answer()
    result = PreviewResult(**message)
    assert (client, result.request, result.exact, result.n_objects) == ("a", 1, True, 10)
    held = previews.results.held(result.key)
    labels = previews.results.load(held.found.layers[0])
    assert labels.max() == 10
    assert [layer.url.rpartition("/")[2] for layer in result.layers] == ["tiles", "points"]
    assert result.settings["segment.automatic.smoothing"] is None


def test_the_newest_request_of_a_client_wins_and_every_one_is_answered(running):
    previews, inbox = running
    for number in range(10, 30):
        ask(previews, "a", number, settings={"segment.automatic.smoothing": number / 10})
    answers = {message["request"]: message for _, message in inbox.answers(20)}
    assert sorted(answers) == list(range(10, 30))
    assert answers[29]["type"] == "preview_result"
    assert {m["code"] for m in answers.values() if m["type"] == "preview_error"} == {"dropped"}


def test_an_exact_run_is_stopped_when_the_slider_moves_again(running):
    previews, inbox = running
    ask(previews, "a", 40, image="large")
    while inbox.queue.get(timeout=SLOW)[1]["type"] != "preview_progress":
        continue
    ask(previews, "a", 41, image="large", level=2)
    first, second = (message for _, message in inbox.answers(2))
    assert (first["request"], first["code"]) == (40, "dropped")
    assert (second["request"], second["type"]) == (41, "preview_result")


def test_a_client_that_asks_all_the_time_does_not_keep_others_waiting(running):
    previews, inbox = running
    for number in range(50, 60):
        ask(previews, "busy", number, image="large", level=1, settings={"segment.automatic.smoothing": number / 20})
        if number == 52:
            ask(previews, "other", 1)
    order = [(client, message["type"]) for client, message in inbox.answers(11)]
    others = order.index(("other", "preview_result"))
    assert [kind for client, kind in order[:others] if client == "busy"].count("preview_result") <= 2


def test_a_client_that_has_left_gets_nothing_and_blocks_nobody(running):
    previews, inbox = running
    ask(previews, "gone", 70, image="large")
    ask(previews, "gone", 71, image="large", settings={"segment.automatic.smoothing": 2.2})
    previews.forget("gone")
    ask(previews, "a", 72)
    while True:
        client, message = inbox.answer()
        if client == "a":
            break
        assert message["type"] == "preview_error"
    assert (message["request"], message["type"]) == (72, "preview_result")


def test_a_process_that_dies_is_told_in_one_sentence_and_started_anew(running):
    previews, inbox = running
    ask(previews, "a", 80, image="large", settings={"segment.automatic.smoothing": 4.4})
    while inbox.queue.get(timeout=SLOW)[1]["type"] != "preview_progress":
        continue
    os.kill(previews._process.pid, signal.SIGKILL)
    _, message = inbox.answer()
    assert (message["request"], message["code"]) == (80, "crashed")
    ask(previews, "a", 81)
    assert inbox.answer()[1]["type"] == "preview_result"


def test_what_cannot_run_is_told_at_once(running):
    previews, inbox = running
    with pytest.raises(Problem):
        ask(previews, "a", 90, image="missing")
    with pytest.raises(SettingError, match="0 to 50"):
        ask(previews, "a", 91, settings={"segment.automatic.smoothing": 1e9})
    ask(previews, "a", 92, layers=["nothing"])
    _, message = inbox.answer()
    assert (message["type"], message["code"]) == ("preview_error", "not_possible")
    assert "layer 'nothing'" in message["message"]


def test_the_process_and_its_files_end_with_close(folder):
    inbox = Inbox()
    previews = Previews(Folder(folder), inbox.send, RecipeShelf(folder / "recipes"))
    ask(previews, "a", 1)
    inbox.answer()
    process, files = previews._process, previews.results.path
    assert list(files.iterdir())
    previews.close()
    assert not process.is_alive()
    assert not files.exists()
    with pytest.raises(Problem):
        ask(previews, "a", 2)


def test_the_process_ends_when_the_server_is_killed(folder, tmp_path):
    """A server that gets no chance to clean up leaves no process; its files go with the next start."""
    script = tmp_path / "server.py"
    script.write_text(
        "import sys, time\n"
        "from pathlib import Path\n"
        "from granum.app.forms import RecipeShelf\n"
        "from granum.app.recipe_messages import PreviewRequest\n"
        "from granum.app.preview_worker import PreviewSource\n"
        "from granum.app.previews import Previews\n"
        "class Folder:\n"
        "    def preview_source(self, image):\n"
        "        return PreviewSource(image, Path(sys.argv[1]) / f'{image}.npy')\n"
        "def tell(client, message):\n"
        "    if message['type'] == 'preview_result':\n"
        "        print(previews._process.pid, previews.results.path, flush=True)\n"
        "if __name__ == '__main__':\n"
        "    previews = Previews(Folder(), tell, RecipeShelf(Path(sys.argv[1]) / 'recipes'))\n"
        "    previews.submit('a', PreviewRequest(request=1, image='small'))\n"
        "    time.sleep(600)\n"
    )
    server = subprocess.Popen([sys.executable, str(script), str(folder)], stdout=subprocess.PIPE, text=True)
    pid, _, left = server.stdout.readline().strip().partition(" ")
    assert Path(left).is_dir()
    server.kill()
    server.wait()
    server.stdout.close()
    deadline = time.monotonic() + SLOW
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{pid}").exists()
    previews = Previews(Folder(folder), Inbox().send, RecipeShelf(folder / "recipes"))
    assert previews.results.path.is_dir()
    assert not Path(left).exists()
    previews.close()
