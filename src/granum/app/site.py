"""The page itself: the files that Vite has built, and the table of routes for people who write programs.

Only files that were found in the folder are served, under the names that they were found by: an address never becomes
a path. Names of assets hold a hash of their content, so browsers may keep them for ever.
"""

from __future__ import annotations

import mimetypes
from html import escape
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.responses import HTMLResponse, Response

from granum.app.problems import Problem

__all__ = ["STATIC", "Site", "make_router", "routes_page"]

STATIC = Path(__file__).with_name("static")
"""Made from web/ when granum is installed."""
_NOT_BUILT = (
    "The page of the app was not built when granum was installed. In a clone: python hatch_build.py; "
    "else: pip install --force-reinstall granum."
)
# registries of operating systems know these types wrongly, and with nosniff a wrong type is a dead page
_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
_FOR_EVER = "private, max-age=31536000, immutable"


class Site:
    """The built page in a folder, which may be built anew while it is served.

    Parameters
    ----------
    folder : Path
        With `index.html` and `assets/`.
    """

    def __init__(self, folder: Path = STATIC) -> None:
        self.folder = folder
        self._seen: tuple[int, int] | None = None
        self._files: dict[str, Path] = {}

    def find(self, name: str) -> Path | None:
        """Return the file of a name such as "assets/index-1a2b.js", or None."""
        self._look()
        return self._files.get(name)

    def _look(self) -> None:
        """List the folder, once for every build."""
        try:
            about = (self.folder / "index.html").stat()
        except OSError:
            self._seen, self._files = None, {}
            return
        if self._seen != (about.st_mtime_ns, about.st_ino):
            self._files = {
                path.relative_to(self.folder).as_posix(): path
                for path in self.folder.rglob("*")
                if path.is_file() and not path.is_symlink() and (path.parent.name == "assets" or path.suffix == ".html")
            }
            self._seen = (about.st_mtime_ns, about.st_ino)


def make_router(site: Site, app: FastAPI) -> APIRouter:
    """Return the routes of the page."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    def index() -> Response:
        path = site.find("index.html")
        if path is None:
            page = f"<!doctype html><html lang=en><meta charset=utf-8><title>granum</title><p>{escape(_NOT_BUILT)}</p>"
            return HTMLResponse(page, 503)
        return HTMLResponse(path.read_bytes())

    @router.get("/assets/{name}")
    def asset(name: str) -> Response:
        path = site.find(f"assets/{name}")
        if path is None:
            raise Problem(404, "not_found", f"There is no file {name[:100]} in the page.")
        kind = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        return Response(path.read_bytes(), headers={"content-type": kind, "cache-control": _FOR_EVER})

    @router.get("/api/v1/docs")
    def routes() -> Response:
        return HTMLResponse(routes_page(app.openapi()))

    return router


def routes_page(schema: dict[str, Any]) -> str:
    """Return all routes of an OpenAPI document as an HTML table, without scripts and styles."""
    rows = []
    for path, methods in schema.get("paths", {}).items():
        for method, about in methods.items():
            asked = [f"{one['name']}{'' if one.get('required') else '?'}" for one in about.get("parameters", [])]
            body = _model(about.get("requestBody", {}))
            answer = _model(next((v for k, v in about.get("responses", {}).items() if k.startswith("2")), {}))
            text = about.get("description") or about.get("summary") or ""
            cells = (f"{method.upper()} {path}", ", ".join(asked), body, answer, " ".join(text.split()))
            rows.append("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>")
    info = schema.get("info", {})
    title = escape(f"{info.get('title', '')} {info.get('version', '')}")
    head = "".join(f"<th scope=col>{word}</th>" for word in ("Route", "Parameters", "Body", "Answer", "What it does"))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}: routes</title>'
        f'<meta name="color-scheme" content="light dark"></head><body><h1>{title}: routes</h1>'
        "<p>Programs sign in with the header <code>Authorization: Bearer TOKEN</code>; granum app --print-token shows "
        'the token. All models: <a href="openapi.json">openapi.json</a>.</p>'
        f'<table border="1" cellpadding="4"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
        "</body></html>"
    )


def _model(part: dict[str, Any]) -> str:
    """Name the model, or else the type, of a body."""
    kinds = []
    for media, content in part.get("content", {}).items():
        name = str(content.get("schema", {}).get("$ref", "")).rpartition("/")[2]
        kinds.append(name or media)
    return ", ".join(kinds)
