"""An application that keeps what belongs to one request."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Serve

KEEPER = """
kept = {}

def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path.startswith("/keep/"):
        kept.clear()
        write = start_response("200 OK", [("Content-Type", "text/plain")])
        # Only one of the two, so that each is seen to be enough.
        kept[path] = write if path == "/keep/write" else start_response
        return [b"kept"]
    try:
        if path == "/use/write":
            kept["/keep/write"](b"into another's response")
        elif path == "/use/start":
            kept["/keep/start"]("500 Not Mine", [])
    except RuntimeError as error:
        text = str(error).encode()
    else:
        text = b"ok"
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [text]
"""


@pytest.mark.parametrize("what", ["write", "start"])
def test_what_is_kept_reaches_no_other_response(serve: Serve, tmp_path: Path, what: str) -> None:
    (tmp_path / "keeper.py").write_text(KEEPER)
    server = serve(app="keeper:app", cwd=tmp_path)
    with server.client() as client:
        assert client.ask(f"/keep/{what}").body == b"kept"
        for _ in range(2):
            answer = client.ask(f"/use/{what}")
            assert (answer.status, answer.body) == (200, b"the response is over")
