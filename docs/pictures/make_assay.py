"""Make the picture of an assay's report, and of its film: a simulated plate, run as anybody would run it.

python docs/pictures/make_assay.py          writes assay_report.webp and assay_film.webp beside this file
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
from PIL import Image as Picture
from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent


def granum(*words: object) -> None:
    """Run a command of granum."""
    subprocess.run([sys.executable, "-m", "granum", *map(str, words)], check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    """Simulate, run, photograph."""
    with tempfile.TemporaryDirectory() as name:
        plate, out = Path(name) / "plate", Path(name) / "out"
        granum("simulate", "confluency", "-o", plate, "--size", 384, "--hours", 48, "--interval", 4)
        how = ("--plate-map", plate / "plate_map.csv", "--interval", "4 h", "--video")
        granum("run", "confluency", plate / "images", "-o", out, *how)
        with sync_playwright() as playwright:
            where = shutil.which("chromium") or shutil.which("google-chrome")
            browser = playwright.chromium.launch(executable_path=where, args=["--no-sandbox", "--disable-gpu"])
            page = browser.new_page(viewport={"width": 1240, "height": 1180})
            page.goto((out / "report.html").as_uri())
            page.wait_for_selector(".choices:not([hidden])")
            shot = Picture.open(io.BytesIO(page.screenshot()))
            browser.close()
        shot.save(HERE / "assay_report.webp", quality=82, method=6)
        film = cv2.VideoCapture(str(min((out / "videos").iterdir())))
        last = None
        while True:
            there, picture = film.read()
            if not there:
                break
            last = picture
        Picture.fromarray(last[:, :, ::-1]).save(HERE / "assay_film.webp", quality=82, method=6)


if __name__ == "__main__":
    main()
