from __future__ import annotations

import pytest

from granum.app import sessions
from granum.app.sessions import Sessions, check_token
from granum.errors import SettingError


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_a_login_token_works_once_and_the_next_one_is_told():
    told = []
    door = Sessions(on_login=told.append)
    first = door.login_token
    assert door.login(first) is not None
    assert door.login(first) is None
    assert told == [door.login_token]
    assert door.login_token != first
    assert door.login(door.login_token) is not None


@pytest.mark.parametrize("wrong", ["", "a", "é", "\udce9", "0" * 32])
def test_a_wrong_token_opens_nothing(wrong):
    door = Sessions()
    before = door.login_token
    assert door.login(wrong) is None
    assert door.find(wrong) is None
    assert not door.is_bearer(wrong)
    assert door.login_token == before


def test_the_secrets_of_the_three_doors_do_not_open_one_another():
    door = Sessions()
    cookie = door.login(door.login_token)
    assert door.login(door.bearer) is None
    assert door.find(door.bearer) is None
    assert door.find(door.login_token) is None
    assert not door.is_bearer(cookie)
    assert not door.is_bearer(door.login_token)


def test_a_session_ends_after_seven_idle_days_and_not_while_it_is_used():
    clock = Clock()
    door = Sessions(clock=clock)
    used, idle = door.login(door.login_token), door.login(door.login_token)
    for _ in range(3):
        clock.now += sessions.IDLE_S - 1
        assert door.find(used) is not None
    assert door.find(idle) is None
    clock.now += sessions.IDLE_S + 1
    assert door.find(used) is None


def test_the_number_of_sessions_is_bounded_and_the_one_used_longest_ago_goes(monkeypatch):
    monkeypatch.setattr(sessions, "MOST_SESSIONS", 3)
    door = Sessions()
    cookies = [door.login(door.login_token) for _ in range(3)]
    door.find(cookies[0])
    cookies.append(door.login(door.login_token))
    assert [door.find(cookie) is not None for cookie in cookies] == [True, False, True, True]


def test_alone_everybody_is_the_same_author_and_on_a_shared_server_each_browser_its_own():
    alone = Sessions()
    assert {alone.find(alone.login(alone.login_token)).author for _ in range(2)} == {alone.bearer_author} == {"local"}
    shared = Sessions(bearer="correct horse battery", shared=True)
    authors = {shared.find(shared.login(token)).author for token in (shared.login_token, shared.bearer, shared.bearer)}
    assert len(authors | {shared.bearer_author, "local"}) == 5


def test_an_author_is_the_digest_of_a_secret_that_opens_nothing():
    secret = sessions.new_author_secret()
    assert sessions.is_author_secret(secret)
    names = set()
    for _ in range(2):
        door = Sessions(bearer="correct horse battery", shared=True)
        assert door.login(secret, secret) is None
        assert door.find(secret) is None
        names.add(door.find(door.login(door.bearer, secret)).author)
    [name] = names
    assert secret not in name
    alone = Sessions()
    assert alone.find(alone.login(alone.login_token, secret)).author == "local"


def test_after_logout_the_cookie_is_worth_nothing():
    door = Sessions()
    cookie = door.login(door.login_token)
    door.logout(cookie)
    door.logout("never was")
    assert door.find(cookie) is None


@pytest.mark.parametrize(
    ("weak", "said"),
    [
        ("fifteen-letters", "15 characters"), ("ab" * 20, "repeats 2"), ("mit Leerzeichen und so", "spaces"),
        ("ü" * 20, "ASCII"),
    ],
)  # fmt: skip
def test_a_weak_token_is_refused_and_not_repeated(weak, said):
    with pytest.raises(SettingError, match=said) as caught:
        check_token(weak)
    assert weak not in str(caught.value)


def test_a_good_token_is_taken():
    assert check_token("Xk3-9fPq_27TtLm0") == "Xk3-9fPq_27TtLm0"
