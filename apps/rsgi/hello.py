"""The `hello` workload: the least that a service can do."""

from typing import Any

from answers import json_text
from service import JSON_HEADERS, TEXT_HEADERS, refuse, wrong_method_or_path


async def app(scope: Any, protocol: Any) -> None:
    """Fixed text at `/`, JSON made anew each time at `/json`."""
    if scope.method not in ("GET", "HEAD"):
        refuse(protocol, wrong_method_or_path(scope.path in ("/", "/json")))
    elif scope.path == "/":
        protocol.response_str(200, TEXT_HEADERS, "Hello, World!")
    elif scope.path == "/json":
        protocol.response_str(200, JSON_HEADERS, json_text({"message": "Hello, World!"}))
    else:
        refuse(protocol, wrong_method_or_path(False))
