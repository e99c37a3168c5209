"""Replaces workers while they serve: respawn.py PORT WHOSE.

Two workers take a connection at a time and work for 2 ms. Every 200 ms the older one is
replaced: its successor is there before it is told to end, and it ends when it has
answered what it has in hand. The sockets are one for all, one of each worker
(SO_REUSEPORT, opened by the worker), or one of each slot (SO_REUSEPORT, opened by the
master and inherited by whoever has the slot).
"""

import os
import signal
import socket
import sys
import time

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\nConnection: close\r\n\r\nHello, World!"
SLOTS = 2
port, whose = int(sys.argv[1]), sys.argv[2]


def opened(shared=True):
    return socket.create_server(("127.0.0.1", port), backlog=1024, reuse_port=shared)


class Ended(Exception):
    pass


def end(*_):
    raise Ended


def work(listener, ready):
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    listener = listener or opened()
    listener.settimeout(0.01)
    os.write(ready, b"!")
    # It is told to end only between two connections.
    while signal.SIGTERM not in signal.sigpending():
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            continue
        with connection:
            connection.recv(65536)
            time.sleep(0.002)
            connection.sendall(ANSWER)
    os._exit(0)


def spawn(slot):
    """A worker that takes connections."""
    seen, ready = os.pipe()
    pid = os.fork()
    if pid == 0:
        work(sockets[slot], ready)
    os.read(seen, 1)
    os.close(seen)
    os.close(ready)
    return pid


if whose == "one shared socket":
    sockets = [opened(shared=False)] * SLOTS
elif whose == "sockets of the slots":
    sockets = [opened() for _ in range(SLOTS)]
else:
    sockets = [None] * SLOTS
workers = [spawn(slot) for slot in range(SLOTS)]
signal.signal(signal.SIGTERM, end)
try:
    while True:
        for slot in range(SLOTS):
            time.sleep(0.2)
            successor = spawn(slot)
            os.kill(workers[slot], signal.SIGTERM)
            os.waitpid(workers[slot], 0)
            workers[slot] = successor
except Ended:
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
