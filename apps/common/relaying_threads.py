"""The relay's upstream call for synchronous servers."""

import time

from relaying import CALLS, MAX_ANSWER_BYTES, TIMEOUT_S, failed, passed_on, too_long, too_slow, url_of
from upstream_threads import Client, Failed, TooLong, TooSlow

# Connections that are kept for the next call.
KEPT_CONNECTIONS = 100

CLIENT = Client(KEPT_CONNECTIONS)


def call(path: str, query: str) -> bytes:
    """The upstream's answer to `/api/<path>`."""
    url = url_of(path, query)
    deadline = time.monotonic() + TIMEOUT_S
    CALLS.begin()
    try:
        status, body = CLIENT.get(url, deadline, MAX_ANSWER_BYTES)
    except TooSlow as error:
        raise too_slow() from error
    except TooLong as error:
        raise too_long() from error
    except Failed as error:
        raise failed(error.error) from error
    return passed_on(status, body)
