"""The `echo` workload: `POST /uploader` gives back the JSON that it gets, as text."""

from typing import Any
from urllib.parse import parse_qs

from answers import JSON, Refusal
from echoing import echo
from service import JSON_HEADERS, TEXT_HEADERS, body_of, refuse, wrong_method_or_path


async def app(scope: Any, protocol: Any) -> None:
    """The text of the JSON, or JSON where the query says `format=json`; `ready` at `/`."""
    if scope.path == "/" and scope.method in ("GET", "HEAD"):
        protocol.response_str(200, TEXT_HEADERS, "ready")
        return
    try:
        if scope.method != "POST" or scope.path != "/uploader":
            raise wrong_method_or_path(scope.path in ("/", "/uploader"))
        form = parse_qs(scope.query_string, keep_blank_values=True).get("format", [None])[0]
        media_type, body = echo(await body_of(protocol), form)
    except Refusal as refusal:
        refuse(protocol, refusal)
        return
    headers = JSON_HEADERS if media_type == JSON else TEXT_HEADERS
    protocol.response_bytes(200, headers, body)
