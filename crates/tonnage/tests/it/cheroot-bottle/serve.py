import importlib
import sys

from cheroot.wsgi import Server

module, name, host, port, threads = sys.argv[1:]
app = getattr(importlib.import_module(module), name)
server = Server((host, int(port)), app, numthreads=int(threads), max=int(threads))
try:
    server.start()
except KeyboardInterrupt:
    server.stop()
