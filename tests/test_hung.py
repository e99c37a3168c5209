"""Requests that take too long, and workers that are stuck: whatever they are stuck in, the
log says which request it is and where, and its client is answered."""

from __future__ import annotations

import contextlib
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Serve
from serving import Client, Served, free_port, wait_for

WSGI, ASGI = "hung_app:wsgi", "hung_app:asgi"

BOTH_HUNG = pytest.mark.parametrize("app", [WSGI, ASGI], ids=["wsgi", "asgi"])

LIMITS = ("--request-timeout", "1")

UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


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
    with server.client() as client, server.client() as websocket:
        client.request("/event")
        websocket.request("/event?socket", headers=UPGRADE)
        # A websocket that is not accepted is a request like any other.
        for waiting in (client, websocket):
            answer = waiting.answer()
            assert (answer.status, answer.body) == (503, b"The request took too long\n")
    report = _report(server, "/event")
    task = re.search(r"Task .*, GET /event:\n(.*)", report, re.DOTALL)
    assert task, report
    # From the outermost coroutine to the innermost.
    where = [task[1].find(text) for text in ("in asgi", "in in_an_event", "in wait")]
    assert min(where) >= 0, report
    assert where == sorted(where), report
    ended = b"cancelled,cancelled"
    wait_for(lambda: server.ask("/ended").body == ended, "the tasks to be cancelled")


def test_greenlets_that_wait_are_told_of_and_others_are_served(serve: Serve) -> None:
    server = serve("-k", "gevent", *LIMITS, app=WSGI)
    with server.client() as client:
        client.request("/sleep")
        assert server.ask("/").status == 200
        assert client.answer().status == 503
    report = _report(server, "/sleep")
    greenlet = report.partition("\nGreenlet ")[2]
    assert "in in_a_sleep" in greenlet, report


def test_a_handler_that_keeps_the_loop_is_told_of(serve: Serve) -> None:
    server = serve(*LIMITS, app=ASGI)
    with server.client() as client, server.client() as other:
        client.request("/loop")
        other.request("/")
        assert client.answer().status == 503
        # Nobody has read it yet.
        assert "in in_a_loop" in _report(server, "/loop")


def test_a_loop_that_is_kept_is_replaced_and_its_answers_are_counted(serve: Serve) -> None:
    port = free_port()
    server = serve(
        *("--request-timeout", "0.5", "--graceful-timeout", "0"),
        *("--status-bind", f"127.0.0.1:{port}"),
        app=ASGI,
    )
    before = server.wait_for_workers(1)

    def totals(told: dict[str, Any]) -> tuple[int, int, int]:
        now = told["totals"]
        return now["statuses"].get("503", 0), now["timed_out"], now["lost"]

    def told() -> dict[str, Any]:
        with Client(("127.0.0.1", port)) as client:
            return client.ask("/status").json()  # type: ignore[return-value]

    with server.client() as client:
        client.request("/loop")
        assert client.answer().status == 503
        # Its task never returns; it was answered all the same.
        wait_for(lambda: totals(told()) == (1, 1, 0), "the answer to be counted")
    server.wait_for_log("let nothing else run; it is replaced")
    server.wait_for_others(before)
    assert server.ask("/").status == 200
    assert totals(told()) == (1, 1, 0)
    assert told()["worker_ends"]["overdue"] == 1


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


# Begins in a control group of its own, as a container would.
IN_A_GROUP = """
import os, sys
with open(os.environ["GROUP"] + "/cgroup.procs", "w") as group:
    group.write(str(os.getpid()))
sys.argv.insert(1, "serve")
from tonnage._cli import main
sys.exit(main())
"""


def _make_group() -> Path | None:
    for base, bound in (
        ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
        ("/sys/fs/cgroup", "memory.max"),
    ):
        group = Path(base) / f"tonnage-tests-{os.getpid()}"
        with contextlib.suppress(OSError):
            group.mkdir()
            try:
                (group / bound).write_text(str(200 << 20))
            except OSError:
                group.rmdir()
            else:
                return group
    return None


@pytest.fixture
def memory_group() -> Iterator[Path]:
    """A control group that may have 200 MiB, of version 1 or 2."""
    group = _make_group()
    if group is None:
        pytest.skip("no control group for memory can be made here")
    yield group
    # The server that was in it is gone, since it was started later.
    wait_for(lambda: not (group / "cgroup.procs").read_text(), "the group to be empty")
    group.rmdir()


def test_a_kill_for_want_of_memory_is_called_so_and_no_other(
    memory_group: Path, serve: Serve
) -> None:
    env = {"GROUP": str(memory_group)}
    server = serve(app=WSGI, env=env, program=("-c", IN_A_GROUP))
    before = server.wait_for_workers(1)
    os.kill(min(before), signal.SIGKILL)
    server.wait_for_log("was sent SIGKILL!")
    before = server.wait_for_others(before)
    wait_for(lambda: server.ask("/").status == 200, "an answer")
    assert "memory" not in server.stderr
    _ask_and_be_left(server.client(), "/memory")
    server.wait_for_log(f"Out of memory: the kernel killed process {min(before)};")
    server.wait_for_log("may have 200 MiB together")
    server.wait_for_others(before)
    server.stop()


def _ask_and_be_left(client: Client, target: str) -> None:
    with client:
        client.request(target)
        assert client.is_closed()
