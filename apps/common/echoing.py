"""The `echo` workload without a framework: `POST /uploader` takes JSON and gives
back its text: what Python's `str` makes of the parsed value, as the original
did, or JSON again where the query says `format=json`.
"""

from typing import Optional, Tuple

from answers import JSON, TEXT, Refusal, json_text, parsed


def echo(body: bytes, form: Optional[str]) -> Tuple[str, bytes]:
    """The media type and the text of the answer to `body`; `form` is the query's
    `format`, if it has one."""
    value = parsed(body)
    try:
        if form == "json":
            return JSON, json_text(value).encode("ascii")
        # A lone surrogate has no UTF-8; inside a list or object `str` escapes it,
        # a text that stands alone gets the same escape here.
        return TEXT, str(value).encode("utf-8", "backslashreplace")
    except (RecursionError, ValueError) as error:
        raise Refusal(400, "the body is too deep or its numbers are too long") from error
