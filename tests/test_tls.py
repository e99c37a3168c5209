"""TLS: the same answers, what an application is told of it, and certificates that change."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from certificates import HOST, Authority, TlsClient
from conftest import BOTH, Serve
from serving import DEADLINE_SECONDS, Client, Served, free_port, wait_for
from websockets.asyncio.client import connect


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    folder = tmp_path / "certificates"
    folder.mkdir()
    return Authority(folder)


def _told(client: TlsClient, app: str) -> dict[str, Any]:
    """The environ, or the scope."""
    answer = client.ask("/environ" if app.startswith("wsgi") else "/scope")
    told = json.loads(answer.body)
    assert isinstance(told, dict)
    return told


@BOTH
def test_requests_go_through_tls(serve: Serve, authority: Authority, app: str) -> None:
    server = serve(*authority.arguments(), app=app)
    assert f"Listening at: https://127.0.0.1:{server.address[1]} (" in server.stderr
    with TlsClient(server.address, authority.context()) as client:
        told = _told(client, app)
        if app.startswith("wsgi"):
            assert (told["wsgi.url_scheme"], told["HTTPS"]) == ("https", "on")
            assert (told["SSL_PROTOCOL"], told["SSL_TLS_SNI"]) == ("TLSv1.3", HOST)
            assert told["SSL_CIPHER"].startswith("TLS_")
            assert told["SSL_CLIENT_VERIFY"] == "NONE"
            assert "SSL_CLIENT_CERT" not in told
        else:
            tls = told["extensions"]["tls"]
            assert (told["scheme"], tls["tls_version"]) == ("https", 0x0304)
            assert tls["server_cert"] == (authority.folder / f"{HOST}.pem").read_text()
            assert (tls["client_cert_chain"], tls["client_cert_name"]) == ([], None)
            assert tls["cipher_suite"] >> 8 == 0x13
        # Both ways, and on the same connection.
        body = bytes(range(256)) * 10_000
        assert client.ask("/body", method="POST", body=body).body == body
        assert client.ask("/", method="HEAD").status == 200
    with TlsClient(server.address, authority.context()) as client:
        client.request(headers={"Connection": "close"})
        assert client.answer().status == 200
        # In good order: `ssl` raises where the notice is missing.
        assert client.socket.recv(1) == b""


@BOTH
def test_real_clients(serve: Serve, authority: Authority, app: str) -> None:
    server = serve(*authority.arguments("localhost"), "--threads", "2", app=app)
    url = f"https://localhost:{server.address[1]}"
    with httpx.Client(verify=authority.context(), timeout=30) as client:
        for _ in range(3):
            assert client.get(f"{url}/").text == "Hello, World!"
        assert client.post(f"{url}/body", content=b"x" * 100_000).content == b"x" * 100_000
    command = ["curl", "-sS", "--http1.1", "--cacert", str(authority.file), f"{url}/"]
    done = subprocess.run([*command, f"{url}/"], capture_output=True, timeout=30)
    assert (done.returncode, done.stdout) == (0, b"Hello, World!" * 2), done.stderr


def test_files_go_through_tls(serve: Serve, authority: Authority) -> None:
    content = bytes(range(256)) * 5000
    (authority.folder / "file.bin").write_bytes(content)
    static = ("--static", f"/static={authority.folder}")
    server, plain = serve(*authority.arguments(), *static), serve()
    with TlsClient(server.address, authority.context()) as client:
        assert client.ask("/static/file.bin").body == content
        for target in ("/file", "/file-sized"):
            assert client.ask(target).body == plain.ask(target).body


def test_a_proxy_may_say_who_its_client_is_before_the_handshake(
    serve: Serve, authority: Authority
) -> None:
    server = serve(*authority.arguments(), "--proxy-protocol=v1")
    preamble = b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 443\r\n"
    with TlsClient(server.address, authority.context(), preamble=preamble) as client:
        told = _told(client, "wsgi")
    assert (told["REMOTE_ADDR"], told["wsgi.url_scheme"]) == ("192.0.2.7", "https")


def test_websockets_go_through_tls(serve: Serve, authority: Authority) -> None:
    server = serve(*authority.arguments("localhost"), app="websocket_app:app")
    url = f"wss://localhost:{server.address[1]}/echo"

    async def echo() -> None:
        # (The client that uses threads reads and writes one TLS session in two of them: of
        # thousands of connections some hang, with any server.)
        async with connect(url, ssl=authority.context(), max_size=None, proxy=None) as websocket:
            for message in ("short", "long" * 100_000, b"\0" * 1_000_000):
                await websocket.send(message)
                assert await asyncio.wait_for(websocket.recv(), DEADLINE_SECONDS) == message

    asyncio.run(echo())


def test_certificates_are_chosen_by_name(serve: Serve, authority: Authority) -> None:
    more = [f"--sni-certfile={','.join(authority.issue(name))}" for name in ("a.test", "b.test")]
    server = serve(*authority.arguments(), *more)
    context = authority.context()
    for name in ("b.test", HOST, "a.test"):
        with TlsClient(server.address, context, name) as client:
            assert client.shown() == [name]
    context.check_hostname = False
    with TlsClient(server.address, context, "unknown.test") as client:
        assert client.shown() == [HOST]


@BOTH
def test_certificates_of_clients(serve: Serve, authority: Authority, app: str) -> None:
    asked = ("--ca-certs", str(authority.file), "--cert-reqs")
    optional = serve(*authority.arguments(), *asked, "1", app=app)
    required = serve(*authority.arguments(), *asked, "2", app=app)
    own = authority.issue("client.test")
    for server in (optional, required):
        with TlsClient(server.address, authority.context(own)) as client:
            told = _told(client, app)
        subject, chain = "CN=client.test,O=Testers", Path(own[0]).read_text()
        if app.startswith("wsgi"):
            assert (told["SSL_CLIENT_VERIFY"], told["SSL_CLIENT_S_DN"]) == ("SUCCESS", subject)
            assert told["SSL_CLIENT_I_DN"] == "CN=Test authority"
            assert told["SSL_CLIENT_CERT"] == chain
        else:
            tls = told["extensions"]["tls"]
            # OpenSSL sends who signed it, too.
            assert (tls["client_cert_name"], tls["client_cert_chain"][0]) == (subject, chain)
    with TlsClient(optional.address, authority.context()) as client:
        assert client.ask("/").status == 200
    # With TLS 1.3 a client learns of it when it reads.
    with (
        pytest.raises((ssl.SSLError, AssertionError)),
        TlsClient(required.address, authority.context()) as client,
    ):
        client.ask("/")
    (authority.folder / "others").mkdir()
    other = Authority(authority.folder / "others")
    with (
        pytest.raises((ssl.SSLError, AssertionError)),
        TlsClient(optional.address, authority.context(other.issue())) as client,
    ):
        client.ask("/")


def _serial(server: Served, authority: Authority) -> str:
    with TlsClient(server.address, authority.context()) as client:
        assert client.ask("/").status == 200
        certificate = client.tls.getpeercert()
        assert certificate is not None
        return str(certificate["serialNumber"])


def test_certificates_are_read_anew_on_hup(serve: Serve, authority: Authority) -> None:
    server = serve(*authority.arguments())
    first = _serial(server, authority)
    chain, key = authority.issue()
    server.send_signal(signal.SIGHUP)
    wait_for(lambda: _serial(server, authority) != first, "another certificate")
    second = _serial(server, authority)
    # What cannot be read changes nothing, and is told.
    Path(chain).write_text("no certificate")
    server.send_signal(signal.SIGHUP)
    server.wait_for_log("it has no certificate in PEM form")
    assert _serial(server, authority) == second
    authority.issue()
    server.send_signal(signal.SIGHUP)
    wait_for(lambda: _serial(server, authority) != second, "a third certificate")
    assert Path(key).exists()


def test_whoever_dawdles_keeps_nobody_waiting(serve: Serve, authority: Authority) -> None:
    server = serve(*authority.arguments(), "--header-timeout", "1")
    context = authority.context()
    idle = [server.client() for _ in range(20)]
    for client in idle[10:]:
        client.send(b"\x16\x03\x01")
    with TlsClient(server.address, context) as client:
        for _ in range(10):
            assert client.ask("/").status == 200
    for client in idle:
        assert client.is_closed()
        client.close()


def test_handshakes_that_fail_are_counted_and_told_of(serve: Serve, authority: Authority) -> None:
    address = ("127.0.0.1", free_port())
    status = ("--status-bind", f"{address[0]}:{address[1]}")
    server = serve(*authority.arguments(), *status, app="asgi_app:app")
    # One that does not trust the certificate, and one that says nothing.
    with pytest.raises(ssl.SSLError):
        TlsClient(server.address, ssl.create_default_context())
    server.client().close()
    server.wait_for_log("[INFO] TLS handshake with ip=127.0.0.1 failed: received fatal alert")
    with Client(address) as client:
        page = client.ask("/metrics").text
    assert 'tonnage_tls_handshakes_failed_total{worker="0"} 1\n' in page


@pytest.mark.parametrize("app", ["hung_app:wsgi", "hung_app:asgi"], ids=["wsgi", "asgi"])
def test_a_late_request_is_answered_although_all_hangs(
    serve: Serve, authority: Authority, app: str
) -> None:
    server = serve(*authority.arguments(), "--request-timeout", "0.5", app=app)
    with TlsClient(server.address, authority.context()) as client:
        client.request("/sleep")
        answer = client.answer()
        assert (answer.status, answer.get("connection")) == (503, "close")
        # In good order: `ssl` raises where the notice is missing.
        assert client.socket.recv(1) == b""


def test_a_client_that_ends_its_side_with_its_request_has_its_answer_and_the_end(
    serve: Serve, authority: Authority
) -> None:
    server = serve(*authority.arguments())
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = authority.context().wrap_bio(incoming, outgoing, server_hostname=HOST)
    request = b"GET / HTTP/1.1\r\nHost: test\r\n\r\n"
    with server.client() as client:

        def until_done(step: Callable[[], Any]) -> Any:
            while True:
                with contextlib.suppress(ssl.SSLWantReadError):
                    done = step()
                    client.send(outgoing.read())
                    return done
                client.send(outgoing.read())
                incoming.write(client.socket.recv(1 << 16))

        until_done(tls.do_handshake)
        until_done(lambda: tls.write(request))
        assert until_done(lambda: tls.read(1 << 16)).endswith(b"Hello, World!")
        tls.write(request)
        with pytest.raises(ssl.SSLWantReadError):
            tls.unwrap()
        # The request and TLS's notice in one piece; the socket stays open.
        client.send(outgoing.read())
        # The server closes, and does not wait for another request.
        assert len(client.rest()) > len(b"Hello, World!")


def test_http_without_tls_is_told_so(serve: Serve, authority: Authority) -> None:
    answer = serve(*authority.arguments()).ask("/")
    assert (answer.status, answer.get("Connection")) == (400, "close")
    assert answer.text == "TLS is spoken here: ask with https://\n"


def test_what_cannot_be_read_keeps_the_server_from_starting(
    serve: Serve, authority: Authority
) -> None:
    chain, _ = authority.issue()
    for arguments in (["--check-config"], []):
        server = serve("--certfile", chain, *arguments, ready=False)
        assert server.process.wait(30) == 1
        assert f"cannot read a private key from {chain}" in server.stderr


@BOTH
def test_a_graceful_end_says_goodbye(serve: Serve, authority: Authority, app: str) -> None:
    server = serve(*authority.arguments(), app=app)
    with (
        TlsClient(server.address, authority.context()) as idle,
        TlsClient(server.address, authority.context()) as busy,
    ):
        assert idle.ask("/").status == 200
        busy.request("/slow?seconds=0.5")
        server.send_signal(signal.SIGTERM)
        answer = busy.answer()
        assert (answer.status, answer.get("Connection")) == (200, "close")
        # `ssl` raises where the notice is missing.
        assert (busy.socket.recv(1), idle.socket.recv(1)) == (b"", b"")
    assert server.stop() == 0
