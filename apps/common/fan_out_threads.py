"""The fan-out's ten upstream calls with one thread each, for synchronous servers.

The original called `grequests`, which replaces the sockets of the whole process
by gevent's as soon as it is imported: its synchronous servers were gevent in
part. Here they stay what they are called. Under a gevent server the threads are
greenlets, since there the server has replaced `threading` before this is imported.
"""

import time
from concurrent.futures import ThreadPoolExecutor

import requests
from requests.adapters import HTTPAdapter

from answers import Refusal
from fan_out import CALLS, GRACE_S, MAX_TEXT_BYTES, UPSTREAM_URL, WIDTH, answer, failed, text_of, too_slow, url_of

# Connections that are kept for the next request; more are opened and closed again.
KEPT_CONNECTIONS = 1000


def _session() -> requests.Session:
    """The client of all threads: no cookies, proxies or redirects are in play, and
    its pool of connections may be shared."""
    session = requests.Session()
    session.trust_env = False
    session.mount(UPSTREAM_URL, HTTPAdapter(pool_connections=1, pool_maxsize=KEPT_CONNECTIONS))
    return session


SESSION = _session()


def _call(delay_s: float, deadline: float) -> str:
    """One upstream call, which ends by `deadline` (on the monotonic clock)."""
    left_s = deadline - time.monotonic()
    if left_s <= 0:
        raise too_slow(delay_s)
    try:
        with SESSION.get(url_of(delay_s), timeout=left_s, stream=True, allow_redirects=False) as response:
            body = response.raw.read(MAX_TEXT_BYTES + 1)
            if len(body) > MAX_TEXT_BYTES:
                raise Refusal(502, "the upstream service sends too much")
            return text_of(response.status_code, body)
    except requests.Timeout as error:
        raise too_slow(delay_s) from error
    except (requests.RequestException, OSError) as error:
        raise failed(error) from error


def fan_out(delay_s: float) -> str:
    """The answer to one request."""
    count = CALLS.next()
    deadline = time.monotonic() + delay_s + GRACE_S
    # Ten threads for each request: a pool for all of them would be a second queue
    # behind the server's own, and its size a second capacity to explain.
    with ThreadPoolExecutor(WIDTH) as pool:
        calls = [pool.submit(_call, delay_s, deadline) for _ in range(WIDTH)]
        return answer(count, [call.result() for call in calls])
