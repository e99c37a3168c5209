"""The status address: answered by the supervisor, whatever becomes of the workers."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import BOTH, Serve
from loading import PROGRAM
from serving import Answer, Client, Served, free_port, wait_for

# What the server is held to, whatever its workers do.
_LATENCY_SECONDS = 0.05


class Status:
    """A server's status address."""

    def __init__(self, serve: Serve, *arguments: str, **options: Any) -> None:
        self.address = ("127.0.0.1", free_port())
        bind = f"{self.address[0]}:{self.address[1]}"
        self.server: Served = serve("--status-bind", bind, *arguments, **options)

    def ask(self, path: str) -> Answer:
        with Client(self.address) as client:
            return client.ask(path)

    def now(self) -> dict[str, Any]:
        told = self.ask("/status").json()
        assert isinstance(told, dict)
        return told

    def wait_until(self, what: str, holds: Any) -> None:
        wait_for(lambda: bool(holds(self.now())), what)

    def metrics(self) -> dict[str, float]:
        """Values by names with their labels."""
        lines = self.ask("/metrics").text.splitlines()
        pairs = [line.rsplit(" ", 1) for line in lines if not line.startswith("#")]
        return {name: float(value) for name, value in pairs}

    def total(self, name: str) -> float:
        """The sum over all workers."""
        values = self.metrics().items()
        return sum(value for known, value in values if known.split("{")[0] == name)

    def _seconds(self, path: str) -> float:
        start = time.perf_counter()
        assert self.ask(path).status in (200, 503)
        return time.perf_counter() - start

    def wait_until_quick(self) -> None:
        """A machine that is busy otherwise may keep anybody waiting now and then."""
        for path in ("/health", "/metrics"):
            wait_for(
                lambda path=path: (  # type: ignore[misc]
                    statistics.median(self._seconds(path) for _ in range(9)) < _LATENCY_SECONDS
                ),
                f"{path} within {_LATENCY_SECONDS} s",
            )


def test_it_answers_while_all_workers_keep_the_lock(serve: Serve) -> None:
    status = Status(serve, "--workers", "2", app="stuck_app:app")
    with contextlib.ExitStack() as stack:

        def all_spin(now: dict[str, Any]) -> bool:
            free = [one for one in now["workers"] if not one["requests_in_flight"]]
            if free:
                stack.enter_context(status.server.client()).request("/spin")
            return not free

        status.wait_until("both workers to spin", all_spin)
        status.wait_until_quick()
        assert all(one["busy_s"] is not None for one in status.now()["workers"])
        assert status.total("tonnage_requests_in_flight") == 2


@BOTH
def test_it_answers_while_all_workers_are_stopped(serve: Serve, app: str) -> None:
    status = Status(serve, "--workers", "2", app=app)
    workers = status.server.wait_for_workers(2)
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    try:
        status.wait_until(
            "stopped workers",
            lambda now: all(one["process"]["state"] == "stopped" for one in now["workers"]),
        )
        status.wait_until_quick()
    finally:
        for pid in workers:
            os.kill(pid, signal.SIGCONT)
    assert status.server.ask("/hello").status == 200


@BOTH
def test_numbers_agree_with_those_of_the_generator(serve: Serve, app: str, tmp_path: Path) -> None:
    status = Status(serve, "--workers", "2", "--threads", "4", app=app)
    target = "/slow?seconds=0.5" if app.startswith("wsgi") else "/sleep?seconds=0.5"
    # The question whether it is ready is counted when it was answered.
    status.wait_until("a first request", lambda now: now["totals"]["responses"] == 1)
    # Where the generator has to wait for a processor, that is in its figures alone: on a busy
    # machine it takes several attempts.
    seen: list[str] = []
    assert any(_agrees(status, target, tmp_path, seen) for _ in range(8)), seen


def _agrees(status: Status, target: str, tmp_path: Path, seen: list[str]) -> bool:
    """Whether both ends agree on service time; on requests they do whatever happens."""
    before = status.now()["totals"]
    assert isinstance(status.server.address, tuple)
    host, port = status.server.address
    told = tmp_path / "load.json"
    command = [
        *(str(PROGRAM), "load", "--quiet", "--no-calibration", "--json", str(told)),
        *("--connections", "8", "--requests", "40", "--warmup", "0s", "--ramp", "0s"),
        *("--server-status", "{}:{}".format(*status.address)),
        *("--expect-status", "200", f"http://{host}:{port}{target}"),
    ]
    # Long requests: on a busy machine both ends wait some milliseconds for a processor, which
    # is in the one's figure and not in the other's. What the generator thinks of its own
    # figures there is its affair.
    subprocess.run(command, stdin=subprocess.DEVNULL, timeout=60, check=False)
    report = json.loads(told.read_bytes())
    begun = before["service"]["count"] + report["counts"]["started"]
    status.wait_until("all counted", lambda now: now["totals"]["service"]["count"] >= begun)
    after = status.now()["totals"]
    answered = after["statuses"]["200"] - before["statuses"].get("200", 0)
    assert answered == pytest.approx(report["counts"]["succeeded"], rel=0.01)
    service = [after["service"][name] - before["service"][name] for name in ("sum_s", "count")]
    assert status.total("tonnage_request_duration_seconds_count") == after["service"]["count"]
    # The generator has looked for itself.
    theirs = report["server"]
    assert theirs["requests"] == pytest.approx(report["counts"]["succeeded"], rel=0.01)
    assert theirs["service_us"] == pytest.approx(service[0] / service[1] * 1e6, rel=0.05)
    parts = ("queue_wait", "gil_wait", "application", "write")
    # The end of a response that clients were slow to take is no part of the service time.
    assert sum(after[part]["sum_s"] for part in parts) >= after["service"]["sum_s"] * 0.999
    at_the_client_s = report["service_time"]["mean_us"] / 1e6
    seen.append(f"{at_the_client_s} s and {service[0] / service[1]} s")
    return bool(service[0] / service[1] == pytest.approx(at_the_client_s, rel=0.05))


def test_numbers_outlive_workers_and_ends_are_counted_by_cause(serve: Serve) -> None:
    status = Status(serve)
    for _ in range(5):
        assert status.server.ask("/hello").status == 200
    # A response is counted when it was sent.
    status.wait_until("five responses and one", lambda now: now["totals"]["responses"] == 6)
    (first,) = status.server.workers()
    os.kill(first, signal.SIGKILL)
    status.server.wait_for_others({first})
    status.server.send_signal(signal.SIGHUP)
    status.wait_until("a reload", lambda now: now["worker_ends"]["reload"] == 1)
    assert status.server.ask("/hello").status == 200
    status.wait_until("one more", lambda now: now["totals"]["responses"] == 7)
    now = status.now()
    assert now["worker_ends"]["signal"] == 1
    assert now["server"]["generation"] == 2
    assert status.metrics()['tonnage_worker_ends_total{cause="signal"}'] == 1


def test_no_worker_keeps_the_status_sockets(serve: Serve) -> None:
    status = Status(serve, "--workers", "1")
    # What the kernel calls the sockets of this port, whoever has them.
    port = f":{status.address[1]:04X}"
    with socket.create_connection(status.address):
        # It asks nothing, and is there when the next worker is forked.
        wait_for(lambda: len(_inodes(port) & _sockets(status.server.pid)) == 2, "a connection")
        status.server.send_signal(signal.SIGTTIN)
        workers = status.server.wait_for_workers(2)
        status.server.wait_until_all_serve(2)
        theirs = {link for pid in workers for link in _sockets(pid)}
        assert not theirs & _inodes(port)


def _inodes(port: str) -> set[str]:
    """Of the sockets whose own port this is."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {f"socket:[{line[9]}]" for line in lines if line[1].endswith(port)}


def _sockets(pid: int) -> set[str]:
    links = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            links.add(os.readlink(entry))
    return {link for link in links if link.startswith("socket:")}


def test_statsd_hears_gunicorns_names(serve: Serve) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as collector:
        collector.bind(("127.0.0.1", 0))
        collector.settimeout(20)
        server = serve(
            *("--statsd-host", f"127.0.0.1:{collector.getsockname()[1]}"),
            *("--statsd-prefix", "shop", "--dogstatsd-tags", "env:test"),
            "--enable-backlog-metric",
        )
        assert server.ask("/error").status == 500
        told: list[str] = []
        wanted = {
            "shop.gunicorn.requests",
            "shop.gunicorn.request.status.500",
            "shop.gunicorn.request.duration",
            "shop.gunicorn.workers",
            "shop.gunicorn.backlog",
            "shop.gunicorn.log.exception",
        }

        def has_heard_all() -> bool:
            told.extend(collector.recv(2000).decode().split("\n"))
            return wanted <= {line.split(":")[0] for line in told}

        wait_for(has_heard_all, "all metrics")
    assert all(line.endswith("|#env:test") for line in told)
    assert "shop.gunicorn.workers:1|g|#env:test" in told
    # As gunicorn sends them.
    assert "shop.gunicorn.log.exception:1|c|@1.0|#env:test" in told
    assert any(re.fullmatch(r"shop\.gunicorn\.backlog:\d+\|h\|#env:test", line) for line in told)
    assert not any("gunicorn.log.error" in line for line in told)
    assert "shop.gunicorn.request.status.500:1|c|@1.0|#env:test" in told


@BOTH
@pytest.mark.parametrize("logger", [(), ("--logger-class", "loggers.Plain")], ids=["own", "python"])
def test_lines_of_json_name_their_trace(
    serve: Serve, app: str, logger: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "loggers.py").write_text(
        "from tonnage._logging import Logger\n\n\n"
        "class Plain(Logger):\n"
        "    def now(self):\n"
        "        return 'whatever'\n"
    )
    server = serve(
        *("--access-logfile", "-", "--access-logformat", "json", *logger),
        app=app,
        env={"PYTHONPATH": str(tmp_path)},
    )
    trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    parent = f"00-{trace}-{span}-01"
    fields = {"traceparent": parent, "User-Agent": 'a"b'}
    assert server.ask("/hello?x=1", headers=fields).status == 200
    server.wait_for_output(trace)
    (line,) = [line for line in server.stdout.splitlines() if trace in line]
    logged = json.loads(line)
    # Paths are text, whoever writes the line.
    server.ask("/f%C3%BCr", headers={"User-Agent": "\u00ff"})
    server.wait_for_output('"path":"/f\u00fcr"')
    server.wait_for_output('"user_agent":"\u00ff"')
    assert logged["span_id"] == span
    assert (logged["method"], logged["path"], logged["query"]) == ("GET", "/hello", "x=1")
    assert (logged["status"], logged["body_bytes"], logged["user_agent"]) == (200, 13, 'a"b')
    assert 0 <= logged["duration_s"] < 30
    assert logged["time"][10] == "T"
    assert logged["pid"] in server.workers()
    # The application is handed it as it came.
    target = "/environ" if app.startswith("wsgi") else "/scope"
    assert parent in server.ask(target, headers=fields).text
