"""bjoern has no command line: serve_bjoern.py MODULE:NAME PORT WORKERS."""

import importlib
import os
import signal
import sys

import bjoern

module, _, name = sys.argv[1].partition(":")
app = getattr(importlib.import_module(module), name)
bjoern.listen(app, "127.0.0.1", int(sys.argv[2]))
children = []
for _ in range(int(sys.argv[3]) - 1):
    pid = os.fork()
    if pid == 0:
        children = []
        break
    children.append(pid)


def leave(*_):
    for child in children:
        os.kill(child, signal.SIGTERM)
    os._exit(0)


signal.signal(signal.SIGTERM, leave)
bjoern.run()
