"""How fast live learning follows a stroke: the real server, everything on this computer.

    python benchmarks/speed/learning.py               2048 x 2048, three images painted in turn, 20 strokes
    python benchmarks/speed/learning.py --inside      without a server: the process that learns, called

What is measured, after features of the image are known (the page begins to look before the first stroke):
- `view`: from sending a stroke (HTTP) to the socket message that tells that all of a view of 1024 x 1024 is predicted.
- `all`: to the message that all of the image is.
- `first look`: from looking at an image nobody has looked at yet, with a model there, to its view and to all of it.
- `overtaken`: from a stroke in the middle of another's prediction to its view.

Prints median and largest of each, and the processor seconds of all processes per stroke, which do not depend on what
else the computer does. Writes `bench_out/speed_learning.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import tifffile
from websockets.sync.client import ClientConnection, connect

from granum.samples import simulate_phases

TOKEN = "token-for-benchmarks-0123456789"
TARGETS_MS = {"view": 250.0, "all": 1500.0}
VIEW = [512, 512, 1536, 1536]


def write_images(folder: Path, size: int, n: int) -> list[np.ndarray]:
    """Write pictures of four phases and return their true classes."""
    truth = []
    for number in range(n):
        sample = simulate_phases(size=size, seed=number)
        tifffile.imwrite(folder / f"phases_{number}.tif", sample.image)
        truth.append(sample.classes)
    return truth


def strokes_of(truth: np.ndarray, n: int, seed: int) -> Iterator[dict[str, Any]]:
    """Yield strokes as a person paints them: 60 px long, inside one class, classes in turn."""
    rng = np.random.default_rng(seed)
    for number in range(n):
        class_id = number % 4 + 1
        ys, xs = np.nonzero(truth[VIEW[0] : VIEW[2], VIEW[1] : VIEW[3]] == class_id)
        at = int(rng.integers(ys.size))
        y, x = float(ys[at] + VIEW[0]), float(xs[at] + VIEW[1])
        points = [[y, x]]
        for step in range(1, 30):
            yy, xx = int(y + step), int(x + 2 * step)
            if yy >= truth.shape[0] or xx >= truth.shape[1] or truth[yy, xx] != class_id:
                break
            points.append([float(yy), float(xx)])
        yield {"id": f"s{seed}-{number}", "tool": "brush", "class_id": class_id, "radius": 2.0, "points": points}


class Page:
    """What a page says and hears, without a browser."""

    def __init__(self, url: str, socket: ClientConnection) -> None:
        self.http = httpx.Client(base_url=f"{url}/api/v1", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=120)
        self.socket, self.request = socket, 0
        socket.send(json.dumps({"type": "hello", "client": "benchmark"}))

    def look(self, image: str) -> None:
        """Look at an image."""
        self.request += 1
        look = {"type": "learn_look", "request": self.request, "image": image, "view": VIEW}
        self.socket.send(json.dumps(look))

    def wait(self, image: str, since: float, *, key: str = "") -> dict[str, Any]:
        """Return the ms to the view and to all of an image, for another prediction than `key`."""
        left = np.ones((VIEW[2] - VIEW[0], VIEW[3] - VIEW[1]), bool)
        found: dict[str, Any] = {}
        while True:
            message = json.loads(self.socket.recv(120))
            if message["type"] == "learn_error":
                raise RuntimeError(message["message"])
            if message["type"] != "learn_prediction" or message["image"] != image or message["key"] == key:
                continue
            if found and message["key"] != found["key"]:  # of a newer stroke
                left[:], found = True, {}
            found["key"] = message["key"]
            for y0, x0, y1, x1 in message["ready"]:
                left[max(0, y0 - VIEW[0]) : max(0, y1 - VIEW[0]), max(0, x0 - VIEW[1]) : max(0, x1 - VIEW[1])] = False
            now = 1000 * (time.perf_counter() - since)
            if "view" not in found and not left.any():
                found["view"] = now
            if message["complete"]:
                return found | {"all": now}

    def classes(self) -> None:
        """Four classes instead of two."""
        colours = ("#e69f00", "#56b4e9", "#009e73", "#cc79a7")
        names = ("matrix", "cuboid", "speck", "lamellar")
        body = [{"id": n, "name": name, "colour": c} for n, (name, c) in enumerate(zip(names, colours, strict=True), 1)]
        self.http.put("/classes", json={"classes": body}).raise_for_status()

    def paint(self, image: str, stroke: dict[str, Any]) -> None:
        """Paint."""
        self.http.post(f"/images/{image}/paint/scribbles/strokes", json=stroke).raise_for_status()


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    """Run `granum app` on a folder."""
    words = [sys.executable, "-m", "granum", "app", str(folder), "--no-browser", "--port", "0"]
    variables = {**os.environ, "PYTHONUNBUFFERED": "1", "GRANUM_TOKEN": TOKEN}
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=variables)
    lines: list[str] = []
    threading.Thread(target=lambda: lines.extend(process.stdout or ()), daemon=True).start()
    try:
        url = ""
        for _ in range(3000):
            urls = [word for line in list(lines) for word in line.split() if word.startswith("http://127")]
            if urls:
                url = urls[0].partition("/?")[0].rstrip("/")
                break
            time.sleep(0.02)
        if not url:
            raise RuntimeError("the server said: " + "".join(lines))
        yield url, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(30)


def processor_seconds(process: psutil.Process) -> float:
    """Return the processor seconds of a process and its children."""
    total = 0.0
    for one in (process, *process.children(recursive=True)):
        times = one.cpu_times()
        total += times.user + times.system
    return total


def through_the_socket(size: int, n_strokes: int) -> dict[str, Any]:
    """Measure as a page would."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        truth = write_images(folder, size, 3)
        with served(folder) as (url, process):
            address = f"ws{url.removeprefix('http')}/api/v1/socket"
            headers = {"Authorization": f"Bearer {TOKEN}"}
            with connect(address, additional_headers=headers, max_size=None, max_queue=None) as socket:
                page = Page(url, socket)
                while len(images := ready_images(page)) < 3:
                    time.sleep(0.1)
                page.classes()
                page.look(images[0])
                time.sleep(12)  # the person looks for the first place to paint
                return measure(page, process, images, truth, n_strokes)


def ready_images(page: Page) -> list[str]:
    """Return the ids of the images that can be painted on."""
    found = page.http.get("/images").raise_for_status().json()["images"]
    return [one["id"] for one in found if one["status"] == "ready"]


def measure(
    page: Page, process: psutil.Process, images: list[str], truth: list[np.ndarray], n_strokes: int
) -> dict[str, Any]:
    """Paint and look."""
    views, alls, costs, key = [], [], [], ""
    strokes = list(strokes_of(truth[0], n_strokes + 3, seed=1))
    for stroke in strokes[:3]:  # the first fits compile and load what they need
        page.paint(images[0], stroke)
        time.sleep(3)
    for stroke in strokes[3:]:
        time.sleep(0.5)
        before, since = processor_seconds(process), time.perf_counter()
        drain(page.socket)
        page.paint(images[0], stroke)
        found = page.wait(images[0], since, key=key)
        key = found["key"]
        views.append(found["view"])
        alls.append(found["all"])
        costs.append(processor_seconds(process) - before)
    since = time.perf_counter()
    page.look(images[1])
    first = page.wait(images[1], since)
    overtaken = []
    for stroke in strokes_of(truth[1], 5, seed=2):
        page.paint(images[1], {**stroke, "id": f"{stroke['id']}a"})
        time.sleep(0.15)
        since = time.perf_counter()
        drain(page.socket)
        page.paint(images[1], {**stroke, "id": f"{stroke['id']}b", "class_id": stroke["class_id"] % 4 + 1})
        overtaken.append(page.wait(images[1], since)["view"])
    return {
        "view": views, "all": alls, "cpu_s": costs, "first look view": [first["view"]],
        "first look all": [first["all"]], "overtaken": overtaken,
    }  # fmt: skip


def drain(socket: ClientConnection) -> None:
    """Throw away what has come."""
    while True:
        try:
            socket.recv(0.001)
        except TimeoutError:
            return


def inside(size: int, n_strokes: int) -> dict[str, Any]:
    """Measure the process that learns alone, called as a function."""
    from granum.app.learn_jobs import Answer, LookJob, Painted
    from granum.app.learn_worker import Learner
    from granum.app.paint_export import read_layer
    from granum.app.paint_layer import PaintLayer
    from granum.app.paint_messages import Stroke
    from granum.app.preview_worker import PreviewSource
    from granum.learn import PixelClass

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (truth,) = write_images(folder, size, 1)
        source = PreviewSource("0" * 16, folder / "phases_0.tif")
        classes = tuple(PixelClass(n, str(n)) for n in range(1, 5))
        records: list[dict[str, Any]] = []

        def append(record: dict[str, Any]) -> int:
            records.append(record)
            return len(records)

        layer = PaintLayer(truth.shape, append, lambda after: list(enumerate(records[after:], after + 1)))
        learner, found = Learner(), {"fit": [], "view": [], "all": [], "cpu_s": []}
        x0, y0, y1, x1 = VIEW
        for number, stroke in enumerate(strokes_of(truth, n_strokes + 4, seed=1)):
            layer.paint(Stroke.model_validate(stroke), "me")
            key = (source.image, 0, 0)
            learner.take(Painted(number, classes, {key: read_layer(layer, name="a")}, {key: source}))
            begun, cpu = time.perf_counter(), time.process_time()
            times: dict[str, float] = {}

            def tell(answer: Answer, times: dict[str, float] = times, begun: float = begun) -> None:
                now = 1000 * (time.perf_counter() - begun)
                if answer.word == "live":
                    times["fit"] = now
                elif answer.found is not None and answer.found.view_done:
                    times.setdefault("view", now)
                    times["all"] = now

            learner.look(LookJob(number, source, 0, 0, (x0, y0, y1, x1), "live", None, folder), tell, lambda: None)
            if number >= 4:
                for name in ("fit", "view", "all"):
                    found[name].append(times[name])
                found["cpu_s"].append(time.process_time() - cpu)
        return dict(found)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--inside", action="store_true")
    parser.add_argument("--size", type=int, default=2048)
    parser.add_argument("--strokes", type=int, default=20)
    given = parser.parse_args()
    found = (inside if given.inside else through_the_socket)(given.size, given.strokes)
    for name, values in found.items():
        unit = "s" if name == "cpu_s" else "ms"
        target = f"target {TARGETS_MS[name]:.0f} ms" if name in TARGETS_MS else ""
        print(
            f"{name:18} median {statistics.median(values):9.2f} {unit:3} largest {max(values):9.2f} {unit:3} {target}"
        )
    out = Path("bench_out")
    out.mkdir(exist_ok=True)
    name = "speed_learning_inside.json" if given.inside else "speed_learning.json"
    (out / name).write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
