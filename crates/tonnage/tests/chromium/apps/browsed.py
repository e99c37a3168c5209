"""What the browser of these tests is served: a page whose script asks for more and says what
it got, resources that wait for each other, and a websocket that echoes."""

import asyncio
import json
import time
from pathlib import Path

PAGE = Path(__file__).with_name("browsed.html").read_bytes()

# More at a time than the six connections that a browser opens for HTTP/1.1. Only streams of one
# connection can all be here together.
TOGETHER = 16

arrived = 0
all_arrived = asyncio.Event()


async def app(scope, receive, send):
    if scope["type"] == "websocket":
        await echo(scope, receive, send)
    elif scope["type"] == "http":
        path = scope["path"]
        if path == "/":
            await answer(send, "text/html; charset=utf-8", PAGE)
        elif path == "/body":
            await answer(send, "application/octet-stream", await body_of(receive))
        elif path.startswith("/resource/"):
            await meet()
            told = {"client": scope["client"], "version": scope["http_version"]}
            await answer(send, "application/json", json.dumps(told).encode())


async def answer(send, content_type, body):
    headers = [(b"content-type", content_type.encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def body_of(receive):
    body, more = b"", True
    while more:
        message = await receive()
        body += message["body"]
        more = message["more_body"]
    return body


async def meet():
    """Until all resources have been asked for."""
    global arrived
    arrived += 1
    if arrived == TOGETHER:
        all_arrived.set()
    await all_arrived.wait()


async def echo(scope, receive, send):
    """Each message as it came; first a word on how the client has come."""
    await receive()
    await send({"type": "websocket.accept", "subprotocol": scope["subprotocols"][-1]})
    told = {"scheme": scope["scheme"], "offered": scope["subprotocols"]}
    await send({"type": "websocket.send", "text": json.dumps(told)})
    while (message := await receive())["type"] == "websocket.receive":
        await send({**message, "type": "websocket.send"})


def wsgi(environ, start_response):
    """What takes a few milliseconds, and now and then fails."""
    time.sleep(0.004)
    failed = environ["PATH_INFO"] == "/fails"
    start_response("500 Internal Server Error" if failed else "200 OK", [("Content-Length", "2")])
    return [b"ok"]
