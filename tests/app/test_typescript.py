from __future__ import annotations

from pathlib import Path

from granum.app.typescript import write_types

TYPES = Path(__file__).parents[2] / "web" / "src" / "api" / "types.ts"


def test_the_types_of_the_page_are_those_of_the_server():
    assert TYPES.read_text(encoding="utf-8") == write_types(), "python -m granum.app.typescript > web/src/api/types.ts"


def test_what_a_request_may_leave_out_is_optional_and_what_an_answer_has_is_not():
    text = write_types()
    stroke = text[text.index("interface Stroke ") :].partition("}")[0]
    assert "radius?: number;" in stroke
    assert "points: [number, number][];" in stroke
    entry = text[text.index("interface ImageEntry ") :].partition("}")[0]
    assert 'status: "waiting" | "reading" | "ready" | "failed";' in entry
    assert "pixel_size: PixelSizeInfo | null;" in entry
