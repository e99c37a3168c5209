"""Each framework, in each way that it can be served: the same routes, the same answers.

The routes are in ``apps/``: ``/`` a text, ``/echo`` the body back, ``/query`` and
``/path/NAME`` as JSON, ``/header`` the field ``X-Given`` back, ``/cookies`` two cookies,
``/stream`` three parts, ``/empty`` 204, ``/error`` an exception, ``/pid`` the worker.
"""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import Serve
from serving import Served

WSGI = ["flask_app:app", "django_app", "falcon_app:app", "bottle_app:app"]
ASGI = [
    "fastapi_app:app",
    "starlette_app:app",
    "litestar_app:app",
    "quart_app:app",
    "falcon_asgi_app:app",
    "django_asgi_app",
]
WORKERS = (1, 2)
THREADS = (1, 4)
LOOPS = ("asyncio", "uvloop")
# Threads are for WSGI: an ASGI application must not mind that they are asked for.
WAYS = [
    *(
        (app, workers, threads, "auto")
        for app, workers, threads in itertools.product(WSGI, WORKERS, THREADS)
    ),
    *itertools.product(ASGI, WORKERS, THREADS, LOOPS),
]


@pytest.mark.parametrize(("app", "workers", "threads", "loop"), WAYS)
def test_a_framework(serve: Serve, app: str, workers: int, threads: int, loop: str) -> None:
    arguments = ("--workers", str(workers), "--threads", str(threads), "--asgi-loop", loop)
    answers_as_it_should(serve(*arguments, app=app), app, workers)


def answers_as_it_should(server: Served, app: str, workers: int) -> None:
    with server.client() as client:
        # All on one connection: each answer has to be framed right for the next.
        answer = client.ask("/")
        assert (answer.status, answer.body) == (200, b"Hello, World!")
        assert (answer.get("content-type") or "").startswith("text/plain")
        assert answer.get("date")
        assert answer.get("server")

        head = client.ask("/", method="HEAD") if app in WSGI else None
        assert head is None or head.status in (200, 405)

        for body in (b"", b"x", bytes(range(256)) * 4096):
            assert client.ask("/echo", method="POST", body=body).body == body
        client.request("/echo", method="POST", headers={"Transfer-Encoding": "chunked"})
        client.send(b"3\r\nabc\r\n2;ext=1\r\nde\r\n0\r\nX-Trailer: x\r\n\r\n")
        assert client.answer().body == b"abcde"

        assert client.ask("/query?a=1&b=%C3%A9+x").json() == {"a": "1", "b": "é x"}
        assert client.ask("/path/%C3%A9%20x").json() == {"name": "é x"}

        answer = client.ask("/header", headers={"X-Given": "some value"})
        assert (answer.body, answer.get("x-taken")) == (b"some value", "yes")
        cookies = {value.partition(";")[0] for value in client.ask("/cookies").all("set-cookie")}
        assert cookies == {"a=1", "b=2"}

        assert client.ask("/stream").body == b"one\ntwo\nthree\n"
        answer = client.ask("/empty")
        assert (answer.status, answer.body) == (204, b"")
        assert client.ask("/nothing-here").status == 404
        answer = client.ask("/error")
        assert answer.status == 500
        assert b"asked for" not in answer.body
    assert server.ask("/").status == 200
    _serves_many(server, workers)


def _serves_many(server: Served, workers: int) -> None:
    def ask(number: int) -> tuple[bytes, bytes]:
        with server.client() as client:
            body = f"{number} ".encode() * 100
            pid = client.ask("/pid").body
            return pid, client.ask("/echo", method="POST", body=body).body[: len(str(number))]

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, range(64)))
    assert [body for _, body in answers] == [str(number).encode() for number in range(64)]
    pids = {int(pid) for pid, _ in answers}
    assert len(pids) <= workers
    assert pids <= server.workers()
