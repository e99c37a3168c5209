"""Who is woken by a connection: wakes.py "shared|exclusive|nested exclusive" CONNECTIONS.

Four workers wait for one listener in an epoll of their own: with or without
EPOLLEXCLUSIVE, and with it in an epoll inside the one that they wait on, as an event
loop's add_reader() has it. Each takes one connection a wake, answers and closes it.
"""

import os
import resource
import select
import signal
import socket
import sys

WORKERS = 4
way, connections = sys.argv[1], int(sys.argv[2])
listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
listener.setblocking(False)


def work(report):
    inner = outer = select.epoll()
    flags = select.EPOLLIN if way == "shared" else select.EPOLLIN | select.EPOLLEXCLUSIVE
    inner.register(listener, flags)
    if way.startswith("nested"):
        outer = select.epoll()
        outer.register(inner, select.EPOLLIN)
    returns = taken = 0
    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    os.write(report, b"ready\n")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw
    while not ended:
        # A worker that is told to end between the look and the wait sees it soon.
        if not outer.poll(0.2):
            continue
        returns += 1
        try:
            connection, _ = listener.accept()
        except BlockingIOError:
            continue
        taken += 1
        connection.send(b"!")
        connection.close()
    switches = resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw - before
    os.write(report, f"{returns} {taken} {switches}\n".encode())
    os._exit(0)


read, write = os.pipe()
workers = []
for _ in range(WORKERS):
    pid = os.fork()
    if pid == 0:
        work(write)
    workers.append(pid)
reports = os.fdopen(read)
for _ in workers:
    assert reports.readline() == "ready\n"
for _ in range(connections):
    with socket.create_connection(listener.getsockname()) as connection:
        assert connection.recv(1) == b"!"
for pid in workers:
    os.kill(pid, signal.SIGTERM)
figures = [[int(word) for word in reports.readline().split()] for _ in workers]
for pid in workers:
    os.waitpid(pid, 0)
returns, taken, switches = (sum(column) for column in zip(*figures, strict=True))
assert taken == connections, (taken, connections)
most = max(taken for _, taken, _ in figures)
print(
    f"{way:>20}: {returns / connections:.2f} workers returned from epoll_wait, "
    f"{switches / connections:.2f} slept and woke; "
    f"{most / connections:.0%} of the connections on one worker"
)
