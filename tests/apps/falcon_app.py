"""The suite's routes (see test_frameworks.py) in Falcon, over WSGI."""

import os
import time

import falcon

PARTS = (b"one\n", b"two\n", b"three\n")


class Hello:
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.content_type = "text/plain"
        resp.text = "Hello, World!"


class Echo:
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.content_type = "application/octet-stream"
        resp.data = req.bounded_stream.read()


class Query:
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.media = dict(req.params)


class Path:
    def on_get(self, req: falcon.Request, resp: falcon.Response, name: str) -> None:
        resp.media = {"name": name}


class Header:
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.content_type = "text/plain"
        resp.set_header("X-Taken", "yes")
        resp.text = req.get_header("X-Given")


class Cookies:
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.set_cookie("a", "1")
        resp.set_cookie("b", "2")
        resp.text = "set"


class Stream:
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.content_type = "text/plain"
        resp.stream = iter(PARTS)


class Empty:
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.status = falcon.HTTP_204


class Error:
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        raise RuntimeError("asked for")


class Pid:
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.text = str(os.getpid())


class Slow:
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        time.sleep(req.get_param_as_float("seconds", required=True))
        resp.text = "slept"


ROUTES = {
    "/": Hello(),
    "/echo": Echo(),
    "/query": Query(),
    "/path/{name}": Path(),
    "/header": Header(),
    "/cookies": Cookies(),
    "/stream": Stream(),
    "/empty": Empty(),
    "/error": Error(),
    "/pid": Pid(),
    "/slow": Slow(),
}

app = falcon.App()
for route, resource in ROUTES.items():
    app.add_route(route, resource)
