"""The `matmul` workload without a framework: `num` times two fresh 100 × 100
matrices of uniform numbers, added and multiplied into an accumulator.

The answer `[count] (100, 100)` tells how many calls this process has had.
"""

from typing import Optional

import numpy as np

from answers import Counter, number

DEFAULT_NUM = 1000
# Half a minute or so on one core; more is a typing error.
MAX_NUM = 100000

CALLS = Counter()


def long_running(num: int) -> np.ndarray:
    """The work, as the server zoo's study has it."""
    m = np.random.random((100, 100))
    for _ in range(num):
        m *= np.random.random((100, 100)) + np.random.random((100, 100))
    return m


def num_of(text: Optional[str]) -> int:
    """The query's `num`."""
    return number("num", text, int, DEFAULT_NUM, 0, MAX_NUM)


def answer(num: int) -> str:
    """Does the work and tells its result's shape."""
    count = CALLS.next()
    return "[{}] {}".format(count, long_running(num).shape)
