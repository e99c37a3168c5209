"""Supervisor and workers: gunicorn's signals, files and exit codes.

What becomes of requests meanwhile is the business of ``test_nothing_lost.py``.
"""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import BOTH, Serve
from serving import APPS, Client, Served, environment, free_port, wait_for


@contextlib.contextmanager
def _held(server: Served, seconds: int) -> Iterator[Client]:
    """A client whose request the application has, and keeps for so long."""
    with server.client() as client:
        client.request(f"/held?seconds={seconds}")
        server.wait_for_log("a request is held")
        yield client


@BOTH
def test_term_ends_it_and_answers_what_is_in_progress(serve: Serve, app: str) -> None:
    server = serve("--workers", "2", app=app)
    with _held(server, 1) as client:
        server.send_signal(signal.SIGTERM)
        answer = client.answer()
        assert answer.body == b"slept"
        assert (answer.get("connection") or "").lower() == "close"
        assert client.is_closed()
    assert server.process.wait(30) == 0
    assert not server.workers()
    with pytest.raises(ConnectionRefusedError):
        server.client()
    for text in ("Handling signal: term", "Worker exiting", "Shutting down: Master"):
        assert text in server.stderr


@BOTH
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT])
def test_int_and_quit_end_it_at_once(serve: Serve, app: str, number: signal.Signals) -> None:
    server = serve(app=app)
    with _held(server, 60):
        start = time.monotonic()
        assert server.stop(number) == 0
        assert time.monotonic() - start < 10


@pytest.mark.parametrize(
    ("app", "target"),
    [("wsgi_app:app", "/held?seconds=60"), ("ending_app:app", "/computes")],
    ids=["wsgi", "asgi"],
)
def test_a_worker_that_was_stopped_hears_of_the_end(serve: Serve, app: str, target: str) -> None:
    """The kernel then prefers no thread, and a handler that waits is not got out of it by a
    signal that another thread has taken."""
    server = serve("--graceful-timeout", "60", app=app)
    (worker,) = server.wait_for_workers(1)
    status = Path(f"/proc/{worker}/status")
    with server.client() as client:
        client.request(target)
        server.wait_for_log("a request is held")
        os.kill(worker, signal.SIGSTOP)
        try:
            wait_for(lambda: "(stopped)" in status.read_text(), "a stopped worker")
            server.send_signal(signal.SIGINT)
            waiting = re.compile(r"ShdPnd:\s*0*[1-9a-f]")
            wait_for(lambda: bool(waiting.search(status.read_text())), "a signal that waits")
        finally:
            os.kill(worker, signal.SIGCONT)
        assert server.process.wait(30) == 0


@BOTH
def test_an_int_that_comes_twice_kills_nobody(serve: Serve, app: str, tmp_path: Path) -> None:
    config = tmp_path / "slow.conf.py"
    config.write_text(
        "import time\n\n\ndef worker_exit(server, worker):\n"
        "    time.sleep(0.3)\n    worker.log.info('the hook has run')\n"
    )
    server = serve("-c", str(config), app=app)
    server.send_signal(signal.SIGINT)
    server.wait_for_log("Handling signal: int")
    server.send_signal(signal.SIGINT)
    assert server.process.wait(30) == 0
    assert "the hook has run" in server.stderr


@BOTH
def test_a_worker_that_does_not_finish_in_time_is_killed(serve: Serve, app: str) -> None:
    server = serve("--graceful-timeout", "1", app=app)
    with _held(server, 60):
        start = time.monotonic()
        assert server.stop() == 0
        assert 0.9 < time.monotonic() - start < 15


@BOTH
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_all_of_it_ends_it_quietly(
    serve: Serve, app: str, number: signal.Signals
) -> None:
    """A terminal sends INT to every process, service managers may send TERM so."""
    server = serve("--workers", "2", app=app)
    server.wait_until_all_serve(2)
    os.killpg(server.pid, number)
    assert server.process.wait(30) == 0
    assert all(" [INFO] " in line for line in server.stderr.splitlines()), server.stderr


def test_hup_reads_the_configuration_anew(serve: Serve, tmp_path: Path) -> None:
    config = tmp_path / "gunicorn.conf.py"
    config.write_text("workers = 1\nraw_env = ['MARK=one']\n")
    server = serve("-c", str(config))
    assert server.ask("/variable?MARK").body == b"one"
    config.write_text("workers = 3\nraw_env = ['MARK=two', 'OTHER=x']\n")
    server.send_signal(signal.SIGHUP)
    wait_for(lambda: server.ask("/variable?MARK").body == b"two", "the new variable")
    server.wait_for_workers(3)
    config.write_text("workers = 2\n")
    server.send_signal(signal.SIGHUP)
    server.wait_for_workers(2)
    wait_for(lambda: server.ask("/variable?MARK").body == b"(unset)", "the variable to go")


def test_a_broken_configuration_leaves_the_old_one(serve: Serve, tmp_path: Path) -> None:
    config = tmp_path / "gunicorn.conf.py"
    config.write_text("workers = 2\n")
    server = serve("-c", str(config))
    before = server.wait_for_workers(2)
    for number, text in enumerate(("workers = 'many'\n", "syntax error\n"), start=1):
        config.write_text(text)
        server.send_signal(signal.SIGHUP)
        server.wait_for_log("Reload failed", number)
        assert server.ask("/").body == b"Hello, World!"
        assert server.workers() == before


def test_only_the_requests_of_a_dead_worker_fail(serve: Serve) -> None:
    server = serve("--workers", "2")
    server.wait_until_all_serve(2)
    clients = [server.client() for _ in range(20)]

    def both_have_some() -> bool:
        # On a busy machine one may take all twenty before the other has a turn.
        clients.append(server.client())
        return len({client.ask("/pid").body for client in clients}) == 2

    wait_for(both_have_some, "connections of both")
    by_pid: dict[int, list[Client]] = {}
    for client in clients:
        by_pid.setdefault(int(client.ask("/pid").body), []).append(client)
    assert len(by_pid) == 2
    victim, other = by_pid
    os.kill(victim, signal.SIGKILL)
    for client in by_pid[other]:
        assert client.ask("/").status == 200
    for client in by_pid[victim]:
        assert client.is_closed()


def test_a_worker_that_exits_in_a_request_is_replaced(serve: Serve) -> None:
    server = serve()
    for _ in range(3):
        with server.client() as client:
            client.request("/exit?code=7")
            assert client.is_closed()
        wait_for(lambda: server.ask("/").status == 200, "an answer")
    server.wait_for_log("exited with code 7")


def test_a_worker_without_a_sign_of_life_is_killed(serve: Serve) -> None:
    server = serve("--timeout", "1")
    stuck = server.wait_for_workers(1)
    # Not even its I/O thread can move.
    os.kill(min(stuck), signal.SIGSTOP)
    server.wait_for_log(f"WORKER TIMEOUT (pid:{min(stuck)})")
    wait_for(lambda: bool(server.workers() - stuck), "a new worker")
    assert server.ask("/").body == b"Hello, World!"


def test_a_request_that_takes_longer_than_the_timeout(serve: Serve) -> None:
    """gunicorn's sync workers die of it, and so do ours with one thread: a handler that
    hangs must not hang for ever. The stack tells where."""
    server = serve("--timeout", "1")
    with server.client() as client:
        client.request("/slow?seconds=60")
        answer = client.answer()
        assert (answer.status, answer.get("connection")) == (500, "close")
        assert client.is_closed()
    server.wait_for_log("WORKER TIMEOUT")
    server.wait_for_log("get_slow")
    assert server.ask("/").body == b"Hello, World!"


@BOTH
def test_workers_end_with_their_supervisor(serve: Serve, app: str) -> None:
    """Nobody is left to tell them, or to kill them. What is in progress is answered."""
    server = serve("--workers", "2", app=app)
    server.wait_until_all_serve(2)
    workers = server.wait_for_workers(2)
    with _held(server, 1) as client:
        os.kill(server.pid, signal.SIGKILL)
        assert client.answer().body == b"slept"
    wait_for(lambda: not any(map(_lives, workers)), "the workers to end")
    assert server.stderr.count("Worker exiting") == 2


ENDLESS = (
    "import sys, time\n"
    "def for_ever(how):\n"
    "    print('for ever', file=sys.stderr, flush=True)\n"
    "    while True:\n"
    "        if how == 'sleeps':\n"
    "            time.sleep(60)\n"
    "def wsgi(environ, start_response):\n"
    "    if environ['QUERY_STRING']:\n"
    "        for_ever(environ['QUERY_STRING'])\n"
    "    start_response('204 No Content', [])\n"
    "    return []\n"
    "async def asgi(scope, receive, send):\n"
    "    if scope['query_string']:\n"
    "        for_ever(scope['query_string'].decode())\n"
    "    await send({'type': 'http.response.start', 'status': 204})\n"
    "    await send({'type': 'http.response.body'})\n"
)


@pytest.mark.parametrize("how", ["sleeps", "computes"])
@pytest.mark.parametrize(
    ("app", "threads"),
    [("endless:wsgi", "1"), ("endless:wsgi", "2"), ("endless:asgi", "1")],
    ids=["wsgi", "threads", "asgi"],
)
def test_a_handler_that_never_ends_does_not_outlive_the_supervisor(
    serve: Serve, tmp_path: Path, app: str, threads: str, how: str
) -> None:
    (tmp_path / "endless.py").write_text(ENDLESS)
    server = serve("--threads", threads, "--graceful-timeout", "1", app=app, cwd=tmp_path)
    (worker,) = server.wait_for_workers(1)
    with server.client() as client:
        client.request(f"/?{how}")
        server.wait_for_log("for ever")
        os.kill(server.pid, signal.SIGKILL)
        wait_for(lambda: not _lives(worker), "the worker to end")


def _lives(pid: int) -> bool:
    """Whether it runs; whoever adopted it may not have taken note of its end yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_preload_imports_once(serve: Serve) -> None:
    server = serve("--workers", "3", "--preload")
    server.wait_until_all_serve(3)
    clients = [server.client() for _ in range(40)]
    assert len({client.ask("/started").body for client in clients}) == 1
    for client in clients:
        client.close()
    lazily = serve("--workers", "3")
    lazily.wait_until_all_serve(3)
    clients = [lazily.client() for _ in range(40)]
    assert len({client.ask("/started").body for client in clients}) == 3
    for client in clients:
        client.close()


def test_the_pidfile(serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "server.pid"
    server = serve("--pid", str(path))
    assert path.read_text() == f"{server.pid}\n"
    assert server.stop() == 0
    assert not path.exists()


def test_a_pidfile_of_a_running_server_is_respected(serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "server.pid"
    first = serve("--pid", str(path))
    second = serve("--pid", str(path), ready=False)
    assert second.process.wait(30) != 0
    assert str(first.pid) in second.stderr
    assert path.read_text() == f"{first.pid}\n"
    # A pidfile of nobody is no obstacle.
    stale = tmp_path / "stale.pid"
    stale.write_text("999999\n")
    third = serve("--pid", str(stale))
    assert stale.read_text() == f"{third.pid}\n"


def test_usr1_opens_logs_anew(serve: Serve, tmp_path: Path) -> None:
    access, error = tmp_path / "access.log", tmp_path / "error.log"
    server = serve("--access-logfile", str(access), "--error-logfile", str(error))
    server.ask("/one")
    wait_for(lambda: "/one" in access.read_text(), "the first line")
    for path in (access, error):
        path.rename(f"{path}.1")
    server.send_signal(signal.SIGUSR1)
    wait_for(lambda: access.exists() and error.exists(), "new files")

    def arrives() -> bool:
        # The supervisor makes the files; a worker writes to the old ones until it
        # has the signal, too.
        server.ask("/two")
        return "/two" in access.read_text()

    wait_for(arrives, "a line in the new file")
    assert "/one" not in access.read_text()
    assert "Handling signal: usr1" in error.read_text() + Path(f"{error}.1").read_text()


def test_boot_errors_end_it(serve: Serve) -> None:
    broken = serve("--workers", "2", app="broken_app:app", ready=False)
    assert broken.process.wait(30) == 3
    assert "this module is broken" in broken.stderr
    assert "Worker failed to boot." in broken.stderr
    missing = serve(app="wsgi_app:nothing", ready=False)
    assert missing.process.wait(30) == 4
    assert "Failed to find attribute 'nothing'" in missing.stderr
    absent = serve(app="no_such_module:app", ready=False)
    assert absent.process.wait(30) == 3
    assert "no_such_module" in absent.stderr


def test_an_address_in_use_is_told(serve: Serve) -> None:
    first = serve()
    assert isinstance(first.address, tuple)
    second = serve(bind=f"127.0.0.1:{first.address[1]}", ready=False)
    assert second.process.wait(60) == 1
    assert "in use" in second.stderr.lower()


def test_several_addresses(serve: Serve, tmp_path: Path) -> None:
    path, port = tmp_path / "socket", free_port()
    server = serve("--bind", f"unix:{path}", "--bind", f"127.0.0.1:{port}")
    for address in (server.address, str(path), ("127.0.0.1", port)):
        with Client(address) as client:
            assert client.ask("/").body == b"Hello, World!"


def test_an_inherited_socket(serve: Serve, tmp_path: Path) -> None:
    """As systemd hands it over: descriptor 3, and a variable that names the process."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        program = (
            "import os, sys\n"
            "os.dup2(int(sys.argv[1]), 3)\n"
            "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1')\n"
            "os.execv(sys.executable, [sys.executable, '-m', 'tonnage', 'serve', 'wsgi_app:app'])\n"
        )
        os.set_inheritable(listener.fileno(), True)
        with open(tmp_path / "stderr.txt", "wb") as err:
            process = subprocess.Popen(
                [sys.executable, "-c", program, str(listener.fileno())],
                pass_fds=[listener.fileno()],
                cwd=APPS,
                stderr=err,
                start_new_session=True,
            )
        try:
            with Client(listener.getsockname()) as client:
                assert client.ask("/").body == b"Hello, World!"
            process.terminate()
            assert process.wait(30) == 0
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(30)


def test_reload_follows_the_files(serve: Serve, tmp_path: Path) -> None:
    module = tmp_path / "edited.py"
    text = (
        "def app(environ, start_response):\n    start_response('200 OK', [])\n    return [b'%s']\n"
    )
    module.write_text(text % "first")
    server = serve("--reload", app="edited:app", cwd=tmp_path, env={"PYTHONDONTWRITEBYTECODE": "1"})
    assert server.ask("/").body == b"first"
    module.write_text(text % "the second")
    wait_for(lambda: server.ask("/").body == b"the second", "the edit to be seen")
    # A slip of the pen is told, and mended without starting again.
    module.write_text("def app(:\n")
    server.wait_for_log("Reload failed, the old workers go on: SyntaxError")
    assert server.ask("/").body == b"the second"
    module.write_text(text % "mended!")
    wait_for(lambda: server.ask("/").body == b"mended!", "the mended file")


@pytest.mark.parametrize("arguments", [(), ("--interface", "asgi")], ids=["auto", "asgi"])
def test_reload_survives_an_application_that_cannot_be_imported(
    serve: Serve, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    helper = tmp_path / "slipping.py"
    helper.write_text("TEXT = undefined\n")
    (tmp_path / "importing.py").write_text(
        "import slipping\n\n\nasync def app(scope, receive, send):\n"
        "    assert scope['type'] == 'http'\n"
        "    await send({'type': 'http.response.start', 'status': 200, 'headers': []})\n"
        "    await send({'type': 'http.response.body', 'body': slipping.TEXT})\n"
    )
    env = {"PYTHONDONTWRITEBYTECODE": "1"}
    server = serve("--reload", *arguments, app="importing:app", cwd=tmp_path, env=env)
    answer = server.ask("/")
    assert answer.status == 500
    assert b"NameError" in answer.body
    # One worker, which stays.
    assert server.stderr.count("Booting worker") == 1
    helper.write_text("TEXT = b'mended'\n")
    wait_for(lambda: server.ask("/").body == b"mended", "the mended file")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: workers become another user")
def test_workers_become_another_user(serve: Serve) -> None:
    # Preloaded: the interpreter may lie where that user cannot read.
    server = serve("--user", "65534", "--group", "65534", "--preload")
    worker = min(server.wait_for_workers(1))
    status = Path(f"/proc/{worker}/status").read_text()
    assert "Uid:\t65534\t65534" in status
    assert "Gid:\t65534\t65534" in status


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: the socket is given away")
@pytest.mark.parametrize("by", ["name", "number"])
def test_a_unix_socket_is_given_to_the_user(serve: Serve, tmp_path: Path, by: str) -> None:
    user = pwd.getpwnam("nobody")
    group = grp.getgrgid(user.pw_gid)
    names, numbers = (user.pw_name, group.gr_name), (str(user.pw_uid), str(group.gr_gid))
    given = names if by == "name" else numbers
    path = tmp_path / "socket"
    serve("--user", given[0], "--group", given[1], "--preload", bind=f"unix:{path}")
    found = path.stat()
    assert (found.st_uid, found.st_gid) == (user.pw_uid, user.pw_gid)


def test_as_a_daemon(tmp_path: Path) -> None:
    port, pidfile, log = free_port(), tmp_path / "pid", tmp_path / "error.log"
    command = [sys.executable, "-m", "tonnage", "serve", "--daemon", "--bind", f"127.0.0.1:{port}"]
    command += ["--pid", str(pidfile), "--error-logfile", str(log), "wsgi_app:app"]
    subprocess.run(command, check=True, timeout=60, env=environment(), cwd=APPS)
    try:
        # The pidfile comes before the sockets.
        wait_for(lambda: log.exists() and "Listening at" in log.read_text(), "the sockets")
        with Client(("127.0.0.1", port)) as client:
            assert client.ask("/").body == b"Hello, World!"
    finally:
        wait_for(lambda: pidfile.read_text().strip().isdigit(), "a pid")
        pid = int(pidfile.read_text())
        os.kill(pid, signal.SIGTERM)
    wait_for(lambda: not pidfile.exists(), "its end")
    assert "Shutting down: Master" in log.read_text()
