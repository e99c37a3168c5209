"""What gunicorn's hooks and loggers are given: a server, workers, requests, responses.

They have gunicorn's attributes and none of its machinery: the supervisor and the workers
are the extension's. ``Observer`` is how both come together at each request, and exists
only where somebody is there to be told.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from ._reloader import Troubles

if TYPE_CHECKING:
    from . import _tonnage
    from ._application import Application
    from ._settings import Config

__all__ = ["Observer", "Request", "Response", "Server", "Worker", "observer_of"]


class Server:
    """gunicorn's ``Arbiter`` as hooks see it."""

    def __init__(self, application: Application, log: Any) -> None:
        self.app = application
        self.log = log
        self.pid = os.getpid()
        self.num_workers: int = application.cfg.workers
        self.worker_age = 0
        # The process whose USR2 made this one, and the one that ours made.
        self.master_pid = int(os.environ.get("GUNICORN_PID", "0") or 0)
        self.reexec_pid = 0
        self.WORKERS: dict[int, Worker] = {}
        self.LISTENERS: list[str] = []
        self.troubles = Troubles()

    @property
    def cfg(self) -> Config:
        return self.app.cfg

    @property
    def timeout(self) -> int:
        return int(self.cfg.timeout)

    @property
    def address(self) -> Any:
        return self.cfg.address

    @property
    def master_name(self) -> str:
        return f"Master{self._suffix}"

    @property
    def proc_name(self) -> str:
        return f"{self.cfg.proc_name}{self._suffix}"

    @property
    def _suffix(self) -> str:
        """As long as the process is there whose USR2 made this one."""
        return ".2" if self.master_pid else ""


class Worker:
    """gunicorn's ``Worker`` as hooks see it."""

    def __init__(self, server: Server, age: int, native: _tonnage.Worker) -> None:
        self.age = age
        self.pid: int | str = "[booting]"
        self.ppid = server.pid
        self.app = server.app
        self.cfg = server.cfg
        self.log = server.log
        self.timeout = server.timeout / 2.0
        self.sockets = list(server.LISTENERS)
        self.booted = False
        # Files have changed since it was started (`--reload`).
        self.is_outdated = False
        self.aborted = False
        self.wsgi: Any = None
        self._native = native
        self._alive = True

    def __str__(self) -> str:
        return f"<Worker {self.pid}>"

    @property
    def nr(self) -> int:
        """Requests that the application was given so far."""
        return self._native.requests

    @property
    def alive(self) -> bool:
        """Hooks set it to ``False`` to have the worker finish and be replaced."""
        return self._alive

    @alive.setter
    def alive(self, alive: bool) -> None:
        if self._alive and not alive:
            self._native.drain()
        self._alive = bool(alive)

    def notify(self) -> None:
        """A sign of life, which the extension gives by itself."""


class Request:
    """A request, read out of the environ or the scope when it is looked at."""

    def __init__(self, environ: Mapping[str, Any]) -> None:
        self.environ = environ
        self._is_asgi = "asgi" in environ

    @property
    def method(self) -> str:
        # A websocket's scope has none.
        return str(self.environ.get("method" if self._is_asgi else "REQUEST_METHOD", "GET"))

    @property
    def scheme(self) -> str:
        return str(self.environ["scheme" if self._is_asgi else "wsgi.url_scheme"])

    @property
    def path(self) -> str:
        """As it stood in the request line, without the query."""
        path = self.uri.partition("#")[0].partition("?")[0]
        if path.startswith("/") or "://" not in path:
            return path
        # Of a whole URI.
        _, slash, rest = path.partition("://")[2].partition("/")
        return slash + rest

    @property
    def query(self) -> str:
        if self._is_asgi:
            return bytes(self.environ["query_string"]).decode("latin-1")
        return str(self.environ.get("QUERY_STRING", ""))

    @property
    def fragment(self) -> str:
        return self.uri.partition("#")[2]

    @property
    def uri(self) -> str:
        if not self._is_asgi:
            return str(self.environ["RAW_URI"])
        raw = self.environ.get("raw_path")
        path = bytes(raw).decode("latin-1") if raw is not None else str(self.environ["path"])
        return f"{path}?{self.query}" if self.query else path

    @property
    def version(self) -> tuple[int, int]:
        text = (
            f"HTTP/{self.environ['http_version']}"
            if self._is_asgi
            else str(self.environ["SERVER_PROTOCOL"])
        )
        major, _, minor = text.removeprefix("HTTP/").partition(".")
        return int(major), int(minor or 0)

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Names in upper case, as gunicorn has them."""
        if self._is_asgi:
            return [
                (bytes(name).decode("latin-1").upper(), bytes(value).decode("latin-1"))
                for name, value in self.environ["headers"]
            ]
        names = {
            name: name.removeprefix("HTTP_").replace("_", "-")
            for name in self.environ
            if name.startswith("HTTP_") or name in ("CONTENT_TYPE", "CONTENT_LENGTH")
        }
        return [
            (field, value)
            for name, field in names.items()
            if isinstance(value := self.environ[name], str)
        ]

    @property
    def remote_addr(self) -> tuple[str, int]:
        if self._is_asgi:
            client = self.environ.get("client")
            return (str(client[0]), int(client[1])) if client else ("", 0)
        port = str(self.environ.get("REMOTE_PORT", "0"))
        return str(self.environ.get("REMOTE_ADDR", "")), int(port) if port.isdigit() else 0

    peer_addr = remote_addr
    # Fields after the body are not kept.
    trailers: ClassVar[list[tuple[str, str]]] = []

    @property
    def proxy_protocol_info(self) -> dict[str, Any] | None:
        """What a proxy has said of the connection, where the request is one of WSGI."""
        said = self.environ.get("PROXY_PROTOCOL")
        if said is None:
            return None
        address = self.environ.get("PROXY_ADDR")
        client, port = self.remote_addr
        return {
            "proxy_protocol": said,
            "client_addr": client if address else None,
            "client_port": port if address else None,
            "proxy_addr": address,
            "proxy_port": int(self.environ["PROXY_PORT"]) if address else None,
        }

    def should_close(self) -> bool:
        """Whether no other request follows on the connection."""
        if self.method == "CONNECT":
            return True
        for name, value in self.headers:
            if name == "CONNECTION" and value.lower() in ("close", "keep-alive"):
                return value.lower() == "close"
        return self.version <= (1, 0)

    def as_environ(self) -> Mapping[str, Any]:
        """What a WSGI server would have made of it, for loggers."""
        if not self._is_asgi:
            return self.environ
        made: dict[str, Any] = {
            "REQUEST_METHOD": self.method,
            "RAW_URI": self.uri,
            "PATH_INFO": str(self.environ["path"]),
            "QUERY_STRING": self.query,
            "SERVER_PROTOCOL": f"HTTP/{self.environ['http_version']}",
            "REMOTE_ADDR": self.remote_addr[0] or "-",
            "wsgi.url_scheme": self.scheme,
        }
        for name, value in self.headers:
            key = name.replace("-", "_")
            made[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
        return made


class Response:
    """An answer that has been given."""

    def __init__(
        self, request: Request, status: int, reason: str, headers: list[tuple[str, str]], sent: int
    ) -> None:
        self.req = request
        self.status = f"{status} {reason}".rstrip()
        self.status_code = status
        self.headers = headers
        self.headers_sent = True
        self.sent = sent
        self.response_length = next(
            (int(v) for n, v in headers if n.lower() == "content-length" and v.isdigit()), None
        )

    def is_chunked(self) -> bool:
        """Whether its length was not known when it began."""
        return (
            self.response_length is None
            and self.req.version > (1, 0)
            and self.req.method != "HEAD"
            and self.status_code not in (204, 304)
        )


class Observer:
    """Runs the hooks of each request, and logs it where Python has a say in that."""

    def __init__(self, worker: Worker, logs: bool) -> None:
        self._worker = worker
        self._before = worker.cfg.hook("pre_request")
        self._after = worker.cfg.hook("post_request")
        self._logs = logs

    def begin(self, environ: dict[str, Any]) -> Request:
        request = Request(environ)
        if self._before is not None:
            self._before(self._worker, request)
        return request

    def end(
        self,
        request: object,
        environ: dict[str, Any],
        status: int,
        reason: str,
        headers: list[tuple[str, str]],
        sent_bytes: int,
        took_us: int,
    ) -> None:
        # Where `begin` raised there is none.
        known = request if isinstance(request, Request) else Request(environ)
        response = Response(known, status, reason, headers, sent_bytes)
        self._log(known, response, took_us)
        if self._after is not None:
            try:
                self._after(self._worker, known, environ, response)
            except Exception:
                self._worker.log.exception("Exception in post_request hook")

    def refused(
        self, environ: dict[str, Any], status: int, reason: str, sent_bytes: int, took_us: int
    ) -> None:
        """A request that no hook and no application has seen is logged all the same."""
        request = Request(environ)
        self._log(request, Response(request, status, reason, [], sent_bytes), took_us)

    def _log(self, request: Request, response: Response, took_us: int) -> None:
        if not self._logs:
            return
        log, took = self._worker.log, datetime.timedelta(microseconds=took_us)
        try:
            log.access(response, request, request.as_environ(), took)
        except Exception:
            log.exception("Exception in the access log")


def observer_of(worker: Worker, logs: bool) -> Observer | None:
    """``None`` where nobody wants to know of requests."""
    hooks = (worker.cfg.hook("pre_request"), worker.cfg.hook("post_request"))
    if logs or any(hook is not None for hook in hooks):
        return Observer(worker, logs)
    return None
