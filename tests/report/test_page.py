from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from granum.errors import ReadError, ShapeError
from granum.report.page import write_report
from granum.report.section import format_number, section_width, write_section
from granum.report.tables import write_images_csv, write_objects_csv

EVIL = "<script>alert(1)</script>\"'&<img src=x onerror=alert(2)>.tif"
VOID = {"meta", "img", "input", "br", "link", "hr"}


class _Page(HTMLParser):
    """Collects tags, and fails on tags that do not close."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def _parse(path):
    page = _Page()
    page.feed(path.read_text(encoding="utf-8"))
    assert page.open == []
    return page


def test_the_page_is_whole_and_loads_nothing(make_run):
    out, sections = make_run()
    page = _parse(write_report(out, sections))
    for tag, attributes in page.tags:
        assert tag not in ("link", "iframe", "object", "base", "form")
        for name in ("src", "href"):
            value = attributes.get(name)
            assert value is None or value.startswith("data:image/")
    text = (out / "report.html").read_text(encoding="utf-8")
    assert "url(" not in text
    assert "@import" not in text


def test_the_only_script_is_the_one_that_the_policy_names(make_run):
    out, sections = make_run()
    text = write_report(out, sections).read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)[1]
    assert policy.startswith("default-src 'none'; img-src data:;")
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.S)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy


@pytest.mark.parametrize("files", [(EVIL,), (EVIL, "b.tif")])
def test_names_and_reasons_from_outside_are_text_never_markup(make_run, files):
    out, sections = make_run(files, text=EVIL)
    page = _parse(write_report(out, sections))
    assert [tag for tag, _ in page.tags].count("script") == 1
    assert not [tag for tag, attributes in page.tags if tag == "img" and attributes.get("src") == "x"]
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert EVIL in "".join(page.text)


def test_the_first_thing_under_the_numbers_is_what_went_wrong(make_run):
    out, sections = make_run()
    run = json.loads((out / "run.json").read_text())
    run["failed"] = [{"file": "bad.tif", "frame": None, "error": "bad.tif: is truncated."}]
    (out / "run.json").write_text(json.dumps(run))
    text = write_report(out, sections).read_text(encoding="utf-8")
    assert text.index('class="numbers"') < text.index("bad.tif: is truncated.") < text.index('<section class="image"')


def test_the_page_tells_numbers_choices_methods_and_provenance(make_run):
    out, sections = make_run()
    text = "".join(_parse(write_report(out, sections)).text)
    for words in (
        "discs.tif", "median size D50", "1 touch the border", "because it scored best", "2 candidates", "nanomaterial",
        "doi:10.1109/TSMC.1979.4310076", "0.5 nm (typed)", "0123456789abcdef", "number density", "Enough objects?",
    ):  # fmt: skip
        assert words in text


def test_without_a_pixel_size_the_page_has_no_nanometres(make_run):
    out, sections = make_run(size=None)
    text = "".join(_parse(write_report(out, sections)).text)
    assert "give it as --pixel-size" in text
    assert "nanomaterial" not in text.lower()
    assert " nm" not in text


def test_many_images_have_a_table_first_and_at_most_fifty_pictures(make_run):
    files = tuple(f"image{i}.tif" for i in range(53))
    out, sections = make_run(files)
    Path(sections[51]).unlink()  # it is not shown, so it need not have been made
    page = _parse(write_report(out, sections))
    assert sum(tag == "section" for tag, _ in page.tags) == 50
    assert "The other 3 images stand in the table above." in "".join(page.text)
    rows = [attributes for tag, attributes in page.tags if tag == "tr" and "data-label" in attributes]
    assert len(rows) == 50 * 7
    assert (out / "report.html").stat().st_size < 3_000_000


def test_the_table_on_the_page_ends_after_500_rows(make_run):
    out, sections = make_run()
    n = 700
    objects = {
        "label": np.arange(1, n + 1),
        "area": np.full(n, 9),
        "ecd": np.linspace(3, 9, n),
        "flags": np.zeros(n, int),
    }
    write_objects_csv(out / "objects.csv", objects, file="discs.tif")
    page = _parse(write_report(out, sections))
    assert sum("data-label" in attributes for tag, attributes in page.tags if tag == "tr") == 500
    assert "The first 500 of 700" in "".join(page.text)


def test_no_object_still_makes_a_page(make_run, tmp_path, discs):
    out, _ = make_run()
    write_objects_csv(out / "objects.csv", {}, file="discs.tif")
    write_images_csv(out / "images.csv", [{"file": "discs.tif", "frame": 0, "n_objects": 0, "area_fraction": 0.0}])
    section = tmp_path / "empty.html"
    write_section(section, discs[0], np.zeros_like(discs[1]), {}, file="discs.tif")
    text = "".join(_parse(write_report(out, [section])).text)
    assert "0 objects" in text
    assert "Size distribution" not in text


def test_the_page_has_the_same_bytes_every_time(make_run):
    out, sections = make_run()
    first = write_report(out, sections).read_bytes()
    assert write_report(out, sections).read_bytes() == first


@pytest.mark.parametrize("largest", [7, 70_000])
def test_the_label_map_behind_the_pointer_is_the_label_image(tmp_path, discs, largest):
    image, labels, objects = discs
    labels = np.where(labels == 7, largest, labels).astype(np.int32)
    write_section(tmp_path / "s.html", image, labels, {**objects, "label": np.unique(labels)[1:]}, file="a")
    page = _parse(tmp_path / "s.html")
    viewer = next(attributes for _, attributes in page.tags if "viewer" in (attributes.get("class") or ""))
    dtype = "<u4" if viewer["data-wide"] == "1" else "<u2"
    assert viewer["data-wide"] == str(int(largest > 65535))
    coded = np.frombuffer(zlib.decompress(base64.b64decode(viewer["data-map"])), dtype).reshape(labels.shape)
    assert np.array_equal(np.cumsum(coded, axis=1, dtype=coded.dtype), labels)
    shown = json.loads(zlib.decompress(base64.b64decode(viewer["data-objects"])))
    assert [row[0] for row in shown["rows"]] == np.unique(labels)[1:].tolist()
    assert shown["names"][0] == "ECD"


def test_large_pictures_are_made_smaller_for_the_page(tmp_path):
    labels = np.zeros((900, 3000), dtype=np.int32)
    labels[100:800, 100:2900] = 1
    objects = {"label": np.array([1]), "flags": np.array([0]), "ecd": np.array([1500.0])}
    write_section(tmp_path / "s.html", labels * 9.0, labels, objects, labels > 0, file="a", n_sections=30)
    viewer = next(a for _, a in _parse(tmp_path / "s.html").tags if "data-width" in a)
    assert (int(viewer["data-width"]), int(viewer["data-height"])) == (480, 144)
    assert (tmp_path / "s.html").stat().st_size < 60_000


def test_image_and_labels_must_fit(tmp_path, discs):
    with pytest.raises(ShapeError, match="labels"):
        write_section(tmp_path / "s.html", discs[0], discs[1][1:], discs[2], file="a")


def test_a_folder_without_a_run_is_said(tmp_path):
    with pytest.raises(ReadError, match=r"run\.json"):
        write_report(tmp_path)


@pytest.mark.parametrize(
    ("value", "text"),
    [(12345, "12\u2009345"), (10.0, "10.00"), (0.0, "0"), (1e-7, "1.000·10⁻⁷"), (None, "–"), (float("nan"), "–"),
     (1234.0, "1234"), (123456.0, "1.235·10⁵")],
)  # fmt: skip
def test_numbers_are_written_for_people(value, text):
    assert format_number(value) == text


def test_more_images_mean_smaller_pictures():
    widths = [section_width(n) for n in (1, 5, 20, 50, 5000)]
    assert widths == sorted(widths, reverse=True)
