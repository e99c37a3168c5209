"""Serves a WSGI app with gevent's own server.

    python serve.py HOST PORT MODULE OBJECT
"""

# First of all: what the app imports must find the standard library replaced.
from gevent import monkey

monkey.patch_all()

import importlib
import os
import signal
import sys

import gevent
from gevent.pywsgi import WSGIServer

# How long requests in flight may take once the server is told to stop.
GRACE_S = 1


def main() -> None:
    """Serves until SIGTERM or SIGINT."""
    host, port, module, name = sys.argv[1:]
    # The script's own folder is where Python looks first; the app is in the
    # current one.
    sys.path.insert(0, os.getcwd())
    app = getattr(importlib.import_module(module), name)
    # No log line for each request, as with the other servers.
    server = WSGIServer((host, int(port)), app, backlog=2048, log=None)
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, server.stop, GRACE_S)
    server.serve_forever(stop_timeout=GRACE_S)


if __name__ == "__main__":
    main()
