"""What the settings say of the logs: the standard library's configuration, and addresses
of syslog."""

from __future__ import annotations

import json
import logging
import logging.config
import os
import socket
from typing import Any

LINE = "%(asctime)s [%(process)d] [%(levelname)s] %(message)s"
DATE = "[%Y-%m-%d %H:%M:%S %z]"

# What `logconfig_dict` and `logconfig_json` are laid upon, as with gunicorn.
_DICT_DEFAULTS: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "root": {"level": "INFO", "handlers": ["console"]},
    "loggers": {
        "gunicorn.error": {
            "level": "INFO",
            "handlers": ["error_console"],
            "propagate": True,
            "qualname": "gunicorn.error",
        },
        "gunicorn.access": {
            "level": "INFO",
            "handlers": ["console"],
            "propagate": True,
            "qualname": "gunicorn.access",
        },
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "generic",
            "stream": "ext://sys.stdout",
        },
        "error_console": {
            "class": "logging.StreamHandler",
            "formatter": "generic",
            "stream": "ext://sys.stderr",
        },
    },
    "formatters": {
        "generic": {"format": LINE, "datefmt": DATE, "class": "logging.Formatter"},
    },
}


def configure_logging(cfg: Any) -> None:
    """``logconfig_dict``, ``logconfig_json`` or ``logconfig``, in this order."""
    try:
        if cfg.logconfig_dict:
            logging.config.dictConfig({**_DICT_DEFAULTS, **cfg.logconfig_dict})
        elif cfg.logconfig_json:
            with open(cfg.logconfig_json, encoding="utf-8") as file:
                logging.config.dictConfig({**_DICT_DEFAULTS, **json.load(file)})
        elif cfg.logconfig:
            path = str(cfg.logconfig)
            if not os.path.exists(path):
                raise RuntimeError(f"log config '{path}' not found")
            defaults = {"__file__": path, "here": os.path.dirname(path)}
            logging.config.fileConfig(path, defaults=defaults, disable_existing_loggers=False)
    except (AttributeError, ImportError, KeyError, OSError, TypeError, ValueError) as error:
        raise RuntimeError(f"the log configuration cannot be used: {error}") from error


def syslog_address(text: str) -> tuple[socket.SocketKind | None, str | tuple[str, int]]:
    """``udp://host:port``, ``tcp://host:port``, ``unix://path`` with ``#dgram`` or
    ``#stream`` where the kind of socket matters."""
    scheme, separator, rest = text.partition("://")
    if not separator or scheme not in ("udp", "tcp", "unix"):
        raise RuntimeError(f"syslog_addr: {text!r} is none of udp://, tcp:// and unix://")
    if scheme == "unix":
        path, _, kind = rest.partition("#")
        return (socket.SOCK_DGRAM if kind == "dgram" else None), path
    if rest.startswith("["):
        host, _, port = rest[1:].partition("]")
        port = port.removeprefix(":")
    else:
        host, _, port = rest.partition(":")
    if port and not port.isdigit():
        raise RuntimeError(f"syslog_addr: {port!r} is not a valid port number")
    address = (host.lower() or "localhost", int(port or 514))
    return (socket.SOCK_DGRAM if scheme == "udp" else socket.SOCK_STREAM), address
