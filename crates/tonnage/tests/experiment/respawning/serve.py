import http.server
import json
import os
import signal
import sys
import time

BYTES = 200_000_000  # more than the test's limit
EVERY = 40  # requests
ENOUGH_BYTES = 40_000_000  # for a master and its next worker
PATIENCE_SECONDS = 10


class Handler(http.server.BaseHTTPRequestHandler):
    served = 0

    def do_GET(self):
        Handler.served += 1
        if Handler.served > EVERY:
            hoard = bytearray(BYTES)
            for at in range(0, BYTES, 4096):
                hoard[at] = 1
        status, kind, body = 200, "text/plain", "Hello, World!"
        if self.path == "/json":
            kind, body = "application/json", '{"message":"Hello, World!"}'
        elif self.path != "/":
            status, kind, body = 404, "application/json", json.dumps({"error": {"code": 404}})
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass


def memory_in_use():
    """The control group's file that tells how many bytes of memory it has."""
    with open("/proc/self/cgroup") as file:
        groups = [line.rstrip("\n").split(":", 2)[1:] for line in file]
    for controllers, path in groups:
        if "memory" in controllers.split(","):
            return open(f"/sys/fs/cgroup/memory{path}/memory.usage_in_bytes", "rb", buffering=0)
    return open(f"/sys/fs/cgroup{groups[-1][1]}/memory.current", "rb", buffering=0)


def main():
    server = http.server.HTTPServer((sys.argv[1], int(sys.argv[2])), Handler)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    in_use = memory_in_use()
    while True:
        worker = os.fork()
        if worker == 0:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            # The kernel may else take the master where no worker is large at the moment.
            with open("/proc/self/oom_score_adj", "w") as score:
                score.write("1000")
            server.serve_forever()
        print("booting worker", worker, flush=True)
        os.waitpid(worker, 0)
        # It is gone before all its memory is: whoever asks for some now, and is alone, would
        # be killed as well.
        give_up = time.monotonic() + PATIENCE_SECONDS
        while int(os.pread(in_use.fileno(), 32, 0)) > ENOUGH_BYTES and time.monotonic() < give_up:
            time.sleep(0.01)


main()
