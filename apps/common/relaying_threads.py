"""The relay's upstream call for synchronous servers."""

import time

import requests
from requests.adapters import HTTPAdapter

from relaying import CALLS, MAX_ANSWER_BYTES, TIMEOUT_S, UPSTREAM_URL, failed, passed_on, too_long, too_slow, url_of

# Connections that are kept for the next call; more are opened and closed again.
KEPT_CONNECTIONS = 100
CHUNK_BYTES = 64 * 1024


def _session() -> requests.Session:
    """The client of all threads: no cookies, proxies or redirects are in play, and
    its pool of connections may be shared."""
    session = requests.Session()
    session.trust_env = False
    session.mount(UPSTREAM_URL, HTTPAdapter(pool_connections=1, pool_maxsize=KEPT_CONNECTIONS))
    return session


SESSION = _session()


def call(path: str, query: str) -> bytes:
    """The upstream's answer to `/api/<path>`."""
    url = url_of(path, query)
    deadline = time.monotonic() + TIMEOUT_S
    CALLS.begin()
    try:
        with SESSION.get(url, timeout=TIMEOUT_S, stream=True, allow_redirects=False) as response:
            body = _read(response, deadline)
            return passed_on(response.status_code, body)
    except requests.Timeout as error:
        raise too_slow() from error
    except (requests.RequestException, OSError) as error:
        raise failed(error) from error


def _read(response: requests.Response, deadline: float) -> bytes:
    """The body, if it ends in time (on the monotonic clock) and within its bound.
    The client's own timeout is one for each piece: a trickle never meets it."""
    body = bytearray()
    for piece in iter(lambda: response.raw.read1(CHUNK_BYTES, decode_content=True), b""):
        body += piece
        if len(body) > MAX_ANSWER_BYTES:
            raise too_long()
        if time.monotonic() > deadline:
            raise too_slow()
    return bytes(body)
