"""What people do in the page, one thing after the other, in real Chromium: for what can only be seen there."""

from __future__ import annotations

import io
import re
import time

import httpx
import numpy as np
import pytest
import tifffile
from page_waits import wait_until

from granum.samples import simulate_particles

pytestmark = pytest.mark.slow

API = "/api/v1"


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "pictures"
    place.mkdir()
    for number in (1, 2):
        image = simulate_particles("haadf", size=420, count=30, touching=0.6, seed=number, dtype="uint16").image
        tifffile.imwrite(
            place / f"field {number}.tif",
            image,
            imagej=True,
            resolution=(2.0, 2.0),
            metadata={"unit": "nm", "axes": "YX"},
        )
    return place


class Page:
    """A page and what a person does in it."""

    def __init__(self, served, page):
        self.served, self.page = served, page

    def get(self, path):
        answer = httpx.get(self.served.url + API + path, headers=self.served.headers, timeout=60)
        answer.raise_for_status()
        return answer

    def wait_ready(self):
        """Wait until every image was read and has its lasting id: nothing can be painted before."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            images = self.get("/images").json()["images"]
            if all(one["status"] == "ready" and not one["id"].startswith("file-") for one in images):
                break
            time.sleep(0.05)
        self.page.locator(".image-item .status:not(.warn)").wait_for(state="detached", timeout=20_000)
        self.page.locator(".image-item").first.wait_for(timeout=20_000)

    def tab(self, name):
        self.page.get_by_role("tab", name=name).click()

    def open_image(self, name):
        self.page.locator(".image-item button").filter(has_text=name).first.click()

    def wait_exact(self):
        self.page.locator(".finding .tag", has_text=re.compile("^exact$")).wait_for(timeout=60_000)

    def run_and_open(self, name):
        self.open_image(name)
        self.wait_exact()
        self.page.get_by_role("button", name="Run on this image").click()
        self.page.locator('ul[aria-label="Finished runs"] > li').first.wait_for(timeout=60_000)
        (run,) = self.get("/runs").json()["runs"]
        self.page.get_by_role("button", name="Open", exact=True).click()
        self.wait_rows(run["n_objects"])
        return run

    def wait_rows(self, n):
        self.page.locator(".table-tools [role=status]", has_text=f"{n} rows").wait_for(timeout=20_000)

    def drag(self, dx0, dy0, dx1, dy1):
        box = self.page.locator(".viewer-place").bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.page.mouse.move(x + dx0, y + dy0)
        self.page.mouse.down()
        self.page.mouse.move(x + dx1, y + dy1, steps=8)
        self.page.mouse.up()

    def wait_strokes(self, text):
        self.page.locator(".paint [role=status]", has_text=re.compile(f"^{text}$")).wait_for(timeout=20_000)

    def can(self):
        """Whether undo and redo can be pressed."""
        return tuple(self.page.get_by_role("button", name=name).first.is_enabled() for name in ("Undo", "Redo"))

    def wait_can(self, undo, redo):
        wait_until(
            self.page,
            """([undo, redo]) => {
                const find = name => [...document.querySelectorAll('.side button')].find(
                    one => (one.ariaLabel ?? one.innerText).startsWith(name));
                return !find('Undo').disabled === undo && !find('Redo').disabled === redo;
            }""",
            arg=[undo, redo],
            timeout=20_000,
        )


@pytest.fixture
def screen(serve, signed_in, folder):
    served = serve(folder)
    page = signed_in(served, viewport={"width": 1280, "height": 800})
    page.locator(".image-item").nth(1).wait_for(timeout=60_000)
    shown = Page(served, page)
    shown.wait_ready()
    return shown


def test_every_file_that_was_not_added_stays_listed_with_its_reason(screen):
    page = screen.page
    rng = np.random.default_rng(1)
    good = io.BytesIO()
    tifffile.imwrite(good, rng.integers(0, 4000, (200, 200), dtype=np.uint16))
    broken = {
        "cut.tif": b"II*\0\x08\0\0\0\xff\xff",
        "empty.png": b"",
        "a.zip": b"PK\x03\x04....",
        "b.pkl": b"\x80\x04}.",
    }
    broken |= {"notes.txt": b"hello", "<b>x</b>.tif": b"nothing"}
    files = [{"name": name, "mimeType": "", "buffer": data} for name, data in broken.items()]
    files.insert(2, {"name": "new.tif", "mimeType": "image/tiff", "buffer": good.getvalue()})
    page.locator(".list-head input[type=file]").set_input_files(files)
    failed = page.locator(".uploads li.failed")
    failed.nth(len(broken) - 1).wait_for(timeout=30_000)
    page.locator(".uploads progress").wait_for(state="detached", timeout=30_000)
    assert [text.split("\n")[0] for text in failed.all_inner_texts()] == list(broken)
    assert all("Not added: " in text for text in failed.all_inner_texts())
    assert page.locator(".image-item .name").all_inner_texts() == ["field 1.tif", "field 2.tif", "new.tif"]
    page.get_by_role("button", name=f"Clear these {len(broken)}").click()
    page.locator(".uploads").wait_for(state="detached")
    page.get_by_role("button", name="Remove new.tif").click()
    page.get_by_role("button", name="Remove", exact=True).click()
    page.locator(".image-item", has_text="new.tif").wait_for(state="detached")
    assert page.csp == []


def test_another_recipe_never_runs_with_the_settings_of_the_last_one(screen):
    page = screen.page
    screen.open_image("field 1.tif")
    screen.wait_exact()
    page.get_by_role("checkbox", name="smoothing: auto").click()
    screen.wait_exact()
    (other,) = [one for one in screen.get("/recipes").json()["recipes"] if one["name"] == "particles-uneven-light"]
    page.locator("input[accept='.toml']").set_input_files(
        {"name": "mine.toml", "mimeType": "text/plain", "buffer": other["toml"].encode()}
    )
    page.locator(".card-title", has_text="Subtract background").wait_for()
    page.wait_for_timeout(300)
    screen.wait_exact()
    assert page.locator(".note.bad").all_inner_texts() == []
    # a name that cannot be kept leaves the form open, to be corrected
    page.get_by_role("button", name="Save recipe…").click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("../out")
    page.keyboard.press("Enter")
    page.locator(".toast", has_text="letters, digits").wait_for()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("mine")
    page.keyboard.press("Enter")
    page.locator(".toast", has_text="Recipe mine saved").wait_for()
    assert page.locator("#recipe-choice").input_value() == "mine"
    # the distance map is no layer of any step, and can be looked at
    page.get_by_role("button", name="distance", exact=True).click()
    page.get_by_role("slider", name="Opacity of distance").wait_for()
    assert page.faults == []


def test_undo_and_redo_of_corrections_survive_a_reload(screen):
    page = screen.page
    run = screen.run_and_open("field 1.tif")
    n = run["n_objects"]
    assert screen.can() == (False, False)
    for expected in (n - 1, n - 2):
        page.locator(".table-row:not(.head)").nth(2).click()
        page.keyboard.press("Delete")
        screen.wait_rows(expected)
    page.keyboard.press("ControlOrMeta+z")
    screen.wait_rows(n - 1)
    screen.wait_can(True, True)
    page.reload()
    page.locator("#source-choice").select_option(run["id"])
    screen.wait_rows(n - 1)
    screen.wait_can(True, True)
    page.keyboard.press("ControlOrMeta+Shift+z")
    screen.wait_rows(n - 2)
    screen.wait_can(True, False)
    assert page.faults == []


def test_two_people_see_each_others_work_and_undo_only_their_own(serve, chromium, folder):
    served = serve(folder, "--host", "127.0.0.1")
    people = []
    for _ in range(2):
        page = chromium.new_context(viewport={"width": 1280, "height": 800}).new_page()
        page.goto(served.url)
        page.locator("input").first.fill(served.headers["Authorization"].removeprefix("Bearer "))
        page.keyboard.press("Enter")
        page.locator(".image-item").nth(1).wait_for(timeout=60_000)
        people.append(Page(served, page))
        people[-1].wait_ready()
    one, other = people
    for person in people:
        person.open_image("field 2.tif")
        person.tab("Paint")
        person.wait_strokes("0 strokes")
        person.page.keyboard.press("b")
    one.drag(-60, -40, 60, -40)
    for person in people:
        person.wait_strokes("1 stroke")
    assert (one.can(), other.can()) == ((True, False), (False, False))
    other.drag(-60, 40, 60, 40)
    for person in people:
        person.wait_strokes("2 strokes")
    one.page.keyboard.press("ControlOrMeta+z")
    for person in people:
        person.wait_strokes("1 stroke")
    one.wait_can(False, True)
    other.wait_can(True, False)
    # the same for corrections of a run
    one.tab("Tune")
    run = one.run_and_open("field 1.tif")
    n = run["n_objects"]
    other.tab("Runs")
    other.page.get_by_role("button", name="Open", exact=True).click()
    other.wait_rows(n)
    one.page.locator(".table-row:not(.head)").nth(2).click()
    one.page.keyboard.press("Delete")
    for person in people:
        person.wait_rows(n - 1)
    one.wait_can(True, False)
    other.wait_can(False, False)
    for person in people:
        person.page.context.close()


def test_a_name_is_typed_into_its_field_and_a_painted_class_is_kept(screen):
    page = screen.page
    screen.open_image("field 2.tif")
    screen.tab("Paint")
    screen.wait_strokes("0 strokes")
    page.get_by_role("button", name="Add a class").click()
    page.get_by_role("button", name="Rename Class 3").click()
    page.keyboard.type("<b>bold</b> 1")  # letters and digits are keys of the page everywhere else
    page.keyboard.press("Enter")
    page.locator(".class-row .class-name", has_text="<b>bold</b> 1").wait_for()
    page.get_by_role("button", name="Rename object").click()
    page.keyboard.type("never")
    page.keyboard.press("Escape")
    page.locator(".class-row .class-name", has_text=re.compile("^object$")).wait_for()
    assert page.get_by_role("button", name="Overlays").get_attribute("aria-pressed") == "true"
    page.keyboard.press("b")
    screen.drag(-60, 0, 60, 0)
    screen.wait_strokes("1 stroke")
    page.get_by_role("button", name="Delete <b>bold</b> 1").click()
    page.get_by_role("button", name="Delete the class").click()
    page.locator(".toast.error", has_text="1 stroke").wait_for()
    assert page.locator(".class-row").count() == 3
    page.reload()
    screen.wait_strokes("1 stroke")  # the page is at the same image and tab


def test_touch_paints_with_one_finger_and_zooms_with_two(serve, signed_in, folder):
    served = serve(folder)
    page = signed_in(served, viewport={"width": 1024, "height": 768}, has_touch=True)
    screen = Page(served, page)
    page.locator(".image-item").nth(1).wait_for(timeout=60_000)
    screen.wait_ready()
    screen.open_image("")
    screen.tab("Paint")
    screen.wait_strokes("0 strokes")
    # the image stands on screen: before that, a stroke is drawn on nothing
    page.locator(".status-bar .number").first.wait_for(timeout=20_000)
    wait_until(page, "performance.getEntriesByName('granum:settled').length > 0", timeout=20_000)
    page.keyboard.press("b")
    box = page.locator(".viewer-place").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch = page.context.new_cdp_session(page)

    def send(kind, *places):
        points = [{"x": px, "y": py, "id": number} for number, (px, py) in enumerate(places, 1)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    send("touchStart", (x - 60, y))
    for step in range(12):
        send("touchMove", (x - 60 + 10 * step, y))
    send("touchEnd")
    screen.wait_strokes("1 stroke")
    zoom = page.locator(".zoom").inner_text()
    send("touchStart", (x - 30, y), (x + 30, y))  # at once: a second finger much later would not count
    for step in range(10):
        send("touchMove", (x - 30 - 6 * step, y), (x + 30 + 6 * step, y))
    send("touchEnd")
    wait_until(page, "zoom => document.querySelector('.zoom').innerText !== zoom", arg=zoom)
    screen.wait_strokes("1 stroke")


def test_outlines_are_seen_when_the_picture_is_small(serve, signed_in, tmp_path):
    place = tmp_path / "large"
    place.mkdir()
    side = 1500
    y, x = np.mgrid[:side, :side]
    inside = (np.hypot(y % 300 - 150, x % 300 - 150) < 90).astype(np.uint16)
    noise = np.random.default_rng(2).normal(0, 300, (side, side))
    tifffile.imwrite(place / "discs.tif", (20_000 * inside + 2000 + noise).clip(0, 65535).astype(np.uint16))
    served = serve(place)
    page = signed_in(served, viewport={"width": 1280, "height": 800})
    page.locator(".image-item").first.wait_for(timeout=60_000)
    Page(served, page).wait_exact()
    page.wait_for_timeout(400)
    # along the row through the middle of the discs: how opaque the lines are, and how wide
    alphas = page.evaluate("""() => {
        const canvas = document.querySelector('canvas[data-layer=overlays]');
        const box = canvas.getBoundingClientRect();
        const zoom = parseFloat(document.querySelector('.zoom').innerText) / 100;
        const row = Math.round(canvas.height / 2 + (750 - 749.5) * zoom * canvas.height / box.height);
        const data = canvas.getContext('2d').getImageData(0, row, canvas.width, 1).data;
        return Array.from({length: canvas.width}, (_, at) => data[4 * at + 3]);
    }""")
    lines = re.findall("1+", "".join("1" if alpha > 180 else "0" for alpha in alphas))
    assert len(lines) == 10  # both sides of five discs
    assert {len(line) for line in lines} <= {2, 3}
    assert sum(0 < alpha <= 180 for alpha in alphas) == 0


def test_seventy_thousand_objects_keep_their_numbers(serve, signed_in, tmp_path):
    place = tmp_path / "many"
    place.mkdir()
    n, pitch = 265, 8
    y, x = np.mgrid[: n * pitch, : n * pitch]
    dots = np.hypot(y % pitch - 3.5, x % pitch - 3.5) < 3
    tifffile.imwrite(place / "many.tif", np.where(dots, 30_000, 2000).astype(np.uint16))
    served = serve(place)
    page = signed_in(served, viewport={"width": 1280, "height": 800})
    page.locator(".image-item").first.wait_for(timeout=60_000)
    screen = Page(served, page)
    screen.wait_exact()
    assert page.locator(".finding .big").inner_text() == f"{n * n:,}"
    screen.tab("Results")
    screen.wait_rows(f"{n * n:,}")
    page.locator(".table[role=grid]").focus()
    page.keyboard.press("End")
    page.locator(".table-row.chosen .cell", has_text=re.compile(f"^{n * n}$")).wait_for()
    last = page.locator(".table-row.chosen .cell").first
    assert last.evaluate("e => e.scrollWidth <= e.clientWidth")  # not cut
    # the object that was centred is the one under the middle of the view
    box = page.locator(".viewer-place").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.locator(".status-bar", has_text=f"object {n * n}").wait_for(timeout=10_000)
    assert page.faults == []
