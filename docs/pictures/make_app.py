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
from pathlib import Path

import tifffile
from PIL import Image as Picture
from playwright.sync_api import Page, sync_playwright

from granum.samples import simulate_particles

HERE = Path(__file__).parent
SIZES = {"": (1440, 900), "_wide": (1920, 1080), "_tablet": (1024, 768)}


def write_images(folder: Path) -> None:
    """Write four micrographs with their pixel size."""
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


def tell(page: Page) -> None:
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
    page.get_by_role("tab", name="Paint").click()
    page.keyboard.press("Home")
    page.wait_for_timeout(400)
    page.keyboard.press("1")
    for x, y in ((0.37, 0.3), (0.52, 0.62), (0.64, 0.4)):
        draw(page, [(x, y), (x + 0.03, y + 0.02), (x + 0.05, y)])
    page.keyboard.press("2")
    draw(page, [(0.3, 0.78), (0.4, 0.74), (0.5, 0.8)])
    page.wait_for_timeout(800)
    save(page, "paint")
    page.emulate_media(color_scheme="light")
    page.get_by_role("tab", name="Results").click()
    page.wait_for_timeout(900)
    save(page, "light")


def main() -> None:
    """Start the server on a folder of its own and take the pictures."""
    where = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        folder = Path(place) / "Au and Pt particles"
        folder.mkdir()
        write_images(folder)
        words = [sys.executable, "-m", "granum", "app", str(folder), "--no-browser", "--port", "0"]
        variables = {**os.environ, "PYTHONUNBUFFERED": "1"}
        server = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=variables, start_new_session=True)
        try:
            link = next(found for line in server.stdout or () if (found := re.search(r"http\S+\?token=\S+", line)))
            browser = playwright.chromium.launch(executable_path=where, args=["--no-sandbox", "--disable-gpu"])
            page = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="dark").new_page()
            page.goto(link[0])
            tell(page)
            browser.close()
        finally:
            server.terminate()
            server.wait(20)
            time.sleep(0.2)
    for picture in sorted(HERE.glob("app_*.webp")):
        print(f"{picture.name}: {picture.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
