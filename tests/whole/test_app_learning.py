"""Learning in Chromium: paint, see, correct, search, keep a model, apply it, and compare with `granum run`."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

import httpx
import numpy as np
import pytest
import tifffile
from page_waits import wait_until
from scipy import ndimage

from granum.samples import simulate_particles

pytestmark = pytest.mark.slow

API = "/api/v1"
SIZE = 420
AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture
def scenes(tmp_path):
    """Two micrographs in a folder, and where their particles are: ``(folder, masks)``."""
    place = tmp_path / "session"
    place.mkdir()
    masks = []
    for number in (1, 2):
        scene = simulate_particles("haadf", size=SIZE, count=30, touching=0.2, seed=number, dtype="uint16")
        tifffile.imwrite(
            place / f"field {number}.tif",
            scene.image,
            imagej=True,
            resolution=(2.0, 2.0),
            metadata={"unit": "nm", "axes": "YX"},
        )
        masks.append(scene.labels > 0)
    return place, masks


class Painter:
    """A person who paints on the tab Paint."""

    def __init__(self, served, page):
        self.served, self.page = served, page

    def get(self, path):
        answer = httpx.get(self.served.url + API + path, headers=self.served.headers, timeout=60)
        answer.raise_for_status()
        return answer

    def open(self, name):
        end = time.monotonic() + 60
        while time.monotonic() < end:
            images = self.get("/images").json()["images"]
            if all(one["status"] == "ready" and not one["id"].startswith("file-") for one in images):
                break
            time.sleep(0.05)
        self.page.get_by_role("tab", name="Paint").click()
        self.page.locator(".image-item button").filter(has_text=name).first.click()
        self.page.locator(".paint").wait_for()
        # the image stands on screen: before that, a stroke is drawn on nothing
        self.page.locator(".status-bar .number").first.wait_for(timeout=60_000)
        wait_until(self.page, "performance.getEntriesByName('granum:settled').length > 0", timeout=60_000)

    def on_screen(self, y, x):
        """Where a pixel is on the screen, as long as the whole image is in view."""
        box = self.page.locator(".viewer-place").bounding_box()
        zoom = min(box["height"], box["width"]) / SIZE
        middle = (SIZE - 1) / 2
        return box["x"] + box["width"] / 2 + (x - middle) * zoom, box["y"] + box["height"] / 2 + (y - middle) * zoom

    def stroke(self, y, x, length=8):
        n = self.n_strokes()
        self.page.mouse.move(*self.on_screen(y, x - length / 2))
        self.page.mouse.down()
        self.page.mouse.move(*self.on_screen(y, x + length / 2), steps=6)
        self.page.mouse.up()
        wait_until(
            self.page,
            "n => +document.querySelector('.paint section.row [role=status]').innerText.split(' ')[0] > n",
            arg=n,
        )

    def n_strokes(self):
        return int(self.page.locator(".paint section.row [role=status]").inner_text().split()[0])

    def class_under(self, y, x):
        """What the status bar says of a pixel."""
        self.page.mouse.move(*self.on_screen(y, x))
        self.page.wait_for_timeout(150)
        bar = self.page.locator(".status-bar").inner_text()
        return next((name for name in ("object", "background") if name in bar), "")

    def wait_predicted(self):
        # the first time on a computer, the kernels are compiled
        self.page.locator(".live .tag.good", has_text="up to date").wait_for(timeout=180_000)

    def search_and_stop(self):
        """Search until a first pipeline has a score, however slow the computer is."""
        self.page.get_by_role("radio", name="2 min", exact=True).check(force=True)
        self.page.get_by_role("button", name="Search for 2 min").click()
        running = self.page.locator(".search .tag", has_text="running")
        running.wait_for(timeout=20_000)
        self.page.locator(".score").wait_for(timeout=130_000)
        self.page.get_by_role("button", name="Stop and keep the best").click()
        running.wait_for(state="detached", timeout=60_000)

    def predicted_px(self, name):
        row = self.page.locator(".class-row").filter(has_text=name).first
        text = row.locator(".class-predicted").inner_text()
        return int(re.search(r"([\d,]+) px", text).group(1).replace(",", ""))


def inner_points(mask, n):
    """Return n pixels that lie deepest inside different pieces of a mask."""
    labels, count = ndimage.label(mask)
    depth = ndimage.distance_transform_edt(mask)
    places = ndimage.maximum_position(depth, labels, range(1, count + 1))
    return sorted(places, key=lambda place: -depth[place])[:n]


def far_points(mask, n):
    """Return n pixels far from a mask, from the border and from each other."""
    free = ~mask
    free[:12] = free[-12:] = free[:, :12] = free[:, -12:] = False
    found = []
    for _ in range(n):
        depth = ndimage.distance_transform_edt(free)
        place = np.unravel_index(int(np.argmax(depth)), depth.shape)
        found.append(place)
        y, x = np.ogrid[: mask.shape[0], : mask.shape[1]]
        free &= (y - place[0]) ** 2 + (x - place[1]) ** 2 > 60**2
    return found


@pytest.fixture
def painter(serve, signed_in, scenes):
    served = serve(scenes[0])
    page = signed_in(served, viewport={"width": 1440, "height": 900})
    yield Painter(served, page)
    assert page.csp == []
    assert page.faults == []


def teach(painter, mask):
    """Paint two strokes of each class."""
    painter.open("field 1.tif")
    painter.page.keyboard.press("1")
    for y, x in inner_points(mask, 2):
        painter.stroke(y, x, length=6)
    painter.page.keyboard.press("2")
    for y, x in far_points(mask, 2):
        painter.stroke(y, x, length=30)
    painter.wait_predicted()


def test_from_the_first_stroke_to_a_run_on_all_images(painter, scenes, tmp_path):
    masks, page = scenes[1], painter.page
    mask = masks[0]
    painter.open("field 1.tif")
    # nothing is painted: it is said what to do
    page.locator(".teach", has_text="draw a short stroke").wait_for(timeout=20_000)
    page.keyboard.press("1")
    for y, x in inner_points(mask, 2):
        painter.stroke(y, x, length=6)
    page.locator(".teach", has_text="another class").wait_for(timeout=20_000)
    assert page.get_by_role("button", name="Search for 30 s").is_disabled()
    page.keyboard.press("2")
    for y, x in far_points(mask, 2):
        painter.stroke(y, x, length=30)
    # see
    painter.wait_predicted()
    particles, rest = painter.predicted_px("object"), painter.predicted_px("background")
    assert particles + rest == SIZE**2
    assert abs(particles / SIZE**2 - mask.mean()) < 0.08
    unpainted = inner_points(mask, 8)[5:]
    assert [painter.class_under(*place) for place in unpainted] == ["object"] * 3
    assert painter.class_under(*far_points(mask, 5)[4]) == "background"
    page.keyboard.press("p")  # the prediction goes, the strokes stay
    assert painter.class_under(*unpainted[0]) == ""
    assert painter.class_under(*inner_points(mask, 1)[0]) == "object"
    page.keyboard.press("p")
    # correct: what is painted counts at once
    key = page.evaluate("performance.getEntriesByName('granum:prediction').length")
    painter.stroke(*far_points(mask, 4)[3], length=20)
    wait_until(page, "n => performance.getEntriesByName('granum:prediction').length > n", arg=key, timeout=30_000)
    painter.wait_predicted()
    # where to paint next
    place = page.locator(".places button").first
    place.wait_for(timeout=20_000)
    assert re.match(r"Place 1: .+ or .+\. .+", place.get_attribute("aria-label"))
    before = page.locator(".zoom").inner_text()
    place.click()
    wait_until(page, "before => document.querySelector('.zoom').innerText !== before", arg=before)
    page.keyboard.press("Home")
    # search, and stop when there is something to keep
    painter.search_and_stop()
    search = painter.get("/learn").json()["search"]
    assert search["state"] == "stopped"
    shown = page.locator(".leaderboard tbody tr")
    assert shown.count() == min(6, len(search["leaderboard"])) >= 1
    best = search["leaderboard"][0]
    assert f"{best['miou']:.2f}" in shown.first.inner_text()
    assert "estimate" in page.locator(".score").inner_text()
    assert f"{search['report']['miou']:.2f}" in page.locator(".score .big").inner_text()
    # look at it, keep it, use it
    page.get_by_role("button", name="Look at the best in the image").click()
    painter.wait_predicted()
    page.get_by_role("textbox", name="Name of the model").fill("gold")
    page.get_by_role("button", name="Keep as model").click()
    page.locator(".model", has_text="gold").wait_for(timeout=60_000)
    (model,) = painter.get("/learn").json()["models"]
    assert (model["name"], model["n_strokes"], model["problem"]) == ("gold", 5, "")
    assert len(painter.get("/learn/models/gold/file").content) == model["n_bytes"]
    page.locator(".model").get_by_role("button", name="Apply to images…").click()
    page.locator(".model").get_by_role("button", name="Apply to all 2 images").click()
    page.locator('ul[aria-label="Finished runs"] > li').first.wait_for(timeout=120_000)
    (run,) = painter.get("/runs").json()["runs"]
    assert (run["recipe"], run["title"]) == ("scribbles", "gold: object")
    counts = [ndimage.label(one)[1] for one in masks]
    for image, count in zip(run["images"], counts, strict=True):
        assert abs(image["n_objects"][0] - count) <= max(6, 0.4 * count), (image["n_objects"], count)
    # its classes are looked at, and told in areas
    page.get_by_role("button", name="Open", exact=True).click()
    page.get_by_role("button", name="Show the classes in the image").click()
    areas = page.locator(".class-areas tbody tr")
    areas.first.wait_for(timeout=20_000)
    image = next(one for one in run["images"] if one["file"] == "field 1.tif")
    assert [
        f"{one['area_px']:,} px" in row for one, row in zip(image["classes"][0], areas.all_inner_texts(), strict=True)
    ] == [True, True]
    assert painter.class_under(*far_points(mask, 5)[4]) == "background"
    # the same bytes on the command line
    command = painter.get(f"/runs/{run['id']}/scripts").json()["command"]
    words = command.replace("granum run", f"{shlex.quote(sys.executable)} -m granum run", 1)
    done = subprocess.run(["bash", "-c", words], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stderr}"
    (made,) = [path.parent for path in tmp_path.rglob("DONE") if "granum_project" not in path.parts]
    for name in ("objects.csv", "classes/field 1.tif"):
        assert painter.get(f"/runs/{run['id']}/files/{name}").content == (made / name).read_bytes(), name


def test_a_model_teaches_another_project_and_is_deleted_after_a_question(painter, scenes, serve, signed_in, tmp_path):
    page = painter.page
    teach(painter, scenes[1][0])
    page.get_by_role("textbox", name="Name of the model").fill("gold")
    page.get_by_role("button", name="Keep as model").click()
    page.locator(".model", has_text="gold").wait_for(timeout=60_000)
    with page.expect_download() as started:
        page.get_by_role("link", name="Download gold").click()
    file = tmp_path / started.value.suggested_filename
    started.value.save_as(file)
    page.get_by_role("button", name="Delete gold").click()
    page.get_by_role("button", name="Delete the model").click()
    page.locator(".model").wait_for(state="detached", timeout=20_000)
    # elsewhere: nothing is painted, and the model predicts at once
    other = tmp_path / "other"
    other.mkdir()
    (other / "field 2.tif").write_bytes((scenes[0] / "field 2.tif").read_bytes())
    served = serve(other)
    second = Painter(served, signed_in(served, viewport={"width": 1100, "height": 800}))
    second.open("field 2.tif")
    second.page.locator(".teach").wait_for(timeout=20_000)
    second.page.locator('.models input[type="file"]').set_input_files(file)
    second.page.get_by_role("button", name="Look at gold in the image").click()
    second.wait_predicted()
    particles = second.predicted_px("object")
    assert abs(particles / SIZE**2 - scenes[1][1].mean()) < 0.1
    # a file that is no model is refused with a sentence
    wrong = tmp_path / "wrong.granum"
    wrong.write_bytes(b"\x80\x04not a model")
    second.page.locator('.models input[type="file"]').set_input_files(wrong)
    second.page.locator(".toast.error").wait_for(timeout=20_000)
    assert second.page.csp == []


def test_axe_finds_nothing_serious_while_learning(painter, scenes):
    if not AXE.is_file():
        pytest.skip("axe-core is not installed (npm ci in web/)")
    page = painter.page
    teach(painter, scenes[1][0])
    painter.search_and_stop()
    page.get_by_role("button", name="Keep as model").click()
    page.locator(".model").wait_for(timeout=60_000)
    text = AXE.read_text(encoding="utf-8")
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(400)
        page.evaluate(f"{text}\nundefined")
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        serious = [
            f"{one['id']}: {one['nodes'][0]['html'][:200]}"
            for one in found["violations"]
            if one["impact"] in ("serious", "critical")
        ]
        assert serious == [], scheme
