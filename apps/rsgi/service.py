"""What the apps for granian's own interface (RSGI) share: routing by hand, since
RSGI has no framework, and errors as JSON."""

from typing import Any

from answers import JSON, MAX_BODY_BYTES, Refusal, error_text, too_large

TEXT_HEADERS = [("content-type", "text/plain; charset=utf-8")]
JSON_HEADERS = [("content-type", JSON)]


def refuse(protocol: Any, refusal: Refusal) -> None:
    """Answers with the JSON that stands for an error."""
    protocol.response_str(refusal.status, JSON_HEADERS, error_text(refusal.status, refusal.message))


def wrong_method_or_path(known: bool) -> Refusal:
    """The answer to what the workload does not have."""
    if known:
        return Refusal(405, "this path does not take this method")
    return Refusal(404, "there is nothing at this path")


async def body_of(protocol: Any) -> bytes:
    """The request's body, if it is no longer than it may be."""
    body = bytearray()
    async for piece in protocol:
        body += piece
        if len(body) > MAX_BODY_BYTES:
            raise too_large()
    return bytes(body)
