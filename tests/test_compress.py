"""``--compress``: responses in a coding that the client takes."""

from __future__ import annotations

import gzip

import pytest
from conftest import BOTH, Serve

GZIP = {"Accept-Encoding": "gzip"}
TYPES = ("--compress-types", "text/plain,application/octet-stream")


@BOTH
def test_large_bodies_are_compressed(serve: Serve, app: str) -> None:
    log = ("--access-logfile", "-", "--access-logformat", "%(U)s %(s)s %(B)s")
    server = serve("--compress", *TYPES, *log, app=app)
    with server.client() as client:
        for _ in range(2):
            plain = client.ask("/large?bytes=100000")
            assert (len(plain.body), plain.get("content-encoding")) == (100_000, None)
            assert plain.get("vary") == "Accept-Encoding"
            answer = client.ask("/large?bytes=100000", headers=GZIP)
            assert answer.get("content-encoding") == "gzip"
            assert gzip.decompress(answer.body) == plain.body
            assert len(answer.body) < 10_000
            head = client.ask("/large?bytes=100000", method="HEAD", headers=GZIP)
            assert (head.get("content-encoding"), head.get("content-length")) == ("gzip", None)
            # Too short to gain anything.
            short = client.ask("/large?bytes=100", headers=GZIP)
            assert (len(short.body), short.get("content-encoding")) == (100, None)
        zstd = client.ask("/large?bytes=100000", headers={"Accept-Encoding": "gzip, br, zstd"})
        assert zstd.get("content-encoding") == "zstd"
        assert zstd.body[:4] == b"\x28\xb5\x2f\xfd"
    server.wait_for_output(f"/large 200 {len(answer.body)}")


@BOTH
def test_streams_are_compressed_part_by_part(serve: Serve, app: str) -> None:
    server = serve("--compress", *TYPES, "--compress-min-size", "0", app=app)
    with server.client() as client:
        for _ in range(2):
            answer = client.ask("/stream", headers=GZIP)
            assert answer.get("content-encoding") == "gzip"
            assert answer.get("transfer-encoding") == "chunked"
            assert gzip.decompress(answer.body) == b"one two three"


@pytest.mark.parametrize("app", ["compress_app:wsgi", "compress_app:asgi"], ids=["wsgi", "asgi"])
def test_other_threads_have_the_interpreter_meanwhile(serve: Serve, app: str) -> None:
    server = serve("--compress", app=app)
    with server.client() as client:
        answer = client.ask("/long", headers=GZIP)
        assert answer.get("content-encoding") == "gzip"
        assert len(gzip.decompress(answer.body)) > 10 << 20
        seen = client.ask("/seen").json()
    assert isinstance(seen, dict)
    # Whoever kept the lock would have had it for nearly all of the time.
    assert seen["longest"] < seen["seconds"] / 2, seen


def test_off_it_is_off(serve: Serve) -> None:
    answer = serve().ask("/large?bytes=100000", headers=GZIP)
    assert (answer.get("content-encoding"), answer.get("vary")) == (None, None)


@pytest.mark.parametrize("value", ["-1", "many"])
def test_sizes_are_numbers(serve: Serve, value: str) -> None:
    server = serve("--compress", f"--compress-min-size={value}", ready=False)
    assert server.process.wait(30) == 2
