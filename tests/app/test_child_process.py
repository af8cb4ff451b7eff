from __future__ import annotations

import threading
from operator import methodcaller

import pytest

from granum.app.child_process import ChildProcess


# what a process of its own can import: one says hello to its end of the pipe, one listens
HELLO, LISTENS = methodcaller("send", "hello"), methodcaller("recv")


@pytest.fixture
def make_child():
    made = []

    def make(target):
        made.append(ChildProcess(target, "test-child"))
        return made[-1]

    yield make
    for child in made:
        child.end()
        child.close()


def test_what_the_process_says_ends_the_wait(make_child):
    child = make_child(HELLO)
    child.start()
    assert child.wait(60) == (True, True)
    assert child.connection.recv() == "hello"


def test_a_call_of_another_thread_ends_the_wait_once(make_child):
    child = make_child(LISTENS)
    child.start()
    caller = threading.Timer(0.05, child.wake)
    caller.start()
    assert child.wait(60) == (True, False)
    caller.join()
    assert child.wait(0) == (False, False)


def test_a_process_that_dies_is_heard_as_an_end_and_is_started_anew(make_child):
    child = make_child(LISTENS)
    child.start()
    first = child.process
    first.kill()
    assert child.wait(60) == (True, True)
    with pytest.raises((EOFError, OSError)):
        child.connection.recv()
    child.end()
    child.end()
    assert (child.process, child.connection) == (None, None)
    child.start()
    assert child.process.is_alive()
    assert child.process.pid != first.pid
