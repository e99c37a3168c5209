"""The `relay` workload without a framework: what of an upstream's answer is passed
on, and which JSON error stands for one that cannot be. Who calls the upstream
(`relaying_threads`, or a loop in the FastAPI app) and who keeps answers for ten
seconds is left to the apps.
"""

import json
import os
import threading
from urllib.parse import quote

from answers import Refusal
from upstream import upstream_url

UPSTREAM_URL = upstream_url()
# How long an answer is kept.
CACHE_S = 10
# How many answers are kept at most.
MAX_CACHED = 500
# An upstream that sends more than this has gone mad.
MAX_ANSWER_BYTES = 16 * 1024 * 1024
# The original's line for each call of the upstream.
LOG_LINE = "new call or cache expired! calling external api"
CALLS_HEADER = "X-Upstream-Calls"


def _timeout_s() -> float:
    """How long an upstream may take in all."""
    text = os.environ.get("RELAY_TIMEOUT_S") or "5"
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value <= 3600:
        raise RuntimeError("RELAY_TIMEOUT_S must be a number of seconds up to 3600, not {!r}".format(text))
    return value


TIMEOUT_S = _timeout_s()


class Calls:
    """How many calls of the upstream this process has made."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.made = 0

    def begin(self) -> None:
        """Counts and logs a call that is about to be made."""
        with self._lock:
            self.made += 1
        print(LOG_LINE, flush=True)


CALLS = Calls()


def url_of(path: str, query: str) -> str:
    """The upstream's URL for a decoded path without its first slash, and a query
    as it was sent."""
    # Clients of the upstream resolve dots: such a path would leave /api/.
    if not path or path.startswith("/") or any(segment in (".", "..") for segment in path.split("/")):
        raise nothing()
    url = "{}/api/{}".format(UPSTREAM_URL, quote(path, safe="/:@!$&'()*+,;=~"))
    return "{}?{}".format(url, query) if query else url


def nothing() -> Refusal:
    """The answer to a path that is none of the upstream's, such as one that begins
    with two slashes."""
    return Refusal(404, "there is nothing at this path")


def passed_on(status: int, body: bytes) -> bytes:
    """The upstream's bytes, if they are what a client of ours wants."""
    if status == 404:
        raise Refusal(404, "the upstream service has nothing at this path")
    if status == 429:
        raise Refusal(502, "the upstream service limits the rate of requests (429)")
    if status != 200:
        raise Refusal(502, "the upstream service answered with status {}".format(status))
    try:
        json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise Refusal(501, "the upstream service's answer is not JSON") from error
    return body


def failed(error: Exception) -> Refusal:
    """An upstream that cannot be reached or breaks off."""
    return Refusal(502, "the upstream service failed: {}".format(type(error).__name__))


def too_slow() -> Refusal:
    """An upstream that takes too long."""
    return Refusal(504, "the upstream service took longer than {:g} s".format(TIMEOUT_S))


def too_long() -> Refusal:
    """An upstream that does not come to an end."""
    return Refusal(502, "the upstream service's answer is longer than {} bytes".format(MAX_ANSWER_BYTES))
