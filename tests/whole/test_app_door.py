"""The door of the app in real Chromium: attacks from other pages, links, tokens, tabs."""

from __future__ import annotations

import http.server
import json
import threading

import httpx
import pytest
from page_waits import wait_until

pytestmark = pytest.mark.slow


class Stranger(http.server.ThreadingHTTPServer):
    """A page on another port of this computer, which notes what it was told."""

    def __init__(self):
        self.page, self.told = "", []
        super().__init__(("127.0.0.1", 0), _Handler)
        self.thread = threading.Thread(target=self.serve_forever, daemon=True)
        self.thread.start()

    def address(self, name="127.0.0.1"):
        return f"http://{name}:{self.server_address[1]}/"


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.told.append((f"{self.command} {self.path}", {k.lower(): v for k, v in self.headers.items()}))
        body = self.server.page.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_DELETE = do_OPTIONS = do_GET

    def log_message(self, *words):
        pass


@pytest.fixture
def stranger():
    server = Stranger()
    yield server
    server.shutdown()
    server.thread.join(10)
    server.server_close()


ATTACK = """
<iframe id="frame" src="URL/"></iframe>
<iframe name="sink"></iframe>
<form id="form" method="post" action="URL/api/v1/images?name=form.tif" enctype="text/plain" target="sink">
<input name="a" value="b"></form>
<script>
window.done = (async () => {
  const found = {};
  const tried = async (name, start) => {
    try { found[name] = await start(); } catch (error) { found[name] = "failed"; }
  };
  for (const mode of ["no-cors", "cors"]) {
    await tried("read " + mode, async () =>
      (await fetch("URL/api/v1/images", { mode, credentials: "include" })).type);
    await tried("upload " + mode, async () =>
      (await fetch("URL/api/v1/images?name=" + mode + ".tif",
        { method: "POST", mode, credentials: "include", body: "x" })).type);
    await tried("cookie " + mode, async () =>
      (await fetch("URL/logout", { method: "POST", mode, credentials: "include" })).type);
  }
  await tried("delete", async () =>
    (await fetch("URL/api/v1/images/0123456789abcdef", { method: "DELETE", credentials: "include" })).type);
  await tried("socket", () => new Promise((resolve) => {
    const socket = new WebSocket("URL/api/v1/socket".replace("http", "ws"));
    socket.onopen = () => resolve("open");
    socket.onerror = () => resolve("failed");
  }));
  for (const kind of ["img", "script"]) {
    await tried(kind, () => new Promise((resolve) => {
      const element = document.createElement(kind);
      element.onload = () => resolve("loaded");
      element.onerror = () => resolve("failed");
      element.src = "URL/api/v1/images";
      document.body.append(element);
    }));
  }
  document.getElementById("form").submit();
  return found;
})();
</script>
"""


@pytest.fixture
def victim():
    """A server without a guard: what the attack does to it shows that the attack is one."""
    server = Stranger()
    yield server
    server.shutdown()
    server.thread.join(10)
    server.server_close()


def attack(context, stranger, url, name="127.0.0.1"):
    """Open the stranger's page, let it attack, and return (page, what it found, (method, path, status) of answers)."""
    stranger.page = ATTACK.replace("URL", url)
    answers = []
    page = context.new_page()
    page.on(
        "response",
        lambda r: answers.append((r.request.method, r.url[len(url) :], r.status)) if r.url.startswith(url) else None,
    )
    page.goto(stranger.address(name))
    found = page.evaluate("window.done")
    page.wait_for_timeout(300)
    return page, found, answers


def test_without_a_guard_the_attack_would_succeed(chromium, stranger, victim):
    context = chromium.new_context()
    context.add_cookies([{"name": "granum", "value": "x", "url": victim.address(), "sameSite": "Strict"}])
    attack(context, stranger, victim.address()[:-1])
    told = {(what, "granum=x" in headers.get("cookie", "")) for what, headers in victim.told}
    for what in ("POST /api/v1/images?name=no-cors.tif", "POST /api/v1/images?name=form.tif", "GET /api/v1/socket"):
        assert (what, True) in told
    context.close()


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_a_page_on_another_port_can_neither_read_nor_change_nor_listen(
    serve, chromium, signed_in, stranger, tmp_path, name
):
    served = serve(tmp_path)
    context = chromium.new_context()
    own = signed_in(served, context)
    # the cookie goes along with requests from 127.0.0.1: cookies do not know ports
    page, found, answers = attack(context, stranger, served.url, name)
    assert {("GET", "/"), ("POST", "/api/v1/images?name=form.tif")} <= {answer[:2] for answer in answers}
    # 401: from "localhost" the cookie does not go along
    assert {status for _, _, status in answers} <= {403, 401}
    # "no-cors" requests give a page nothing to read; that they changed nothing is seen below
    assert {what for what, result in found.items() if result != "failed"} <= {
        "read no-cors",
        "upload no-cors",
        "cookie no-cors",
    }
    assert {found[what] for what in ("read no-cors", "upload no-cors", "cookie no-cors")} <= {"failed", "opaque"}
    assert "granum" not in page.query_selector("#frame").content_frame().content()
    assert not (tmp_path / "granum_project" / "uploads").exists()
    # the own page is still signed in, and what failed above works from there
    assert own.evaluate("fetch('api/v1/images').then(r => r.json()).then(r => r.images.length)") == 0
    assert own.evaluate("fetch('api/v1/images/sample', { method: 'POST' }).then(r => r.status)") == 200
    own.evaluate(SOCKET)
    assert own.evaluate("window.ready") == "local"
    context.close()


def test_a_name_that_was_rebound_to_this_computer_is_misdirected(serve, chromium, tmp_path):
    served = serve(tmp_path)
    page = chromium.new_page()
    for path in ("/", "/api/v1/images", f"/?token={served.new_link().partition('=')[2]}"):
        answer = page.goto(f"http://rebound.example:{served.port}{path}")
        assert answer.status == 421
    assert page.context.cookies() == []


def test_the_token_leaves_the_address_the_history_and_every_referer(serve, signed_in, stranger, tmp_path):
    served = serve(tmp_path)
    page = signed_in(served)
    assert page.url == f"{served.url}/"
    assert page.evaluate("document.cookie") == ""
    assert page.evaluate("document.referrer") == ""
    (cookie,) = page.context.cookies()
    assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"]) == (f"granum_{served.port}", True, "Strict")
    page.evaluate(
        f"(() => {{ const a = document.createElement('a'); a.href = '{stranger.address()}'; a.textContent = 'out';"
        "document.body.append(a); a.click(); })()"
    )
    page.wait_for_url(stranger.address())
    assert ("GET /", None) in [(what, headers.get("referer")) for what, headers in stranger.told]
    assert [headers for _, headers in stranger.told if served.url in headers.get("referer", "")] == []
    assert page.evaluate("history.length") <= 3
    page.go_back()
    assert "token" not in page.url


def test_a_link_works_once_and_the_page_that_says_so_takes_the_next_token(serve, chromium, signed_in, tmp_path):
    served = serve(tmp_path)
    link = served.new_link()
    first = chromium.new_page()
    first.goto(link)
    context = chromium.new_context()
    page = context.new_page()
    violations = []
    page.on("console", lambda message: violations.append(message.text) if "Policy" in message.text else None)
    answer = page.goto(link)
    assert answer.status == 401
    assert page.url == link
    assert "used before" in page.text_content("h1")
    assert page.context.cookies() == []
    page.fill("#token", "not this one")
    page.click("button")
    assert "used before" in page.text_content("h1")
    page.fill("#token", served.new_link().partition("token=")[2])
    with page.expect_navigation():
        page.click("button")
    assert page.url == f"{served.url}/"
    assert len(page.context.cookies()) == 1
    assert violations == []
    context.close()


def test_page_and_table_of_routes_hold_the_policy(serve, signed_in, tmp_path):
    served = serve(tmp_path)
    page = signed_in(served)
    assert page.evaluate("document.querySelector('#app') !== null")
    page.wait_for_timeout(500)
    page.goto(f"{served.url}/api/v1/docs")
    assert page.locator("tbody tr").count() > 3
    assert page.csp == []


SOCKET = """
window.told = [];
window.ready = new Promise((resolve) => {
  const socket = new WebSocket(location.origin.replace("http", "ws") + "/api/v1/socket");
  socket.onopen = () => socket.send(JSON.stringify({ type: "hello", client: "tab" }));
  socket.onmessage = (event) => { window.told.push(JSON.parse(event.data)); resolve(window.told[0].author); };
});
"""


def test_twenty_tabs_hear_the_same_and_users_of_a_lab_server_are_told_apart(serve, chromium, signed_in, tmp_path):
    served = serve(tmp_path, "--host", "127.0.0.1")
    first, second = chromium.new_context(), chromium.new_context()
    tabs = [signed_in(served, first), signed_in(served, second)]
    for n in range(18):
        page = (first, second)[n % 2].new_page()
        page.goto(f"{served.url}/api/v1/docs")
        tabs.append(page)
    authors = []
    for tab in tabs:
        tab.evaluate(SOCKET)
        authors.append(tab.evaluate("window.ready"))
    assert len(set(authors[0::2])) == len(set(authors[1::2])) == 1
    assert authors[0] != authors[1]
    classes = [{"id": 1, "name": "<b>pore</b>", "colour": "#123456"}]
    told = httpx.put(f"{served.url}/api/v1/classes", json={"classes": classes}, headers=served.headers)
    assert told.status_code == 200, told.text
    for tab in tabs:
        wait_until(tab, "window.told.some(m => m.type === 'classes')")
        news = [message for message in tab.evaluate("window.told") if message["type"] == "classes"]
        assert news == [{"type": "classes", "classes": classes}], json.dumps(news)
    first.close()
    second.close()
