"""Every hook of a gunicorn.conf.py: called as often, in the order and with what gunicorn
itself calls it, which runs beside."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from conftest import BOTH, Serve
from serving import APPS, GUNICORN, TONNAGE, Served, wait_for

Call = tuple[str, Any]


class Hooked:
    """A server with every hook set, and what they wrote down."""

    def __init__(
        self,
        serve: Serve,
        log: Path,
        *arguments: str,
        program: tuple[str, ...],
        ready: bool = True,
    ) -> None:
        log.touch()
        self._log = log
        self._seen = 0
        self.server: Served = serve(
            *("-c", str(APPS / "hooked.conf.py"), *arguments),
            env={"HOOK_LOG": str(log)},
            program=program,
            ready=ready,
        )

    def calls(self) -> list[dict[str, Any]]:
        """Those since the last phase."""
        # The last line may be half written.
        lines = self._log.read_text().rpartition("\n")[0].splitlines()
        return [json.loads(line) for line in lines][self._seen :]

    def phase(self, **expected: int) -> list[list[Call]]:
        """Waits until the hooks have been called so often, and gives the calls of the
        master and then those of each other process, in their order."""

        def have_been_called() -> bool:
            assert "on_exit" in expected or self.server.process.poll() is None, self.server.stderr
            counts = Counter(call["hook"] for call in self.calls())
            return all(counts[hook] >= count for hook, count in expected.items())

        try:
            wait_for(have_been_called, f"{expected}")
        except AssertionError as error:
            called = [call["hook"] for call in self.calls()]
            message = f"{error}, not {called}; the server said:\n{self.server.stderr}"
            raise AssertionError(message) from error
        calls = self._take()
        by_pid: dict[int, list[Call]] = {calls[0]["master"]: []}
        for call in calls:
            by_pid.setdefault(call["pid"], []).append((call["hook"], call["shapes"]))
        masters, *others = by_pid.values()
        # Processes are strangers to each other: whose line came first means nothing.
        return [masters, *sorted(others, key=json.dumps)]

    def wait_until_all_serve(self, workers: int) -> None:
        """Waits until so many workers have answered twice or more: that one has called
        ``post_worker_init`` does not say that the master knows of it. What they call for
        these requests is forgotten."""

        def have_answered() -> bool:
            with contextlib.ExitStack() as stack:
                clients = [stack.enter_context(self.server.client()) for _ in range(4 * workers)]
                for client in clients:
                    client.request("/slow?seconds=0.02", headers={"Connection": "close"})
                for client in clients:
                    assert client.answer().body == b"slept"
                    client.close()
            answered = self._by_pid("post_request")
            return len(answered) == workers and min(answered.values()) >= 2

        wait_for(have_answered, f"{workers} workers that serve")
        # The hook comes after the answer, as far as the client can tell.
        wait_for(lambda: self._by_pid("post_request") == self._by_pid("pre_request"), "the last")
        self._take()

    def _by_pid(self, hook: str) -> Counter[int]:
        return Counter(call["pid"] for call in self.calls() if call["hook"] == hook)

    def _take(self) -> list[dict[str, Any]]:
        calls = self.calls()
        self._seen += len(calls)
        return calls


def _life(serve: Serve, log: Path, program: tuple[str, ...]) -> dict[str, list[list[Call]]]:
    """A server's life in phases, and the calls of each."""
    hooked = Hooked(serve, log, program=program, ready=False)
    server = hooked.server
    phases = {"start": hooked.phase(post_worker_init=1)}
    server.ask("/hello?a=1#b", headers={"X-Given": "g", "Connection": "close"})
    phases["request"] = hooked.phase(post_request=1)
    server.send_signal(signal.SIGHUP)
    phases["HUP"] = hooked.phase(post_worker_init=1, worker_exit=1, child_exit=1)
    (worker,) = server.workers()
    os.kill(worker, signal.SIGKILL)
    phases["its worker is killed"] = hooked.phase(child_exit=1, post_worker_init=1)
    server.send_signal(signal.SIGTTIN)
    phases["TTIN"] = hooked.phase(post_worker_init=1)
    hooked.wait_until_all_serve(2)
    server.send_signal(signal.SIGTTOU)
    phases["TTOU"] = hooked.phase(nworkers_changed=1, worker_exit=1, child_exit=1)
    server.stop()
    phases["TERM"] = hooked.phase(worker_exit=1, child_exit=1, on_exit=1)
    return phases


def test_the_life_of_a_server(serve: Serve, tmp_path: Path) -> None:
    ours = _life(serve, tmp_path / "tonnage.log", TONNAGE)
    theirs = _life(serve, tmp_path / "gunicorn.log", GUNICORN)
    for phase, calls in theirs.items():
        assert ours[phase] == calls, phase


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT])
def test_an_end_at_once(serve: Serve, tmp_path: Path, number: signal.Signals) -> None:
    calls = []
    for name, program in (("ours", TONNAGE), ("theirs", GUNICORN)):
        hooked = Hooked(serve, tmp_path / name, program=program)
        hooked.phase(post_request=1)
        hooked.server.stop(number)
        calls.append(hooked.phase(worker_int=1, worker_exit=1, on_exit=1))
    assert calls[0] == calls[1]


def test_a_worker_that_hangs(serve: Serve, tmp_path: Path) -> None:
    names = []
    for name, program in (("ours", TONNAGE), ("theirs", GUNICORN)):
        hooked = Hooked(serve, tmp_path / name, "--timeout", "1", program=program)
        hooked.phase(post_request=1)
        assert hooked.server.ask("/slow?seconds=60").status == 500
        ended = hooked.phase(worker_abort=1, worker_exit=1, child_exit=1, post_worker_init=1)
        masters, *others = [[hook for hook, _ in calls] for calls in ended]
        # Ours makes the new worker while the old one still ends.
        names.append([sorted(masters), *others])
    assert names[0] == names[1]


def test_an_upgrade(serve: Serve, tmp_path: Path) -> None:
    """USR2: the hook runs in the child that is about to become the new server."""
    calls = []
    for name, program in (("ours", TONNAGE), ("theirs", GUNICORN)):
        hooked = Hooked(serve, tmp_path / name, program=program)
        hooked.phase(post_request=1)
        hooked.server.send_signal(signal.SIGUSR2)
        calls.append(hooked.phase(pre_exec=1, post_worker_init=1))
    assert calls[0] == calls[1]


def test_a_hook_that_fails(serve: Serve, tmp_path: Path) -> None:
    config = tmp_path / "hooks.conf.py"
    config.write_text(
        "def pre_request(worker, req):\n"
        "    if req.path == '/refused':\n"
        "        raise RuntimeError('refused by a hook')\n"
        "def post_request(worker, req, environ, resp):\n"
        "    raise RuntimeError('too late')\n"
    )
    server = serve("-c", str(config))
    with server.client() as client:
        assert client.ask("/").body == b"Hello, World!"
        assert client.ask("/refused").status == 500
    server.wait_for_log("refused by a hook")
    server.wait_for_log("too late")
    broken = tmp_path / "start.conf.py"
    broken.write_text("def on_starting(server):\n    raise RuntimeError('not today')\n")
    server = serve("-c", str(broken), ready=False)
    assert server.process.wait(30) == 1
    assert "not today" in server.stderr


def test_a_worker_may_ask_to_be_replaced(serve: Serve, tmp_path: Path) -> None:
    config = tmp_path / "retire.conf.py"
    config.write_text(
        "def post_request(worker, req, environ, resp):\n"
        "    if req.path == '/retire':\n"
        "        worker.alive = False\n"
    )
    server = serve("-c", str(config))
    before = server.wait_for_workers(1)
    server.ask("/retire")
    wait_for(lambda: bool(server.workers()) and not before & server.workers(), "another worker")
    assert server.ask("/").status == 200


def _hooked(serve: Serve, folder: Path, app: str) -> Served:
    config = folder / "hooks.py"
    config.write_text(
        "def pre_request(worker, req):\n"
        "    if req.path == '/hello':\n"
        "        raise ValueError('not this one')\n"
        "def post_request(worker, req, environ, resp):\n"
        "    worker.log.info('answered %s %s', req.path, resp.status)\n"
    )
    return serve("-c", str(config), app=app)


@BOTH
def test_hooks_and_logs_see_the_server_s_own_answer(serve: Serve, tmp_path: Path, app: str) -> None:
    server = _hooked(serve, tmp_path, app)
    for path, error in (("/error", "RuntimeError"), ("/hello", "ValueError: not this one")):
        assert server.ask(path).status == 500
        server.wait_for_log(f"answered {path} 500 Internal Server Error")
        server.wait_for_log(error)
