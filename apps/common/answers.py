"""What every workload does alike: the JSON of its errors, the numbers in its
query, the JSON in its body, and the count of its calls.

Free of any framework; runs on Python 3.6 and newer.
"""

import itertools
import json
import re
from typing import Any, Callable, Optional

# More than any study sends. A server without a bound of its own would hold in
# memory whatever one client likes to send.
MAX_BODY_BYTES = 16 * 1024 * 1024

JSON = "application/json"
TEXT = "text/plain"

# Numbers as the native services read them. Python's own `int` and `float` take "1_0"
# for ten, and the digits of every script.
NUMBERS = {
    int: re.compile(r"\+?[0-9]+"),
    float: re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"),
}
# Unicode's White_Space, which may surround a number; `strip` alone takes four more.
SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))


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
    value = read_number(text, kind)
    if value is None or not least <= value <= most:
        raise Refusal(400, "{} must be a number from {:g} to {:g}".format(name, least, most))
    return value


def read_number(text: str, kind: Callable[[str], Any]) -> Any:
    """The `int` (not negative) or `float` that a text stands for, or None."""
    text = text.strip(SPACE)
    try:
        return kind(text) if NUMBERS[kind].fullmatch(text) else None
    except ValueError:
        # More digits than Python makes an `int` of.
        return None


def parsed(body: bytes, max_bytes: int = MAX_BODY_BYTES) -> Any:
    """The value of a JSON text in UTF-8."""
    if len(body) > max_bytes:
        raise too_large(max_bytes)
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_no_json)
    except ValueError as error:
        raise Refusal(400, "the body is not JSON: {}".format(error)) from error
    except RecursionError as error:
        raise Refusal(400, "the body is nested too deeply") from error


def _no_json(constant: str) -> None:
    """Python takes NaN and Infinity for JSON, the standard does not."""
    raise ValueError("{} is no JSON value".format(constant))


def too_large(max_bytes: int = MAX_BODY_BYTES) -> Refusal:
    """The answer to a body that is longer than it may be."""
    return Refusal(413, "the body is longer than {} bytes".format(max_bytes))


class Counter:
    """Counts calls, also from many threads: `next` on it is one step of C code."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def next(self) -> int:
        """The number of this call, from 1."""
        return next(self._numbers)
