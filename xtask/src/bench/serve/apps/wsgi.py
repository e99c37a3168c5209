"""What is served over WSGI, without a framework."""

import time

HELLO = b"Hello, World!"
LARGE = b"x" * (1 << 20)


def hello(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "13")])
    return [HELLO]


def sleep(environ, start_response):
    time.sleep(0.01)
    return hello(environ, start_response)


def sleep_long(environ, start_response):
    time.sleep(0.1)
    return hello(environ, start_response)


def large(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(LARGE)))])
    return [LARGE]


def upload(environ, start_response):
    left = int(environ.get("CONTENT_LENGTH") or 0)
    read = environ["wsgi.input"].read
    while left > 0:
        part = read(min(left, 65536))
        if not part:
            break
        left -= len(part)
    # A short body must not look like a good answer.
    status = "200 OK" if left == 0 else "400 Bad Request"
    start_response(status, [("Content-Type", "text/plain"), ("Content-Length", "13")])
    return [HELLO]
