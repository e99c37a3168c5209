"""ASGI beyond the usual: callables that are made tasks, files, clients that go away."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Serve
from serving import Served, wait_for


@pytest.fixture(params=["asyncio", "uvloop"])
def server(serve: Serve, request: pytest.FixtureRequest, tmp_path: Path) -> Served:
    file = tmp_path / "file"
    file.write_bytes(bytes(range(256)) * 20_000)
    return serve(
        *("--asgi-loop", request.param, "--interface", "asgi"),
        *("--asgi-disconnect-grace-period", "1"),
        app="asgi_edges_app:app",
        env={"FILE": str(file)},
    )


def test_an_application_that_is_no_coroutine_function(server: Served) -> None:
    with server.client() as client:
        for _ in range(3):
            # What the one before set is not seen, on the same connection either.
            assert client.ask("/before").body == b"unset"
        assert client.ask("/awaitable").body == b"awaited"


def test_receive_and_send_as_tasks(server: Served) -> None:
    with server.client() as client:
        assert client.ask("/tasks").body == b"http.request True"
        assert client.ask("/two-wait").body == b"answered"
    wait_for(lambda: len(server.events()) == 2, "both to be told")
    assert server.events() == ["http.disconnect", "http.disconnect http.disconnect"]


def test_asking_whether_the_client_is_gone(server: Served) -> None:
    assert server.ask("/polls").body == b"gone 0"


def test_files_and_other_bytes(server: Served) -> None:
    with server.client() as client:
        for _ in range(3):
            assert client.ask("/file").body == bytes(range(256)) * 20_000
        answer = client.ask("/views")
        assert (answer.body, answer.get("x-a")) == (b"one two three", "1")


def test_responses_that_break_their_word(server: Served) -> None:
    with server.client() as client:
        client.request("/short")
        assert client.rest().endswith(b"too short")
    server.wait_for_log("shorter than its Content-Length")
    with server.client() as client:
        assert client.ask("/twice").body == b"once"
    wait_for(lambda: any("complete" in event for event in server.events()), "an error")


def test_an_application_whose_client_has_gone_is_cancelled(server: Served) -> None:
    with server.client() as client:
        client.request("/hangs")
    wait_for(lambda: "cancelled" in server.events(), "the end of it")
    with server.client() as client:
        client.request("/sends-on")
        client.socket.recv(100)
    wait_for(lambda: "sends on: ClientDisconnected" in server.events(), "an OSError")
    # Neither is anything that whoever runs the server could mend.
    assert "Error handling request" not in server.stderr


def test_the_lifespan_ends_although_a_request_does_not(serve: Serve, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    server = serve("--graceful-timeout", "2", app="asgi_app:app", env={"SHUTDOWN_MARK": str(mark)})
    with server.client() as client:
        client.request("/sleep?seconds=600")
        # Answered after it: the request is in the application's hands.
        assert server.ask("/").status == 200
        assert server.stop() == 0
        assert client.answer().status == 500
    assert mark.read_text() == "shutdown\n"
    server.wait_for_log("1 requests did not end in time")


def test_another_protocol_is_not_spoken_and_somebody_is_told(server: Served) -> None:
    fields = {"Connection": "Upgrade", "Upgrade": "x-other"}
    for _ in range(2):
        # As if it had not been asked for (RFC 9110, 7.8).
        assert server.ask("/before", headers=fields).status == 200
    server.wait_for_log('A client asked for "x-other", which this version does not speak')
    assert server.stderr.count("does not speak") == 1
