"""The PROXY protocol: who the client is by what a proxy says before the first request."""

from __future__ import annotations

import json
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from conftest import Serve
from serving import Client, Served

TEXT = b"PROXY TCP4 192.0.2.1 198.51.100.7 56324 8443\r\n"


def binary(client: str, server: str, client_port: int, server_port: int) -> bytes:
    addresses = ip_address(client).packed + ip_address(server).packed
    rest = addresses + client_port.to_bytes(2, "big") + server_port.to_bytes(2, "big")
    family = 0x11 if ip_address(client).version == 4 else 0x21
    head = b"\r\n\r\n\0\r\nQUIT\n" + bytes([0x21, family]) + len(rest).to_bytes(2, "big")
    return head + rest


def introduced(server: Served, header: bytes, target: str, **headers: str) -> dict[str, Any]:
    with server.client() as client:
        client.send(header)
        shown = [client.ask(target, headers=headers).body for _ in range(2)]
    assert shown[0] == shown[1]
    return json.loads(shown[0])  # type: ignore[no-any-return]


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_environ(serve: Serve, version: str) -> None:
    server = serve("--proxy-protocol", version, "--access-logfile", "-")
    header = TEXT if version == "v1" else binary("192.0.2.1", "198.51.100.7", 56324, 8443)
    environ = introduced(server, header, "/environ")
    assert (environ["REMOTE_ADDR"], environ["REMOTE_PORT"]) == ("192.0.2.1", "56324")
    assert environ["PROXY_PROTOCOL"] == "TCP4"
    assert (environ["PROXY_ADDR"], environ["PROXY_PORT"]) == ("198.51.100.7", "8443")
    server.wait_for_output("192.0.2.1 - -")
    # Others are who they are, and have no such variables.
    plain = server.ask("/environ").json()
    assert isinstance(plain, dict)
    assert plain["REMOTE_ADDR"] == "127.0.0.1"
    assert "PROXY_PROTOCOL" not in plain


def test_scope(serve: Serve) -> None:
    server = serve("--proxy-protocol", "auto", app="asgi_app:app")
    header = binary("2001:db8::1", "2001:db8::2", 80, 81)
    assert introduced(server, header, "/scope")["client"] == ["2001:db8::1", 80]
    assert introduced(server, TEXT, "/scope")["client"] == ["192.0.2.1", 56324]


def test_whose_fields_are_believed(serve: Serve) -> None:
    """As with gunicorn, those of the proxy at the other end of the socket."""
    server = serve("--proxy-protocol", "auto")
    fields = {"X-Forwarded-Proto": "https"}
    assert introduced(server, TEXT, "/environ", **fields)["wsgi.url_scheme"] == "https"
    server = serve("--proxy-protocol", "auto", "--forwarded-allow-ips", "192.0.2.1")
    assert introduced(server, TEXT, "/environ", **fields)["wsgi.url_scheme"] == "http"


def test_who_may_speak_it(serve: Serve, tmp_path: Path) -> None:
    server = serve("--proxy-protocol", "auto", "--proxy-allow-from", "10.0.0.0/8,192.0.2.1")
    with server.client() as client:
        client.send(TEXT)
        assert client.answer().status == 403
        assert client.is_closed()
    server.wait_for_log("PROXY header of a peer that is no trusted proxy")
    path = str(tmp_path / "socket")
    serve("--proxy-protocol", "auto", "--proxy-allow-from", "192.0.2.1", bind=f"unix:{path}")
    with Client(path) as client:
        client.send(TEXT)
        environ = client.ask("/environ").json()
    assert isinstance(environ, dict)
    assert environ["REMOTE_ADDR"] == "192.0.2.1"


def test_what_hooks_are_told(serve: Serve, tmp_path: Path) -> None:
    config = tmp_path / "gunicorn.conf.py"
    config.write_text(
        "def pre_request(worker, req):\n    worker.log.info('said: %s', req.proxy_protocol_info)\n"
    )
    server = serve("-c", str(config), "--proxy-protocol", "v1")
    server.wait_for_log("said: None")
    introduced(server, TEXT, "/environ")
    server.wait_for_log("'client_addr': '192.0.2.1', 'client_port': 56324")
    server.wait_for_log("'proxy_addr': '198.51.100.7', 'proxy_port': 8443}")


def test_where_it_is_off_it_is_no_request(serve: Serve) -> None:
    server = serve()
    with server.client() as client:
        client.send(TEXT)
        assert client.answer().status == 400
