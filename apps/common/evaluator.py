"""The `evaluate` workload: which conditions of a log detector hold for a log.

`from_environment().evaluate(payload)` is all that an app needs. How conditions are
run is chosen by the environment variable EVALUATE_MODE:

- `spawn` (the default, as in the original): an interpreter for each condition;
- `pool`: interpreters that stay, EVALUATE_POOL_SIZE of them (default: one a core);
- `inprocess`: in the calling thread.

`docs/workloads.md` defines payload, answer and the language of conditions. As a
program, this module answers bodies of requests from standard input, one a line.
"""

import json
import os
import re
import sys

from condition_interpreters import Bounds, Pool, spawned
from condition_guard import WORK, Guard, Refused, is_number, kind
from condition_language import condition
from condition_runtime import run

MODES = ("spawn", "pool", "inprocess")

MAX_POOL_SIZE = 1000

MAX_CONDITIONS = 100
MAX_TRUE_CONDITIONS = 1000
MAX_NUMERATION = 64

# Work for taking over a payload: as for a condition, but for more data.
PAYLOAD_WORK = 1000000


class Invalid(Exception):
    """A payload or condition that is not as it must be."""


class Evaluator(object):
    """Evaluates payloads in one of the modes."""

    def __init__(self, mode="spawn", bounds=None, pool_size=None, flags=()):
        if mode not in MODES:
            raise ValueError("EVALUATE_MODE is one of %s, not %r" % (", ".join(MODES), mode))
        self.bounds = bounds or Bounds(WORK)
        self.pool = None
        if mode == "spawn":
            self.run = spawned(self.bounds, flags)
        elif mode == "pool":
            self.pool = Pool(self.bounds, pool_size or os.cpu_count() or 1)
            self.run = self.pool.run
        else:
            self.run = self.run_here

    def run_here(self, checked, log, context):
        """Runs a condition in this interpreter. What bounds it is its budget of
        work alone, which limits memory and depth as well."""
        return run(checked.function(), checked.weight, log, context, self.bounds.work)

    def evaluate(self, payload):
        """The answer to a payload: {trueConditions, context} or {error, condition}."""
        asked = None
        try:
            payload = checked_payload(payload)
            context = payload["context"]
            true = list(payload["trueConditions"])
            for asked in payload["conditions"]:
                holds, context = self.condition(asked, payload, context, true)
                if holds and asked["numeration"] not in true:
                    true.append(asked["numeration"])
        except (Refused, Invalid) as error:
            return {"error": str(error), "condition": asked and asked["numeration"]}
        return {"trueConditions": true, "context": context}

    def condition(self, asked, payload, context, true):
        """Whether one condition holds, and the context after it."""
        if asked["type"] == "Order":
            return asked["order"] in "".join(str(numeration) for numeration in true), context
        holds, context = self.run(condition(asked["text"]), payload["log"], context)
        if asked["type"] == "Timed":
            passed = Guard(1).sub(payload["logProcessingTime"], payload["stateTime"])
            holds = holds and passed <= asked["timeRange"]
        return holds, context


def checked_payload(payload):
    """A payload whose parts are of the right kinds, as far as it is needed."""
    if type(payload) is not dict:
        raise Invalid("the payload is not an object")
    guard = Guard(1, PAYLOAD_WORK)
    needed = {}
    for name, what, most in (
        ("log", dict, None),
        ("context", dict, None),
        ("conditions", list, MAX_CONDITIONS),
        ("trueConditions", list, MAX_TRUE_CONDITIONS),
    ):
        value = payload.get(name)
        if type(value) is not what:
            raise Invalid("%s is not %s" % (name, kind(what())))
        if most is not None and len(value) > most:
            raise Invalid("more than %d %s" % (most, name))
        needed[name] = guard.plain(value)
    for numeration in needed["trueConditions"]:
        check_numeration(numeration)
    for asked in needed["conditions"]:
        check_condition(asked)
    if any(asked["type"] == "Timed" for asked in needed["conditions"]):
        for name in ("logProcessingTime", "stateTime"):
            needed[name] = guard.plain(payload.get(name))
            if not is_number(needed[name]):
                raise Invalid("%s is not a number" % name)
    return needed


def check_condition(asked):
    """Refuses a condition that lacks something."""
    if type(asked) is not dict:
        raise Invalid("a condition is not a dictionary")
    check_numeration(asked.get("numeration"))
    wanted = asked.get("type")
    if wanted not in ("Standard", "Timed", "Order"):
        raise Invalid("a condition's type is Standard, Timed or Order")
    name = "order" if wanted == "Order" else "text"
    if type(asked.get(name)) is not str:
        raise Invalid("%s of a condition is not text" % name)
    if wanted == "Timed" and not is_number(asked.get("timeRange")):
        raise Invalid("timeRange of a condition is not a number")


def check_numeration(numeration):
    """A condition's number: a whole number, or a short text."""
    if type(numeration) is int:
        return
    if type(numeration) is not str or not 0 < len(numeration) <= MAX_NUMERATION:
        raise Invalid("a numeration is a whole number or a short text")


def from_environment(flags=()):
    """An evaluator in the mode that the environment names. It starts no interpreter
    before the first condition, and may be made before a server forks."""
    mode = os.environ.get("EVALUATE_MODE") or "spawn"
    return Evaluator(mode, pool_size=_pool_size(os.environ.get("EVALUATE_POOL_SIZE")), flags=flags)


def _pool_size(text):
    """How many interpreters a pool has, or None for one a core."""
    if not text:
        return None
    size = int(text) if re.fullmatch("[0-9]{1,9}", text) else 0
    if not 0 < size <= MAX_POOL_SIZE:
        raise ValueError("EVALUATE_POOL_SIZE is from 1 to %d, not %r" % (MAX_POOL_SIZE, text))
    return size


def main():
    """Answers the bodies of requests from standard input, one a line. For tests and
    benchmarks, EVALUATE_SPAWN_FLAGS go to each spawned interpreter."""
    flags = os.environ.get("EVALUATE_SPAWN_FLAGS", "").split()
    evaluator = from_environment(flags)
    for line in sys.stdin.buffer:
        answer = evaluator.evaluate(json.loads(line.decode("utf-8"))["payload"])
        text = json.dumps(answer, ensure_ascii=False, separators=(",", ":"))
        sys.stdout.buffer.write(text.encode("utf-8") + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
