"""What requests say of where they come from, and who is believed (gunicorn's rules)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import BOTH, Serve
from serving import Served

# The tests' clients are no trusted proxies.
STRANGERS = ("--forwarded-allow-ips", "192.0.2.1")
SCRIPT_NAME = {"SCRIPT_NAME": "/environ"}


def _environ(server: Served, headers: dict[str, str], target: str = "/environ") -> dict[str, Any]:
    answer = server.ask(target, headers=headers)
    assert answer.status == 200, answer.text
    return json.loads(answer.body)  # type: ignore[no-any-return]


def test_tls_is_believed_of_trusted_proxies(serve: Serve) -> None:
    trusting, strict = serve(), serve(*STRANGERS)
    for name, value in [
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Protocol", "ssl"),
        ("X-Forwarded-Ssl", "on"),
    ]:
        assert _environ(trusting, {name: value})["wsgi.url_scheme"] == "https"
        assert _environ(strict, {name: value})["wsgi.url_scheme"] == "http"
    assert _environ(trusting, {"X-Forwarded-Proto": "http"})["wsgi.url_scheme"] == "http"


@BOTH
def test_contradictions_are_refused(serve: Serve, app: str) -> None:
    fields = {"X-Forwarded-Proto": "https", "X-Forwarded-Ssl": "off"}
    server = serve(app=app)
    answer = server.ask("/", headers=fields)
    assert (answer.status, answer.get("Connection")) == (400, "close")
    server.wait_for_log("Invalid request from ip=127.0.0.1: contradictory scheme fields")
    assert serve(*STRANGERS, app=app).ask("/", headers=fields).status == 200


@BOTH
@pytest.mark.parametrize(
    ("setting", "status"), [("drop", 200), ("dangerous", 200), ("refuse", 400)]
)
def test_header_map(serve: Serve, app: str, setting: str, status: int) -> None:
    server = serve("--header-map", setting, app=app)
    target = "/environ" if app.startswith("wsgi") else "/scope"
    answer = server.ask(target, headers={"X_Other": "given"})
    assert answer.status == status
    assert ("given" in answer.text) == (setting == "dangerous")
    if status == 400:
        assert answer.get("Connection") == "close"
        server.wait_for_log("Invalid request from ip=127.0.0.1: field name with an underscore")


def test_forwarder_headers(serve: Serve) -> None:
    flags = ("--forwarder-headers", "SCRIPT_NAME,REMOTE_USER", "--header-map", "refuse")
    user = {"Remote_User": "somebody"}
    assert _environ(serve(*flags), user)["HTTP_REMOTE_USER"] == "somebody"
    assert serve(*flags, *STRANGERS).ask("/environ", headers=user).status == 400
    assert serve(*flags).ask("/environ", headers={"PATH_INFO": "/"}).status == 400


def test_forwarder_headers_of_asgi(serve: Serve) -> None:
    # The same section of fields, of the same client: what is kept of one is no other's.
    server = serve(app="asgi_app:app")
    for _ in range(3):
        assert "/environ" in server.ask("/scope", headers=SCRIPT_NAME).text
    strict = serve(*STRANGERS, app="asgi_app:app")
    for _ in range(3):
        assert "/environ" not in strict.ask("/scope", headers=SCRIPT_NAME).text


def test_a_proxy_says_where_the_application_is_mounted(serve: Serve) -> None:
    server = serve()
    # The route is found by the path's first part, which must be the inner path's.
    mounted = _environ(server, {"SCRIPT_NAME": "/at%20home"}, "/at%20home/environ/caf%C3%A9")
    assert mounted["SCRIPT_NAME"] == "/at%20home"
    assert mounted["PATH_INFO"] == "/environ/café".encode().decode("latin-1")
    # gunicorn: "Request path does not start with SCRIPT_NAME".
    for path in ("/other/environ", "/environments"):
        assert server.ask(path, headers=SCRIPT_NAME).status == 500
    strict = _environ(serve(*STRANGERS), SCRIPT_NAME)
    assert (strict["SCRIPT_NAME"], strict["PATH_INFO"]) == ("", "/environ")


def test_behind_a_unix_socket(serve: Serve, tmp_path: Path) -> None:
    server = serve(bind=f"unix:{tmp_path / 'socket'}")
    for host, name, port in [
        ("example.com", "example.com", "80"),
        ("example.com:8080", "example.com", "8080"),
        ("[::1]", "[::1]", "80"),
        ("[::1]:81", "[::1]", "81"),
    ]:
        environ = _environ(server, {"Host": host})
        assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == (name, port)
    # A neighbour is trusted.
    environ = _environ(server, {"Host": "example.com", "X-Forwarded-Proto": "https"})
    assert environ["SERVER_PORT"] == "443"


def test_whole_uris(serve: Serve) -> None:
    """RFC 9112, section 3.2.2: what they say of the host counts, the Host field does not."""
    wsgi, asgi = serve(), serve(app="asgi_app:app")
    for target, host, path in [
        ("http://one.example:81/environ?a=1", "one.example:81", "/environ"),
        ("http://one.example", "one.example", "/"),
        ("http://one.example?a=1", "one.example", "/"),
    ]:
        if path == "/":
            for server in (wsgi, asgi):
                assert server.ask(target, headers={"Host": "other.example"}).status == 200
        else:
            environ = _environ(wsgi, {"Host": "other.example"}, target)
            assert (environ["HTTP_HOST"], environ["PATH_INFO"]) == (host, path)
            # Twice, since what comes again is kept.
            for _ in range(3):
                again = asgi.ask(target.replace("environ", "scope"), headers={"Host": "other"})
                assert host in again.text
                assert "other" not in again.text
    # Nor is it another's.
    assert "other.example" in asgi.ask("/scope", headers={"Host": "other.example"}).text


def test_connect_ends_the_connection(serve: Serve) -> None:
    server = serve()
    with server.client() as client:
        client.send(
            b"CONNECT test:80 HTTP/1.1\r\nHost: test:80\r\n\r\n"
            b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"
        )
        assert client.rest().count(b"HTTP/1.1 ") == 1
