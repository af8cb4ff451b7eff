"""The panel of an assay in Chromium: a plate is run by the app, looked at, corrected, and its numbers follow."""

from __future__ import annotations

import time
from pathlib import Path

import httpx
import pytest
from page_waits import wait_until

from granum.cli.main import main

pytestmark = pytest.mark.slow

API = "/api/v1"
AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
KEPT = ("B02", "D02")  # untreated, and the high dose
TIMES = 2


@pytest.fixture(scope="module")
def plate(tmp_path_factory):
    """A folder of two wells at two times, a stack with three channels each, and the text of its plate map."""
    place = tmp_path_factory.mktemp("simulated")
    size = ["--size", "256", "--count", "12", "--hours", "24", "--interval", "24", "--replicates", "1", "--stack"]
    assert main(["simulate", "live-dead", "-o", str(place / "plate"), *size]) == 0
    folder = place / "plate" / "images"
    for path in folder.iterdir():
        if not path.name.startswith(KEPT):
            path.unlink()
    lines = (place / "plate" / "plate_map.csv").read_text().splitlines()
    return folder, "\n".join(line for line in lines if line.startswith(("well", *KEPT))) + "\n"


class Bench:
    """Somebody at the page, and what the server says."""

    def __init__(self, client, page):
        self.client, self.page = client, page

    def get(self, path, **headers):
        answer = self.client.get(path, headers=headers)
        assert answer.is_success, answer.text
        return answer

    def run(self, plate_map):
        """Run the plate and return the run."""
        end = time.monotonic() + 120
        while any(one["status"] != "ready" for one in self.get("/images").json()["images"]):
            assert time.monotonic() < end
            time.sleep(0.1)
        body = {"recipe": "live-dead", "plate_map": plate_map, "video": True, "jobs": 2, "title": "plate one"}
        job = self.client.post("/jobs", json=body).json()
        while (state := self.get(f"/jobs/{job['id']}").json())["state"] in ("queued", "running"):
            assert time.monotonic() < end
            time.sleep(0.1)
        assert state["state"] == "done", state
        return self.get(f"/runs/{job['id']}").json()

    def shown(self):
        """Return the image in the results and the number of its frame, from 1."""
        option = self.page.locator("#run-image option:checked").inner_text()
        frame = self.page.locator(".planes output, .plane-sliders output").first.inner_text()
        return option.split(" ")[0], int(frame.split("/")[0])


@pytest.fixture
def bench(serve, signed_in, plate):
    served = serve(plate[0])
    page = signed_in(served, viewport={"width": 1440, "height": 1000})
    with httpx.Client(base_url=served.url + API, headers=served.headers, timeout=120) as client:
        yield Bench(client, page)
    assert page.csp == []
    assert page.faults == []


def test_a_plate_is_run_looked_at_and_corrected(bench, plate):
    page = bench.page
    run = bench.run(plate[1])
    assert run["assay"] == "live-dead"
    assay = bench.get(f"/runs/{run['id']}/assay").json()
    assert [well["well"] for well in assay["wells"]] == list(KEPT)
    assert len(assay["images"]) == len(KEPT) * TIMES
    page.get_by_role("tab", name="Runs").click()
    page.get_by_role("button", name="Open", exact=True).click()
    panel = page.get_by_role("region", name="Assay")

    # the numbers of the file, and a button for each well
    panel.locator(".assay-numbers").wait_for(timeout=30_000)
    assert panel.locator("dt").all_inner_texts()[0].lower() == assay["numbers"][0]["name"]
    assert panel.locator("dd").first.inner_text().startswith(assay["numbers"][0]["value"])
    last = {
        one["name"]: one["value"][-1]
        for one in assay["curves"]
        if (one["level"], one["measure"]) == ("well", "viability")
    }
    assert panel.locator(".well").all_inner_texts() == [f"{100 * last[well]:.0f}" for well in KEPT]

    # a well opens its image at the last time, with its classes; the keyboard does the same at the first
    panel.locator('.well[data-well="D02"]').click()
    wait_until(page, "() => document.querySelector('#run-image option:checked').innerText.startsWith('D02_f1')")
    assert bench.shown() == ("D02_f1.tif", TIMES)
    classes = page.get_by_role("button", name="Show the classes in the image")
    classes.wait_for(timeout=20_000)
    assert classes.get_attribute("aria-pressed") == "true"
    slider = panel.locator("#plate-time")
    slider.focus()
    slider.press("Home")
    panel.locator('.well[data-well="D02"]').focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    wait_until(page, "() => document.querySelector('#run-image option:checked').innerText.startsWith('B02_f1')")
    assert bench.shown() == ("B02_f1.tif", 1)
    assert panel.locator('.well[aria-current="true"]').get_attribute("data-well") == "B02"

    # what to look at, by doubt; a click opens it
    more = panel.get_by_role("button", name="by doubt")
    if more.count():
        more.click()
    items = panel.locator(".review-item")
    doubts = [round(100 * one["doubt"]) for one in assay["review"]]
    told = [int(text.split("doubt ")[1].split(" ")[0]) for text in items.locator("strong").all_inner_texts()]
    assert told == sorted(told, reverse=True)
    assert len(told) == len(doubts)
    wait_until(page, "() => [...document.querySelectorAll('.review-item img')].some(one => one.naturalWidth > 0)")
    items.last.click()
    want = assay["review"][-1]
    wait_until(
        page, f"() => document.querySelector('#run-image option:checked').innerText.startsWith('{want['stem']}')"
    )
    assert bench.shown() == (want["file"], want["frame"] + 1)

    # nuclei by state, as the table of the server counts them
    table = bench.get(f"/runs/{run['id']}/images/{want['stem']}/objects?t={want['frame']}").json()
    states = next(one["values"] for one in table["columns"] if one["name"] == "state")
    chip = page.locator(".filters .chip-button", has_text="live")
    chip.click()
    page.locator(".table-tools [role=status]", has_text=f"{states.count('live')} ").wait_for(timeout=20_000)
    chip.click()

    # a film plays, and is sent in parts
    for part in panel.locator("details:not([open]) > summary").all()[::-1]:
        part.click()
    panel.get_by_label("Film", exact=True).select_option(index=1)
    if assay["videos"][0].endswith(".mp4"):
        wait_until(page, "() => document.querySelector('video')?.readyState >= 2")
        part = bench.get(f"/runs/{run['id']}/files/{assay['videos'][0]}", Range="bytes=10-19")
        assert (part.status_code, len(part.content), part.headers["content-type"]) == (206, 10, "video/mp4")

    if AXE.exists():
        page.evaluate(f"{AXE.read_text(encoding='utf-8')}\nundefined")
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.wait_for_timeout(150)  # colours change in 90 ms
            found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
            bad = [one for one in found["violations"] if one["impact"] in ("serious", "critical")]
            assert [(one["id"], one["nodes"][0]["html"][:200], one["nodes"][0]["failureSummary"]) for one in bad] == []

    # a correction: first it is said that it is not in the numbers, then it is
    lone = {"id": "one", "op": "delete", "labels": [table["columns"][0]["values"][0]]}
    place = f"/runs/{run['id']}/images/{want['stem']}/edits?t={want['frame']}"
    assert bench.client.post(place, json=lone).is_success
    panel.get_by_text("These numbers are from before 1 correction by hand").wait_for(timeout=20_000)
    assert bench.get(f"/runs/{run['id']}/assay").json() == {**assay, "before_corrections": True}
    assert bench.get(f"/runs/{run['id']}/files/{want['overlay']}?as_run=true").content
    panel.get_by_role("button", name="Work it in").click()
    panel.get_by_text("1 correction by hand is in these numbers").wait_for(timeout=90_000)
    after = bench.get(f"/runs/{run['id']}/assay").json()
    assert not after["before_corrections"]
    before_n, after_n = (
        next(
            one["value"][one["time"].index(want["time"])]
            for one in body["curves"]
            if (one["level"], one["name"], one["measure"]) == ("well", want["well"], "n_nuclei")
        )
        for body in (assay, after)
    )
    assert after_n == before_n - 1


def test_a_run_without_an_assay_has_none(serve, tmp_path):
    served = serve(tmp_path)
    with httpx.Client(base_url=served.url + API, headers=served.headers, timeout=60) as client:
        answer = client.get("/runs/20260101T000000Z-abcdef/assay")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
