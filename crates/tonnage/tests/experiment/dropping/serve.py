"""Serves `hello`; after its first answers it drops a share of the connections."""

import random
import socket
import sys

SPARED = 20  # what is asked before the load must be answered
draw = random.Random(1)


def answer(path):
    if path == b"/json":
        return b"200 OK", b'{"message":"Hello, World!"}'
    if path == b"/":
        return b"200 OK", b"Hello, World!"
    return b"404 Not Found", b'{"error": {"code": 404}}'


def main():
    host, port, share = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    listener = socket.create_server((host, port), backlog=1024)
    served = 0
    while True:
        connection, _ = listener.accept()
        with connection:
            request = connection.recv(65536)
            served += 1
            if not request or (served > SPARED and draw.random() < share):
                continue
            status, body = answer(request.split(b" ")[1])
            head = b"HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (status, len(body))
            connection.sendall(head + body)


main()
