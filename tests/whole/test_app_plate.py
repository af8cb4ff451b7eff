"""Setting up a plate in Chromium, each channel a file of its own: what the page runs has the bytes of `granum run`."""

from __future__ import annotations

import csv
import io
import re
import shutil
from pathlib import Path

import httpx
import numpy as np
import pytest
from page_waits import wait_until

from granum.cli.main import main
from granum.report.label_images import read_labels

pytestmark = pytest.mark.slow
API = "/api/v1"
AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
WELLS = ("B02", "D02")  # untreated, and the high dose
PATTERNS = ("brightfield=*_brightfield.tif", "hoechst=*_hoechst.tif", "draq7=*_draq7.tif")


@pytest.fixture(scope="module")
def plate(tmp_path_factory):
    """A folder of two wells at two times, three files each, and their plate map."""
    place = tmp_path_factory.mktemp("simulated")
    size = ["--size", "200", "--count", "9", "--hours", "24", "--interval", "24", "--replicates", "1"]
    assert main(["simulate", "live-dead", "-o", str(place / "all"), *size]) == 0
    folder = place / "plate"
    folder.mkdir()
    for path in (place / "all" / "images").iterdir():
        if path.name.startswith(WELLS):
            shutil.copy(path, folder)
    lines = (place / "all" / "plate_map.csv").read_text().splitlines()
    kept = [line for line in lines if line.startswith(("well", *WELLS))]
    (folder / "plate_map.csv").write_text("".join(f"{line}\n" for line in kept))
    return folder


@pytest.fixture
def page(serve, signed_in, plate, tmp_path):
    served = serve(shutil.copytree(plate, tmp_path / "lab"))
    page = signed_in(served, viewport={"width": 1440, "height": 1000})
    client = httpx.Client(base_url=served.url + API, headers=served.headers, timeout=120)
    wait_until(page, "document.querySelectorAll('.image-item').length === 12", timeout=60_000)
    page.locator(".image-item .status:not(.warn)").first.wait_for(state="detached", timeout=60_000)
    with client:
        page.api = client
        yield page
    assert page.csp == []
    assert page.faults == []


def text_of(page, id):
    return page.locator(f"#{id}").input_value()


def serious(page):
    if not AXE.is_file():
        return []
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [one["id"] for one in found if one["impact"] in ("serious", "critical")]


def test_a_plate_of_separate_channels_is_set_up_run_and_corrected(page, plate, tmp_path):
    assert not page.get_by_label("Plate", exact=True).is_visible()  # a plain recipe knows no plate
    page.select_option("#recipe-choice", "live-dead")
    # patterns are guessed, and the preview of the brightfield reads the files beside it
    page.locator(".finding .tag", has_text=re.compile("^exact$")).wait_for(timeout=60_000)
    assert [text_of(page, f"pattern-{role}") for role in ("brightfield", "live", "dead")] == [
        pattern.partition("=")[2] for pattern in PATTERNS
    ]
    assert int(page.locator(".finding .big").inner_text()) >= 5
    assert page.get_by_label("Fields").inner_text() == "4 fields from 12 files"
    # a pattern that matches nothing blocks the run of all, in a sentence; the names are read again on a click
    page.fill("#pattern-dead", "*_pi.tif")
    page.locator(".role-channels .note.bad").wait_for(timeout=20_000)
    assert page.get_by_role("button", name="Run on this field").is_disabled()
    page.get_by_role("button", name="Read from the names again").click()
    page.locator(".role-channels .note.bad").wait_for(state="detached", timeout=20_000)
    # the plate
    page.select_option("#plate-map", "plate_map.csv")
    page.locator(".plate-grid td", has_text="untreated").wait_for(timeout=20_000)
    page.fill("#names-pattern", "{well}_f{field}_t{time}_*")
    page.locator(".assay-setup .small-table td", has_text="D02").first.wait_for(timeout=20_000)
    page.fill("#frame-interval", "1440")
    page.locator("#frame-interval").press("Tab")
    page.locator(".assay-setup .small-table td", has_text=re.compile("^24 h$")).first.wait_for(timeout=20_000)
    assert serious(page) == []
    button = page.get_by_role("button", name="Run on all 4 fields")
    wait_until(
        page, "[...document.querySelectorAll('.run-box button')].some(b => /all 4/.test(b.innerText) && !b.disabled)"
    )
    button.click()
    page.locator('ul[aria-label="Finished runs"] > li').first.wait_for(timeout=90_000)
    (run,) = page.api.get("/runs").json()["runs"]
    assert [image["file"] for image in run["images"]] == [
        f"{well}_f1_t00{time}_brightfield.tif" for well in WELLS for time in (0, 1)
    ]

    # the command line makes the same bytes
    out = tmp_path / "by_hand"
    words = ["run", "live-dead", str(tmp_path / "lab"), "-o", str(out), "--interval", "86400 s"]
    words += ["--names", "{well}_f{field}_t{time}_*", "--plate-map", str(plate / "plate_map.csv")]
    assert main([*words, *(word for pattern in PATTERNS for word in ("--channel", pattern))]) == 0
    result = tmp_path / "lab" / "granum_project" / "runs" / run["id"] / "result"
    names = ["objects.csv", "assay.json", "wells.csv", "images.csv", "recipe.toml"]
    names += [path.relative_to(out).as_posix() for path in sorted(out.glob("labels/*.tif"))]
    assert len(names) == 9
    for name in names:
        assert (result / name).read_bytes() == (out / name).read_bytes(), name
    command = page.api.get(f"/runs/{run['id']}/scripts").json()["command"]
    assert all(f"--channel '{pattern}'" in command for pattern in PATTERNS)

    # in the results the picture is the one of the main role, and a correction is measured on the files of the field
    page.get_by_role("button", name="Open", exact=True).click()
    page.locator(".table-tools [role=status]").wait_for(timeout=20_000)
    stem = run["images"][1]["stem"]
    edit = {"id": "a1", "op": "delete", "labels": [1]}
    assert page.api.post(f"/runs/{run['id']}/images/{stem}/edits?t=0", json=edit).is_success
    body = page.api.get(f"/runs/{run['id']}/images/{stem}/objects?t=0").json()
    n = int(read_labels(result / "labels" / f"{stem}.tif").max())
    assert body["n_objects"] == n - 1
    table = page.api.get(f"/runs/{run['id']}/files/objects.csv").text
    rows = [row for row in csv.DictReader(io.StringIO(table)) if row["file"] == run["images"][1]["file"]]
    column = next(one["values"] for one in body["columns"] if one["name"] == "p_dead")
    np.testing.assert_allclose([float(row["p_dead"]) for row in rows], column, rtol=1e-5)
