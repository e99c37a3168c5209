"""What comes before a response and after its body: hints, trailers; and files in its place."""

from __future__ import annotations

import pytest
from conftest import Serve
from serving import Client, Served


@pytest.fixture
def edges(serve: Serve) -> Served:
    return serve("--interface", "asgi", app="asgi_edges_app:app")


def hinted(client: Client) -> list[list[tuple[str, str]]]:
    """The fields of each interim response, up to the final one, which is whole."""
    found = []
    while (answer := client.answer()).status == 103:
        assert answer.reason == "Early Hints"
        found.append(answer.fields)
    assert answer.status == 200
    assert answer.body in (b"one two", b"hinted")
    return found


STYLE = ("Link", "</style.css>; rel=preload")
SCRIPT = ("Link", "</script.js>; rel=preload")


def test_hints_of_wsgi(serve: Serve) -> None:
    server = serve()
    with server.client() as client:
        for _ in range(3):
            client.request("/hints")
            assert hinted(client) == [[STYLE], [SCRIPT, ("X-A", "1")]]
        # None reaches a request that it is not of.
        for _ in range(2):
            answer = client.ask("/kept-hints")
            assert (answer.status, answer.text) == (200, "nobody was told")
    with server.client() as client:
        client.request("/hints", version="HTTP/1.0")
        assert hinted(client) == []


def test_hints_of_asgi(edges: Served) -> None:
    with edges.client() as client:
        for _ in range(3):
            client.request("/hints")
            assert hinted(client) == [[STYLE, SCRIPT], [("x-a", "1")]]
    with edges.client() as client:
        client.request("/hints", version="HTTP/1.0")
        assert hinted(client) == []


def test_trailers(edges: Served) -> None:
    with edges.client() as client:
        for _ in range(2):
            answer = client.ask("/trailers", headers={"TE": "gzip, Trailers"})
            assert answer.body == b"one two"
            assert answer.get("trailer") == "x-sum, x-more"
            assert answer.trailers == [("x-sum", "1"), ("x-more", "2")]
            # Whoever takes none has the rest.
            answer = client.ask("/trailers")
            assert (answer.body, answer.trailers) == (b"one two", [])
            assert answer.get("trailer") is None
        assert b"none were announced" in client.ask("/stray-trailers").body
    with edges.client() as client:
        client.request("/trailers", version="HTTP/1.0", headers={"TE": "trailers"})
        assert client.answer().body == b"one two"
    assert edges.events().count("trailers sent") == 5


def test_what_is_no_file_is_not_sent(edges: Served) -> None:
    assert edges.ask("/folder").status == 500
    edges.wait_for_log("/ is no regular file")
