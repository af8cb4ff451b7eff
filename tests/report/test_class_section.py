from __future__ import annotations

import base64
import re

import numpy as np

from granum.learn.scribbles import PixelClass
from granum.report.class_section import (
    class_layer_html,
    class_legend_html,
    class_shares,
    classes_html,
    confusion_html,
    model_methods,
    score_words,
)
from granum.report.methods import write_methods

BAD = "<script>alert(1)</script>"


def run(fractions, **model):
    images = [
        {
            "file": f"{n}",
            "classes": [{"id": 1, "name": BAD, "colour": "#112233", "area_px": px, "area_fraction": share}],
        }
        for n, (px, share) in enumerate(fractions)
    ]
    return {"images": images, "models": [model] if model else []}


def test_areas_are_told_over_all_pixels_and_over_images():
    page = classes_html(run([(10, 0.1), (90, 0.3)]))
    assert BAD not in page
    cells = re.findall(r"<td>([^<]*)</td>", page)
    assert cells == ["1", "100.0 %", "20.0 %", "10.0 %", "30.0 %"]
    assert classes_html({"images": [{"file": "a"}]}) == ""


def test_what_has_no_class_counts_as_area_too():
    entry = {"classes": [{"id": 1, "name": "cells", "colour": "", "area_px": 30, "area_fraction": 0.3}]}
    assert class_shares({"images": [{**entry, "analysed_px": 100}]}) == {(1, "cells"): 0.3}
    assert class_shares({"images": [entry]}) == {(1, "cells"): 1.0}  # runs of before did not keep the area
    assert class_shares({"images": []}) == {}


def test_the_model_is_told_with_its_score_and_without_one(learnt):
    page = classes_html(run([(1, 1.0)], description="forest", file="models/x", sha256="ab" * 32, report=learnt.REPORT))
    assert "<b>mean IoU 0.91 (95 %: 0.85 to 0.95)</b>" in page
    assert "few strokes." in page
    assert "disc &lt;b&gt;" in page
    assert "90.0 %" in page
    assert "carries no score" in classes_html(run([(1, 1.0)], description="forest", report=None))


def test_scores_that_do_not_exist_are_a_dash():
    assert score_words({}) == "–"
    assert score_words({"miou": 0.5}) == "0.50"
    assert confusion_html([[1.0]], ["a", "b"]) == ""
    assert "0.0 %" in confusion_html([[float("nan")]], ["a"])


def test_the_layer_has_the_size_of_the_classes_and_is_clear_where_there_is_none():
    import cv2

    html = class_layer_html(np.array([[0, 3]], np.uint8), [PixelClass(3, "a", "#ff0000")])
    data = base64.b64decode(re.search('base64,([^"]*)', html)[1])
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert picture.shape[:2] == (1, 2)
    assert picture[0, :, 3].tolist() == [0, 255]
    assert picture[0, 1, :3].tolist() == [0, 0, 255]


def test_the_legend_names_every_class_with_its_share():
    html = class_legend_html([PixelClass(1, BAD), PixelClass(2, "b")], {1: 0.25, 2: None})
    assert BAD not in html
    assert "25.0 %" in html
    assert 'class="classes-on"' in html
    assert "classes-on" not in class_legend_html([PixelClass(1, "a")], {}, switch=False)


def test_the_methods_tell_what_the_model_is_and_how_good(learnt):
    classes = [{"name": "a"}, {"name": "b"}]
    model = {"sha256": "f" * 64, "report": learnt.REPORT, "classes": classes, "n_images": 2, "n_strokes": 1}
    steps = [{"do": "segment.learned", "settings": {"objects": "b"}}]
    text, _ = write_methods(steps, version="1", recipe="x", extra=model_methods({"models": [model]}))
    assert "The model (SHA-256 ffffffffffff) tells a, b apart and was taught by 1 stroke on 2 images; on what" in text
    assert "its mean IoU was 0.91 (95 %: 0.85 to 0.95)." in text
    assert "pieces of the class b" in text
    for objects in ("none", ""):
        steps = [{"do": "segment.learned", "settings": {"objects": objects}}]
        assert "pieces of the class" not in write_methods(steps, version="1", recipe="x")[0]
