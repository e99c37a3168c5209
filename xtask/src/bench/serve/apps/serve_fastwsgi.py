"""fastwsgi without its own command line, which knows no workers:
serve_fastwsgi.py MODULE:NAME PORT WORKERS."""

import importlib
import os
import signal
import sys

import fastwsgi

module, _, name = sys.argv[1].partition(":")
app = getattr(importlib.import_module(module), name)


def leave(*_):
    for worker in fastwsgi.server.worker_list:
        os.kill(worker, signal.SIGKILL)
    os._exit(0)


if int(sys.argv[3]) > 1:
    # It leaves its workers behind when it is told to end.
    signal.signal(signal.SIGTERM, leave)
fastwsgi.run(app, "127.0.0.1", int(sys.argv[2]), loglevel=0, workers=int(sys.argv[3]))
