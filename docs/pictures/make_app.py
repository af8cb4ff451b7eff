"""Make the pictures of the app: the real server, the real page in headless Chromium, simulated micrographs.

python docs/pictures/make_app.py            writes app_*.webp beside this file
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile
from PIL import Image as Picture
from playwright.sync_api import Page, Playwright, sync_playwright

from granum.samples import SimulatedPhases, simulate_particles, simulate_phases, simulate_strokes

HERE = Path(__file__).parent
SIZES = {"": (1440, 900), "_wide": (1920, 1080), "_tablet": (1024, 768)}


def write_images(folder: Path) -> np.ndarray:
    """Write four micrographs with their pixel size; return the labels of the first."""
    truth = []
    for name, kind, size, count, seed in (
        ("Au on carbon, spot 1", "tem", 1536, 260, 4), ("Au on carbon, spot 2", "tem", 1536, 240, 5),
        ("PtNi HAADF", "haadf", 1024, 150, 8), ("silica SEM", "sem", 1024, 120, 3),
    ):  # fmt: skip
        simulated = simulate_particles(
            kind, size=size, count=count, seed=seed, touching=0.45, noise=0.4, dtype="uint16"
        )
        about = {"axes": "YX", "PhysicalSizeX": 0.21, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 0.21,
                 "PhysicalSizeYUnit": "nm"}  # fmt: skip
        tifffile.imwrite(folder / f"{name}.ome.tif", simulated.image, metadata=about)
        truth.append(simulated.labels)
    return truth[0]


def write_phases(folder: Path) -> list[SimulatedPhases]:
    """Write three micrographs of four phases."""
    made = [simulate_phases(size=640, seed=seed, speck_share=0.03) for seed in (11, 12, 13)]
    for number, one in enumerate(made, 1):
        about = {"axes": "YX", "PhysicalSizeX": 5.0, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 5.0,
                 "PhysicalSizeYUnit": "nm"}  # fmt: skip
        tifffile.imwrite(folder / f"superalloy {number}.ome.tif", one.image, metadata=about)
    return made


def in_order(pixels: np.ndarray) -> np.ndarray:
    """Return the pixels of a thin line (n, 2) as they lie one after the other, as far as there is no gap."""
    left = pixels.astype(float)
    at = int(((left - left.mean(axis=0)) ** 2).sum(axis=1).argmax())
    path = [left[at]]
    left = np.delete(left, at, axis=0)
    while len(left):
        gaps = ((left - path[-1]) ** 2).sum(axis=1)
        at = int(gaps.argmin())
        if gaps[at] > 8:
            break
        path.append(left[at])
        left = np.delete(left, at, axis=0)
    return np.array(path)


def paint_phases(page: Page, made: list[SimulatedPhases]) -> None:
    """Name the classes and paint strokes on two of the micrographs, as the page would send them."""

    def ask(method: str, path: str, body: object = None) -> Any:
        code = """async ([method, path, body]) => {
            const init = body === null ? {method} :
                {method, body: JSON.stringify(body), headers: {"Content-Type": "application/json"}};
            const answer = await fetch("/api/v1" + path, init);
            if (!answer.ok) throw new Error(await answer.text());
            return await answer.json(); }"""
        return page.evaluate(code, [method, path, body])

    colours = {"matrix": "#0072b2", "cuboid": "#e69f00", "speck": "#009e73", "lamellar": "#cc79a7"}
    classes = [{"id": n, "name": name, "colour": colours[name]} for n, name in enumerate(colours, 1)]
    ask("PUT", "/classes", {"classes": classes})
    images = {one["name"]: one["id"] for one in ask("GET", "/images")["images"]}
    number = 0
    for picture, one in enumerate(made[:2], 1):
        painted, strokes = simulate_strokes(one.classes, n_px=240, width=1, seed=picture)
        for stroke in range(1, int(strokes.max()) + 1):
            pixels = np.argwhere(strokes == stroke)
            number += 1
            ask("POST", f"/images/{images[f'superalloy {picture}.ome.tif']}/paint/scribbles/strokes", {
                "id": f"s{number}", "tool": "brush", "class_id": int(painted[tuple(pixels[0])]), "radius": 1.5,
                "points": in_order(pixels).tolist(),
            })  # fmt: skip


def save(page: Page, name: str) -> None:
    """Write what the page shows."""
    shot = Picture.open(io.BytesIO(page.screenshot())).convert("RGB")
    shot.save(HERE / f"app_{name}.webp", quality=72, method=6)


def wait_exact(page: Page) -> None:
    """Wait for the exact preview."""
    page.locator(".finding .tag", has_text=re.compile("^exact$")).wait_for(timeout=120_000)
    page.wait_for_timeout(500)


def draw(page: Page, points: list[tuple[float, float]]) -> None:
    """Drag along points given as shares of the viewer's width and height."""
    box = page.locator(".viewer-place").bounding_box() or {}
    places = [(box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=12)
    page.mouse.up()


def tell_painting(page: Page, labels: np.ndarray) -> None:
    """Paint on the three largest particles and on the ground far from any, and wait for the prediction."""
    page.get_by_role("tab", name="Paint").click()
    page.keyboard.press("Home")
    page.wait_for_timeout(900)
    box = page.locator(".viewer-place").bounding_box() or {}
    size = labels.shape[0]
    zoom = min(box["width"], box["height"]) / size

    def stroke(y: float, x: float, half: float) -> None:
        ends = ((y - half, x - half), (y, x), (y - half / 2, x + half))
        draw(page, [(0.5 + (b - size / 2) * zoom / box["width"], 0.5 + (a - size / 2) * zoom / box["height"])
                    for a, b in ends])  # fmt: skip

    for key, here, half in (("1", labels > 0, 16), ("2", labels == 0, 30)):
        page.keyboard.press(key)
        free = here.copy()
        free[:80] = free[-80:] = free[:, :80] = free[:, -80:] = False
        for _ in range(3):
            depth = cv2.distanceTransform(free.astype(np.uint8), cv2.DIST_L2, 5)
            y, x = np.unravel_index(int(depth.argmax()), depth.shape)
            free[max(0, y - 250) : y + 250, max(0, x - 250) : x + 250] = False
            stroke(float(y), float(x), half)
    page.locator(".live .tag.good", has_text="up to date").wait_for(timeout=180_000)
    page.wait_for_timeout(1500)
    save(page, "paint")


def tell(page: Page, labels: np.ndarray) -> None:
    """Go through the four tabs."""
    page.locator(".image-item").nth(3).wait_for(timeout=60_000)
    page.locator(".image-item button").filter(has_text="spot 1").first.click()
    wait_exact(page)
    for ending, (width, height) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(700)
        page.keyboard.press("Home")
        page.wait_for_timeout(500)
        save(page, f"tune{ending}")
    page.set_viewport_size({"width": 1440, "height": 900})
    page.get_by_role("button", name=re.compile(r"^Run on all \d+ images")).click()
    page.get_by_role("tab", name="Runs").click()
    page.wait_for_timeout(1500)
    page.locator('ul[aria-label="Runs that go on"]').wait_for(state="detached", timeout=180_000)
    page.locator('ul[aria-label="Finished runs"] summary').first.click()
    page.wait_for_timeout(7000)  # the note that the run is done goes away
    save(page, "runs")
    page.get_by_role("button", name="Open", exact=True).first.click()
    page.locator(".table-row:not(.head)").nth(4).click()
    page.wait_for_timeout(900)
    save(page, "results")
    tell_painting(page, labels)
    page.emulate_media(color_scheme="light")
    page.get_by_role("tab", name="Results").click()
    page.wait_for_timeout(900)
    save(page, "light")


def tell_learning(page: Page) -> None:
    """Search on the strokes, and look at the best with its score."""
    page.get_by_role("tab", name="Paint").click()
    page.locator(".image-item button").filter(has_text="superalloy 1").first.click()
    page.keyboard.press("Home")
    page.locator(".live .tag.good", has_text="up to date").wait_for(timeout=180_000)
    page.get_by_role("radio", name="30 s", exact=True).check(force=True)
    page.get_by_role("button", name="Search for 30 s").click()
    running = page.locator(".search .tag", has_text="running")
    running.wait_for(timeout=20_000)
    running.wait_for(state="detached", timeout=180_000)
    page.get_by_role("button", name="Look at the best in the image").click()
    page.locator(".live .tag.good", has_text="up to date").wait_for(timeout=180_000)
    page.wait_for_timeout(1500)
    page.locator(".score").first.scroll_into_view_if_needed()
    page.evaluate("document.querySelector('.search').scrollIntoView()")
    page.wait_for_timeout(800)
    save(page, "learn")


def open_app(playwright: Playwright, folder: Path, take: Callable[[Page, str], None]) -> None:
    """Start the server on a folder and give its page and address to `take`."""
    where = shutil.which("chromium") or shutil.which("google-chrome")
    words = [sys.executable, "-m", "granum", "app", str(folder), "--no-browser", "--port", "0"]
    variables = {**os.environ, "PYTHONUNBUFFERED": "1"}
    server = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=variables, start_new_session=True)
    try:
        link = next(found for line in server.stdout or () if (found := re.search(r"http\S+\?token=\S+", line)))
        browser = playwright.chromium.launch(executable_path=where, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="dark").new_page()
        take(page, link[0])
        browser.close()
    finally:
        server.terminate()
        server.wait(20)
        time.sleep(0.2)


def main() -> None:
    """Take the pictures of particles, then those of learning; with the word `learn` only the latter."""
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        if "learn" not in sys.argv[1:]:
            folder = Path(place) / "Au and Pt particles"
            folder.mkdir()
            labels = write_images(folder)

            def particles(page: Page, address: str) -> None:
                page.goto(address)
                tell(page, labels)

            open_app(playwright, folder, particles)
        folder = Path(place) / "superalloy"
        folder.mkdir()
        made = write_phases(folder)

        def phases(page: Page, address: str) -> None:
            page.goto(address)
            page.locator(".image-item").nth(2).wait_for(timeout=60_000)
            paint_phases(page, made)
            tell_learning(page)

        open_app(playwright, folder, phases)
    for picture in sorted(HERE.glob("app_*.webp")):
        print(f"{picture.name}: {picture.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
