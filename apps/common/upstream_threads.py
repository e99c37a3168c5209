"""Calls of the upstream for synchronous servers, bounded in time and size. What a
call that fails means to a client is left to the workloads.
"""

import time
from typing import Tuple

import requests
import urllib3.exceptions
from requests.adapters import HTTPAdapter

from upstream import upstream_url

CHUNK_BYTES = 64 * 1024


class Failed(Exception):
    """The upstream cannot be reached, breaks off or speaks no HTTP."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


class TooSlow(Exception):
    """The upstream takes longer than it may."""


class TooLong(Exception):
    """The upstream sends more than it may."""


class _Session(requests.Session):
    """A client that follows no redirects. Told so call by call, it would still read
    a redirect's body, to any length."""

    def get_redirect_target(self, _response: requests.Response) -> None:
        return None


class Client:
    """The client of all threads: no cookies, proxies or redirects are in play, and
    its pool of connections may be shared."""

    def __init__(self, kept_connections: int) -> None:
        """Keeps so many connections for the next call; more are opened and closed
        again."""
        self._session = _Session()
        self._session.trust_env = False
        self._session.mount(upstream_url(), HTTPAdapter(pool_connections=1, pool_maxsize=kept_connections))

    def get(self, url: str, deadline: float, max_bytes: int) -> Tuple[int, bytes]:
        """Status and whole body of an answer that comes by `deadline` (on the
        monotonic clock)."""
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            raise TooSlow()
        # requests translates errors of the head alone; the body's are urllib3's own.
        try:
            with self._session.get(url, timeout=left_s, stream=True, allow_redirects=False) as response:
                return response.status_code, _read(response, deadline, max_bytes)
        except (requests.Timeout, urllib3.exceptions.TimeoutError) as error:
            raise TooSlow() from error
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise Failed(error) from error


def _read(response: requests.Response, deadline: float, max_bytes: int) -> bytes:
    """The body to its end. The client's own timeout is one for each piece: a trickle
    never meets it."""
    body = bytearray()
    # To the empty piece: only there does urllib3 notice that a body is shorter than
    # its Content-Length.
    for piece in iter(lambda: response.raw.read1(CHUNK_BYTES, decode_content=True), b""):
        body += piece
        if len(body) > max_bytes:
            raise TooLong()
        if time.monotonic() > deadline:
            raise TooSlow()
    return bytes(body)
