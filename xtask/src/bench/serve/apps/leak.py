"""What is asked a million times: a short answer, an upload, and a body in parts, over
WSGI and ASGI."""

from asgi import lifespan

HELLO = b"Hello, World!"
PART = b"x" * 65536
PARTS = 32


def wsgi(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/parts":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return parts()
    if path == "/upload":
        body = environ["wsgi.input"].read()
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [str(len(body)).encode()]
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "13")])
    return [HELLO]


def parts():
    for _ in range(PARTS):
        yield PART


async def asgi(scope, receive, send):
    if scope["type"] == "lifespan":
        return await lifespan(receive, send)
    headers = [(b"content-type", b"text/plain")]
    if scope["path"] == "/parts":
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for _ in range(PARTS):
            await send({"type": "http.response.body", "body": PART, "more_body": True})
        await send({"type": "http.response.body"})
        return
    body = HELLO
    if scope["path"] == "/upload":
        length, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            length += len(message["body"])
            more = message["more_body"]
        body = str(length).encode()
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
