"""Under a steady load, whatever is done to the server: no request fails."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest
from conftest import BOTH, Serve
from loading import Load, sockets
from serving import wait_for

CONNECTIONS = pytest.mark.parametrize("new", [False, True], ids=["kept", "new"])


@BOTH
@CONNECTIONS
def test_hup_replaces_every_worker(serve: Serve, app: str, new: bool) -> None:
    server = serve("--workers", "2", app=app)
    with Load(server, new=new) as load:
        for _ in range(3):
            before = server.wait_for_workers(2)
            server.send_signal(signal.SIGHUP)
            server.wait_for_others(before)
            load.goes_on()
    load.report().assert_nothing_lost()


@BOTH
@CONNECTIONS
def test_ttin_and_ttou(serve: Serve, app: str, new: bool) -> None:
    server = serve(app=app)
    first = server.wait_for_workers(1)
    with Load(server, new=new) as load:
        server.send_signal(signal.SIGTTIN)
        assert first < server.wait_for_workers(2)
        server.send_signal(signal.SIGTTIN)
        server.wait_for_workers(3)
        # One that still starts would be the first to go.
        server.wait_until_all_serve(3)
        server.send_signal(signal.SIGTTOU)
        # The oldest goes first.
        assert not first & server.wait_for_workers(2)
        server.send_signal(signal.SIGTTOU)
        server.wait_for_workers(1)
        # The last one stays.
        server.send_signal(signal.SIGTTOU)
        load.goes_on()
        server.wait_for_workers(1)
    load.report().assert_nothing_lost()


@BOTH
@CONNECTIONS
def test_max_requests(serve: Serve, app: str, new: bool) -> None:
    server = serve(
        "--workers", "2", "--max-requests", "100", "--max-requests-jitter", "10", app=app
    )
    with Load(server, new=new) as load:
        # Not of each: a load that two or three connections carry may leave one idle.
        wait_for(lambda: server.stderr.count("Worker exiting") >= 5, "five to be replaced")
    load.report().assert_nothing_lost()


@BOTH
@pytest.mark.parametrize("threads", ["1", "4"])
def test_term(serve: Serve, app: str, threads: str) -> None:
    """What a server that ends has taken it answers; then nobody listens any more, and what
    finds nobody was never the server's."""
    server = serve("--workers", "2", "--threads", threads, app=app)
    with Load(server, "/slow?seconds=0.005") as load:
        assert server.stop() == 0
    report = load.report()
    assert set(report.failures) == {"connect refused"}, report


@BOTH
def test_term_while_another_takes_over(serve: Serve, app: str) -> None:
    """The socket belongs to somebody else, as to systemd, and a successor is there."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        first = serve("--workers", "2", app=app, listener=listener)
        with Load(first) as load:
            second = serve("--workers", "2", app=app, listener=listener)
            # Either may have answered that it is ready.
            wait_for(lambda: set(first.serving()) & second.workers() != set(), "the second")
            assert first.stop() == 0
            load.goes_on()
            assert set(second.serving()) <= second.workers()
        load.report().assert_nothing_lost()


def test_usr2_and_term_of_the_old_one(serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "server.pid"
    server = serve("--workers", "2", "--pid", str(path))
    with Load(server) as load:
        server.send_signal(signal.SIGUSR2)
        new = tmp_path / "server.pid.2"
        wait_for(lambda: new.exists() and new.read_text().strip().isdigit(), "server.pid.2")
        successor = int(new.read_text())
        assert successor != server.pid
        wait_for(lambda: successor in _parents(server.serving()), "its workers to serve")
        assert server.stop() == 0
        wait_for(lambda: path.exists() and path.read_text() == f"{successor}\n", "promotion")
        assert not new.exists()
        load.goes_on()
        assert _parents(server.serving()) == {successor}
    load.report().assert_nothing_lost()
    os.kill(successor, signal.SIGTERM)
    wait_for(lambda: not path.exists(), "its end")


def _parents(pids: list[int]) -> set[int]:
    return {
        int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        for pid in set(pids)
    }


@BOTH
def test_a_killed_worker_takes_only_its_own_requests_along(serve: Serve, app: str) -> None:
    server = serve("--workers", "2", "--threads", "8", app=app)
    server.wait_until_all_serve(2)
    with Load(server, "/slow?seconds=0.02") as load:
        before = server.workers()
        victim = min(before)
        held = sockets(victim)
        os.kill(victim, signal.SIGKILL)
        # Open together: of those that come one by one, the worker that waits first may
        # take each, while both have as many of the load's.
        wait_for(lambda: not before.issuperset(server.serving(8)), "the new one to serve", 1)
    report = load.report()
    assert set(report.failures) <= {"wait closed", "wait reset"}, report
    # A connection carries one request at a time.
    assert report.failures.total() <= held, report
    server.wait_for_log(f"(pid:{victim}) was sent SIGKILL")
