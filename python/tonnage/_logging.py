"""The logs: loggers ``gunicorn.error`` and ``gunicorn.access`` with gunicorn's formats.

A class of the user's own (``logger_class``) may derive from ``Logger``, or be any class
with its methods. Lines of the access log that nobody in Python wants to see are written
by the extension; see ``Logger.access_destination``.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import datetime
import importlib
import logging
import logging.handlers
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from ._log_lines import SafeAtoms, as_json, trace_ids
from ._log_setup import DATE, LINE, configure_logging, syslog_address
from ._process import can_write

__all__ = ["Logger", "SafeAtoms", "check_logs", "logger_class"]

# An atom such as `%({wsgi.url_scheme}e)s`.
_VARIABLE = re.compile(r"%\(\{[^}]*\}e\)", re.IGNORECASE)


def logger_class(configured: object) -> type[Any]:
    """The class that ``logger_class`` asks for: a class, its import path, or our own
    where it is gunicorn's default."""
    if isinstance(configured, type):
        return configured
    path = str(configured)
    if path in ("simple", "gunicorn.glogging.Logger", "gunicorn.instrument.statsd.Statsd"):
        return Logger
    module, _, name = path.replace(":", ".").rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"logger_class: cannot load {path!r}: {error}") from error
    if not isinstance(found, type):
        raise ValueError(f"logger_class: {path!r} is no class")
    return found


def check_logs(cfg: Any) -> None:
    """Raises what the start would raise of the logs that are asked for, without a word in
    any of them. What a class of the user's own makes of them only it knows."""
    if not issubclass(logger_class(cfg.logger_class), Logger):
        return
    for path in (cfg.errorlog, cfg.accesslog):
        if path not in (None, "-") and not can_write(path):
            raise RuntimeError(f"{path!r} isn't writable")
    configure_logging(cfg)


class Logger:
    """gunicorn's logger: what hooks know as ``server.log`` and ``worker.log``."""

    LOG_LEVELS: ClassVar[dict[str, int]] = {
        "critical": logging.CRITICAL,
        "error": logging.ERROR,
        "warning": logging.WARNING,
        "info": logging.INFO,
        "debug": logging.DEBUG,
    }
    loglevel = logging.INFO
    error_fmt = LINE
    datefmt = DATE
    access_fmt = "%(message)s"
    syslog_fmt = "[%(process)d] %(message)s"
    atoms_wrapper_class: type[Any] = SafeAtoms

    def __init__(self, cfg: Any) -> None:
        self.error_log = logging.getLogger("gunicorn.error")
        self.access_log = logging.getLogger("gunicorn.access")
        self.error_log.propagate = False
        self.access_log.propagate = False
        self.error_handlers: list[logging.Handler] = []
        self.access_handlers: list[logging.Handler] = []
        self.logfile: Any = None
        self.lock = threading.Lock()
        self.cfg = cfg
        # Who is told that a line was logged, by its level.
        self.count: Callable[[str], None] | None = None
        self.setup(cfg)

    def setup(self, cfg: Any) -> None:
        """Once at the start and once after each reload of the configuration."""
        self.cfg = cfg
        self.loglevel = self.LOG_LEVELS.get(str(cfg.loglevel).lower(), logging.INFO)
        self.error_log.setLevel(self.loglevel)
        self.access_log.setLevel(logging.INFO)
        for log in (self.error_log, self.access_log):
            for handler in [h for h in log.handlers if getattr(h, "_gunicorn", False)]:
                log.removeHandler(handler)
                if isinstance(handler, logging.FileHandler):
                    handler.close()
        if cfg.capture_output and cfg.errorlog != "-":
            self._capture_output()
        self._set_handler(
            self.error_log, cfg.errorlog, logging.Formatter(self.error_fmt, self.datefmt)
        )
        if cfg.accesslog is not None:
            formatter = logging.Formatter(self.access_fmt)
            self._set_handler(self.access_log, cfg.accesslog, formatter, sys.stdout)
        if cfg.syslog:
            self._set_syslog_handler(self.error_log, cfg, self.syslog_fmt, "error")
            if not cfg.disable_redirect_access_to_syslog:
                self._set_syslog_handler(self.access_log, cfg, self.syslog_fmt, "access")
        configure_logging(cfg)

    def critical(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        self._counted("critical")
        self.error_log.critical(msg, *args, **kwargs)

    def error(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        self._counted("error")
        self.error_log.error(msg, *args, **kwargs)

    def warning(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        self._counted("warning")
        self.error_log.warning(msg, *args, **kwargs)

    def info(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        self.error_log.info(msg, *args, **kwargs)

    def debug(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        self.error_log.debug(msg, *args, **kwargs)

    def exception(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        self._counted("exception")
        self.error_log.exception(msg, *args, **kwargs)

    def traced(self, text: str) -> None:
        """An exception whose traceback is in the text."""
        self._counted("exception")
        self.error_log.error("%s", text)

    def log(self, lvl: Any, msg: Any, *args: Any, **kwargs: Any) -> None:
        level = self.LOG_LEVELS.get(lvl.lower(), logging.INFO) if isinstance(lvl, str) else lvl
        self._counted(lvl)
        self.error_log.log(level, msg, *args, **kwargs)

    def _counted(self, level: Any) -> None:
        if self.count is not None and isinstance(level, str):
            self.count(level)

    @property
    def access_log_enabled(self) -> bool:
        cfg = self.cfg
        return bool(
            cfg.accesslog
            or cfg.logconfig
            or cfg.logconfig_dict
            or cfg.logconfig_json
            or (cfg.syslog and not cfg.disable_redirect_access_to_syslog)
        )

    def access_destination(self) -> tuple[int, str | None] | None:
        """The open file that lines may be written to without asking Python.

        ``None`` where somebody has a say in each line: a filter, another handler, a
        method of a derived class. Looked at when the application has been imported,
        since that is where people add filters.
        """
        if _VARIABLE.search(self.cfg.access_log_format):
            # Only here is the whole environ at hand.
            return None
        log, handlers = self.access_log, self.access_log.handlers
        overridden = any(
            getattr(type(self), name) is not getattr(Logger, name)
            for name in ("access", "atoms", "now", "_get_user", "atoms_wrapper_class", "access_fmt")
        )
        if overridden or log.filters or log.disabled or log.propagate or len(handlers) != 1:
            return None
        handler = handlers[0]
        if not getattr(handler, "_gunicorn", False) or handler.filters:
            return None
        if type(handler) not in (logging.StreamHandler, logging.FileHandler):
            return None
        if not log.isEnabledFor(logging.INFO) or handler.level > logging.INFO:
            return None
        try:
            descriptor = handler.stream.fileno()  # type: ignore[attr-defined]
        except (AttributeError, OSError, ValueError):
            return None
        path = handler.baseFilename if isinstance(handler, logging.FileHandler) else None
        return descriptor, path

    def atoms(
        self, resp: Any, req: Any, environ: Mapping[str, Any], request_time: datetime.timedelta
    ) -> dict[str, Any]:
        """What a line of the access log may be made of."""
        status = resp.status.split(None, 1)[0] if isinstance(resp.status, str) else resp.status
        sent = getattr(resp, "sent", None)
        us = request_time // datetime.timedelta(microseconds=1)
        method, protocol = environ.get("REQUEST_METHOD"), environ.get("SERVER_PROTOCOL")
        atoms = {
            "h": environ.get("REMOTE_ADDR", "-"),
            "l": "-",
            "u": self._get_user(environ) or "-",
            "t": self.now(),
            "r": f"{method} {environ.get('RAW_URI')} {protocol}",
            "s": status,
            "m": method,
            "U": environ.get("PATH_INFO"),
            "q": environ.get("QUERY_STRING"),
            "H": protocol,
            "b": "-" if sent is None else str(sent),
            "B": sent,
            "f": environ.get("HTTP_REFERER", "-"),
            "a": environ.get("HTTP_USER_AGENT", "-"),
            "T": us // 1_000_000,
            "D": us,
            "M": us // 1000,
            "L": f"{us // 1_000_000}.{us % 1_000_000:06}",
            "p": f"<{os.getpid()}>",
            **trace_ids(str(environ.get("HTTP_TRACEPARENT", ""))),
        }
        sources: list[tuple[str, Any]] = [
            ("i", getattr(req, "headers", req)),
            ("o", resp.headers),
            ("e", environ),
        ]
        for letter, pairs in sources:
            items = pairs.items() if hasattr(pairs, "items") else pairs
            atoms.update((f"{{{name.lower()}}}{letter}", value) for name, value in items)
        return atoms

    def access(
        self, resp: Any, req: Any, environ: Mapping[str, Any], request_time: datetime.timedelta
    ) -> None:
        """Logs an answered request."""
        if not self.access_log_enabled:
            return
        atoms = self.atoms(resp, req, environ, request_time)
        try:
            if str(self.cfg.access_log_format).strip() == "json":
                self.access_log.info("%s", as_json(atoms))
            else:
                self.access_log.info(self.cfg.access_log_format, self.atoms_wrapper_class(atoms))
        except Exception:
            self.exception("The access log failed")

    def now(self) -> str:
        """The date as Apache's common log format has it."""
        return time.strftime("[%d/%b/%Y:%H:%M:%S %z]")

    def reopen_files(self) -> None:
        """After a log was moved away: opens every file of every logger again."""
        if self.logfile is not None:
            self._capture_output()
        for handler in _file_handlers():
            handler.acquire()
            try:
                if handler.stream is not None:
                    handler.close()
                    handler.stream = handler._open()
            finally:
                handler.release()

    def close_on_exec(self) -> None:
        """Programs that the application starts do not inherit the logs."""
        for handler in _file_handlers():
            if handler.stream is not None:
                os.set_inheritable(handler.stream.fileno(), False)

    def _capture_output(self) -> None:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        with self.lock:
            if self.logfile is not None:
                self.logfile.close()
            self.logfile = open(self.cfg.errorlog, "a+")  # noqa: SIM115 (stays open)
            for stream in (sys.stdout, sys.stderr):
                os.dup2(self.logfile.fileno(), stream.fileno())

    def _set_handler(
        self, log: logging.Logger, output: str | None, fmt: logging.Formatter, stream: Any = None
    ) -> None:
        if output is None:
            return
        handler: logging.Handler
        if output == "-":
            handler = logging.StreamHandler(stream)
        else:
            try:
                handler = logging.FileHandler(output)
            except OSError as error:
                raise RuntimeError(f"'{output}' isn't writable [{error!r}]") from error
            # Workers of another user must be able to open it again. It fails for a
            # device such as /dev/null, and for users who may not give files away.
            with contextlib.suppress(OSError):
                os.chown(handler.baseFilename, self.cfg.uid, self.cfg.gid)
        handler.setFormatter(fmt)
        _mark(handler)
        log.addHandler(handler)

    def _set_syslog_handler(self, log: logging.Logger, cfg: Any, fmt: str, name: str) -> None:
        prefix = cfg.syslog_prefix or cfg.proc_name.replace(":", ".")
        facilities = logging.handlers.SysLogHandler.facility_names
        try:
            facility = facilities[cfg.syslog_facility.lower()]
        except KeyError:
            raise RuntimeError(
                f"syslog_facility: {cfg.syslog_facility!r} is none of {', '.join(facilities)}"
            ) from None
        kind, address = syslog_address(cfg.syslog_addr)
        handler = logging.handlers.SysLogHandler(address, facility, kind)
        handler.setFormatter(logging.Formatter(f"gunicorn.{prefix}.{name}: {fmt}"))
        _mark(handler)
        log.addHandler(handler)

    def _get_user(self, environ: Mapping[str, Any]) -> str | None:
        scheme, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            return base64.b64decode(token.strip()).partition(b":")[0].decode()
        except (binascii.Error, ValueError) as error:
            self.debug("Couldn't get username: %s", error)
            return None


def _mark(handler: Any) -> None:
    """As ours, so that a reload takes it away again. gunicorn's own mark."""
    handler._gunicorn = True


def _file_handlers() -> list[logging.FileHandler]:
    names = list(logging.root.manager.loggerDict)
    loggers = [logging.root, *(logging.getLogger(name) for name in names)]
    return [
        handler
        for log in loggers
        for handler in log.handlers
        if isinstance(handler, logging.FileHandler)
    ]
