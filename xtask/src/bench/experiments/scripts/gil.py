"""Answers requests on one thread: gil.py PORT kept|released [COMPANY].

A function of ctypes' CDLL releases the interpreter's lock around its call, one of PyDLL
keeps it. Everything but send is the same: receiving keeps the lock, waiting releases it.
With any company but "alone" a second thread computes; on every core of the machine, if
it is "the same on two cores".
"""

import ctypes
import os
import select
import socket
import sys
import threading

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\nHello, World!"

port, way, company = int(sys.argv[1]), sys.argv[2], sys.argv[3]
keeps = ctypes.PyDLL(None)
send = keeps.send if way == "kept" else ctypes.CDLL(None).send
receive, room = keeps.recv, ctypes.create_string_buffer(65536)


def compute():
    number = 0
    while True:
        number = (number * 31 + 7) % 1000003


if company == "the same on two cores":
    os.sched_setaffinity(0, range(os.cpu_count()))
if company != "alone":
    threading.Thread(target=compute, daemon=True).start()
listener = socket.create_server(("127.0.0.1", port), backlog=1024)
poll = select.epoll()
poll.register(listener, select.EPOLLIN)
connections = {}
while True:
    for fd, _ in poll.poll():
        if fd == listener.fileno():
            connection, _ = listener.accept()
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connections[connection.fileno()] = connection
            poll.register(connection, select.EPOLLIN)
        elif receive(fd, room, len(room), 0) > 0:
            send(fd, ANSWER, len(ANSWER), 0)
        else:
            connections.pop(fd).close()
