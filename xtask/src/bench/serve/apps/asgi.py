"""What is served over ASGI, without a framework."""

START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"text/plain"), (b"content-length", b"13")],
}
BODY = {"type": "http.response.body", "body": b"Hello, World!"}


async def lifespan(receive, send):
    message = {"type": ""}
    while message["type"] != "lifespan.shutdown":
        message = await receive()
        await send({"type": message["type"] + ".complete"})


async def hello(scope, receive, send):
    if scope["type"] == "lifespan":
        return await lifespan(receive, send)
    # Copies: some servers write into what they are given.
    await send(dict(START))
    await send(dict(BODY))
