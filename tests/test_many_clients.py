"""Many clients, slow clients, and more work than can be done: who gets what."""

from __future__ import annotations

import contextlib
import resource
import socket
import statistics
import struct
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import BOTH, Serve
from serving import Answer, Client, Served, wait_for

_WORKERS = 4
_CONNECTIONS = 64


@BOTH
@pytest.mark.parametrize("way", ["one by one", "all at once", "from many threads"])
def test_work_is_spread_evenly(serve: Serve, app: str, way: str) -> None:
    """The busiest of four workers serves at most 1.3 times what the least busy does."""
    server = serve("--workers", str(_WORKERS), app=app)
    server.wait_until_all_serve(_WORKERS)
    with contextlib.ExitStack() as stack:
        clients = _opened(server, way)
        for client in clients:
            stack.enter_context(client)
        served = Counter(client.ask("/pid").body for _ in range(5) for client in clients)
    assert len(served) == _WORKERS
    assert max(served.values()) <= 1.3 * min(served.values()), served


def _opened(server: Served, way: str) -> list[Client]:
    def one(_: int) -> Client:
        client = server.client()
        if way == "one by one":
            assert client.ask("/").status == 200
        return client

    with ThreadPoolExecutor(16 if way == "from many threads" else 1) as pool:
        return list(pool.map(one, range(_CONNECTIONS)))


def test_thousands_of_idle_and_hundreds_of_slow_clients(serve: Serve) -> None:
    """They cost others nothing: here the median, since the tail of a busy machine is its
    own; `cargo xtask bench` has the 99th percentile."""
    idle, slow = 10_000, 200
    before, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = idle + slow + 500
    if most != resource.RLIM_INFINITY and most < needed:
        pytest.skip(f"needs {needed} descriptors, the hard limit is {most}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(before, needed), most))
    try:
        server = serve(*("--keep-alive", "60", "--header-timeout", "60", "--body-timeout", "60"))
        alone = _median_seconds(server)
        with contextlib.ExitStack() as stack:
            for number in range(idle + slow):
                client = stack.enter_context(_gone_without_trace(server))
                if number < idle:
                    assert client.ask("/").status == 200
                elif number % 2:
                    client.send(b"GET / HTTP/1.1\r\nHost: te")
                else:
                    client.request("/body", method="POST", headers={"Content-Length": "100"})
                    client.send(b"x")
            # Other tests may be busy while one median is taken, but not for so long.
            wait_for(lambda: _median_seconds(server) < 2 * alone + 0.0005, "times as before")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before, most))


def _median_seconds(server: Served) -> float:
    took = []
    with server.client() as client:
        for _ in range(500):
            start = time.monotonic()
            assert client.ask("/").status == 200
            took.append(time.monotonic() - start)
    return statistics.median(took)


@contextlib.contextmanager
def _gone_without_trace(server: Served) -> Iterator[Client]:
    """A client whose port can be used again at once: there are no three times ten thousand."""
    with server.client() as client:
        yield client
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def test_clients_that_do_not_read_hold_nobody_up(serve: Serve) -> None:
    """Neither the one thread nor memory is theirs."""
    server = serve("--threads", "1")
    before = server.rss_kib()
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            client = stack.enter_context(server.client())
            client.request(f"/large?bytes={20 << 20}")
            assert client.socket.recv(1)
        assert server.ask("/").status == 200
        # 400 MiB wait to be taken.
        assert server.rss_kib() - before < 100 << 10


def _asked_at_once(server: Served, target: str, count: int) -> list[Answer]:
    """The answers to so many clients that ask at the same time."""
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(server.client()) for _ in range(count)]
        for client in clients:
            client.request(target)
        return [client.answer() for client in clients]


def test_too_much_is_refused_at_once(serve: Serve) -> None:
    """Bounded in number: 503 with Retry-After while the one thread is busy."""
    answers = _asked_at_once(serve("--max-queue", "5"), "/slow?seconds=0.5", 20)
    statuses = Counter(answer.status for answer in answers)
    assert set(statuses) == {200, 503}
    assert statuses[503] >= 10
    assert statuses[200] >= 5
    for answer in answers:
        if answer.status == 503:
            assert int(answer.get("retry-after") or "") >= 1


def test_waiting_too_long_is_refused(serve: Serve) -> None:
    """Bounded in time."""
    start = time.monotonic()
    answers = _asked_at_once(serve("--queue-timeout", "1"), "/slow?seconds=3", 3)
    assert sorted(answer.status for answer in answers) == [200, 503, 503]
    assert time.monotonic() - start < 10
