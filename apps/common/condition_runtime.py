"""Runs compiled conditions, in this interpreter or as the whole work of one that was
started for it.

An interpreter that is spawned for one condition, or kept in a pool, runs this
module alone; it imports no more than that needs, since its start is what the
spawning mode costs.
"""

import marshal
import sys

from condition_functions import Runtime
from condition_guard import MAX_CALLS, WORK, Refused


def run(function, weight, log, context, work=WORK):
    """Runs a compiled condition on copies: whether it holds, and the context after it."""
    guard = Runtime(weight, work)
    log, context = guard.plain(log), guard.plain(context)
    try:
        result = function(guard, log, context)
    except NameError:
        raise Refused("a variable is read before it has a value")
    except RecursionError:
        raise Refused("calls nested deeper than %d" % MAX_CALLS)
    except MemoryError:
        raise Refused("the condition takes more memory than its bound")
    return bool(result), guard.plain(context)


def function_of(code):
    """The function that a compiled condition defines; it can reach nothing but
    its arguments, since even the built-in names are not there."""
    names = {"__builtins__": {}}
    exec(code, names)
    return names["_condition"]


# An interpreter of its own for conditions.

# The length of a message comes first, in so many bytes.
LENGTH_BYTES = 4


def serve():
    """Answers conditions from standard input until it ends. The first message is
    the bounds of this interpreter: memory in bytes and CPU time in seconds for
    one condition, beyond which the kernel ends it."""
    import resource

    import _signal

    source, sink = sys.stdin.buffer, sys.stdout.buffer
    memory, seconds = marshal.loads(receive(source))
    # Nothing that a condition does may leave a file behind, nor start a process.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    functions = {}
    while True:
        message = receive(source)
        if message is None:
            return
        _signal.setitimer(_signal.ITIMER_PROF, seconds)
        answer = answer_of(marshal.loads(message), functions)
        _signal.setitimer(_signal.ITIMER_PROF, 0)
        # Plain literals, which the parent reads without trusting them.
        data = repr(answer).encode("utf-8")
        sink.write(len(data).to_bytes(LENGTH_BYTES, "big") + data)
        sink.flush()


def answer_of(message, functions):
    """What one message asks: (whether it holds, context) or (None, error)."""
    code, weight, log, context, work = message
    try:
        function = functions.get(code)
        if function is None:
            if len(functions) >= 256:
                functions.clear()
            function = functions[code] = function_of(marshal.loads(code))
        return run(function, weight, log, context, work)
    except Refused as error:
        return None, str(error)
    except MemoryError:
        return None, "the condition takes more memory than its bound"


def receive(source):
    """The next message, or None where the other side has gone."""
    head = source.read(LENGTH_BYTES)
    if len(head) < LENGTH_BYTES:
        return None
    data = source.read(int.from_bytes(head, "big"))
    return data
