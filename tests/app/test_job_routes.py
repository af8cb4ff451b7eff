from __future__ import annotations

import io
import signal
import zipfile

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from page_waits import wait_until

from granum.app.downloads import Downloads
from granum.app.job_routes import make_router
from granum.app.messages import ErrorBody
from granum.app.problems import add_error_handlers
from granum.app.run_messages import Job, JobList


@pytest.fixture
def page(bench):
    app = FastAPI()
    add_error_handlers(app)
    jobs = bench.jobs()
    app.include_router(make_router(jobs, Downloads(jobs.result_folder, bench.project.cache)), prefix="/api/v1")
    with TestClient(app, base_url="http://test/api/v1") as client:
        yield client


def error_of(response):
    return ErrorBody.model_validate(response.json()).error


def test_a_job_from_start_to_its_files(bench, page, tools):
    answer = page.post("jobs", json=bench.ask(title="mine").model_dump())
    assert answer.status_code == 200
    id = Job.model_validate(answer.json()).id
    tools.wait_for(lambda: page.get(f"jobs/{id}").json()["state"] == "done")
    (job,) = JobList.model_validate(page.get("jobs").json()).jobs
    assert (job.id, job.title, [item.n_objects for item in job.items]) == (id, "mine", [3, 5, 7])

    table = page.get(f"runs/{id}/files/objects.csv")
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    assert table.headers["content-disposition"] == "attachment; filename=\"objects.csv\"; filename*=UTF-8''objects.csv"
    assert table.headers["x-content-type-options"] == "nosniff"
    assert table.content == (bench.result(id) / "objects.csv").read_bytes()
    assert page.get(f"runs/{id}/files/overlays/field_3.png").headers["content-type"] == "image/png"
    assert page.get(f"runs/{id}/files/labels/field_3.tif").headers["content-type"] == "image/tiff"

    archive = page.get(f"runs/{id}/download")
    assert archive.headers["content-type"] == "application/zip"
    assert f"{id}.zip" in archive.headers["content-disposition"]
    names = zipfile.ZipFile(io.BytesIO(archive.content)).namelist()
    assert {f"{id}/DONE", f"{id}/run.json", f"{id}/report.html", f"{id}/labels/field_7.tif"} <= set(names)
    coco = page.get(f"runs/{id}/export/coco")
    assert zipfile.ZipFile(io.BytesIO(coco.content)).namelist() == [f"{id}-coco/coco.json"]
    assert list((bench.project.cache / "exports").iterdir()) == []
    assert error_of(page.get(f"runs/{id}/export/exe")).code == "setting"
    assert error_of(page.post(f"jobs/{id}/resume")).code == "done"
    assert error_of(page.post(f"jobs/{id}/cancel")).code == "ended"


def test_the_report_is_shown_in_a_place_cut_off_from_the_app(bench, page):
    id = bench.run()
    report = page.get(f"runs/{id}/files/report.html")
    policy = report.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts; default-src 'none';")
    assert "allow-same-origin" not in policy
    assert "content-disposition" not in report.headers
    assert report.headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize(
    "path",
    [
        "../job.json", "%2e%2e/job.json", "..%2fjob.json", "%2e%2e%2fjob.json", "labels/..%2f..%2fjob.json",
        "..%5cjob.json", "%2fetc%2fpasswd", "/etc/passwd", "objects.csv%00", "%00", "labels", "nothing", "CON",
        "..%252fjob.json",
        "....//job.json", "C:%5cx", "%5c%5chost%5cx", "%c0%ae%c0%ae/job.json",
    ],
)  # fmt: skip
def test_no_spelling_leads_out_of_the_folder_of_a_run(bench, page, path):
    id = bench.run()
    # as raw bytes: a client that tidies up the path would test itself
    url = httpx.URL("http://test", raw_path=f"/api/v1/runs/{id}/files/{path}".encode())
    answer = page.send(httpx.Request("GET", url))
    assert answer.status_code == 404
    assert b"granum run" not in answer.content
    assert error_of(answer).message


def test_errors_have_one_shape(page, bench):
    for response, status, code in (
        (page.get("jobs/20300101T000000Z-aaaaaa"), 404, "not_found"),
        (page.post("jobs/20300101T000000Z-aaaaaa/cancel"), 404, "not_found"),
        (page.post("jobs/20300101T000000Z-aaaaaa/resume"), 404, "not_found"),
        (page.get("runs/20300101T000000Z-aaaaaa/download"), 404, "not_found"),
        (page.get("runs/20300101T000000Z-aaaaaa/export/coco"), 404, "not_found"),
        (page.get("jobs/a%20b"), 422, "setting"),
        (page.post("jobs", json={"recipe": "partikles"}), 404, "not_found"),
        (page.post("jobs", json={"images": ["nothing"]}), 404, "not_found"),
        (page.post("jobs", json={"images": []}), 422, "no_images"),
        (page.post("jobs", json={"jobs": 10**9}), 422, "setting"),
        (page.post("jobs", json={"settings": {"segment.automatic.polarity": "up"}}), 422, "setting"),
        (page.post("jobs", json={"toml": "x = "}), 422, "setting"),
        (page.post("jobs", json={"folder": "/etc"}), 422, "setting"),
    ):
        assert (response.status_code, error_of(response).code) == (status, code), response.text
    assert not bench.project.path("runs").exists()


def test_a_run_that_is_not_finished_has_no_files_yet(bench, page, tools):
    bench.hold()
    id = page.post("jobs", json=bench.ask().model_dump()).json()["id"]
    bench.wait_begun("field_3")
    assert error_of(page.get(f"runs/{id}/files/objects.csv")).code == "not_done"
    assert page.post(f"jobs/{id}/cancel").json()["state"] == "cancelled"
    bench.let()
    assert page.post(f"jobs/{id}/resume").status_code == 200
    tools.wait_for(lambda: page.get(f"jobs/{id}").json()["state"] == "done")


def api(served, method, path, **more):
    answer = httpx.request(method, f"{served.url}/api/v1/{path}", headers=served.headers, timeout=60, **more)
    assert answer.status_code == 200, answer.text
    return answer


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_job_goes_on_when_the_real_server_ends_and_the_next_one_shows_it(bench, serve, tools, number):
    bench.hold()
    served = serve(bench.folder)
    tools.wait_for(lambda: {one["status"] for one in api(served, "GET", "images").json()["images"]} == {"ready"})
    id = api(served, "POST", "jobs", json=bench.ask(title="the long one", jobs=2).model_dump()).json()["id"]
    bench.wait_begun("field_3", "field_5")
    leader = bench.status(id)["pid"]
    served.stop(number)
    if number != signal.SIGKILL:
        served.wait_for("Goes on without the app, which finds it again: the long one.")
    assert leader in tools.processes_of(leader)
    again = serve(bench.folder)
    assert api(again, "GET", f"jobs/{id}").json()["state"] == "running"
    bench.let()
    tools.wait_for(lambda: api(again, "GET", f"jobs/{id}").json()["state"] == "done")
    tools.wait_for(lambda: tools.processes_of(leader) == [], seconds=5)
    assert api(again, "GET", f"runs/{id}/files/objects.csv").text.count("\n") == 16
    again.stop()


@pytest.mark.slow
def test_the_report_works_in_chromium_though_it_is_cut_off_from_the_app(bench, serve, signed_in, tools):
    id = bench.run(toml=None, recipe="particles")
    served = serve(bench.folder)
    page = signed_in(served)
    page.csp.clear()
    page.faults.clear()
    page.goto(f"{served.url}/api/v1/runs/{id}/files/report.html")
    head = page.locator("table.sortable th", has_text="label").first
    head.click()
    head.click()
    assert head.get_attribute("aria-sort") == "descending"
    viewer = page.locator(".viewer").first
    viewer.scroll_into_view_if_needed()
    box = viewer.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 8.5 / 64, box["y"] + box["height"] * 8.5 / 64, steps=3)
    wait_until(page, "document.querySelector('.viewer .tip').textContent.startsWith('object ')")
    assert page.evaluate("[...document.images].every((one) => one.complete && one.naturalWidth > 0)")
    assert page.evaluate("origin") == "null"
    asked = "fetch('/api/v1/jobs').then(() => 'reached', () => 'refused')"
    assert (page.csp, page.faults) == ([], [])
    assert page.evaluate(asked) == "refused"
    with pytest.raises(Exception, match="sandboxed"):
        page.evaluate("document.cookie")
