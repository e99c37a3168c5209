"""The fan-out's ten upstream calls with one thread each, for synchronous servers.

The original called `grequests`, which replaces the sockets of the whole process
by gevent's as soon as it is imported: its synchronous servers were gevent in
part. Here they stay what they are called. Under a gevent server the threads are
greenlets, since there the server has replaced `threading` before this is imported.
"""

import time
from concurrent.futures import ThreadPoolExecutor

from fan_out import CALLS, GRACE_S, MAX_TEXT_BYTES, WIDTH, answer, failed, text_of, too_long, too_slow, url_of
from upstream_threads import Client, Failed, TooLong, TooSlow

# Connections that are kept for the next request.
KEPT_CONNECTIONS = 1000

CLIENT = Client(KEPT_CONNECTIONS)


def _call(delay_s: float, deadline: float) -> str:
    """One upstream call, which ends by `deadline` (on the monotonic clock)."""
    try:
        status, body = CLIENT.get(url_of(delay_s), deadline, MAX_TEXT_BYTES)
    except TooSlow as error:
        raise too_slow(delay_s) from error
    except TooLong as error:
        raise too_long() from error
    except Failed as error:
        raise failed(error.error) from error
    return text_of(status, body)


def fan_out(delay_s: float) -> str:
    """The answer to one request."""
    count = CALLS.next()
    deadline = time.monotonic() + delay_s + GRACE_S
    # Ten threads for each request: a pool for all of them would be a second queue
    # behind the server's own, and its size a second capacity to explain.
    with ThreadPoolExecutor(WIDTH) as pool:
        calls = [pool.submit(_call, delay_s, deadline) for _ in range(WIDTH)]
        return answer(count, [call.result() for call in calls])
