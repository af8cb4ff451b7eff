from __future__ import annotations

import asyncio
import logging

import pytest
from fastapi import FastAPI, Request, WebSocket
from fastapi.responses import HTMLResponse
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import WebSocketDenialResponse

from granum.app import guard
from granum.app.guard import Address, Guard
from granum.app.problems import add_error_handlers
from granum.app.sessions import IDLE_S, Sessions

OWN = "http://127.0.0.1:8642"
PAGE = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


class Server:
    def __init__(self, *, address=None, **options):
        self.clock = Clock()
        self.sessions = Sessions(clock=self.clock, **options)
        self.changes = []
        app = FastAPI()
        add_error_handlers(app)

        @app.get("/")
        def index():
            return HTMLResponse("the app")

        @app.api_route("/api/v1/thing", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
        async def thing(request: Request):
            body = await request.body()
            if request.method != "GET":
                self.changes.append(len(body))
            return {"author": request.state.author, "size": len(body)}

        @app.get("/api/v1/report")
        def report():
            return HTMLResponse("a report", headers={"Content-Security-Policy": "sandbox allow-scripts"})

        @app.get("/api/v1/fault")
        def fault():
            raise RuntimeError("boom")

        @app.post("/api/v1/images")
        async def upload(request: Request):
            size = 0
            async for part in request.stream():
                size += len(part)
            return {"size": size}

        @app.websocket("/api/v1/socket")
        async def socket(websocket: WebSocket):
            await websocket.accept()
            await websocket.send_json({"author": websocket.state.author})
            self.changes.append("socket")
            await websocket.close()

        self.address = address or Address(8642)
        self.app = Guard(app, sessions=self.sessions, address=self.address)

    def client(self, base=OWN, signed_in=True):
        client = TestClient(self.app, base_url=base, follow_redirects=False, raise_server_exceptions=False)
        if signed_in:
            answer = client.get("/", params={"token": self.sessions.login_token})
            assert answer.status_code == 303
        return client


@pytest.fixture
def server():
    return Server()


# ------------------------------------------------------------------------------------------------ Host


@pytest.mark.parametrize("name", ["127.0.0.1:8642", "localhost:8642", "LOCALHOST:8642", "[::1]:8642"])
def test_the_names_of_this_computer_are_accepted(server, name):
    headers = {"Host": name, "Authorization": f"Bearer {server.sessions.bearer}"}
    assert server.client(signed_in=False).get("/api/v1/thing", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "name",
    ["evil.example:8642", "127.0.0.1.evil.example:8642", "localhost", "127.0.0.1", "localhost:80", "localhost.:8642",
     "127.0.0.1:8642@evil.example", "0.0.0.0:8642", "", "127.0.0.1:8642 ", "[::1]", "localhost:08642"],
)  # fmt: skip
def test_another_host_is_misdirected_whatever_it_carries(server, name):
    client = server.client()
    headers = {"Host": name, "Origin": f"http://{name}", "Authorization": f"Bearer {server.sessions.bearer}"}
    assert client.post("/api/v1/thing", headers=headers).status_code == 421
    assert client.get("/", params={"token": server.sessions.login_token}, headers=headers).status_code == 421
    assert server.changes == []


@pytest.mark.parametrize("hosts", [[], [b"127.0.0.1:8642", b"evil.example"], [b"127.0.0.1:8642", b"127.0.0.1:8642"]])
def test_no_host_and_two_hosts_are_refused(server, hosts):
    scope = {
        "type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": [(b"host", h) for h in hosts],
    }  # fmt: skip
    sent = []

    async def send(message):
        sent.append(message)

    asyncio.run(server.app(scope, None, send))
    assert sent[0]["status"] == 421


def test_further_names_hold_with_the_port_of_the_server_or_their_own():
    hosts = Address(8642, ("Lab.example", "10.0.0.7:9000", "fe80::1")).hosts()
    assert {"lab.example:8642", "10.0.0.7:9000", "[fe80::1]:8642"} <= hosts
    assert not {"lab.example", "10.0.0.7", "10.0.0.7:8642"} & hosts
    assert "lab.example" in Address(8642, ("lab.example",), behind_proxy=True).hosts()
    assert "localhost" in Address(80).hosts()


# ------------------------------------------------------------------------------------------------ Origin, site


FOREIGN = [
    "http://127.0.0.1:9999", "http://localhost:8642", "https://127.0.0.1:8642", "null", "", "http://127.0.0.1:8642/",
    "http://evil.example", "http://127.0.0.1:8642.evil.example", "http://127.0.0.1:86420",
]  # fmt: skip


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("origin", [*FOREIGN, None])
def test_a_change_from_another_origin_changes_nothing(server, method, origin):
    client = server.client()
    answer = client.request(method, "/api/v1/thing", headers={} if origin is None else {"Origin": origin})
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "foreign_origin"
    assert server.changes == []


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_the_own_page_may_change_things(server, method):
    headers = {"Origin": OWN, "Sec-Fetch-Site": "same-origin"}
    answer = server.client().request(method, "/api/v1/thing", headers=headers)
    assert answer.json() == {"author": "local", "size": 0}
    assert server.changes == [0]


@pytest.mark.parametrize("site", ["same-site", "cross-site", "anything"])
def test_other_sites_may_only_follow_a_link_to_the_page(server, site):
    client = server.client()
    told = {"Sec-Fetch-Site": site}
    assert client.get("/api/v1/thing", headers=told).status_code == 403
    assert client.get("/", headers={**told, **PAGE, "Sec-Fetch-Dest": "iframe"}).status_code == 403
    assert client.get("/api/v1/thing", headers={**told, **PAGE}).status_code == 403
    assert client.post("/api/v1/thing", headers={**told, **PAGE, "Origin": OWN}).status_code == 403
    assert client.get("/", headers={**told, **PAGE}).status_code == 200
    assert server.changes == []


def test_a_foreign_origin_is_refused_even_with_the_token_of_scripts(server):
    bearer = {"Authorization": f"Bearer {server.sessions.bearer}"}
    client = server.client(signed_in=False)
    assert client.post("/api/v1/thing", headers={**bearer, "Origin": "http://127.0.0.1:1"}).status_code == 403
    assert client.post("/api/v1/thing", headers=bearer).status_code == 200


def test_behind_a_proxy_the_origin_is_that_of_the_outer_name():
    server = Server(address=Address(8642, ("lab.example",), behind_proxy=True))
    outside = {"X-Forwarded-Proto": "https"}
    client = server.client("http://lab.example", signed_in=False)
    login = client.get("/", params={"token": server.sessions.login_token}, headers=outside)
    assert "; Secure" in login.headers["set-cookie"]
    secret = login.headers["set-cookie"].partition("=")[2].partition(";")[0]
    cookie = {"Cookie": f"granum_8642={secret}"}
    for origin, status in (("https://lab.example", 200), ("http://lab.example", 403)):
        answer = client.post("/api/v1/thing", headers={**outside, **cookie, "Origin": origin})
        assert answer.status_code == status


def test_forwarded_headers_are_not_believed_without_a_proxy(server):
    client = server.client()
    headers = {"Origin": "https://127.0.0.1:8642", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"}
    assert client.post("/api/v1/thing", headers=headers).status_code == 403


# ------------------------------------------------------------------------------------------------ sockets


def refused(client, headers):
    try:
        # by itself the test client asks "testserver", without the cookies of 127.0.0.1
        own = {"Host": "127.0.0.1:8642", "Cookie": f"granum_8642={client.cookies.get('granum_8642', '')}"}
        with client.websocket_connect("/api/v1/socket", headers={**own, **headers}) as socket:
            return socket.receive_json()
    except WebSocketDenialResponse as denied:
        return denied.status_code


def test_sockets_are_opened_only_by_the_own_page_or_a_script(server):
    client, stranger = server.client(), server.client(signed_in=False)
    bearer = {"Authorization": f"Bearer {server.sessions.bearer}"}
    for origin in [*FOREIGN, None]:
        assert refused(client, {} if origin is None else {"Origin": origin}) == 403
    assert refused(client, {"Origin": OWN, "Sec-Fetch-Site": "same-site"}) == 403
    assert refused(client, {"Origin": OWN, "Host": "evil.example"}) == 421
    assert refused(stranger, {"Origin": OWN}) == 401
    assert server.changes == []
    assert refused(client, {"Origin": OWN}) == {"author": "local"}
    assert refused(stranger, bearer) == {"author": "local"}


# ------------------------------------------------------------------------------------------------ tokens


@pytest.mark.parametrize("path", ["/", "/assets/a.js", "/api/v1/thing", "/api/v1/openapi.json", "/nothing"])
def test_without_a_token_nothing_is_given(server, path):
    client = server.client(signed_in=False)
    answer = client.get(path)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "not_signed_in"
    page = client.get(path, headers=PAGE)
    assert page.status_code == 401
    assert "terminal" in page.text
    assert "<form" in page.text


def test_the_link_gives_a_cookie_and_takes_the_token_out_of_the_address(server):
    client = server.client(signed_in=False)
    token = server.sessions.login_token
    answer = client.get("/", params={"token": token})
    assert answer.status_code == 303
    assert answer.headers["location"] == "./"
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("granum_8642=")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    assert token not in str(answer.headers)
    assert answer.headers["cache-control"] == "no-store"
    assert client.get("/").text == "the app"


def test_a_used_link_opens_no_second_browser_and_still_leads_the_first_one_home(server):
    first = server.client(signed_in=False)
    token = server.sessions.login_token
    first.get("/", params={"token": token})
    stranger = server.client(signed_in=False)
    again = stranger.get("/", params={"token": token}, headers=PAGE)
    assert again.status_code == 401
    assert token not in again.text
    assert "set-cookie" not in again.headers
    home = first.get("/", params={"token": token})
    assert (home.status_code, home.headers["location"]) == (303, "./")


@pytest.mark.parametrize("wrong", ["", "x", "%00", "é", "a" * 5000])
def test_wrong_tokens_of_every_kind_are_refused(server, wrong):
    client = server.client(signed_in=False)
    assert client.get("/", params={"token": wrong}).status_code == 401
    assert client.post("/login", data={"token": wrong}, headers={"Origin": OWN}).status_code in (401, 413)
    told = [(b"authorization", b"Bearer " + wrong.encode())]
    assert client.get("/api/v1/thing", headers=told).status_code == 401
    assert (
        client.get("/api/v1/thing", headers={"Cookie": f"granum_8642={wrong[:50].encode().hex()}"}).status_code == 401
    )


def test_a_wrong_bearer_token_is_not_saved_by_a_good_cookie(server):
    assert server.client().get("/api/v1/thing", headers={"Authorization": "Bearer wrong"}).status_code == 401


def test_the_form_of_the_sign_in_page_needs_the_own_origin(server):
    client = server.client(signed_in=False)
    token = server.sessions.login_token
    assert client.post("/login", data={"token": token}, headers={"Origin": "http://127.0.0.1:9"}).status_code == 403
    assert client.post("/login", data={"token": f" {token} "}, headers={"Origin": OWN}).status_code == 303
    assert client.get("/").status_code == 200
    assert client.get("/login").status_code == 303


def test_the_sign_in_page_says_where_the_token_is():
    alone, lab = Server(), Server(shared=True, bearer="correct horse battery staple")
    assert "terminal" in alone.client(signed_in=False).get("/", headers=PAGE).text
    page = lab.client(signed_in=False).get("/", headers=PAGE).text
    assert "Token of this server" in page
    assert "terminal" not in page
    assert 'autocomplete="current-password"' in page
    assert "correct" not in page


def test_sessions_end_when_idle_and_by_logout(server):
    client = server.client()
    server.clock.now += IDLE_S + 1
    assert client.get("/").status_code == 401
    client = server.client()
    assert client.get("/").status_code == 200
    secret = client.cookies["granum_8642"]
    assert client.post("/logout", headers={"Origin": OWN}).status_code == 303
    assert server.client(signed_in=False).get("/", headers={"Cookie": f"granum_8642={secret}"}).status_code == 401


def test_a_false_cookie_set_by_another_port_does_not_lock_the_user_out(server):
    secret = server.client().cookies["granum_8642"]
    other = server.client(signed_in=False)
    cookies = f"granum_9999=x; granum_8642=false; a=b; granum_8642={secret}"
    assert other.get("/", headers={"Cookie": cookies}).status_code == 200


def test_on_a_shared_server_browsers_have_authors_of_their_own():
    server = Server(shared=True, bearer="correct horse battery staple")
    first, second = server.client(), server.client()
    third = server.client(signed_in=False)
    third.post("/login", data={"token": "correct horse battery staple"}, headers={"Origin": OWN})
    authors = [client.get("/api/v1/thing").json()["author"] for client in (first, second, third, first)]
    assert len(set(authors)) == 3
    assert authors[0] == authors[3]


def test_on_a_shared_server_a_browser_stays_its_author_when_the_server_is_restarted():
    token = "correct horse battery staple"
    before, after = Server(shared=True, bearer=token), Server(shared=True, bearer=token)
    browser = before.client()
    author = browser.get("/api/v1/thing").json()["author"]
    again = after.client(signed_in=False)
    again.cookies = browser.cookies
    assert again.get("/api/v1/thing").status_code == 401  # it is no login
    answer = again.post("/login", data={"token": token}, headers={"Origin": OWN})
    assert answer.status_code == 303
    [cookie] = [one for one in answer.headers.get_list("set-cookie") if one.startswith("granum_author=")]
    assert "HttpOnly; SameSite=Strict" in cookie
    assert "Max-Age=34560000;" in cookie
    assert again.get("/api/v1/thing").json()["author"] == author
    assert author not in cookie
    # the next person at this screen is another one
    again.post("/logout", headers={"Origin": OWN})
    again.post("/login", data={"token": token}, headers={"Origin": OWN})
    assert again.get("/api/v1/thing").json()["author"] != author


@pytest.mark.parametrize("planted", ["", "user-1234", "x" * 21, "x" * 23, "x" * 21 + "é", "../../../../../../../../"])
def test_an_author_that_was_made_up_is_not_taken(planted):
    server = Server(shared=True, bearer="correct horse battery staple")
    headers = {"Origin": OWN, "Cookie": f"granum_author={planted}".encode()}
    answer = server.client(signed_in=False).post("/login", data={"token": server.sessions.bearer}, headers=headers)
    assert answer.status_code == 303
    assert not any(f"granum_author={planted};" in one for one in answer.headers.get_list("set-cookie"))


def test_alone_a_browser_gets_no_cookie_but_that_of_its_session(server):
    assert list(server.client().cookies) == ["granum_8642"]


def test_a_sign_in_form_that_does_not_come_is_not_waited_for(server, monkeypatch):
    monkeypatch.setattr(guard, "_SLOWEST_LOGIN_S", 0.05)
    headers = [(b"host", b"127.0.0.1:8642"), (b"origin", OWN.encode())]
    scope = {"type": "http", "method": "POST", "path": "/login", "query_string": b"", "headers": headers}
    sent = []

    async def receive():
        await asyncio.sleep(60)

    async def send(message):
        sent.append(message)

    asyncio.run(server.app(scope, receive, send))
    assert sent[0]["status"] == 408


def test_no_token_reaches_a_log_or_an_error(server, caplog):
    client = server.client(signed_in=False)
    with caplog.at_level(logging.DEBUG):
        token = server.sessions.login_token
        wrong = client.get("/", params={"token": "secret-wrong-token"}, headers=PAGE)
        client.get("/", params={"token": token})
        fault = client.get("/api/v1/fault", params={"token": "secret-wrong-token"})
    assert fault.status_code == 500
    # the test client itself logs addresses
    granums = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("granum"))
    assert "/api/v1/fault failed" in granums
    for text in (granums, wrong.text, fault.text):
        assert "secret-wrong-token" not in text
        assert token not in text


# ------------------------------------------------------------------------------------------------ responses


@pytest.mark.parametrize("path", ["/", "/nothing", "/api/v1/thing", "/api/v1/fault", "/?token=wrong"])
@pytest.mark.parametrize("signed_in", [True, False])
def test_every_response_carries_the_headers(server, path, signed_in):
    headers = server.client(signed_in=signed_in).get(path, headers=PAGE).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cross-origin-opener-policy"] == headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["referrer-policy"] in ("no-referrer", "same-origin")
    assert headers["cache-control"] == "no-store"


def test_a_report_may_bring_a_sandbox_of_its_own_and_nothing_else(server):
    headers = server.client().get("/api/v1/report").headers
    assert headers["content-security-policy"] == "sandbox allow-scripts"
    assert "cross-origin-opener-policy" not in headers
    assert headers["x-frame-options"] == "DENY"


def test_what_a_visitor_sent_is_text_in_the_page(server):
    page = server.client(signed_in=False).get("/", headers={**PAGE, "Host": "<script>alert(1)</script>"})
    assert page.status_code == 421
    assert "<script" not in page.text
    assert "<form" not in page.text


# ------------------------------------------------------------------------------------------------ bodies


def test_a_body_has_a_largest_size_announced_or_not(server):
    client = server.client()
    headers = {"Origin": OWN}
    assert client.post("/api/v1/thing", content=b"x" * guard.LARGEST_BODY, headers=headers).status_code == 200
    assert client.post("/api/v1/thing", content=b"x" * (guard.LARGEST_BODY + 1), headers=headers).status_code == 413
    parts = (b"x" * 2**20 for _ in range(6))
    assert client.post("/api/v1/thing", content=parts, headers=headers).status_code == 413
    assert server.changes == [guard.LARGEST_BODY]


def test_uploads_are_streamed_past_the_limit(server):
    parts = (b"x" * 2**20 for _ in range(6))
    answer = server.client().post("/api/v1/images", content=parts, headers={"Origin": OWN})
    assert answer.json() == {"size": 6 * 2**20}


@pytest.mark.parametrize("length", ["-1", "x", "9" * 5000, "4194305"])
def test_a_lying_length_is_no_way_round_the_limit(server, length):
    headers = {"Origin": OWN, "Content-Length": length}
    answer = server.client().post("/api/v1/thing", content=iter([b"x" * (guard.LARGEST_BODY + 1)]), headers=headers)
    assert answer.status_code == 413


NAMES = st.sampled_from([b"host", b"origin", b"cookie", b"authorization", b"sec-fetch-site"])


@given(
    st.lists(st.tuples(NAMES, st.binary(max_size=60))),
    st.sampled_from(["GET", "POST", "WEBSOCKET"]),
    st.binary(max_size=60),
)  # fmt: skip
def test_garbage_never_comes_in_and_never_breaks_the_door(headers, method, query):
    inside = []

    async def app(scope, receive, send):
        inside.append(scope)

    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "http.request", "body": query}

    door = Guard(app, sessions=Sessions(), address=Address(8642))
    scope = {"path": "/", "query_string": query, "headers": [(b"host", b"127.0.0.1:8642"), *headers]}
    scope |= {"type": "websocket"} if method == "WEBSOCKET" else {"type": "http", "method": method}
    asyncio.run(door(scope, receive, send))
    assert inside == []
    assert sent[0]["status"] in (401, 403, 421)
