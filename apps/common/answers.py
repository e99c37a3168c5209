"""What every workload does alike: the JSON of its errors, the numbers in its
query, the JSON in its body, and the count of its calls.

Free of any framework; runs on Python 3.6 and newer.
"""

import itertools
import json
from typing import Any, Callable, Optional

# More than any study sends. A server without a bound of its own would hold in
# memory whatever one client likes to send.
MAX_BODY_BYTES = 16 * 1024 * 1024

JSON = "application/json"
TEXT = "text/plain"


class Refusal(Exception):
    """A request that gets an error for an answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message

    def text(self) -> str:
        """The answer's body."""
        return error_text(self.status, self.message)


def error_text(status: int, message: str) -> str:
    """The JSON that stands for an error."""
    return json_text({"error": {"code": status, "message": message}})


def json_text(value: Any) -> str:
    """JSON without spaces, in ASCII, so that lone surrogates survive as well."""
    return json.dumps(value, separators=(",", ":"))


def number(
    name: str,
    text: Optional[str],
    kind: Callable[[str], Any],
    default: Any,
    least: Any,
    most: Any,
) -> Any:
    """The query parameter `name` as an `int` or `float` within its bounds, or the
    default where the query does not have it."""
    if text is None:
        return default
    try:
        # Python reads "1_0" as ten; nobody else does.
        value = None if "_" in text else kind(text)
    except ValueError:
        value = None
    # NaN is in no range.
    if value is None or not least <= value <= most:
        raise Refusal(400, "{} must be a number from {:g} to {:g}".format(name, least, most))
    return value


def parsed(body: bytes) -> Any:
    """The value of a JSON text in UTF-8."""
    if len(body) > MAX_BODY_BYTES:
        raise too_large()
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_no_json)
    except ValueError as error:
        raise Refusal(400, "the body is not JSON: {}".format(error)) from error
    except RecursionError as error:
        raise Refusal(400, "the body is nested too deeply") from error


def _no_json(constant: str) -> None:
    """Python takes NaN and Infinity for JSON, the standard does not."""
    raise ValueError("{} is no JSON value".format(constant))


def too_large() -> Refusal:
    """The answer to a body that is longer than `MAX_BODY_BYTES`."""
    return Refusal(413, "the body is longer than {} bytes".format(MAX_BODY_BYTES))


class Counter:
    """Counts calls, also from many threads: `next` on it is one step of C code."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def next(self) -> int:
        """The number of this call, from 1."""
        return next(self._numbers)
