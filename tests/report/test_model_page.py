from __future__ import annotations

from types import SimpleNamespace

import pytest

from granum.errors import OutputError
from granum.report.model_page import write_model_page


def trial(description, miou, state="done"):
    return SimpleNamespace(description=description, state=state, miou=miou, low=None, high=None, seconds=1.5)


def test_the_page_tells_score_classes_curve_importance_and_what_was_tried(learnt, tmp_path):
    path = tmp_path / "new" / "page.html"
    write_model_page(path, learnt.make_model(), [trial("forest <i>", 0.9), trial("line", None, "pruned")])
    page = path.read_text()
    for text in ("0.91 (95 %: 0.85 to 0.95)", "disc &lt;b&gt;", "polyline", ">500</text>", ">painted pixels</text>",
                 "gradient", "forest &lt;i&gt;", "pruned", "few strokes."):  # fmt: skip
        assert text in page, text
    assert "disc <b>" not in page
    assert "<script" not in page
    first = path.read_bytes()
    write_model_page(path, learnt.make_model(), [trial("forest <i>", 0.9), trial("line", None, "pruned")])
    assert path.read_bytes() == first


def test_a_model_without_a_score_says_so(learnt, tmp_path):
    write_model_page(tmp_path / "page.html", learnt.make_model(report=None))
    assert "carries no score" in (tmp_path / "page.html").read_text()


def test_a_place_that_cannot_be_written_is_one_sentence(learnt, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="file"):
        write_model_page(tmp_path / "file" / "page.html", learnt.make_model())
