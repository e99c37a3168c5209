"""Requests that take too long, and workers that are stuck: whatever they are stuck in, the
log says which request it is and where, and its client is answered."""

from __future__ import annotations

import contextlib
import re

import pytest
from conftest import Serve
from serving import Served, wait_for

WSGI, ASGI = "hung_app:wsgi", "hung_app:asgi"

BOTH_HUNG = pytest.mark.parametrize("app", [WSGI, ASGI], ids=["wsgi", "asgi"])

LIMITS = ("--request-timeout", "1")


def _report(server: Served, target: str) -> str:
    """What was said of a request that had its time, up to the next line of the log."""
    pattern = rf"request timed out[^\[]*?GET {re.escape(target)}\b.*?(?=\n\[\d{{4}}-|\Z)"
    found: list[str] = []

    def said() -> bool:
        found[:] = re.findall(pattern, server.stderr, re.DOTALL)
        return bool(found) and "in_" in found[0]

    wait_for(said, f"a report of {target} in\n{server.stderr}")
    return found[0]


def test_stacks_tell_a_lock_a_loop_and_a_sleep(serve: Serve) -> None:
    server = serve("--threads", "4", *LIMITS, app=WSGI)
    with contextlib.ExitStack() as stack:
        clients = {name: stack.enter_context(server.client()) for name in ("lock", "loop", "sleep")}
        for name, client in clients.items():
            client.request(f"/{name}?a=b")
        for client in clients.values():
            answer = client.answer()
            assert (answer.status, answer.get("connection")) == (503, "close")
            assert client.is_closed()
    for name in clients:
        report = _report(server, f"/{name}?a=b")
        # The thread that answers it is named, and its stack is complete.
        title = re.search(rf"Thread 0x[0-9a-f]+.*, GET /{name}\?a=b for \d+\.\d s:\n", report)
        assert title, report
        after = report[title.end() :].split("\nThread ")[0]
        assert "in wsgi" in after, report
        assert f"in in_a_{name}" in after, report
        assert "_worker.py" not in report
    # The fourth thread goes on.
    assert server.ask("/").status == 200


@BOTH_HUNG
def test_a_worker_stuck_in_c_is_told_of_and_replaced(serve: Serve, app: str) -> None:
    limits = (*LIMITS, "--request-timeout-action", "replace", "--graceful-timeout", "0")
    server = serve(*limits, app=app)
    before = server.wait_for_workers(1)
    with server.client() as client:
        client.request("/c")
        answer = client.answer()
        assert (answer.status, answer.get("connection")) == (503, "close")
    report = _report(server, "/c")
    assert "does not answer" in report
    assert "in in_c" in report
    server.wait_for_others(before)
    assert server.ask("/").status == 200


def test_tasks_that_wait_are_told_of_and_cancelled(serve: Serve) -> None:
    server = serve(*LIMITS, app=ASGI)
    with server.client() as client:
        client.request("/event")
        answer = client.answer()
        assert (answer.status, answer.body) == (503, b"The request took too long\n")
    report = _report(server, "/event")
    task = re.search(r"Task .*, GET /event:\n(.*)", report, re.DOTALL)
    assert task, report
    # From the outermost coroutine to the innermost.
    where = [task[1].find(text) for text in ("in asgi", "in in_an_event", "in wait")]
    assert min(where) >= 0, report
    assert where == sorted(where), report
    wait_for(lambda: server.ask("/ended").body == b"cancelled", "the task to be cancelled")


def test_a_handler_that_keeps_the_loop_is_told_of(serve: Serve) -> None:
    server = serve(*LIMITS, app=ASGI)
    with server.client() as client, server.client() as other:
        client.request("/loop")
        other.request("/")
        assert client.answer().status == 503
        # Nobody has read it yet.
        assert "in in_a_loop" in _report(server, "/loop")


def test_slow_requests_are_told_of_and_answered(serve: Serve) -> None:
    server = serve("--slow-request", "0.3", app=ASGI)
    assert server.ask("/moment").status == 200
    server.wait_for_log("slow request after")
    server.wait_for_log("in in_a_moment")
    assert "GET /moment" in server.stderr
    assert "timed out" not in server.stderr


def test_a_worker_that_cannot_be_asked_is_told_of_before_it_is_killed(serve: Serve) -> None:
    server = serve("--timeout", "1", app=WSGI)
    before = server.wait_for_workers(1)
    with server.client() as client:
        client.request("/c")
        assert client.is_closed()
    server.wait_for_log("WORKER TIMEOUT")
    server.wait_for_log("it is stuck")
    server.wait_for_log("in in_c")
    server.wait_for_others(before)


def test_a_worker_without_a_thread_left_is_replaced(serve: Serve) -> None:
    server = serve("--threads", "2", "--request-timeout", "1", "--graceful-timeout", "0", app=WSGI)
    before = server.wait_for_workers(1)
    with server.client() as one, server.client() as two:
        for client in (one, two):
            client.request("/sleep")
        assert one.answer().status == two.answer().status == 503
        server.wait_for_log("every thread is in a request")
    server.wait_for_others(before)
    assert server.ask("/").status == 200
