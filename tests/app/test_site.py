from __future__ import annotations

import os

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from granum.app.problems import add_error_handlers
from granum.app.site import Site, make_router, routes_page


@pytest.fixture
def built(tmp_path):
    """A built page, with things around it that nobody may see."""
    (tmp_path / "secret.txt").write_text("secret")
    folder = tmp_path / "static"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<p>page one")
    (folder / "assets" / "index-1a.js").write_text("let a")
    (folder / "assets" / "index-1a.css").write_text("p{}")
    (folder / "assets" / "font.woff2").write_bytes(b"\0")
    (folder / "BUILD").write_text("secret")
    (folder / "assets" / "link.js").symlink_to(tmp_path / "secret.txt")
    return folder


def client(folder):
    app = FastAPI(openapi_url="/api/v1/openapi.json", docs_url=None)
    add_error_handlers(app)
    app.include_router(make_router(Site(folder), app))

    @app.post("/api/v1/<b>/{id}", summary="<script>alert(1)</script>")
    def thing(id: int, level: int = 0) -> None:
        """Do a <i>thing</i>."""

    return TestClient(app)


def test_the_page_and_its_files_are_served_with_their_types(built):
    page = client(built)
    assert page.get("/").text == "<p>page one"
    script = page.get("/assets/index-1a.js")
    assert (script.text, script.headers["content-type"]) == ("let a", "text/javascript; charset=utf-8")
    assert "immutable" in script.headers["cache-control"]
    assert page.get("/assets/index-1a.css").headers["content-type"] == "text/css; charset=utf-8"
    assert page.get("/assets/font.woff2").headers["content-type"] == "font/woff2"


@pytest.mark.parametrize(
    "path",
    ["/assets/../../secret.txt", "/assets/..%2f..%2fsecret.txt", "/assets/%2e%2e/BUILD", "/assets/..%5c..%5csecret.txt",
     "/assets//etc/passwd", "/assets/%2fetc%2fpasswd", "/BUILD", "/static/index.html", "/assets/link.js", "/assets/",
     "/assets/index-1a.js%00", "/assets/INDEX-1A.js", "/assets/C:secret.txt"],
)  # fmt: skip
def test_nothing_else_is_served(built, path):
    answer = client(built).get(path)
    assert answer.status_code == 404
    assert "secret" not in answer.text.replace("secret.txt", "")


def test_a_new_build_is_seen_without_a_new_server(built):
    page = client(built)
    page.get("/")
    (built / "assets" / "index-2b.js").write_text("let b")
    (built / "index.html").write_text("<p>page two")
    os.utime(built / "index.html", ns=(1, 1))
    assert page.get("/").text == "<p>page two"
    assert page.get("/assets/index-2b.js").text == "let b"


def test_without_a_built_page_there_is_a_sentence_how_to_build_it(tmp_path):
    answer = client(tmp_path / "not there").get("/")
    assert answer.status_code == 503
    assert "hatch_build.py" in answer.text


def test_the_table_of_routes_shows_names_as_text(built):
    page = client(built).get("/api/v1/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "POST /api/v1/&lt;b&gt;/{id}" in page.text
    assert "id, level?" in page.text
    assert "Do a &lt;i&gt;thing&lt;/i&gt;." in page.text
    assert "<script" not in page.text
    assert "style=" not in page.text


def test_a_table_of_no_routes_is_a_page_too():
    assert "<table" in routes_page({})
