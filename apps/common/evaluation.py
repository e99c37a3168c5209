"""The `evaluate` workload without a framework: takes the payload out of a request
and hands it to the evaluator, which knows nothing of HTTP."""

from typing import Any, Dict

from answers import Refusal, parsed
from evaluator import from_environment

# The largest body of a request; the native twin has the same bound.
MAX_BODY_BYTES = 2 * 1024 * 1024

# Made when the app is imported: a wrong setting ends the start, not each request.
EVALUATOR = from_environment()


def payload_of(body: Any) -> Any:
    """The payload of a request whose JSON is `body`; what is wrong with it is the
    evaluator's to say."""
    if not isinstance(body, dict) or "payload" not in body:
        raise Refusal(400, "the body must be a JSON object with a `payload`")
    return body["payload"]


def evaluated(body: bytes) -> Dict[str, Any]:
    """The answer to a request with this body."""
    return EVALUATOR.evaluate(payload_of(parsed(body, MAX_BODY_BYTES)))
