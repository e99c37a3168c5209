"""The loggers' own rules; without any server."""

from __future__ import annotations

import datetime
import logging
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tonnage._log_setup import syslog_address
from tonnage._logging import Logger, SafeAtoms, logger_class


def _cfg(**changed: Any) -> Any:
    settings: dict[str, Any] = {
        "loglevel": "info",
        "errorlog": "-",
        "accesslog": None,
        "access_log_format": "%(m)s %(U)s",
        "capture_output": False,
        "syslog": False,
        "disable_redirect_access_to_syslog": False,
        "logconfig": None,
        "logconfig_dict": {},
        "logconfig_json": None,
        "uid": -1,
        "gid": -1,
    }
    return types.SimpleNamespace(**{**settings, **changed})


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    yield
    for name in ("gunicorn.error", "gunicorn.access"):
        log = logging.getLogger(name)
        log.handlers.clear()
        log.filters.clear()


def test_lines_go_past_python_where_nobody_looks_at_them(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    log = Logger(_cfg(accesslog=str(path)))
    descriptor, where = log.access_destination() or (None, None)
    assert where == str(path)
    assert descriptor == log.access_log.handlers[0].stream.fileno()  # type: ignore[attr-defined]


def test_somebody_who_looks_at_lines_gets_them(tmp_path: Path) -> None:
    cfg = _cfg(accesslog=str(tmp_path / "access.log"))
    log = Logger(cfg)
    log.access_log.addFilter(lambda record: "health" not in record.getMessage())
    assert log.access_destination() is None
    log.access_log.filters.clear()
    assert log.access_destination() is not None
    log.access_log.addHandler(logging.NullHandler())
    assert log.access_destination() is None
    log.access_log.handlers.pop()
    log.access_log.propagate = True
    assert log.access_destination() is None

    class Own(Logger):
        def atoms(self, *args: Any) -> dict[str, Any]:
            return super().atoms(*args)

    assert Own(cfg).access_destination() is None


def test_variables_of_the_environ_are_pythons(tmp_path: Path) -> None:
    cfg = _cfg(accesslog=str(tmp_path / "access.log"), access_log_format="%({X.Y}e)s")
    assert Logger(cfg).access_destination() is None
    cfg = _cfg(accesslog=str(tmp_path / "access.log"), access_log_format="%({e}i)s %(e)s")
    assert Logger(cfg).access_destination() is not None


def test_setting_up_again_leaves_one_handler_each(tmp_path: Path) -> None:
    cfg = _cfg(accesslog=str(tmp_path / "a.log"), errorlog=str(tmp_path / "e.log"))
    log = Logger(cfg)
    log.setup(cfg)
    assert len(log.error_log.handlers) == len(log.access_log.handlers) == 1


def test_an_access_line_of_python(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    text = (
        '%(h)s %(l)s %(u)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s" %(D)s %(L)s '
        "%({X-A}i)s %({x-b}o)s %({c}e)s %(z)s"
    )
    log = Logger(_cfg(accesslog=str(path), access_log_format=text))
    environ = {
        "REMOTE_ADDR": "192.0.2.1",
        "REQUEST_METHOD": "GET",
        "RAW_URI": "/a?b",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_USER_AGENT": 'say "hi"',
        "HTTP_AUTHORIZATION": "Basic YW5uYTpzZWNyZXQ=",
        "c": "see",
    }
    request = types.SimpleNamespace(headers=[("X-A", "one")])
    response = types.SimpleNamespace(status="200 OK", sent=13, headers=[("X-B", "two")])
    log.access(response, request, environ, datetime.timedelta(seconds=1, microseconds=2))
    assert path.read_text() == (
        '192.0.2.1 - anna "GET /a?b HTTP/1.1" 200 13 "-" "say \\"hi\\"" 1000002 1.000002 '
        "one two see -\n"
    )


def test_files_are_opened_anew(tmp_path: Path) -> None:
    path = tmp_path / "error.log"
    log = Logger(_cfg(errorlog=str(path)))
    log.info("before")
    path.rename(tmp_path / "error.log.1")
    log.reopen_files()
    log.info("after")
    assert "before" in (tmp_path / "error.log.1").read_text()
    assert "after" in path.read_text()
    assert "before" not in path.read_text()


def test_a_configuration_of_logging(tmp_path: Path) -> None:
    path = tmp_path / "own.log"
    handler = {"class": "logging.FileHandler", "filename": str(path), "formatter": "generic"}
    changed = {
        "handlers": {"own": handler},
        "root": {"level": "INFO", "handlers": []},
        "loggers": {"gunicorn.error": {"level": "DEBUG", "handlers": ["own"], "propagate": False}},
    }
    log = Logger(_cfg(logconfig_dict=changed))
    log.debug("seen")
    assert "[DEBUG] seen" in path.read_text()
    assert log.access_log_enabled
    with pytest.raises(RuntimeError, match="not found"):
        Logger(_cfg(logconfig=str(tmp_path / "nothing.ini")))


def test_classes() -> None:
    assert logger_class("gunicorn.glogging.Logger") is Logger
    assert logger_class("tonnage._logging.Logger") is Logger
    assert logger_class(SafeAtoms) is SafeAtoms
    with pytest.raises(ValueError, match=r"cannot load 'nothing\.Here'"):
        logger_class("nothing.Here")


def test_syslog_addresses() -> None:
    import socket

    assert syslog_address("udp://Host:99") == (socket.SOCK_DGRAM, ("host", 99))
    assert syslog_address("tcp://[::1]") == (socket.SOCK_STREAM, ("::1", 514))
    assert syslog_address("unix:///dev/log#dgram") == (socket.SOCK_DGRAM, "/dev/log")
    assert syslog_address("unix:///dev/log") == (None, "/dev/log")
    for wrong in ("http://x", "udp", "udp://host:port"):
        with pytest.raises(RuntimeError, match="syslog_addr"):
            syslog_address(wrong)
