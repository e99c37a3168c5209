"""The `evaluate` workload without a framework: takes the payload out of a request
and hands it to the evaluator, which knows nothing of HTTP."""

from typing import Any, Dict

import evaluator
from answers import Refusal, parsed


def payload_of(body: Any) -> Any:
    """The payload of a request whose JSON is `body`; what is wrong with it is the
    evaluator's to say."""
    if not isinstance(body, dict) or "payload" not in body:
        raise Refusal(400, "the body must be a JSON object with a `payload`")
    return body["payload"]


def evaluated(body: bytes) -> Dict[str, Any]:
    """The answer to a request with this body."""
    return evaluator.evaluate(payload_of(parsed(body)))
