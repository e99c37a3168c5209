"""Lines of the access log that Python writes: their atoms, and what JSON says of them.

Where nobody in Python wants to see them, the extension writes them.
"""

from __future__ import annotations

import datetime
import json
import os
import re
from collections.abc import Mapping
from typing import Any

# W3C's Trace Context, section 3.2: version, trace, span, flags, and what later versions add.
_TRACEPARENT = re.compile(
    r"(?!ff)(?P<version>[0-9a-f]{2})-(?!0{32})(?P<trace_id>[0-9a-f]{32})"
    r"-(?!0{16})(?P<span_id>[0-9a-f]{16})-[0-9a-f]{2}(?P<more>-.*)?"
)

# Fields of a line of JSON, where the extension does not write it, and their atoms.
_JSON_FIELDS = {
    "remote_address": "h",
    "user": "u",
    "method": "m",
    "path": "U",
    "query": "q",
    "protocol": "H",
    "status": "s",
    "body_bytes": "B",
    "duration_s": "D",
    "referer": "f",
    "user_agent": "a",
    "trace_id": "trace_id",
    "span_id": "span_id",
}


# What WSGI reads as ISO 8859-1, whatever it is.
_AS_IT_CAME = {"method", "path", "query", "referer", "user_agent"}


class SafeAtoms(dict[str, Any]):
    """Atoms of a line: double quotes escaped, names in braces in any case, ``-`` for
    what is unknown."""

    def __init__(self, atoms: Mapping[str, Any]) -> None:
        super().__init__(
            (name, value.replace('"', '\\"') if isinstance(value, str) else value)
            for name, value in atoms.items()
        )

    def __getitem__(self, name: str) -> Any:
        key = name.lower() if name.startswith("{") else name
        return self.get(key, "-")


def trace_ids(value: str) -> dict[str, str]:
    match = _TRACEPARENT.fullmatch(value.strip())
    if match is None or (match["version"] == "00" and match["more"]):
        return {}
    return {"trace_id": match["trace_id"], "span_id": match["span_id"]}


def _text(value: Any) -> Any:
    """As UTF-8, which nearly all clients send, where it can be that."""
    try:
        return value.encode("latin-1").decode()
    except (AttributeError, UnicodeError):
        return value


def as_json(atoms: Mapping[str, Any]) -> str:
    """The line that ``access_log/json.rs`` writes; what is not known has no field."""
    now = datetime.datetime.now().astimezone()
    fields: dict[str, Any] = {"time": now.isoformat(timespec="milliseconds")}
    for name, atom in _JSON_FIELDS.items():
        value = atoms.get(atom)
        if value not in (None, "", "-"):
            fields[name] = _text(value) if name in _AS_IT_CAME else value
    fields["status"] = int(fields["status"])
    fields["duration_s"] = atoms["D"] / 1e6
    fields["pid"] = os.getpid()
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
