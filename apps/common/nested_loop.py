"""The `loop` workload without a framework: a nested loop whose length the client
chooses, and one line that tells the server's address, the time of day and the
seconds taken, as the flask_bench study's server did.
"""

import socket
import time
from datetime import datetime
from typing import Optional

from answers import Refusal, read_number

# Work for about a minute on a fast core; more is a typing error, and would
# occupy a worker until its server kills it.
MAX_STEPS = 1000000000
# One loop's own bound, for the sake of the native twin, which has no larger numbers.
MAX_ITERATIONS = 2**64 - 1


def own_address() -> str:
    """The address that this host's name stands for; loopback where it stands for none."""
    try:
        return socket.gethostbyname(socket.gethostname())
    except OSError:
        return "127.0.0.1"


# Looked up once: a resolver in the path of a request would be measured with it.
ADDRESS = own_address()


def iterations(name: str, text: Optional[str]) -> int:
    """The query parameter `name` as a number of iterations."""
    value = read_number(text or "", int)
    if value is None or value > MAX_ITERATIONS:
        raise Refusal(400, "the query needs {}, a whole number of iterations".format(name))
    return value


def answer(it1_text: Optional[str], it2_text: Optional[str]) -> str:
    """Runs the nested loop and says how long it took."""
    it1, it2 = iterations("it1", it1_text), iterations("it2", it2_text)
    if it1 * max(it2, 1) > MAX_STEPS:
        raise Refusal(400, "it1 × it2 must not exceed {}".format(MAX_STEPS))
    start = time.perf_counter()
    c = 0
    for i in range(it1):
        for j in range(it2):
            if i % 554 == 0:
                c += c + j
    seconds = time.perf_counter() - start
    now = datetime.now().strftime("%H:%M:%S")
    return "Server: {}. Time: {}. Computation took {:.6f} s\n".format(ADDRESS, now, seconds)
