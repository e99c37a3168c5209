"""The interpreters that run conditions: bounded by the kernel where the budget of
work would let them go on, replaced in a pool, gone with their parent."""

import os
import signal
import subprocess
import sys
import unittest

from condition_interpreters import FOLDER, Bounds
from evaluator import Evaluator

# More work than any interpreter could do within its other bounds.
ENDLESS = 10**15

TIME = "for a in range(1000):\n    for b in range(1000):\n        for c in range(1000):\n            pass"
MEMORY = "x = []\nfor a in range(1000):\n    x.append(range(100000))"
GOOD = "result = True"

# Prints the interpreter's process, then waits to be killed.
PARENT = """
import sys
from evaluator import Evaluator
pool = Evaluator("pool", pool_size=1)
pool.evaluate(%r)
print(pool.pool.idle[0].process.pid, flush=True)
sys.stdin.read()
"""


def payload(text):
    return {
        "log": {},
        "context": {},
        "conditions": [{"numeration": 1, "type": "Standard", "text": text}],
        "trueConditions": [],
    }


class Interpreters(unittest.TestCase):
    def bounded(self, mode, text, **bounds):
        evaluator = Evaluator(mode, Bounds(ENDLESS, **bounds), pool_size=1, flags=("-I", "-S"))
        answer = evaluator.evaluate(payload(text))
        self.assertIn("error", answer)
        self.assertEqual(answer["condition"], 1)
        # The next request is served.
        self.assertEqual(evaluator.evaluate(payload(GOOD))["trueConditions"], [1])
        if evaluator.pool:
            evaluator.pool.close()

    def test_cpu_time_is_bounded(self):
        for mode in ("spawn", "pool"):
            self.bounded(mode, TIME, cpu_seconds=0.3)

    def test_time_is_bounded(self):
        for mode in ("spawn", "pool"):
            self.bounded(mode, TIME, wall_seconds=1.0, cpu_seconds=600.0)

    def test_memory_is_bounded(self):
        for mode in ("spawn", "pool"):
            self.bounded(mode, MEMORY, memory=1 << 26)

    def test_a_forked_process_has_a_pool_of_its_own(self):
        evaluator = Evaluator("pool", pool_size=1)
        evaluator.evaluate(payload(GOOD))
        parents = evaluator.pool.idle[0].process.pid
        child = os.fork()
        if child == 0:
            same = evaluator.evaluate(payload(GOOD))["trueConditions"] == [1]
            other = evaluator.pool.idle[0].process.pid != parents
            evaluator.pool.close()
            os._exit(0 if same and other else 1)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        self.assertEqual(evaluator.evaluate(payload(GOOD))["trueConditions"], [1])
        self.assertEqual(evaluator.pool.idle[0].process.pid, parents)
        evaluator.pool.close()

    def test_no_interpreter_outlives_its_parent(self):
        parent = subprocess.Popen(
            [sys.executable, "-c", PARENT % payload(GOOD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=dict(os.environ, PYTHONPATH=FOLDER),
        )
        interpreter = int(parent.stdout.readline())
        os.kill(interpreter, 0)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        parent.stdout.close()
        parent.stdin.close()
        self.await_end(interpreter)

    def await_end(self, process):
        """Waits until a process that is not our child has ended."""
        for _ in range(3000):
            try:
                with open("/proc/%d/stat" % process) as stat:
                    if stat.read().rsplit(")", 1)[1].split()[0] == "Z":
                        return
            except OSError:
                return
            signal.sigtimedwait([], 0.01)
        self.fail("the interpreter %d goes on" % process)


if __name__ == "__main__":
    unittest.main()
