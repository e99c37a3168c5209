"""Greenlets: ``-k gevent``."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import test_frameworks
from conftest import Serve
from loading import Load
from serving import Served, wait_for
from tonnage import _patching

APP = "greenlet_app:app"
GEVENT = ("-k", "gevent")


@pytest.fixture
def server(serve: Serve) -> Served:
    return serve(*GEVENT, app=APP)


@pytest.mark.parametrize("more", [(), ("--preload",)], ids=["in-worker", "preloaded"])
def test_patched_before_the_application_is_imported(serve: Serve, more: tuple[str, ...]) -> None:
    server = serve(*GEVENT, *more, app=APP)
    assert server.ask("/patched").body == b"True"
    assert server.ask("/socket").body == b"sent"
    assert "MonkeyPatchWarning" not in server.stderr
    assert server.stop() == 0


# What anything that speaks HTTP imports, and how it then fails that was imported before it was
# patched: by a RecursionError.
_TLS = """
def post_worker_init(worker):
    context = SSLContext(PROTOCOL_TLS_CLIENT)
    context.minimum_version = context.minimum_version
    worker.log.info("TLS can be set up in %s", SSLContext.__module__)
"""


@pytest.mark.parametrize(
    ("arguments", "config"),
    [
        (GEVENT, "from ssl import *\n"),
        ((), "from ssl import PROTOCOL_TLS_CLIENT, SSLContext\n\nworker_class = 'gevent'\n"),
        (
            (),
            "worker_class = str('gevent')\n\n\ndef on_starting(server):\n"
            "    global PROTOCOL_TLS_CLIENT, SSLContext\n"
            "    from ssl import PROTOCOL_TLS_CLIENT, SSLContext\n\n",
        ),
    ],
    ids=["flag", "file", "hook"],
)
def test_patched_before_a_configuration_file_imports_what_waits(
    serve: Serve, tmp_path: Path, arguments: tuple[str, ...], config: str
) -> None:
    (tmp_path / "gunicorn.conf.py").write_text(config + _TLS)
    server = serve(*arguments, app=APP, cwd=tmp_path)
    assert server.ask("/patched").body == b"True"
    server.wait_for_log("TLS can be set up in gevent.ssl")
    assert "Warning" not in server.stderr


def test_the_server_itself_imports_no_event_loop_and_no_tls() -> None:
    look = "import sys; from tonnage import _serve; print({'asyncio', 'ssl'} & set(sys.modules))"
    told = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert told.stdout == "set()\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("worker_class = 'gevent'", "gevent"),
        ("worker_class: str = 'gevent'", "gevent"),
        ("from ssl import *\nworker_class = 'egg:gunicorn#gevent'", "egg:gunicorn#gevent"),
        ("worker_class = 'gevent'\nworker_class = 'sync'", "sync"),
        ("worker_class = 'gevent'\nif x:\n    worker_class = 'sync'", None),
        ("worker_class = 'gevent'\nfrom base import *", None),
        ("worker_class = 'gevent'\nfrom base import it as worker_class", None),
        ("worker_class = name('gevent')", None),
        ("def worker_class():\n    return 'gevent'", None),
        ("# not gevent\nworkers = 2", None),
        ("gevent (", None),
    ],
)
def test_the_class_is_told_from_the_text_of_a_file(text: str, found: str | None) -> None:
    assert _patching._constant(text.encode()) == found


def test_a_class_that_cannot_be_told_is_warned_of_and_is_no_reason_to_reload(
    serve: Serve, tmp_path: Path
) -> None:
    config = tmp_path / "gunicorn.conf.py"
    config.write_text("import ssl\n\nworker_class = str('gevent')\n")
    server = serve(app=APP, cwd=tmp_path)
    assert "gunicorn.conf.py imports ssl, and sets worker_class in a way that" in server.stderr
    workers = server.workers()
    config.write_text("threads = 2\n")
    server.send_signal(signal.SIGHUP)
    server.wait_for_log("which nothing takes back: start it anew")
    assert server.ask("/patched").body == b"True"
    assert server.workers() == workers


def test_an_exit_ends_its_request_alone(server: Served) -> None:
    workers = server.workers()
    with server.client() as other:
        other.request("/meet?count=2")
        assert server.ask("/exit").status == 500
        assert server.ask("/meet?count=2").body == other.answer().body == b"2"
    server.wait_for_log("SystemExit: 7")
    assert server.workers() == workers


def test_many_wait_at_once_in_one_worker(server: Served) -> None:
    count = 300
    clients = [server.client() for _ in range(count)]
    for client in clients:
        client.request(f"/meet?count={count}")
    # None was answered before all were there.
    assert {client.answer().body for client in clients} == {str(count).encode()}
    for client in clients:
        client.close()


def test_each_request_has_a_greenlet_of_its_own(server: Served) -> None:
    with server.client() as client:
        for _ in range(3):
            assert client.ask("/own").text == "('nothing', 'nothing') True"


def test_worker_connections_bound_them(serve: Serve) -> None:
    server = serve(*GEVENT, "--worker-connections", "3", app=APP)
    for target, count, told in (("/meet?count=3", 3, b"3"), ("/sleep?seconds=0.1", 9, b"slept")):
        clients = []
        for _ in range(count):
            # Asked at once: a connection without a request makes room for others.
            clients.append(server.client())
            clients[-1].request(target, headers={"Connection": "close"})
        for client in clients:
            assert client.answer().body == told
            client.close()
    # How many there are depends on when they come.
    assert int(server.ask("/most").body) <= 3


def test_bodies_come_whole_and_large_answers_go_out(serve: Serve) -> None:
    server = serve(*GEVENT)
    with server.client() as client:
        body = b"0123456789" * 300_000
        client.request("/body", method="POST", body=body)
        assert client.answer().body == body
        assert len(client.ask("/large?bytes=5000000").body) == 5_000_000
        assert client.ask("/file").body.startswith(b'"""A WSGI application')
        assert client.ask("/write").body == b"one two three"
        assert client.ask("/lazy").status == 201
        assert client.ask("/environ").json()["wsgi.multithread"] is True  # type: ignore[index]
        assert client.ask("/error").status == 500
    for _ in range(2):
        assert server.ask("/closing").body == b"ab"
    assert server.ask("/closed").body == b"2"


def test_clients_that_do_not_read_keep_nobody(serve: Serve) -> None:
    server = serve(*GEVENT, "--send-timeout", "1", app=APP)
    lazy = [server.client() for _ in range(5)]
    for client in lazy:
        client.request("/endless")
    for _ in range(5):
        assert server.ask("/").body == b"Hello, World!"
    lazy.pop().close()
    # One has gone, the others had their time.
    server.wait_for_log("nobody reads", 5)
    assert server.ask("/").body == b"Hello, World!"
    for client in lazy:
        client.close()


def test_term_answers_what_is_in_progress(server: Served) -> None:
    with server.client() as idle, server.client() as client:
        assert idle.ask("/").status == 200
        client.request("/sleep?seconds=0.5")
        wait_for(lambda: server.ask("/most").body == b"1", "the request to begin")
        server.send_signal(signal.SIGTERM)
        answer = client.answer()
        assert (answer.body, answer.get("connection")) == (b"slept", "close")
    assert server.process.wait(30) == 0
    assert "Worker exiting" in server.stderr


def test_who_does_not_end_in_time_clears_up(serve: Serve) -> None:
    server = serve(*GEVENT, "--graceful-timeout", "1", app=APP)
    with server.client() as client:
        client.request("/clears_up")
        server.wait_for_log("a request is held")
        assert server.stop() == 0
        with pytest.raises(AssertionError, match="closed after"):
            client.answer()
    server.wait_for_log("it has cleared up")
    assert "1 requests did not end in time and are killed" in server.stderr
    assert "Traceback" not in server.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT])
def test_int_and_quit_end_it_at_once(serve: Serve, tmp_path: Path, number: signal.Signals) -> None:
    config = tmp_path / "hooks.conf.py"
    config.write_text(
        "import time\n\n\ndef worker_int(worker):\n"
        "    time.sleep(0.01)\n    worker.log.info('the hook has slept')\n"
    )
    server = serve(*GEVENT, "-c", str(config), app=APP)
    with server.client() as client:
        client.request("/clears_up")
        server.wait_for_log("a request is held")
        start = time.monotonic()
        assert server.stop(number) == 0
        assert time.monotonic() - start < 10
    assert "the hook has slept" in server.stderr


def test_late_requests_are_told_of_with_their_greenlets(serve: Serve) -> None:
    server = serve(*GEVENT, "--request-timeout", "1", app=APP)
    with server.client() as client, server.client() as other:
        client.request("/meet?count=3")
        other.request("/sleep?seconds=60")
        assert client.answer().status == other.answer().status == 503
    server.wait_for_log("request timed out")
    server.wait_for_log("in get_meet")
    server.wait_for_log("in get_sleep")
    for name in ("/meet?count=3", "/sleep?seconds=60"):
        assert re.search(rf"Greenlet 0x[0-9a-f]+, GET {re.escape(name)}", server.stderr)
    assert server.ask("/").body == b"Hello, World!"


def test_a_worker_that_never_gives_way_is_replaced(serve: Serve) -> None:
    server = serve(*GEVENT, "--timeout", "2", app=APP)
    (before,) = server.workers()
    with server.client() as client:
        client.request("/spin")
        server.wait_for_log("WORKER TIMEOUT")
        # Where it was.
        server.wait_for_log("greenlet_app.py")
    server.wait_for_others({before})
    assert server.ask("/").body == b"Hello, World!"


def test_a_reload_and_reopened_logs_lose_nothing(serve: Serve, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    server = serve(*GEVENT, "--workers", "2", "--access-logfile", str(log), app=APP)
    with Load(server, "/sleep?seconds=0.005") as load:
        before = server.wait_for_workers(2)
        server.send_signal(signal.SIGHUP)
        server.wait_for_others(before)
        log.rename(tmp_path / "old.log")
        server.send_signal(signal.SIGUSR1)
        wait_for(lambda: log.exists() and log.stat().st_size > 0, "the new log")
        load.goes_on()
    load.report().assert_nothing_lost()


@pytest.mark.parametrize("app", ["flask_app:app", "django_app"])
def test_a_framework(serve: Serve, app: str) -> None:
    test_frameworks.answers_as_it_should(serve(*GEVENT, app=app), app, workers=1)


def test_without_gevent_it_says_how_to_install_it(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\n\nsys.modules['gevent'] = None\n")
    server = serve(*GEVENT, ready=False, env={"PYTHONPATH": str(tmp_path)})
    assert server.process.wait(30) == 1
    assert "worker_class is gevent, which is not installed (pip install" in server.stderr


@pytest.mark.parametrize("name", ["eventlet", "tornado"])
def test_other_loops_are_refused_with_advice(serve: Serve, name: str) -> None:
    server = serve("-k", name, ready=False)
    assert server.process.wait(30) != 0
    assert f"`worker_class` from the command line is '{name}'" in server.stderr
    assert "which this server cannot do" in server.stderr
