"""Real ``tonnage serve`` processes, and clients that say exactly what they are told to.

Nothing here sleeps for luck: whatever is waited for has a condition and a deadline.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

APPS = Path(__file__).parent / "apps"

# What is tested, and whose place it takes, as arguments of the interpreter.
TONNAGE = ("-m", "tonnage", "serve")
GUNICORN = ("-m", "gunicorn", "--no-control-socket")

# Long enough for any machine, short enough to end a suite that hangs.
DEADLINE_SECONDS = 30.0


def wait_for(condition: Callable[[], bool], what: str, seconds: float = DEADLINE_SECONDS) -> None:
    """Waits until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.01)


def environment(**changes: str) -> dict[str, str]:
    """This process's variables for a server: the applications can be imported, and nothing
    configures it but ``changes``."""
    made = {**os.environ, "PYTHONUNBUFFERED": "1", **changes}
    for name in ("GUNICORN_CMD_ARGS", "WEB_CONCURRENCY", "PORT", "FORWARDED_ALLOW_IPS"):
        if name not in changes:
            made.pop(name, None)
    paths = [str(APPS), changes.get("PYTHONPATH", ""), os.environ.get("PYTHONPATH", "")]
    made["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    return made


@dataclass
class Answer:
    """A response, taken apart by a reader that forgives nothing."""

    status: int
    reason: str
    version: str
    fields: list[tuple[str, str]]
    body: bytes
    trailers: list[tuple[str, str]] = field(default_factory=list)

    def all(self, name: str) -> list[str]:
        return [value for known, value in self.fields if known.lower() == name.lower()]

    def get(self, name: str) -> str | None:
        values = self.all(name)
        assert len(values) < 2, f"{name} comes {len(values)} times"
        return values[0] if values else None

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> object:
        return json.loads(self.body)


class Client:
    """A connection on which bytes are sent as they are."""

    def __init__(self, address: tuple[str, int] | str, timeout: float = DEADLINE_SECONDS) -> None:
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        self.socket.connect(address)
        self._buffer = b""

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def request(
        self,
        target: str = "/",
        *,
        method: str = "GET",
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
        version: str = "HTTP/1.1",
    ) -> None:
        fields = {"Host": "test", **(headers or {})}
        if body is not None:
            fields.setdefault("Content-Length", str(len(body)))
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self.send(f"{method} {target} {version}\r\n{head}\r\n".encode("latin-1") + (body or b""))

    def ask(self, target: str = "/", **what: object) -> Answer:
        """One request and its answer."""
        self.request(target, **what)  # type: ignore[arg-type]
        return self.answer(head_only=what.get("method") == "HEAD")

    def answer(self, *, head_only: bool = False) -> Answer:
        """The next answer; fails where it is not framed as RFC 9112 wants it."""
        lines = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        match = re.fullmatch(r"(HTTP/1\.[01]) (\d{3}) (.*)", lines[0])
        assert match, lines[0]
        fields = [self._field(line) for line in lines[1:] if line]
        answer = Answer(int(match[2]), match[3], match[1], fields, b"")
        if head_only or answer.status in (204, 304) or answer.status < 200:
            return answer
        length, coding = answer.get("content-length"), answer.get("transfer-encoding")
        assert length is None or coding is None, "both a length and a coding"
        if coding is not None:
            assert coding == "chunked", coding
            self._chunks(answer)
        elif length is not None:
            answer.body = self._exactly(int(length))
        else:
            assert "close" in [value.lower() for value in answer.all("connection")]
            answer.body = self.rest()
        return answer

    def rest(self) -> bytes:
        """What comes until the server closes the connection."""
        parts = [self._buffer]
        self._buffer = b""
        while part := self._receive():
            parts.append(part)
        return b"".join(parts)

    def is_closed(self) -> bool:
        """Whether the server closes, with nothing more to say."""
        return self.rest() == b""

    def _chunks(self, answer: Answer) -> None:
        while True:
            size = int(self._until(b"\r\n").decode(), 16)
            if size == 0:
                break
            answer.body += self._exactly(size)
            assert self._exactly(2) == b"\r\n"
        while line := self._until(b"\r\n"):
            answer.trailers.append(self._field(line.decode("latin-1")))

    def _field(self, line: str) -> tuple[str, str]:
        match = re.fullmatch(r"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*(.*?)[ \t]*", line)
        assert match, f"no field: {line!r}"
        return match[1], match[2]

    def _until(self, end: bytes) -> bytes:
        while end not in self._buffer:
            part = self._receive()
            assert part, f"closed after {self._buffer!r}"
            self._buffer += part
        before, _, self._buffer = self._buffer.partition(end)
        return before

    def _exactly(self, count: int) -> bytes:
        parts, have = [self._buffer], len(self._buffer)
        while have < count:
            part = self._receive()
            assert part, f"closed after {have} of {count} bytes"
            parts.append(part)
            have += len(part)
        data = b"".join(parts)
        self._buffer = data[count:]
        return data[:count]

    def _receive(self) -> bytes:
        try:
            return self.socket.recv(1 << 16)
        except ConnectionResetError:
            return b""


class Served:
    """A running server."""

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        app: str | None,
        bind: str | None,
        listener: socket.socket | None,
        env: dict[str, str],
        cwd: Path,
        program: tuple[str, ...],
    ) -> None:
        self.folder = folder
        self.address: tuple[str, int] | str
        if listener is not None:
            self.address = listener.getsockname()
            bind = f"fd://{listener.fileno()}"
        elif bind is None:
            self.address = ("127.0.0.1", free_port())
            bind = f"{self.address[0]}:{self.address[1]}"
        elif bind.startswith("unix:"):
            self.address = bind.removeprefix("unix:")
        else:
            host, _, port = bind.rpartition(":")
            self.address = (host, int(port))
        self.stderr_path = folder / "stderr.txt"
        self.stdout_path = folder / "stdout.txt"
        command = [sys.executable, *program, "--bind", bind]
        # A busy machine makes clients pause for longer than the default's two seconds.
        command += ["--keep-alive", "60", *arguments]
        if app is not None:
            command.append(app)
        with open(self.stdout_path, "wb") as out, open(self.stderr_path, "wb") as err:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd=cwd,
                env=environment(**env),
                pass_fds=[] if listener is None else [listener.fileno()],
                # All of it can be killed, whatever becomes of the supervisor.
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def stderr(self) -> str:
        return self.stderr_path.read_text(errors="replace")

    @property
    def stdout(self) -> str:
        return self.stdout_path.read_text(errors="replace")

    def wait_until_ready(self) -> None:
        """Until it answers anything at all."""

        def answers() -> bool:
            code = self.process.poll()
            assert code is None, f"ended with {code}:\n{self.stderr}"
            try:
                with Client(self.address, timeout=5) as client:
                    client.request("/ready")
                    return client.answer().status > 0
            except (OSError, AssertionError):
                return False

        wait_for(answers, "the server to answer")

    def client(self, timeout: float = DEADLINE_SECONDS) -> Client:
        return Client(self.address, timeout)

    def ask(self, target: str = "/", **what: object) -> Answer:
        """A request on a connection of its own."""
        with self.client() as client:
            return client.ask(target, **what)

    def serving(self, connections: int = 40) -> list[int]:
        """Which worker answers on each of so many connections that are open together."""
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(self.client()) for _ in range(connections)]
            return [int(client.ask("/pid").body) for client in clients]

    def wait_until_all_serve(self, count: int) -> None:
        """Until each worker takes its part; what they are called afterwards is theirs."""
        wait_for(lambda: len(set(self.serving())) == count, f"{count} workers that serve")

    def wait_for_others(self, before: set[int]) -> set[int]:
        """Until none of these workers is left, and as many others are there."""

        def are_others() -> bool:
            now = self.workers()
            return len(now) == len(before) and not now & before

        wait_for(are_others, "other workers")
        return self.workers()

    def events(self) -> list[str]:
        """What the applications for ASGI wrote down."""
        noted = self.ask("/events").json()
        assert isinstance(noted, list)
        return noted

    def send_signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def workers(self) -> set[int]:
        """The supervisor's children, without those that are dead already."""
        found = set()
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            with contextlib.suppress(OSError):
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
                if int(parent) == self.pid and state != "Z":
                    found.add(int(entry.name))
        return found

    def rss_kib(self) -> int:
        """The memory that its one worker has."""
        (worker,) = self.workers()
        match = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{worker}/status").read_text())
        assert match
        return int(match[1])

    def wait_for_workers(self, count: int) -> set[int]:
        wait_for(lambda: len(self.workers()) == count, f"{count} workers")
        return self.workers()

    def wait_for_log(self, text: str, times: int = 1) -> None:
        found = f"{text!r}, {times} times, in\n{self.stderr}"
        wait_for(lambda: self.stderr.count(text) >= times, found)

    def wait_for_output(self, text: str) -> None:
        wait_for(lambda: text in self.stdout, f"{text!r} in\n{self.stdout}")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Asks it to end, and returns its exit code."""
        if self.process.poll() is None:
            self.send_signal(number)
        return self.process.wait(DEADLINE_SECONDS)

    def kill(self) -> None:
        """Whatever is left of it, at the end of a test."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait(DEADLINE_SECONDS)


def free_port() -> int:
    """A port that nobody has, among those that the kernel gives to no client: until the
    server has it, somebody else's connection must not take it."""
    while True:
        port = random.randint(10_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@contextlib.contextmanager
def served(
    folder: Path,
    *arguments: str,
    app: str | None = "wsgi_app:app",
    bind: str | None = None,
    listener: socket.socket | None = None,
    env: dict[str, str] | None = None,
    cwd: Path | None = None,
    ready: bool = True,
    program: tuple[str, ...] = TONNAGE,
) -> Iterator[Served]:
    """Starts a server, waits until it answers, and always ends it."""
    server = Served(
        folder,
        *arguments,
        app=app,
        bind=bind,
        listener=listener,
        env=env or {},
        cwd=cwd or folder,
        program=program,
    )
    try:
        if ready:
            server.wait_until_ready()
        yield server
    finally:
        server.kill()
