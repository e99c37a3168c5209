"""Reloads that prove themselves first, workers that are replaced in time, and numbers that
the server finds itself."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest
from conftest import Serve
from loading import Load
from serving import Client, Served, free_port, wait_for

QUICK = {"PYTHONDONTWRITEBYTECODE": "1"}

WSGI = (
    "def app(environ, start_response):\n"
    "    if environ['PATH_INFO'] == '/check' and environ['QUERY_STRING'] == 'deep':\n"
    "        start_response('%s', [])\n"
    "        return [b'checked']\n"
    "    start_response('200 OK', [])\n"
    "    return [b'%s']\n"
)

ASGI = (
    "async def app(scope, receive, send):\n"
    "    if scope['type'] == 'lifespan':\n"
    "        await receive()\n"
    "        scope['state']['status'] = %d\n"
    "        await send({'type': 'lifespan.startup.%s', 'message': 'no database'})\n"
    "        await receive()\n"
    "        await send({'type': 'lifespan.shutdown.complete'})\n"
    "        return\n"
    "    status = scope['state']['status'] if scope['path'] == '/check' else 200\n"
    "    await send({'type': 'http.response.start', 'status': status})\n"
    "    await send({'type': 'http.response.body', 'body': b'%s'})\n"
)


STARTING = (
    "import asyncio\n"
    "async def start(): pass\n"
    "async def check(): pass\n"
    "%s\n"
    "async def app(scope, receive, send):\n"
    "    if scope['type'] == 'lifespan':\n"
    "        await receive()\n"
    "        await start()\n"
    "        await send({'type': 'lifespan.startup.complete'})\n"
    "        await receive()\n"
    "        await send({'type': 'lifespan.shutdown.complete'})\n"
    "        return\n"
    "    if scope['path'] == '/check':\n"
    "        await check()\n"
    "    await send({'type': 'http.response.start', 'status': 200})\n"
    "    await send({'type': 'http.response.body'})\n"
)


def _fails(server: Served, why: str) -> None:
    before = server.workers()
    server.send_signal(signal.SIGHUP)
    server.wait_for_log(f"Reload failed, the old workers go on: {why}")
    # Whoever tried is gone.
    wait_for(lambda: server.workers() == before, "the old workers alone")


def test_a_reload_that_fails_loses_nothing_and_says_why(serve: Serve, tmp_path: Path) -> None:
    module = tmp_path / "versioned.py"
    module.write_text(ASGI % (200, "complete", "one"))
    server = serve(
        *("--workers", "2", "--reload-check", "/check"),
        app="versioned:app",
        cwd=tmp_path,
        env=QUICK,
    )
    server.wait_for_workers(2)
    with Load(server) as load:
        module.write_text("import nothing_of_this_name\n")
        _fails(server, "ModuleNotFoundError: No module named 'nothing_of_this_name'")
        module.write_text("no_app = 1\n")
        _fails(server, "Failed to find attribute 'app' in 'versioned'")
        module.write_text(ASGI % (200, "failed", "two"))
        _fails(server, "Application startup failed: no database")
        module.write_text(ASGI % (500, "complete", "two"))
        _fails(server, "The self-request /check was answered with 500")
        assert server.ask("/").body == b"one"
        load.goes_on()
        module.write_text(ASGI % (204, "complete", "three"))
        server.send_signal(signal.SIGHUP)
        server.wait_for_log("Reloaded: 2 new workers serve")
        wait_for(lambda: server.ask("/").body == b"three", "the mended version")
    load.report().assert_nothing_lost()


@pytest.mark.parametrize(
    ("waits", "says"),
    [
        ("import time; time.sleep(600)", "importing the application"),
        ("async def start(): await asyncio.Event().wait()", "the application's startup (lifespan)"),
        ("async def check(): await asyncio.Event().wait()", "the answer to the self-request"),
    ],
    ids=["import", "lifespan", "self-request"],
)
def test_a_start_that_takes_for_ever_says_where(
    serve: Serve, tmp_path: Path, waits: str, says: str
) -> None:
    module = tmp_path / "waiting.py"
    module.write_text(STARTING % "")
    server = serve(
        *("--reload-check", "/check", "--timeout", "1"), app="waiting:app", cwd=tmp_path, env=QUICK
    )
    module.write_text(STARTING % waits)
    _fails(server, f"a worker did not start within its timeout, which went by for {says}")
    server.wait_for_log("it is stuck")
    # The stack of what it waits in, be that a thread or a task.
    wait_for(lambda: "waiting.py" in server.stderr.partition("it is stuck")[2], server.stderr)
    assert server.ask("/").status == 200


def test_the_self_request_of_wsgi(serve: Serve, tmp_path: Path) -> None:
    module = tmp_path / "asked.py"
    # The first worker has nobody to replace, and is not asked.
    module.write_text(WSGI % ("503 Busy", "one"))
    check = ("--reload-check", "http://example.org/check?deep")
    server = serve(*check, app="asked:app", cwd=tmp_path, env=QUICK)
    assert server.ask("/").body == b"one"
    module.write_text(WSGI % ("503 Busy", "two"))
    _fails(server, "The self-request http://example.org/check?deep was answered with 503")
    assert server.ask("/").body == b"one"
    module.write_text(WSGI % ("302 Found", "three"))
    server.send_signal(signal.SIGHUP)
    wait_for(lambda: server.ask("/").body == b"three", "the mended version")


def test_reload_keeps_what_works_until_the_edit_does(serve: Serve, tmp_path: Path) -> None:
    module, helper = tmp_path / "edited.py", tmp_path / "edited_helper.py"
    module.write_text(WSGI % ("200 OK", "first"))
    server = serve("--reload", "--workers", "2", app="edited:app", cwd=tmp_path, env=QUICK)
    server.wait_for_workers(2)
    assert server.ask("/").body == b"first"
    helper.write_text("def app(:\n")
    module.write_text("from edited_helper import app\n")
    server.wait_for_log("Reload failed, the old workers go on: SyntaxError")
    assert server.ask("/").body == b"first"
    # A file that no worker in service has ever imported.
    helper.write_text(WSGI % ("200 OK", "mended"))
    server.wait_for_log("Reloaded: 2 new workers serve")
    wait_for(lambda: server.ask("/").body == b"mended", "the mended file")
    # Two workers saw the same change: one attempt.
    assert server.stderr.count("Reload failed") == 1


GROWING = (
    "import os\n"
    "kept = []\n"
    "def app(environ, start_response):\n"
    "    if environ['PATH_INFO'] == '/grow':\n"
    "        kept.append(bytearray(os.urandom(1 << 20) * 200))\n"
    "    start_response('200 OK', [])\n"
    "    return [str(os.getpid()).encode()]\n"
)


def test_a_worker_that_has_grown_is_replaced(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "growing.py").write_text(GROWING)
    server = serve(
        *("--max-worker-rss", "180", "--log-level", "debug"), app="growing:app", cwd=tmp_path
    )
    # It has to be seen small before it is large.
    server.wait_for_log("begins with")
    grown = server.ask("/grow").body
    server.wait_for_log(f"Replacing worker (pid:{grown.decode()}): it has ")
    wait_for(lambda: server.ask("/").body != grown, "another worker")


def test_a_worker_that_is_old_is_replaced(serve: Serve) -> None:
    status = free_port()
    server = serve(
        *("--workers", "2", "--max-worker-age", "1", "--max-worker-age-jitter", "0.5"),
        *("--status-bind", f"127.0.0.1:{status}"),
    )
    first = server.wait_for_workers(2)
    with server.client() as client:
        wait_for(lambda: not first & server.workers(), "both to be replaced")
        assert client.ask("/").status == 200
    assert server.stderr.count("Replacing worker") >= 2
    with Client(("127.0.0.1", status)) as client:
        told = client.ask("/status").json()
    assert isinstance(told, dict)
    assert told["worker_ends"]["age"] >= 2
    assert " s old" in server.stderr


def test_as_many_workers_as_cpus(serve: Serve) -> None:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        server = serve("--workers", "auto")
    finally:
        os.sched_setaffinity(0, before)
    assert len(server.workers()) == 1
    assert "`workers` is auto: 1, since the affinity allows 1 CPU" in server.stderr


WAITING = (
    "import ctypes, time\n"
    "library = ctypes.PyDLL(None)\n"
    "def app(environ, start_response):\n"
    "    seconds = float(environ['QUERY_STRING'] or 0)\n"
    "    if environ['PATH_INFO'] == '/blocked':\n"
    "        time.sleep(seconds)\n"
    "    if environ['PATH_INFO'] == '/locked':\n"
    "        # Without letting go of the interpreter's lock.\n"
    "        library.usleep(int(seconds * 1e6))\n"
    "    until = time.monotonic() + seconds\n"
    "    while environ['PATH_INFO'] == '/computing' and time.monotonic() < until:\n"
    "        pass\n"
    "    start_response('200 OK', [])\n"
    "    return [b'done']\n"
)


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("/blocked?0.1", "Threads grow from 1 to 2"),
        ("/computing?0.1", "Threads stay at 1"),
        ("/locked?0.1", "Threads stay at 1"),
    ],
)
def test_threads_grow_where_they_wait_and_not_where_they_queue(
    serve: Serve, tmp_path: Path, target: str, says: str
) -> None:
    (tmp_path / "waiting.py").write_text(WAITING)
    server = serve("--threads", "auto", "--max-threads", "3", app="waiting:app", cwd=tmp_path)
    over = threading.Event()

    def ask() -> None:
        with server.client() as client:
            while not over.is_set():
                assert client.ask(target).body == b"done"

    clients = [threading.Thread(target=ask) for _ in range(6)]
    for client in clients:
        client.start()
    try:
        server.wait_for_log(says)
        if "grow" in says:
            # For whatever reason: on a busy machine they wait for a CPU as well.
            server.wait_for_log("Threads stay at 3")
    finally:
        over.set()
        for client in clients:
            client.join()
    if "stay" in says:
        assert "grow" not in server.stderr
