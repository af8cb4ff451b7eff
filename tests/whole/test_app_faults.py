"""The real server while things go wrong around it: disks fill, folders vanish, files change, browsers leave."""

from __future__ import annotations

import io
import json
import os
import pickle
import re
import resource
import shutil
import signal
import socket
import sqlite3
import struct
import tarfile
import threading
import time
import zipfile
import zlib
from contextlib import contextmanager

import cv2
import httpx
import numpy as np
import psutil
import pytest
import tifffile

from granum.samples import simulate_particles

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name != "posix", reason="needs POSIX limits and signals")]

STROKE = {"tool": "brush", "class_id": 1, "radius": 6, "points": [[20, 20], [40, 60]]}


class App:
    """A server that runs, and what a page would say to it."""

    def __init__(self, served):
        self.served = served
        self.client = httpx.Client(base_url=f"{served.url}/api/v1", headers=served.headers, timeout=120)
        self.process = psutil.Process(served.process.pid)

    def get(self, path):
        answer = self.client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def images(self, n, status="ready"):
        """Wait until there are n images of a status; return name -> id."""

        def found():
            images = self.get("/images")["images"]
            return {one["name"]: one["id"] for one in images if one["status"] == status}

        wait_for(lambda: len(found()) == n)
        return found()

    def paint(self, image, id, layer="scribbles"):
        return self.client.post(f"/images/{image}/paint/{layer}/strokes", json={**STROKE, "id": id})

    def upload(self, name, content):
        return self.client.post("/images", params={"name": name}, content=content)

    def wait_job(self, id):
        ended = ("done", "failed", "cancelled", "interrupted")
        wait_for(lambda: self.get(f"/jobs/{id}")["state"] in ended)
        return self.get(f"/jobs/{id}")

    def memory(self):
        """Bytes of the server with all its children."""
        total = self.process.memory_info().rss
        for child in self.process.children(recursive=True):
            try:
                total += child.memory_info().rss
            except psutil.NoSuchProcess:
                continue
        return total

    @contextmanager
    def watched(self):
        """Measure the peak of `memory` above that at the start; a list whose last entry is the peak."""
        start, peaks, over = self.memory(), [0], threading.Event()

        def watch():
            while not over.wait(0.02):
                peaks.append(max(peaks[-1], self.memory() - start))

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield peaks
        finally:
            over.set()
            thread.join()

    def has_no_fault(self):
        """Nothing was printed that is a fault of granum's own."""
        printed = "".join(self.served.lines)
        assert "Traceback" not in printed, printed
        assert "own fault" not in printed, printed


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def refused(answer, *statuses):
    """Check that an answer is one sentence in the one shape; return it."""
    assert answer.status_code in statuses, (answer.status_code, answer.text)
    text = answer.json()["error"]["message"]
    assert "Traceback" not in text
    assert text
    return text


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "images"
    place.mkdir()
    for n in range(2):
        image = simulate_particles("tem", size=256, count=10, seed=n, dtype="uint16").image
        tifffile.imwrite(place / f"im{n}.tif", image)
    return place


@pytest.fixture
def start(serve):
    """Start a server on a folder and return its `App`."""
    apps = []

    def start(folder):
        apps.append(App(serve(folder)))
        return apps[-1]

    yield start
    for app in apps:
        app.client.close()


@pytest.fixture
def app(start, folder):
    return start(folder)


def uploads(folder):
    place = folder / "granum_project" / "uploads"
    return sorted(path.name for path in place.iterdir()) if place.exists() else []


# ------------------------------------------------------------------------------------------------ the disk


@pytest.mark.parametrize("what", ["nonsense", "locked", "a folder in its place"])
def test_the_index_may_be_lost_while_the_server_runs(app, start, folder, what):
    ids = app.images(2)
    assert app.paint(ids["im0.tif"], "first").status_code == 200
    index, lock = folder / "granum_project" / "index.sqlite", None
    if what == "nonsense":
        index.write_bytes(os.urandom(20_000))
    elif what == "locked":
        lock = sqlite3.connect(index, isolation_level=None)
        lock.execute("BEGIN EXCLUSIVE")
    else:
        index.unlink()
        index.mkdir()
    tifffile.imwrite(folder / "late.tif", np.arange(10_000, dtype=np.uint16).reshape(100, 100))
    assert app.images(3)["im0.tif"] == ids["im0.tif"]
    assert app.paint(ids["im0.tif"], "second").json()["n_strokes"] == 2
    app.has_no_fault()
    # also for the next server, while it is still so
    app.served.stop(signal.SIGKILL)
    again = start(folder)
    assert again.images(3)["im0.tif"] == ids["im0.tif"]
    assert again.get(f"/images/{ids['im0.tif']}/paint/scribbles")["n_strokes"] == 2
    again.has_no_fault()
    if lock:
        lock.close()


def test_a_full_disk_is_told_and_costs_nothing_that_was_acknowledged(app, folder):
    """A limit of zero bytes for files gives failing writes like a full disk, for the server and for its jobs."""
    image = app.images(2)["im0.tif"]
    assert app.paint(image, "before").status_code == 200
    app.get("/recipes")
    limit = app.process.rlimit(resource.RLIMIT_FSIZE)
    app.process.rlimit(resource.RLIMIT_FSIZE, (0, limit[1]))
    try:
        refused(app.paint(image, "during"), 507)
        refused(app.upload("new.tif", (folder / "im0.tif").read_bytes()[:-1] + b"x"), 507)
        refused(app.client.patch("/project", json={"pixel_size": "2 nm"}), 507)
        refused(app.client.put("/recipes/mine", json={}), 507)
        refused(app.client.post("/jobs", json={}), 507)
    finally:
        app.process.rlimit(resource.RLIMIT_FSIZE, limit)
    assert uploads(folder) == []
    assert app.get("/jobs")["jobs"] == []
    assert app.get("/project")["pixel_size"] is None
    assert app.get(f"/images/{image}/paint/scribbles")["n_strokes"] == 1
    # and when there is room again, all of it works
    assert app.paint(image, "during").json()["n_strokes"] == 2
    assert app.wait_job(app.client.post("/jobs", json={"recipe": "particles"}).json()["id"])["state"] == "done"
    app.has_no_fault()


def test_a_job_that_meets_a_full_disk_says_so_and_goes_on_when_there_is_room(app):
    app.images(2)
    limit = app.process.rlimit(resource.RLIMIT_FSIZE)
    app.process.rlimit(resource.RLIMIT_FSIZE, (2000, limit[1]))  # room for job.json, none for labels
    try:
        job = app.client.post("/jobs", json={"recipe": "particles"}).json()
        ended = app.wait_job(job["id"])
    finally:
        app.process.rlimit(resource.RLIMIT_FSIZE, limit)
    assert ended["state"] in ("failed", "done")
    assert ended["error"] or len(ended["failures"]) == 2
    assert app.client.post(f"/jobs/{job['id']}/resume").status_code == 200
    ended = app.wait_job(job["id"])
    assert (ended["state"], ended["failures"], ended["done"]) == ("done", [], 2)
    app.has_no_fault()


@pytest.mark.parametrize("gone", ["moved away", "deleted"])
def test_the_project_may_vanish_under_the_running_server(app, folder, gone):
    image = app.images(2)["im0.tif"]
    assert app.paint(image, "first").status_code == 200
    project, away = folder / "granum_project", folder.parent / "away"
    project.rename(away)
    if gone == "deleted":
        shutil.rmtree(away)
    for path in ("/project", "/images", "/jobs", "/runs", "/recipes", f"/images/{image}/histogram"):
        app.get(path)
    # what is answered with success is there; else a sentence tells why it is not
    for id in ("second", "third"):
        answer = app.paint(image, id)
        if answer.status_code != 200:
            refused(answer, 404, 409, 507)
    answer = app.upload("new.tif", (folder / "im1.tif").read_bytes()[:-1] + b"x")
    assert answer.status_code == 200 or refused(answer, 404, 409, 507)
    assert app.client.get(f"/images/{image}/tiles/0/0/0/0/0/0").status_code == 200
    if gone == "moved away":
        if project.exists():
            # the server may write into it once more at this moment
            project.rename(project.with_name("made_meanwhile"))
        away.rename(project)
        answer = app.paint(image, "fourth")
        if answer.status_code != 200:
            refused(answer, 409)
        lines = (project / "annotations" / image / "scribbles" / "journal.log").read_text().splitlines()
        assert sum('"first"' in line for line in lines) == 1
    app.has_no_fault()


def write_image(path, frames):
    """Write frames in the format of the name; a PNG takes the first."""
    if path.suffix == ".npy":
        np.save(path, frames)
    elif path.suffix == ".tif":
        tifffile.imwrite(path, frames, imagej=True, metadata={"axes": "TYX"})
    else:
        assert cv2.imwrite(str(path), frames[0])


def test_files_may_change_while_they_are_shown(start, tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    pixels = {}
    for n, name in enumerate(f"{what}{suffix}" for what in CHANGES for suffix in (".tif", ".npy", ".png")):
        pixels[name] = np.random.default_rng(n).integers(0, 60_000, (4, 512, 512), dtype=np.uint16)
        write_image(folder / name, pixels[name])
    app = start(folder)
    ids = app.images(len(pixels))
    for id in ids.values():
        assert app.client.get(f"/images/{id}/tiles/0/0/0/0/0/0").status_code == 200
    for name in pixels:
        CHANGES[name.partition(".")[0]](folder / name, pixels[name])
    for name, id in ids.items():
        for t in range(1 if name.endswith(".png") else 4):
            for place in (f"tiles/{t}/0/0/0/0/0", f"pixel?y=500&x=500&t={t}", f"histogram?t={t}"):
                answer = app.client.get(f"/images/{id}/{place}")
                if answer.status_code != 200:
                    refused(answer, 404, 409, 422, 503)
                elif place.startswith("tiles"):
                    # from memory, if at all: never the pixels of another file under this name
                    assert answer.content == pixels[name][t].tobytes(), (name, t)
                elif place.startswith("pixel"):
                    assert answer.json()["values"] == [pixels[name][t, 500, 500]], (name, t)
    assert app.served.process.poll() is None
    app.has_no_fault()


CHANGES = {
    "cut": lambda path, pixels: os.truncate(path, 3000),
    "emptied": lambda path, pixels: os.truncate(path, 0),
    "deleted": lambda path, pixels: path.unlink(),
    "replaced": lambda path, pixels: write_image(path, pixels[::-1]),
}


# ------------------------------------------------------------------------------------------------ what is uploaded


def test_a_huge_upload_takes_little_memory_and_is_removed_when_it_is_no_image(app, folder):
    app.images(2)
    piece = os.urandom(2**20)
    with app.watched() as peaks:
        refused(app.upload("huge.tif", (piece for _ in range(2048))), 422)
    # the server alone takes 220 MiB, and 100 more while it compiles on a new installation
    assert peaks[-1] < 450 * 2**20
    assert uploads(folder) == []
    app.has_no_fault()


def test_an_upload_whose_connection_breaks_leaves_nothing(app, folder):
    app.images(2)
    head = (
        f"POST /api/v1/images?name=a.tif HTTP/1.1\r\nHost: 127.0.0.1:{app.served.port}\r\n"
        f"Authorization: {app.served.headers['Authorization']}\r\nContent-Length: 100000000\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", app.served.port), timeout=20) as connection:
        connection.sendall(head.encode() + b"x" * 5_000_000)
        wait_for(lambda: len(uploads(folder)) == 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # as when a cable is cut
    wait_for(lambda: uploads(folder) == [])
    app.has_no_fault()


class Canary:
    """Running code when it is unpickled: makes a folder."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.mkdir, (str(self.path),))


def png(width, height):
    """A PNG of 16 bit, all black: 60,000 x 60,000 pixels are 7.2 GB of nothing in 7 MB."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    size = (1 + 2 * width) * height
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    part = packer.compress(bytes(size // 100)) + packer.flush(zlib.Z_FULL_FLUSH)  # stands for itself, however often
    checksum = struct.pack(">HH", size % 65521, 1)  # Adler-32 of zeros
    data = b"\x78\xda" + part * 100 + packer.flush() + checksum
    head = struct.pack(">IIBBBBB", width, height, 16, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def tiff_bomb():
    """60,000 x 60,000 pixels of 16 bit, which are 7.2 GB, in strips that are all the same few bytes."""
    file = io.BytesIO()
    strip = zlib.compress(bytes(60_000 * 2 * 1000), 9)
    tifffile.imwrite(
        file, iter([strip] * 60), shape=(60_000, 60_000), dtype=np.uint16, rowsperstrip=1000, compression="zlib"
    )  # fmt: skip
    return file.getvalue()


def strangers(canary):
    """Name -> bytes of files that must not come in, or must not cost what they ask for."""
    model = pickle.dumps(Canary(canary))
    slip, bomb, links, hdf = io.BytesIO(), io.BytesIO(), io.BytesIO(), b"\x89HDF\r\n\x1a\n" + bytes(2000)
    with zipfile.ZipFile(slip, "w") as file:
        file.writestr("../../../evil.tif", b"x")
        file.writestr("granum_project/project.json", b"{}")
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.tif", bytes(200_000_000))
    with tarfile.open(fileobj=links, mode="w") as file:
        link = tarfile.TarInfo("granum_project")
        link.type, link.linkname = tarfile.SYMTYPE, "/"
        file.addfile(link)
    torch = io.BytesIO()
    with zipfile.ZipFile(torch, "w") as file:
        file.writestr("archive/data.pkl", model)
    return {
        "model.pkl": model, "model.joblib": model, "weights.h5": hdf, "weights.pt": torch.getvalue(),
        "weights.tif": model, "slip.zip": slip.getvalue(), "bomb.zip": bomb.getvalue(), "links.tar": links.getvalue(),
        "slip.zarr.zip": slip.getvalue(), "bomb.ome.tif": bomb.getvalue(), "bomb.png": png(60_000, 60_000),
        "bomb.tif": tiff_bomb(), "recipe.toml": b"name = 'x'\n",
    }  # fmt: skip


def test_models_archives_and_bombs_are_refused_in_a_sentence_and_nothing_runs(app, folder, tmp_path):
    app.images(2)
    canary = tmp_path / "canary"
    for name, content in strangers(canary).items():
        assert len(content) < 12_000_000
        with app.watched() as peaks:
            answer = app.upload(name, content)
        text = refused(answer, 413, 422)
        assert text.startswith(f"{name}: "), text
        assert "\n" not in text
        assert peaks[-1] < 700 * 2**20, (name, peaks[-1])
        assert uploads(folder) == []
        assert not canary.exists()
    assert len(app.images(2)) == 2
    assert not list(tmp_path.rglob("evil*"))
    app.has_no_fault()


def test_a_model_that_calls_itself_a_recipe_runs_nothing(app, folder, tmp_path):
    canary = tmp_path / "canary"
    model = pickle.dumps(Canary(canary))
    place = folder / "granum_project" / "recipes"
    place.mkdir(parents=True)
    (place / "model.toml").write_bytes(model)
    (place / "model.pkl").write_bytes(model)
    assert "model" not in [recipe["name"] for recipe in app.get("/recipes")["recipes"]]
    for body in ({"recipe": "model"}, {"recipe": "model.pkl"}, {"recipe": str(place / "model.pkl")},
                 {"toml": model.decode("latin-1")}, {"toml": "[[step]]\ndo = 'os.system'\ncommand = 'x'\n"},
                 {"toml": f"[[step]]\ndo = 'segment.threshold'\nfrom = {{ image = '{place}' }}\n"}):  # fmt: skip
        refused(app.client.post("/recipes/check", json=body), 404, 422)
    assert not canary.exists()
    app.has_no_fault()


def test_a_legitimate_picture_of_20000_x_20000_is_shown_and_painted_in_less_than_2_gb(start, tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    plane = np.zeros((20_000, 20_000), np.uint16)
    plane[::1000] = 20_000
    tifffile.imwrite(folder / "large.tif", plane, compression="zlib", rowsperstrip=500)
    del plane
    app = start(folder)
    with app.watched() as peaks:
        image = app.images(1)["large.tif"]
        for level, y, x in ((6, 0, 0), (0, 0, 0), (0, 39, 39), (3, 2, 2)):
            place = f"/images/{image}/tiles/0/0/0/{level}/{y}/{x}"
            wait_for(lambda place=place: app.client.get(place).status_code == 200)
        assert app.paint(image, "a").status_code == 200
        assert app.get(f"/images/{image}/pixel?y=19000&x=19999")["values"] == [20_000]
        alone = app.process.memory_info().rss
    assert peaks[-1] < 2 * 10**9
    assert alone < 10**9
    app.has_no_fault()


# ------------------------------------------------------------------------------------------------ who comes and goes


def test_closing_the_browser_in_the_middle_of_a_job_does_not_stop_it(start, chromium, folder, tools):
    for n in range(2, 8):
        tifffile.imwrite(folder / f"im{n}.tif", simulate_particles("tem", size=1024, count=80, seed=n).image)
    app = start(folder)
    app.images(8)
    context = chromium.new_context()
    page = context.new_page()
    page.goto(app.served.new_link())
    page.locator(".image-item").nth(7).wait_for(timeout=60_000)
    page.get_by_role("tab", name="Tune").click()
    page.get_by_role("button", name=re.compile("Run on all 8 images")).click()
    wait_for(lambda: [job["state"] for job in app.get("/jobs")["jobs"]] == ["running"])
    (job,) = app.get("/jobs")["jobs"]
    assert job["done"] < 8
    context.close()
    chromium.close()
    ended = app.wait_job(job["id"])
    assert (ended["state"], ended["done"], ended["failures"]) == ("done", 8, [])
    # and whoever comes next finds it
    assert app.get("/runs")["runs"][0]["id"] == job["id"]
    leader = json.loads((folder / "granum_project" / "runs" / job["id"] / "status.json").read_text())["pid"]
    wait_for(lambda: tools.processes_of(leader) == [])
    app.has_no_fault()


BURN = "import time\nend = time.monotonic() + 60\nwhile time.monotonic() < end: sum(range(10000))"


def test_strokes_are_answered_while_all_cores_a_job_and_previews_are_busy(app, folder):
    """No figure (`benchmarks/speed` has those): an event loop or a thread pool that waits for work takes seconds."""
    import subprocess
    import sys

    from websockets.sync.client import connect

    for n in range(2, 6):
        tifffile.imwrite(folder / f"im{n}.tif", simulate_particles("tem", size=1024, count=80, seed=n).image)
    image = app.images(6)["im2.tif"]
    assert app.paint(image, "warm").status_code == 200
    over = threading.Event()

    def ask_for_previews():
        with connect(f"ws://127.0.0.1:{app.served.port}/api/v1/socket", additional_headers=app.served.headers) as page:
            page.send(json.dumps({"type": "hello", "client": "busy"}))
            number = 0
            while not over.is_set():
                number += 1
                page.send(json.dumps({"type": "preview", "request": number, "image": image}))
                page.recv()

    burners = [subprocess.Popen([sys.executable, "-c", BURN]) for _ in range(os.cpu_count() or 1)]
    thread = threading.Thread(target=ask_for_previews)
    thread.start()
    try:
        job = app.client.post("/jobs", json={"recipe": "particles"}).json()
        took = []
        for n in range(60):
            began = time.perf_counter()
            assert app.paint(image, f"s{n}").status_code == 200
            took.append(time.perf_counter() - began)
    finally:
        over.set()
        thread.join()
        for burner in burners:
            burner.kill()
            burner.wait()
    assert np.median(took) < 0.5
    assert app.wait_job(job["id"])["state"] == "done"
    app.has_no_fault()
