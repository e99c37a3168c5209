"""A steady load by Tonnage's own generator, and what became of its requests."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from serving import DEADLINE_SECONDS, Served, wait_for

_ROOT = Path(__file__).parent.parent
PROGRAM = Path(os.environ.get("TONNAGE_PROGRAM", _ROOT / "target/debug/tonnage"))

# What has no answer by then has failed. On busy machines a second is not always enough.
_TIMEOUT_SECONDS = 3.0


@dataclass
class Report:
    """How many requests were answered, how many failed and how, such as ``wait closed``;
    one that hangs is a ``wait timeout``."""

    succeeded: int
    failures: Counter[str]

    def assert_nothing_lost(self) -> None:
        assert self.failures == Counter(), self


class Load:
    """Requests at a constant rate, whatever the server does, on connections that are kept
    or, where they are ``new``, made for each."""

    def __init__(
        self, served: Served, target: str = "/", *, rate: int = 200, new: bool = False
    ) -> None:
        assert PROGRAM.exists(), f"{PROGRAM} is missing: cargo build"
        assert isinstance(served.address, tuple)
        self._json = served.folder / "load.json"
        self._rate = rate
        host, port = served.address
        self._command = [
            *(str(PROGRAM), "load", "--quiet", "--no-calibration", "--json", str(self._json)),
            *("--rate", str(rate), "--connections", "16", "--duration", "10m"),
            *("--timeout", f"{_TIMEOUT_SECONDS}s", "--expect-status", "200"),
            *(["--no-keepalive"] if new else []),
            f"http://{host}:{port}{target}",
        ]

    def __enter__(self) -> Load:
        self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL)
        with contextlib.ExitStack() as stack:
            stack.callback(self._process.kill)
            wait_for(lambda: sockets(self._process.pid) > 0, "a first connection of the load")
            stack.pop_all()
        self.goes_on()
        return self

    def goes_on(self, seconds: float = 0.5) -> None:
        """Nothing is waited for: so much more load is what is wanted."""
        time.sleep(seconds)

    def __exit__(self, error: object, *_: object) -> None:
        if error is None:
            # What hangs by now is a failure then.
            self.goes_on(_TIMEOUT_SECONDS + 0.5)
        # It reports what it has.
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(DEADLINE_SECONDS)
        finally:
            self._process.kill()
            self._process.wait()

    def report(self) -> Report:
        """What became of it, once it has ended."""
        told = json.loads(self._json.read_bytes())
        assert told["ended"] == "interrupted", told["ended"]
        counts = told["counts"]
        failures = Counter(
            {f"{one['phase']} {one['cause']}": one["count"] for one in told["failures"]}
        )
        report = Report(counts["succeeded"], failures)
        # There was a load at all: what did not leave could not be lost.
        assert counts["started"] > self._rate * told["window_us"] / 1e6 / 2, counts
        return report


def sockets(pid: int) -> int:
    """How many a process has: its connections and, of a server, a few of its own."""
    links = []
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        # Some are gone before they are looked at.
        with contextlib.suppress(FileNotFoundError):
            links.append(os.readlink(entry))
    return sum(link.startswith("socket:") for link in links)
