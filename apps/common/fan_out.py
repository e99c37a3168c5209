"""The `fanout` workload without a framework: ten concurrent calls of the slow
upstream, and the answer `[count] [texts]`. Whoever makes the calls (threads in
`fan_out_threads`, a loop in `fan_out_async`) takes bounds and texts from here.
"""

from typing import List, Optional

from answers import Counter, Refusal, number
from upstream import upstream_url

# Upstream calls made for each request.
WIDTH = 10
DEFAULT_DELAY_S = 1
MAX_DELAY_S = 60
# How much longer than it was asked to may the upstream take?
GRACE_S = 10
# An upstream that sends more than this has gone mad.
MAX_TEXT_BYTES = 64 * 1024

CALLS = Counter()
UPSTREAM_URL = upstream_url()


def delay_of(text: Optional[str]) -> float:
    """The query's `delay` in seconds."""
    return number("delay", text, float, DEFAULT_DELAY_S, 0, MAX_DELAY_S)


def url_of(delay_s: float) -> str:
    """What each of the ten calls asks for."""
    return "{}/?delay={:g}".format(UPSTREAM_URL, delay_s)


def text_of(status: int, body: bytes) -> str:
    """The text of one upstream answer."""
    if status != 200:
        raise Refusal(502, "the upstream service answered with status {}".format(status))
    return body.decode("utf-8", "replace")


def answer(count: int, texts: List[str]) -> str:
    """The answer, as Python writes a list."""
    return "[{}] {}".format(count, texts)


def failed(error: Exception) -> Refusal:
    """An upstream that cannot be reached or breaks off."""
    return Refusal(502, "the upstream service failed: {}".format(type(error).__name__))


def too_long() -> Refusal:
    """An upstream that does not come to an end."""
    return Refusal(502, "the upstream service's answer is longer than {} bytes".format(MAX_TEXT_BYTES))


def too_slow(delay_s: float) -> Refusal:
    """An upstream that takes too long."""
    return Refusal(504, "the upstream service took longer than {:g} s".format(delay_s + GRACE_S))
