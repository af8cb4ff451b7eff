"""How fast the app answers: the real server, the real page, headless Chromium, everything on this computer.

    python benchmarks/speed/app.py            a 20,000 x 20,000 picture of 16 bit (2 GB of disk while it runs, minutes)
    python benchmarks/speed/app.py --quick    4,096 x 4,096 instead

What is measured, each as the person at the screen gets it:
- `page ready`: from the request of the page to the picture on screen, the picture known to the project, the server new.
- `stroke`: from lifting the pen to the server's own pixels on screen (300 px long, radius 12), and once more with every
  core kept busy by other processes.
- `ink`: from the pointer event to the line drawn under it.
- `slider, moving` and `slider, exact`: 2048 x 2048, the whole recipe `particles`: from the event of a slider to the
  new outlines on screen, and from its release to the exact result.
- `pan`: time between frames while a hand drags the picture at 1:1.
- `memory`: resident memory of the server with the large picture open and looked at, above the server that idles.

The scikit-image chain on the same 2048 x 2048 picture (smoothing, threshold, distance, peaks, watershed, measures) runs
in the same run as the reference. Writes `bench_out/speed_app.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import tifffile
from playwright.sync_api import Page, sync_playwright

from granum.samples import simulate_particles

TARGETS = {
    "page ready, large picture": "800 ms",
    "stroke, large picture": "20 / 35 ms",
    "stroke, all cores busy": "p95 100 ms",
    "ink": "0.4 ms + a frame",
    "slider, moving": "80 / 150 ms",
    "slider, exact": "350 ms",
    "pan at 1:1": "16.7 ms a frame",
    "memory above idle": "600 MB",
}
VIEW = {"width": 1440, "height": 900}


def write_large(path: Path, size: int) -> None:
    """Write a picture of many particles, never more than a band of it in memory."""
    patch = simulate_particles("discs", size=2000, count=520, seed=3, dtype="uint16").image
    tiles = -(-size // 2000)
    wide = np.tile(patch, (1, tiles))[:, :size]
    with tifffile.TiffWriter(path, bigtiff=True) as tif:
        rows = (wide[: min(2000, size - 2000 * i)] for i in range(tiles))
        strips = (band[y : y + 100] for band in rows for y in range(0, len(band), 100))
        tif.write(strips, shape=(size, size), dtype="uint16", rowsperstrip=100, photometric="minisblack")


class Server:
    """`granum app` on a folder."""

    def __init__(self, folder: Path) -> None:
        self.lines: list[str] = []
        words = [sys.executable, "-m", "granum", "app", str(folder), "--no-browser", "--port", "0"]
        variables = {**os.environ, "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=variables
        )
        threading.Thread(target=lambda: self.lines.extend(self.process.stdout or ()), daemon=True).start()
        self.used: set[str] = set()

    def link(self) -> str:
        """Return a link that has not been used."""
        for _ in range(3000):
            found = [link for line in list(self.lines) for link in re.findall(r"http\S+\?token=\S+", line)]
            if found and found[-1] not in self.used:
                self.used.add(found[-1])
                return found[-1]
            time.sleep(0.01)
        raise RuntimeError("the server said: " + "".join(self.lines))

    def memory(self) -> float:
        """Return the resident memory of the server process, in MB."""
        return psutil.Process(self.process.pid).memory_info().rss / 1e6

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(20)


@contextmanager
def busy_cores(n: int) -> Any:
    """Keep every core busy."""
    hogs = [subprocess.Popen([sys.executable, "-c", "while True: sum(range(10**6))"]) for _ in range(n)]
    try:
        time.sleep(0.5)
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


class Findings(dict[str, Any]):
    """What was found, printed as it comes."""

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, value)
        print(f"{name:42} {json.dumps(value):44} {TARGETS.get(name, '')}", flush=True)


def quantiles(values: list[float]) -> dict[str, float]:
    """Return median and 95th percentile."""
    p50, p95 = (round(float(value), 2) for value in np.percentile(values, (50, 95)))
    return {"p50": p50, "p95": p95, "n": len(values)}


def measures(page: Page, name: str) -> list[float]:
    """Return the durations of a `performance.measure` of the page, and forget them."""
    found = page.evaluate("name => performance.getEntriesByName(name).map(entry => entry.duration)", name)
    page.evaluate("name => performance.clearMeasures(name)", name)
    return [float(value) for value in found]


def wait_ready(page: Page, name: str, seconds: float = 600) -> None:
    """Wait until the project has read a picture."""
    script = """async name => {
      const list = await (await fetch('/api/v1/images')).json();
      return list.images.find(image => image.name === name)?.status;
    }"""
    end = time.monotonic() + seconds
    while (status := page.evaluate(script, name)) != "ready":
        if status == "failed" or time.monotonic() > end:
            raise RuntimeError(f"{name}: {status}")
        time.sleep(0.2)


def open_image(page: Page, name: str) -> None:
    """Open a picture from the list, unless it is open, and wait until it stands on screen."""
    button = page.locator(".image-item button").filter(has_text=name).first
    if button.get_attribute("aria-current") != "true":
        page.evaluate("performance.clearMarks('granum:settled')")
        button.click()
    page.wait_for_function("() => performance.getEntriesByName('granum:settled').length > 0", timeout=60_000)


def measure_ready(server: Server, browser: Any, rounds: int) -> list[float]:
    """Return the time from the request of the page to the picture on screen."""
    found = []
    context = browser.new_context(viewport=VIEW)
    page = context.new_page()
    page.goto(server.link())
    page.wait_for_function("() => performance.getEntriesByName('granum:settled').length > 0", timeout=60_000)
    for _ in range(rounds):
        page.goto(page.url, wait_until="commit")
        page.wait_for_function("() => performance.getEntriesByName('granum:settled').length > 0", timeout=60_000)
        found.append(float(page.evaluate("performance.getEntriesByName('granum:settled')[0].startTime")))
    context.close()
    return found


def draw_strokes(page: Page, n: int) -> list[float]:
    """Draw strokes with the mouse and return their latencies."""
    box = page.locator(".viewer-place").bounding_box() or {}
    measures(page, "granum:stroke")
    for i in range(n):
        x, y = box["x"] + 80 + (i % 5) * 60, box["y"] + 60 + (i * 37) % int(box["height"] - 140)
        page.mouse.move(x, y)
        page.mouse.down()
        for step in range(1, 31):
            page.mouse.move(x + 10 * step, y + 20 * np.sin(step / 5))
        # a hand comes to rest before it lifts; moves of the same instant would wait for the next frame before the lift
        page.wait_for_timeout(25)
        page.mouse.up()
        page.wait_for_function("n => performance.getEntriesByName('granum:stroke').length > n", arg=i, timeout=20_000)
    return measures(page, "granum:stroke")


POINTER = """
      const box = document.querySelector('.viewer-place').getBoundingClientRect();
      const cx = box.x + box.width / 2, cy = box.y + box.height / 2;
      const target = document.elementFromPoint(cx, cy);
      const send = (type, x, y, buttons) => target.dispatchEvent(new PointerEvent(type, {
        bubbles: true, cancelable: true, pointerId: 1, pointerType: 'mouse', isPrimary: true,
        clientX: x, clientY: y, buttons,
        button: type === 'pointermove' ? -1 : 0}));
      const frame = () => new Promise(done => requestAnimationFrame(done));
"""


def measure_ink(page: Page) -> list[float]:
    """Return the times from a pointer event to the end of its handling, in which the line is drawn."""
    script = """async () => {"""
    script += POINTER
    script += """
      send('pointerdown', cx, cy, 1);
      const times = [];
      for (let i = 1; i <= 100; i++) {
        await frame();
        const start = performance.now();
        send('pointermove', cx + 2 * i, cy + 30 * Math.sin(i / 9), 1);
        times.push(performance.now() - start);
      }
      send('pointerup', cx, cy, 0);
      return times;
    }"""
    return [float(value) for value in page.evaluate(script)]


def measure_pan(page: Page) -> list[float]:
    """Return the times between frames while the picture is dragged."""
    script = """async () => {"""
    script += POINTER
    script += """
      send('pointerdown', cx, cy, 1);
      const times = [];
      let last = await frame();
      for (let i = 1; i <= 180; i++) {
        send('pointermove', cx + 220 * Math.sin(i / 30), cy + 160 * Math.sin(i / 23), 1);
        const now = await frame();
        times.push(now - last);
        last = now;
      }
      send('pointerup', cx, cy, 0);
      return times;
    }"""
    return [float(value) for value in page.evaluate(script)]


def wait_more(page: Page, name: str, count: int) -> None:
    """Wait until there are more than `count` measures of a name."""
    script = "([name, n]) => performance.getEntriesByName(name).length > n"
    page.wait_for_function(script, arg=[name, count], timeout=60_000)


def move_slider(page: Page, n: int) -> tuple[list[float], list[float]]:
    """Move the smoothing slider as a hand does and return the latencies of previews and of exact results."""
    slider = page.get_by_role("slider", name=re.compile("^smoothing", re.I)).first
    measures(page, "granum:preview"), measures(page, "granum:exact")
    low, high = float(slider.get_attribute("min") or 0), float(slider.get_attribute("max") or 1)
    for i in range(n):
        for k in range(6):
            count = len(page.evaluate("performance.getEntriesByName('granum:preview')"))
            at = low + (high - low) * (0.05 + 0.02 * ((7 * i + k) % 13))
            slider.evaluate("(e, v) => { e.value = v; e.dispatchEvent(new Event('input', {bubbles: true})); }", at)
            wait_more(page, "granum:preview", count)
        count = len(page.evaluate("performance.getEntriesByName('granum:exact')"))
        slider.evaluate("e => e.dispatchEvent(new Event('change', {bubbles: true}))")
        wait_more(page, "granum:exact", count)
    return measures(page, "granum:preview"), measures(page, "granum:exact")


def reference_chain(image: np.ndarray) -> float:
    """Return the milliseconds of the usual scikit-image chain."""
    from scipy import ndimage
    from skimage import feature, filters, measure, segmentation

    start = time.perf_counter()
    smooth = filters.gaussian(image, 1, preserve_range=True)
    mask = smooth > filters.threshold_otsu(smooth)
    distance = ndimage.distance_transform_edt(mask)
    peaks = feature.peak_local_max(distance, min_distance=7, labels=measure.label(mask))
    markers = np.zeros(image.shape, np.int32)
    markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    labels = segmentation.watershed(-distance, markers, mask=mask)
    measure.regionprops_table(labels, image, properties=("area", "centroid", "mean_intensity"))
    return (time.perf_counter() - start) * 1000


def main() -> None:
    """Measure everything and write it down."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--size", type=int, default=0)
    options = parser.parse_args()
    size = options.size or (4096 if options.quick else 20_000)
    found = Findings(size=size)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        place = Path(folder)
        write_large(place / "a_large.tif", size)
        middle = simulate_particles("discs", size=2048, count=550, seed=1, dtype="uint16").image
        tifffile.imwrite(place / "b_middle.tif", middle)
        where = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=where, args=["--no-sandbox", "--disable-gpu"])
        server = Server(place)
        try:
            page = browser.new_context(viewport=VIEW).new_page()
            start = time.monotonic()
            page.goto(server.link())
            wait_ready(page, "a_large.tif")
            found["first reading of the large picture, s"] = round(time.monotonic() - start, 1)
        finally:
            server.stop()
        server = Server(place)
        try:
            server.link()
            server.used.clear()
            time.sleep(4)  # previews warm up, the folder is looked through
            idle = server.memory()
            found["page ready, large picture"] = quantiles(measure_ready(server, browser, 5))
            page = browser.new_context(viewport=VIEW).new_page()
            page.goto(server.link())
            page.wait_for_function("() => performance.getEntriesByName('granum:settled').length > 0", timeout=60_000)
            open_image(page, "a_large.tif")
            page.locator("button.zoom").click()
            page.wait_for_timeout(800)
            found["pan at 1:1"] = quantiles(measure_pan(page))
            page.get_by_role("tab", name="Paint").click()
            page.keyboard.press("b")
            draw_strokes(page, 3)
            found["stroke, large picture"] = quantiles(draw_strokes(page, 40))
            found["ink"] = quantiles(measure_ink(page))
            with busy_cores(os.cpu_count() or 2):
                found["stroke, all cores busy"] = quantiles(draw_strokes(page, 30))
            found["memory above idle"] = {"MB": round(server.memory() - idle), "idle MB": round(idle)}
            page.get_by_role("tab", name="Tune").click()
            open_image(page, "b_middle.tif")
            page.wait_for_function("() => performance.getEntriesByName('granum:exact').length > 0", timeout=60_000)
            page.get_by_role("checkbox", name="smoothing: auto").click()
            move_slider(page, 2)
            moving, exact = move_slider(page, 8)
            found["slider, moving"], found["slider, exact"] = quantiles(moving), quantiles(exact)
        finally:
            browser.close()
            server.stop()
        reference_chain(middle)
        found["reference: scikit-image chain, ms"] = round(reference_chain(middle))
    out = Path("bench_out")
    out.mkdir(exist_ok=True)
    (out / "speed_app.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
