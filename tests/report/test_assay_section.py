from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import assay_fixtures
import cv2
import numpy as np
import pytest

from granum.plate.assay import Assay, Curve, Fit, Interval, PlateImage, Review, Survival, read_assay
from granum.report.assay_curves import best_fits, value_axis
from granum.report.assay_section import assay_html
from granum.report.assay_tables import z_prime_verdict
from granum.report.assay_text import interval_words, natural_order, parameter_words, value_words
from granum.report.chart_axes import BOTTOM, LEFT, RIGHT, Axis
from granum.report.page import write_report
from granum.report.provenance import write_json
from granum.report.series_lines import draw_band, draw_line
from granum.report.tables import write_images_csv

EVIL = "<script>alert(1)</script>\"'&<img src=x onerror=alert(2)>"
VOID = {"img", "input", "br", "path", "rect", "circle", "meta"}


class Html(HTMLParser):
    """Collects tags and text, and fails on tags that do not close."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.text = [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID or (tag == "path" and not self.get_starttag_text().endswith("/>")):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag not in VOID or tag in self.open[-1:]:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    @property
    def words(self):
        return " ".join(self.text)

    def labels(self):
        """Return what a screen reader says of the charts."""
        return [
            attributes["aria-label"] for tag, attributes in self.tags if tag == "svg" and "aria-label" in attributes
        ]


def run_folder(out, assay, **more):
    """Write what `write_report` needs of a run folder."""
    out.mkdir(exist_ok=True)
    rows = [{"file": image.file, "frame": image.frame, "n_objects": 9, **image.values} for image in assay.images]
    write_images_csv(out / "images.csv", rows)
    run = {"granum": "0.1.0", "recipe": {"name": assay.kind}, "settings": [], "inputs": [], "images": [], **more}
    write_json(out / "run.json", run)
    write_json(out / "assay.json", assay.to_json())
    return out


def test_an_assay_has_its_plate_curves_survival_doses_fits_controls_and_doubts(tmp_path):
    page = Html(assay_html(assay_fixtures.plate_assay(), tmp_path))
    heads = [page.text[i] for i in range(len(page.text))]
    for head in (
        "Plate",
        "Conditions",
        "Over time",
        "Survival",
        "Dose response",
        "Fits",
        "Controls",
        "Videos",
        "Look at these",
    ):
        assert head in heads
    assert "Well H12 of the plate map has no image." in page.words
    assert "videos/B02.mp4" in page.words


def test_a_single_image_draws_nothing_that_is_empty(tmp_path):
    assert assay_html(assay_fixtures.single_image(), tmp_path) == ""


@pytest.mark.parametrize("times", [(0.0,), (0.0, 24.0)])
@pytest.mark.parametrize(("rows", "columns"), [(1, 2), (2, 3), (16, 24)])
def test_few_wells_and_times_break_nothing_and_draw_no_empty_chart(tmp_path, rows, columns, times):
    page = Html(assay_html(assay_fixtures.plate_assay(rows, columns, times), tmp_path))
    assert all(label for label in page.labels())
    for tag, attributes in page.tags:
        if tag == "path":
            assert attributes["d"]
            assert "nan" not in attributes["d"]
    assert ("Over time" in page.text) == (len(times) > 1)
    assert ("Conditions side by side" in page.text) == (len(times) == 1 and columns > 2)


def test_nothing_that_was_measured_as_missing_is_drawn(tmp_path):
    image = PlateImage("a.tif", "a", 0, well="A01", values={"viability": None})
    curve = Curve("well", "A01", "viability", (0.0, 1.0, 2.0), (None, 0.5, None), (None,) * 3, (None,) * 3, (0, 9, 0))
    nothing = Curve("condition", "x", "viability", (0.0, 1.0), (None, None))
    survival = Survival("well", "A01", (0.0,), (1.0,), (None,), (None,), (5,), 0, 5)
    assay = Assay("live-dead", (assay_fixtures.VIABILITY,), "h", (image,), (), (curve, nothing), (survival,))
    assert assay_html(assay, tmp_path) == ""


def test_what_cannot_be_seen_is_said(tmp_path):
    labels = Html(assay_html(assay_fixtures.plate_assay(), tmp_path)).labels()
    viability = next(label for label in labels if label.startswith("Viability over time"))
    assert re.search(r"from 0 h to 48 h: DMSO \d+\.\d % to \d+\.\d %, drug A", viability)
    assert any(label.startswith("Kaplan-Meier curves until 48 h: alive at the end DMSO") for label in labels)
    assert any(label == "Dose response of Viability: dose EC50 1.70 (1.20 to 2.40)" for label in labels)


def test_numbers_stand_below_the_curves_with_their_intervals(tmp_path):
    assay = assay_fixtures.confluency_series()
    page = Html(assay_html(assay, tmp_path))
    assert "6.9 (3.9 to 9.9)" in page.text
    assert "doubling time 7.10 (6.60 to 7.90) h" in page.words


def test_replicates_are_drawn_thin_behind_their_condition_in_its_colour(tmp_path):
    assay = assay_fixtures.plate_assay(2, 3, conditions=("a", "b"))
    text = assay_html(assay, tmp_path)
    figure = text[text.index('aria-label="Viability over time') :].partition("</figure>")[0]
    thin = re.findall(r'<path class="thin (s\d)"', figure)
    assert sorted(thin) == ["s0", "s0", "s0", "s1", "s1"]
    assert len(re.findall(r'<path class="band s\d"', figure)) == 2
    assert figure.index("thin") < figure.index('class="line s0"')


def test_more_than_eight_conditions_are_several_charts_and_no_colour_is_used_twice_in_one(tmp_path):
    assay = assay_fixtures.plate_assay(4, 6, conditions=tuple(f"c{i}" for i in range(11)))
    text = assay_html(assay, tmp_path)
    figures = [part.partition("</figure>")[0] for part in text.split('aria-label="Viability over time')[1:]]
    assert len(figures) == 2
    for figure in figures:
        shown = re.findall(r'<path class="line (s\d)"', figure.partition("</svg>")[0])
        assert len(shown) == len(set(shown))


def test_dishes_without_a_plate_are_named_and_many_wells_without_a_plate_map_are_lines_alike(tmp_path):
    few = Html(assay_html(assay_fixtures.confluency_series(wells=3), tmp_path))
    assert "dish 2" in few.text
    many = Html(assay_html(assay_fixtures.confluency_series(wells=9), tmp_path))
    assert "each line is a well" in many.text


@pytest.mark.parametrize("times", [(0.0,), (0.0, 24.0)])
def test_names_from_outside_are_text_never_markup(tmp_path, times):
    assay = assay_fixtures.plate_assay(2, 3, times, conditions=("a", EVIL), plate=EVIL)
    second = assay_fixtures.plate_assay(2, 3, times, conditions=("b",), plate="p2")
    assay = replace(
        assay,
        images=assay.images + second.images,
        wells=assay.wells + second.wells,
        curves=assay.curves + second.curves,
        notes=(EVIL,),
        videos=(EVIL,),
        review=(Review(EVIL, 0, EVIL, EVIL, 0.0, 0.5, EVIL),),
        fits=(*assay.fits, Fit("well", EVIL, EVIL, EVIL, {EVIL: Interval(1.0)}, None, (0.0, 1.0), (0.0, 1.0), EVIL)),
    )
    text = assay_html(assay, tmp_path)
    page = Html(text)
    assert not [tag for tag, _ in page.tags if tag == "script"]
    assert not [tag for tag, attributes in page.tags if tag == "img"]
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert EVIL in "".join(page.text)


def test_the_best_model_is_the_one_with_the_smallest_aic_and_only_it_is_drawn():
    one = Fit("well", "A01", "confluency", "exponential", {}, 5.0, (0.0, 1.0), (1.0, 2.0))
    two = replace(one, model="logistic", aic=-3.0)
    dose = replace(one, model="dose_response", aic=-99.0)
    assert best_fits(Assay("confluency", (), "h", (), fits=(one, two, dose))) == {
        ("well", "", "A01", "confluency"): two
    }


def test_shares_have_an_axis_from_0_to_100_percent_whatever_they_are():
    assert (value_axis([0.2, 0.3], "%", 300, 14).low, value_axis([0.2, 0.3], "%", 300, 14).high) == (0.0, 1.0)
    assert value_axis([-0.5, 4.0], "", 300, 14).low == -0.5
    assert value_axis([], "", 300, 14).high > value_axis([], "", 300, 14).low


def test_a_line_has_gaps_where_values_are_missing_and_a_band_too():
    x, y = Axis(0, 4, False, 0, 40), Axis(0, 1, False, 100, 0)
    line = draw_line(x, y, (0, 1, 2, 3, 4), (0.0, 1.0, None, 0.5, None), 0)
    assert 'd="M0.0 100.0L10.0 0.0M30.0 50.0h1"' in line
    band = draw_band(x, y, (0, 1, 2, 3), (0.0, 0.5, None, 0.1), (0.5, 1.5, 0.3, None), 1)
    assert 'd="M0.0 50.0 L10.0 0.0 L10.0 50.0 L0.0 100.0z"' in band


def test_steps_hold_their_value_until_the_next_death(tmp_path):
    survival = Survival(
        "condition", "x", (0.0, 10.0, 20.0), (1.0, 0.5, 0.25), (1.0, 0.3, 0.1), (1.0, 0.7, 0.5), (8, 8, 4), 6, 2
    )
    images = tuple(PlateImage("a.tif", "a", i, time=10.0 * i) for i in range(3))
    page = Html(assay_html(Assay("live-dead", (), "h", images, survival=(survival,)), tmp_path))
    line = next(a["d"] for tag, a in page.tags if tag == "path" and a.get("class") == "line s0")
    points = [(float(a), float(b)) for a, b in re.findall(r"([\d.]+) ([\d.]+)", line.replace("L", " "))]
    left, right = LEFT, 560 - RIGHT
    middle = (left + right) / 2
    assert [x for x, _ in points] == [left, middle, middle, right, right]
    heights = [(300 - BOTTOM - y) / (300 - BOTTOM - 14) for _, y in points]
    assert heights == pytest.approx([1, 1, 0.5, 0.5, 0.25], abs=1e-3)
    row = [text for text in page.text if text in ("8", "4", "6", "2")]
    assert row[:3] == ["8", "8", "8"]  # at risk at 0, 5 and 10
    assert "not reached" in page.text


def test_a_dose_of_0_stands_left_of_the_others_on_the_logarithmic_axis(tmp_path):
    text = assay_html(assay_fixtures.dose_plate(), tmp_path)
    chart = text[text.index('aria-label="Dose response') :].partition("</svg>")[0]
    marks = [float(x) for x in re.findall(r'class="mark-of s0" transform="translate\(([\d.]+) ', chart)]
    places = sorted(set(marks))
    assert len(places) == 4
    assert places[0] == LEFT + 8
    ratio = (places[3] - places[2]) / (places[2] - places[1])
    assert ratio == pytest.approx(np.log(3 / 2) / np.log(2), abs=0.02)
    assert re.search(rf'<text x="{places[0]:.1f}"[^>]*>0</text>', chart)


@pytest.mark.parametrize(
    ("z", "word"), [(0.5, "excellent"), (0.2, "marginal"), (0.0, "overlap"), (None, "not computed")]
)
def test_a_z_prime_is_told_in_the_words_of_its_paper(z, word):
    assert word in z_prime_verdict(z)


@pytest.mark.parametrize(
    ("interval", "unit", "text"),
    [(Interval(0.873, 0.801, 0.92), "%", "87.3 (80.1 to 92.0)"), (Interval(None), "%", "–"), (Interval(12.0), "", "12"),
     (Interval(7.1234, 6.0), "", "7.12 (at least 6)"), (Interval(0.0, -1e-9, 1e-9), "%", "0.0 (0.0 to 0.0)"),
     (Interval(1234.56, None, 2000.0), "", "1234.6 (at most 2\u2009000)")],
)  # fmt: skip
def test_intervals_are_written_for_people(interval, unit, text):
    assert interval_words(interval, unit) == text


def test_parameters_have_words_and_units():
    assert parameter_words("doubling_time_h") == ("doubling time", "h")
    assert parameter_words("closing_rate_um_per_h") == ("closing rate", "µm per h")
    assert parameter_words("rate_per_h") == ("rate", "per h")
    assert parameter_words("rate_per_frame") == ("rate", "per frame")
    assert parameter_words("midpoint_frame") == ("midpoint", "frames")
    assert parameter_words("ec50") == ("EC50", "")
    assert parameter_words("h") == ("h", "")
    assert value_words(0.5, "%") == "50.0 %"
    assert sorted(["B10", "B2", "a 1.5", "A 1"], key=natural_order) == ["A 1", "a 1.5", "B2", "B10"]


def write_overlay(folder, name, shape=(400, 600)):
    (folder / "overlays").mkdir(exist_ok=True)
    noise = np.random.default_rng(0).integers(0, 255, (*shape, 3), dtype=np.uint8)
    cv2.imwrite(str(folder / "overlays" / name), noise)


def test_doubtful_images_come_first_with_their_overlay_and_why(tmp_path):
    assay = assay_fixtures.plate_assay(2, 3)
    for review in assay.review[:3]:
        write_overlay(tmp_path, review.overlay.rpartition("/")[2])
    assay = replace(assay, review=assay.review[::-1])
    page = Html(assay_html(assay, tmp_path))
    pictures = [attributes for tag, attributes in page.tags if tag == "img"]
    assert [one["alt"] for one in pictures] == ["overlay of A01", "overlay of A02", "overlay of A03"]
    assert all(one["src"].startswith("data:image/jpeg;base64,") for one in pictures)
    doubts = [text for text in page.text if "doubt" in text and "%" in text]
    assert doubts == [
        f"A0{i} · 48 h · doubt {d} %" if i < 4 else f"B01 · 48 h · doubt {d} %"
        for i, d in ((1, 90), (2, 80), (3, 70), (4, 60))
    ]
    assert page.text.count("Half of the nuclei are between live and dead.") == 4


def test_the_strip_is_bounded_in_pictures_and_bytes(tmp_path):
    write_overlay(tmp_path, "a.png", (2400, 2400))
    review = tuple(Review("a.tif", i, "overlays/a.png", "A01", 0.0, 0.5, "why") for i in range(40))
    text = assay_html(replace(assay_fixtures.single_image(), review=review), tmp_path)
    assert "28 more have a doubt of 10 % or more" in text
    assert text.count("<figure>") == 12
    assert 200_000 < len(text) < 2_200_000


def test_where_no_image_is_doubtful_one_line_says_so(tmp_path):
    review = tuple(Review("a.tif", i, "", f"A0{i}", 0.0, doubt, "Nothing.") for i, doubt in enumerate((0.02, 0.05)))
    text = assay_html(replace(assay_fixtures.single_image(), review=review), tmp_path)
    assert text == '<p class="quiet">No image is doubtful: the highest doubt is 5 % (A01).</p>'


@pytest.mark.parametrize(
    "overlay", ["", "overlays/none.png", "../outside.png", "/etc/hostname", "overlays/text.png", "overlays"]
)
def test_an_overlay_that_is_missing_or_elsewhere_is_told_without_a_picture(tmp_path, overlay):
    folder = tmp_path / "run"
    (folder / "overlays").mkdir(parents=True)
    write_overlay(tmp_path, "x.png")
    cv2.imwrite(str(tmp_path / "outside.png"), np.zeros((9, 9), np.uint8))
    (folder / "overlays" / "text.png").write_text("no picture")
    review = (Review("a.tif", 0, overlay, "A01", 0.0, 0.5, "why"),)
    text = assay_html(replace(assay_fixtures.single_image(), review=review), folder)
    assert "<img" not in text
    assert "why" in text


def test_the_page_puts_the_result_first_and_sizes_are_not_its_head(tmp_path):
    out = run_folder(tmp_path / "run", assay_fixtures.single_image())
    text = write_report(out).read_text(encoding="utf-8")
    head = Html(text[text.index('<div class="numbers">') :].partition("</div></div>")[0] + "</div></div>")
    assert head.text[:3] == ["viability", "80.0 ", "%"]
    assert "95 %: 70.0 to 87.0" in head.text
    assert "median size D50" not in text


def test_a_page_of_a_plate_is_whole_loads_nothing_and_has_the_same_bytes_every_time(tmp_path):
    out = run_folder(tmp_path / "run", assay_fixtures.plate_assay(4, 6))
    text = write_report(out).read_text(encoding="utf-8")
    for tag, attributes in Html(text.partition("<main>")[2].partition("</main>")[0]).tags:
        assert tag not in ("link", "iframe", "video", "source")
        assert all(
            not value.startswith("http") for name, value in attributes.items() if name in ("src", "href") and value
        )
    assert "url(" not in text
    assert write_report(out).read_text(encoding="utf-8") == text
    assert len(text) < 400_000


def test_a_report_without_an_assay_is_as_it_was(tmp_path):
    out = run_folder(tmp_path / "run", assay_fixtures.single_image())
    (out / "assay.json").unlink()
    text = write_report(out).read_text(encoding="utf-8")
    assert "viability" not in text.partition("<h2>Images")[0].partition("<main>")[2]
    assert read_assay(run_folder(tmp_path / "run", assay_fixtures.single_image()) / "assay.json").kind == "live-dead"
    assert json.loads((out / "run.json").read_text())["recipe"]["name"] == "live-dead"
